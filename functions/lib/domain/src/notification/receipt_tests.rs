#![allow(clippy::unwrap_used)]
use jiff::SignedDuration;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};

use super::*;
use crate::NotificationTypes;
use crate::channel::{Answer, Outcome};
use crate::notification::Status;
use crate::notification::{Attempt, Claim, Reason, sample};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + minute * 60).unwrap()
}

fn attempt(channel: Channel, outcome: Outcome, minute: i64, cost_micros: i64) -> Attempt {
    let answer = Answer { outcome, provider: "p".to_owned(), status_code: None, latency_ms: 10, detail: None };
    Attempt::of(channel, None, answer, at(minute), cost_micros)
}

/// Returns a notification that was pushed at minute 0.
fn pushed(status: Status) -> Notification {
    let mut notification = sample("PAYMENT_DUE", at(0));
    notification.lease(at(1), at(0));
    notification.record(attempt(Channel::Push, Outcome::Accepted, 0, 0));
    match status {
        Status::Sending => {}
        Status::Cascading => notification.wait(at(240), at(0)),
        other => notification.finish(other, None, at(0)),
    }
    notification
}

fn receipt(event: ReceiptEvent) -> Receipt {
    Receipt { event, channel: Channel::Push, at: at(5), value_micros: None }
}

#[test]
fn proof_makes_delivered_of_what_was_thought_to_be_less() {
    for status in [Status::Accepted, Status::Failed, Status::Expired, Status::Uncertain] {
        let mut notification = pushed(status);
        notification.parts_mut().reason = Some(Reason::RetriesSpent);
        assert_eq!(
            receipt(ReceiptEvent::Delivered).apply(&mut notification, &NotificationTypes::default(), at(6)),
            Effect::Changed
        );
        assert_eq!((notification.status(), notification.reason()), (Status::Delivered, None));
        assert_eq!(notification.updated_at(), at(0), "it counts where it ended");
        assert_eq!(notification.engagement().delivered(), Some((at(5), Channel::Push)));
        assert_eq!(
            receipt(ReceiptEvent::Delivered).apply(&mut notification, &NotificationTypes::default(), at(7)),
            Effect::Nothing
        );
    }
}

#[test]
fn what_waits_for_proof_ends_with_it() {
    let mut notification = pushed(Status::Cascading);
    assert_eq!(
        receipt(ReceiptEvent::Dismissed).apply(&mut notification, &NotificationTypes::default(), at(6)),
        Effect::Changed
    );
    assert_eq!((notification.status(), notification.next_action_at()), (Status::Delivered, None));
    assert_eq!(notification.engagement().dismissed_at, Some(at(5)));
}

#[test]
fn a_leased_notification_keeps_its_state_and_its_lease_and_gets_the_receipt() {
    let mut notification = pushed(Status::Sending);
    notification.parts_mut().in_flight = Some(Claim { channel: Channel::Email, price_micros: 92 });
    let before = notification.clone();
    assert_eq!(
        receipt(ReceiptEvent::Delivered).apply(&mut notification, &NotificationTypes::default(), at(6)),
        Effect::MergePending
    );
    assert_eq!((notification.engagement().noted, notification.channel()), (1, Some(Channel::Push)));
    notification.parts_mut().engagement = *before.engagement();
    assert_eq!(notification, before);
}

#[test]
fn the_last_word_of_a_caller_or_a_gate_stands_and_the_times_are_kept() {
    for status in [Status::Cancelled, Status::Skipped] {
        let mut notification = pushed(status);
        assert_eq!(
            receipt(ReceiptEvent::Clicked).apply(&mut notification, &NotificationTypes::default(), at(6)),
            Effect::Changed
        );
        assert_eq!((notification.status(), notification.engagement().clicked_at), (status, Some(at(5))));
    }
}

#[test]
fn a_receipt_after_a_fallback_shows_what_the_fallback_cost() {
    let mut notification = pushed(Status::Sending);
    notification.record(attempt(Channel::Email, Outcome::Accepted, 240, 92));
    notification.record(attempt(Channel::Sms, Outcome::Accepted, 480, 70_000));
    notification.finish(Status::Accepted, None, at(480));
    let by_email = Receipt { event: ReceiptEvent::Clicked, channel: Channel::Email, at: at(490), value_micros: None };
    assert_eq!(by_email.apply(&mut notification, &NotificationTypes::default(), at(490)), Effect::Changed);
    assert_eq!(notification.wasted_cost_micros(), 70_000, "the e-mail was read");
    let late = Receipt { at: at(495), ..receipt(ReceiptEvent::Delivered) };
    assert_eq!(
        late.apply(&mut notification, &NotificationTypes::default(), at(495)),
        Effect::Nothing,
        "a device that was off adds nothing"
    );
    assert_eq!(
        receipt(ReceiptEvent::Delivered).apply(&mut notification, &NotificationTypes::default(), at(500)),
        Effect::Changed
    );
    assert_eq!(notification.wasted_cost_micros(), 70_092, "the push had arrived before");
    assert_eq!(notification.engagement().delivered(), Some((at(5), Channel::Push)));
}

#[test]
fn what_came_before_the_proven_channel_was_not_wasted() {
    let mut notification = pushed(Status::Sending);
    notification.parts_mut().attempts.insert(0, attempt(Channel::Email, Outcome::Accepted, -60, 92));
    notification.finish(Status::Accepted, None, at(0));
    assert_eq!(
        receipt(ReceiptEvent::Delivered).apply(&mut notification, &NotificationTypes::default(), at(6)),
        Effect::Changed
    );
    assert_eq!(notification.wasted_cost_micros(), 0);
}

