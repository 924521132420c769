#![allow(clippy::unwrap_used)]
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use domain::channel::{Answer, Outcome};
use domain::notification::{Attempt, AttemptOutcome, Claim, Reason, Receipt, ReceiptEvent, Status, sample};
use store::{notification_from_item, notification_to_item};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + minute * 60).unwrap()
}

fn attempt(channel: Channel, outcome: Outcome, minute: i64) -> Attempt {
    let answer = Answer { outcome, provider: "p".to_owned(), status_code: None, latency_ms: 10, detail: None };
    let cost_micros = if channel.is_paid() { 92 } else { 0 };
    Attempt::of(channel, None, answer, at(minute), cost_micros)
}

/// Returns a notification sent on these channels, one per minute, that is now in this state.
fn sent(kind: &str, channels: &[Channel], status: Status) -> Notification {
    let mut notification = sample(kind, at(0));
    notification.lease(at(1), at(0));
    for (minute, channel) in channels.iter().enumerate() {
        notification.record(attempt(*channel, Outcome::Accepted, i64::try_from(minute).unwrap()));
    }
    match status {
        Status::Sending => {}
        Status::Cascading => notification.wait(at(240), at(3)),
        other => notification.finish(other, None, at(3)),
    }
    notification
}

fn mailed(kind: &str, status: Status) -> Notification {
    sent(kind, &[Channel::Email], status)
}

fn by_mail(kind: FeedbackKind) -> Feedback {
    Feedback { channel: Channel::Email, kind, at: at(5) }
}

const BOUNCED: FeedbackKind = FeedbackKind::Failed(FailureReason::Bounced);

fn state(notification: &Notification) -> (Status, Option<Reason>) {
    (notification.status(), notification.reason())
}

#[test]
fn a_delivery_is_proof_and_a_repetition_changes_nothing() {
    let mut notification = mailed("DEFAULT", Status::Accepted);
    assert_eq!(
        by_mail(FeedbackKind::Delivered).apply(&mut notification, &NotificationTypes::default(), at(6)),
        Effect::Changed
    );
    assert_eq!(state(&notification), (Status::Delivered, None));
    assert_eq!(notification.engagement().delivered(), Some((at(5), Channel::Email)));
    assert_eq!(notification.updated_at(), at(3), "it counts where it ended");
    assert_eq!(
        by_mail(FeedbackKind::Delivered).apply(&mut notification, &NotificationTypes::default(), at(7)),
        Effect::Nothing
    );
}

#[test]
fn a_bounced_mail_fails_unless_its_type_requires_proof_and_its_lifetime_continues() {
    let mut notification = mailed("DEFAULT", Status::Accepted);
    assert_eq!(by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(6)), Effect::Changed);
    assert_eq!(state(&notification), (Status::Failed, Some(Reason::Gone)));
    let attempt = &notification.attempts()[0];
    assert_eq!((attempt.outcome, attempt.detail.as_deref()), (AttemptOutcome::Gone, Some("bounced")));
    assert_eq!(
        (notification.updated_at(), notification.cost_micros()),
        (at(3), 92),
        "it counts where it ended, and cost"
    );

    let mut wants_proof = mailed("PAYMENT_DUE", Status::Accepted);
    by_mail(BOUNCED).apply(&mut wants_proof, &NotificationTypes::default(), at(6));
    assert_eq!((wants_proof.status(), wants_proof.next_action_at()), (Status::Cascading, Some(at(6))));
    let mut too_late = mailed("PAYMENT_DUE", Status::Accepted);
    let later = too_late.lives_until() + SignedDuration::from_secs(1);
    by_mail(BOUNCED).apply(&mut too_late, &NotificationTypes::default(), later);
    assert_eq!(state(&too_late), (Status::Failed, Some(Reason::Gone)));
}

#[test]
fn a_notification_that_waits_for_proof_continues_at_once_after_a_bounce() {
    let mut notification = mailed("PAYMENT_DUE", Status::Cascading);
    assert_eq!(by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(6)), Effect::Changed);
    assert_eq!((notification.status(), notification.next_action_at()), (Status::Cascading, Some(at(6))));
    assert_eq!(by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(9)), Effect::Nothing);
    assert_eq!(notification.next_action_at(), Some(at(6)));
}

#[test]
fn a_bounce_does_not_fail_a_notification_that_another_provider_accepted() {
    let mut notification = sent("DEFAULT", &[Channel::Push, Channel::Email], Status::Accepted);
    by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(6));
    assert_eq!(state(&notification), (Status::Accepted, None));
}