#[test]
fn a_devices_clock_is_accepted_within_the_notifications_lifetime() {
    for (told, kept) in [(-60, 0), (5, 5), (100_000, 10)] {
        let mut notification = pushed(Status::Accepted);
        Receipt { at: at(told), ..receipt(ReceiptEvent::Opened) }.apply(
            &mut notification,
            &NotificationTypes::default(),
            at(10),
        );
        assert_eq!(notification.engagement().opened_at, Some(at(kept)));
    }
}

#[test]
fn a_conversion_is_worth_something_once() {
    let mut notification = pushed(Status::Accepted);
    let worth = |value_micros| Receipt { value_micros, ..receipt(ReceiptEvent::Converted) };
    assert_eq!(worth(Some(5)).apply(&mut notification, &NotificationTypes::default(), at(6)), Effect::Changed);
    assert_eq!(worth(Some(5)).apply(&mut notification, &NotificationTypes::default(), at(7)), Effect::Nothing);
    assert_eq!(worth(None).apply(&mut notification, &NotificationTypes::default(), at(7)), Effect::Nothing);
    let before = notification.clone();
    assert_eq!(worth(Some(6)).apply(&mut notification, &NotificationTypes::default(), at(8)), Effect::OtherValue);
    assert_eq!(notification, before);
}

/// Generates any receipt. A conversion has the value 7 or none.
fn any_receipt() -> impl Strategy<Value = Receipt> {
    let event = prop_oneof![
        Just(ReceiptEvent::Delivered),
        Just(ReceiptEvent::Opened),
        Just(ReceiptEvent::Clicked),
        Just(ReceiptEvent::Dismissed),
        Just(ReceiptEvent::Converted)
    ];
    let channel = proptest::sample::select(Channel::ALL.to_vec());
    (event, channel, 0..60i64, proptest::option::of(Just(7))).prop_map(|(event, channel, minute, value_micros)| {
        let value_micros = value_micros.filter(|_| event == ReceiptEvent::Converted);
        Receipt { event, channel, at: at(minute), value_micros }
    })
}

/// Generates some receipts, and the same ones in another order with some repeats.
fn two_orders() -> impl Strategy<Value = (Vec<Receipt>, Vec<Receipt>)> {
    proptest::collection::vec(any_receipt(), 1..8).prop_flat_map(|receipts| {
        let again = proptest::sample::subsequence(receipts.clone(), 0..=receipts.len());
        let other = again.prop_flat_map({
            let receipts = receipts.clone();
            move |again| Just([receipts.clone(), again].concat()).prop_shuffle()
        });
        (Just(receipts), other)
    })
}

/// Returns a notification that was pushed, then sent by e-mail, then by SMS, up to `channels`.
fn tried(channels: usize, status: Status) -> Notification {
    let mut notification = pushed(Status::Sending);
    let paid = [(Channel::Email, 20, 92), (Channel::Sms, 40, 70_000)];
    for (channel, minute, cost_micros) in paid.into_iter().take(channels) {
        notification.record(attempt(channel, Outcome::Accepted, minute, cost_micros));
    }
    match status {
        Status::Sending => {}
        Status::Cascading => notification.wait(at(240), at(50)),
        other => notification.finish(other, None, at(50)),
    }
    notification
}

proptest! {
    #[test]
    fn the_order_of_receipts_does_not_matter_and_none_counts_twice(
        (one, other) in two_orders(),
        channels in 0..3usize,
        status in proptest::sample::select(Status::ALL.to_vec()),
    ) {
        let (now, before) = (at(60), tried(channels, status));
        let all = |order: &[Receipt]| {
            let mut notification = before.clone();
            order.iter().for_each(|receipt| { receipt.apply(&mut notification, &NotificationTypes::default(), now); });
            notification.parts_mut().engagement.noted = 0;
            notification
        };
        let end = all(&one);
        assert_eq!(all(&other), end);
        let mut again = end.clone();
        assert!(one.iter().all(|receipt| receipt.apply(&mut again, &NotificationTypes::default(), now + SignedDuration::from_mins(1)) == Effect::Nothing));
        assert_eq!(again, end);
        assert!(end.status() == before.status() || end.status() == Status::Delivered);
    }

    #[test]
    fn a_receipt_during_a_lease_leads_to_the_same_state_once_the_holder_stores_its_result(
        (receipts, _) in two_orders(),
        told_before in 0..8usize,
    ) {
        let (now, told_before) = (at(60), told_before.min(receipts.len()));
        let (mut stored, mut at_rest) = { let held = tried(0, Status::Sending); (held.clone(), held) };
        let mail = attempt(Channel::Email, Outcome::Accepted, 20, 92);
        receipts[..told_before].iter().for_each(|receipt| { receipt.apply(&mut stored, &NotificationTypes::default(), now); });
        stored.record(mail.clone());
        let (status, reason) = stored.result_so_far().unwrap();
        stored.finish(status, reason, now);
        receipts[told_before..].iter().for_each(|receipt| { receipt.apply(&mut stored, &NotificationTypes::default(), now); });
        at_rest.record(mail);
        at_rest.finish(Status::Accepted, None, now);
        receipts.iter().for_each(|receipt| { receipt.apply(&mut at_rest, &NotificationTypes::default(), now); });
        stored.parts_mut().engagement.noted = 0;
        assert_eq!(stored, at_rest);
    }
}