#[test]
fn a_claimed_notification_keeps_its_state_and_its_holder_gets_the_report() {
    let mut notification = mailed("PAYMENT_DUE", Status::Sending);
    let before = notification.clone();
    assert_eq!(by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(6)), Effect::MergePending);
    assert_eq!((notification.attempts(), notification.status()), (before.attempts(), Status::Sending));
    let mut held = before;
    held.merge_engagement(*notification.engagement());
    assert_eq!(held.attempts()[0].outcome, AttemptOutcome::Gone, "the escalation goes past it");
}

#[test]
fn a_bounce_may_precede_the_response_of_ses() {
    let mut notification = sample("DEFAULT", at(0));
    notification.lease(at(1), at(0));
    notification.parts_mut().in_flight = Some(Claim { channel: Channel::Email, price_micros: 92 });
    assert_eq!(by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(0)), Effect::MergePending);
    notification.record(attempt(Channel::Email, Outcome::Accepted, 0));
    assert_eq!(notification.attempts()[0].outcome, AttemptOutcome::Gone);
}

#[test]
fn feedback_of_ses_resolves_an_uncertain_outcome() {
    for (kind, then) in [
        (FeedbackKind::Delivered, (Status::Delivered, None)),
        (BOUNCED, (Status::Failed, Some(Reason::Gone))),
        (FeedbackKind::Failed(FailureReason::ContentRefused), (Status::Failed, Some(Reason::Rejected))),
        (FeedbackKind::Failed(FailureReason::MailboxFull), (Status::Failed, Some(Reason::Rejected))),
        (FeedbackKind::Noted(FailureReason::AuthenticationFailed), (Status::Uncertain, Some(Reason::OutcomeUnknown))),
    ] {
        let mut notification = sample("DEFAULT", at(0));
        notification.record(attempt(Channel::Email, Outcome::Uncertain, 0));
        notification.finish(Status::Uncertain, Some(Reason::OutcomeUnknown), at(1));
        by_mail(kind).apply(&mut notification, &NotificationTypes::default(), at(6));
        assert_eq!(state(&notification), then, "{kind:?}");
    }
}

#[test]
fn a_bounce_without_a_reason_fails_the_mail_unless_it_was_delivered() {
    let reports = [by_mail(FeedbackKind::Delivered), by_mail(FeedbackKind::Failed(FailureReason::SoftBounce))];
    for order in [[0, 1], [1, 0]] {
        let mut notification = mailed("DEFAULT", Status::Accepted);
        for one in order {
            reports[one].apply(&mut notification, &NotificationTypes::default(), at(6));
        }
        assert_eq!(state(&notification), (Status::Delivered, None), "an absence note is such a bounce");
        assert_eq!(notification.attempts()[0].outcome, AttemptOutcome::Accepted);
    }
    let mut alone = mailed("DEFAULT", Status::Accepted);
    reports[1].apply(&mut alone, &NotificationTypes::default(), at(6));
    assert_eq!(state(&alone), (Status::Failed, Some(Reason::Rejected)));
    let mut full = mailed("DEFAULT", Status::Accepted);
    reports[0].apply(&mut full, &NotificationTypes::default(), at(6));
    by_mail(FeedbackKind::Failed(FailureReason::MailboxFull)).apply(&mut full, &NotificationTypes::default(), at(7));
    assert_eq!(state(&full), (Status::Failed, Some(Reason::Rejected)), "a reason outweighs the delivery");
}

#[test]
fn a_complaint_is_proof_of_delivery() {
    let mut notification = mailed("DEFAULT", Status::Accepted);
    by_mail(FeedbackKind::Complained).apply(&mut notification, &NotificationTypes::default(), at(6));
    assert_eq!(state(&notification), (Status::Delivered, None));
}

#[test]
fn feedback_on_a_channel_that_accepted_no_message_is_impossible() {
    let refused = attempt(Channel::Email, Outcome::Gone, 0);
    let mut never_taken = sent("DEFAULT", &[Channel::Push], Status::Accepted);
    never_taken.record(refused);
    for kind in
        [FeedbackKind::Delivered, BOUNCED, FeedbackKind::Complained, FeedbackKind::Failed(FailureReason::MailboxFull)]
    {
        let before = never_taken.clone();
        assert_eq!(by_mail(kind).apply(&mut never_taken, &NotificationTypes::default(), at(6)), Effect::Impossible);
        assert_eq!(never_taken, before);
    }
}

#[test]
fn a_fallback_after_a_delivered_mail_counts_as_wasted() {
    let mut notification = sent("PAYMENT_DUE", &[Channel::Email, Channel::Sms], Status::Accepted);
    by_mail(FeedbackKind::Delivered).apply(&mut notification, &NotificationTypes::default(), at(6));
    assert_eq!(notification.wasted_cost_micros(), 92);
    by_mail(BOUNCED).apply(&mut notification, &NotificationTypes::default(), at(7));
    assert_eq!(notification.wasted_cost_micros(), 0, "it came back, so the SMS was needed");
}

/// A receipt or a provider's feedback.
#[derive(Debug, Clone, Copy)]
enum AnyReport {
    Receipt(Receipt),
    Feedback(Feedback),
}

impl AnyReport {
    fn apply(&self, notification: &mut Notification, types: &NotificationTypes, now: Timestamp) -> Effect {
        match self {
            Self::Receipt(receipt) => receipt.apply(notification, types, now),
            Self::Feedback(feedback) => feedback.apply(notification, types, now),
        }
    }
}

fn any_report() -> impl Strategy<Value = AnyReport> {
    let event = prop::sample::select(vec![
        ReceiptEvent::Delivered,
        ReceiptEvent::Opened,
        ReceiptEvent::Clicked,
        ReceiptEvent::Dismissed,
        ReceiptEvent::Converted,
    ]);
    let kind = prop::sample::select(vec![
        FeedbackKind::Delivered,
        FeedbackKind::Complained,
        BOUNCED,
        FeedbackKind::Failed(FailureReason::MailboxUnknown),
        FeedbackKind::Failed(FailureReason::ContentRefused),
        FeedbackKind::Failed(FailureReason::Unreachable),
        FeedbackKind::Failed(FailureReason::MailboxFull),
        FeedbackKind::Failed(FailureReason::SoftBounce),
        FeedbackKind::Failed(FailureReason::Unknown),
        FeedbackKind::Noted(FailureReason::VirusReported),
    ]);
    let any_channel = || prop::sample::select(Channel::ALL.to_vec());
    prop_oneof![
        (event, any_channel(), 0..60i64).prop_map(|(event, channel, minute)| {
            AnyReport::Receipt(Receipt { event, channel, at: at(minute), value_micros: Some(7) })
        }),
        (kind, any_channel(), 0..60i64).prop_map(|(kind, channel, minute)| AnyReport::Feedback(Feedback {
            channel,
            kind,
            at: at(minute)
        })),
    ]
}

fn any_start() -> impl Strategy<Value = Notification> {
    use Status::{Accepted, Cancelled, Cascading, Delivered, Sending, Skipped, Uncertain};
    let channels_in_order = prop::sample::subsequence(Channel::ALL.to_vec(), 1..=3);
    let status = prop::sample::select(vec![Sending, Accepted, Uncertain, Cancelled, Skipped, Delivered]);
    let waiting = channels_in_order.clone().prop_map(|channels| sent("PAYMENT_DUE", &channels, Cascading));
    let other = (prop::sample::select(vec!["DEFAULT", "PAYMENT_DUE"]), channels_in_order, status).prop_map(
        |(kind, channels, status)| {
            // A notification that is already delivered was confirmed by a receipt.
            let mut notification = sent(kind, &channels, if status == Delivered { Accepted } else { status });
            if status == Delivered {
                let channel = channels[0];
                Receipt { event: ReceiptEvent::Delivered, channel, at: at(4), value_micros: None }.apply(
                    &mut notification,
                    &NotificationTypes::default(),
                    at(4),
                );
            }
            notification
        },
    );
    prop_oneof![waiting, other]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Applies receipts and feedback of SES and SNS, in any order and any number of times. The final state is always
    /// the same, and it is stored without loss.
    #[test]
    fn neither_order_nor_repetition_changes_the_result(
        (reports, shuffled) in prop::collection::vec(any_report(), 1..8).prop_flat_map(|reports| {
            let twice: Vec<_> = reports.iter().chain(&reports).copied().collect();
            (Just(reports), Just(twice).prop_shuffle())
        }),
        start in any_start(),
    ) {
        let now = at(60);
        let end = |order: &[AnyReport]| {
            let mut notification = start.clone();
            for one in order {
                one.apply(&mut notification, &NotificationTypes::default(), now);
                // Stores and reads the notification, as if another process handled each report.
                notification = notification_from_item(&notification_to_item(&notification)).unwrap();
            }
            // The number of merges and the time of the last update are not part of the result.
            notification.parts_mut().engagement.noted = 0;
            notification.parts_mut().updated_at = now;
            notification
        };
        let ended = end(&reports);
        prop_assert_eq!(&end(&shuffled), &ended);
        let mut again = ended.clone();
        for one in &reports {
            let effect = one.apply(&mut again, &NotificationTypes::default(), now + SignedDuration::from_mins(1));
            prop_assert!(matches!(effect, Effect::Nothing | Effect::Impossible), "{:?}", effect);
        }
        prop_assert_eq!(&again, &ended);
        prop_assert!(ended.status() != Status::Delivered || ended.engagement().is_delivered());
        prop_assert_eq!(ended.cost_micros(), start.cost_micros());
    }
}
