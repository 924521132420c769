#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Ladder, Step};
use domain::breaker::{Bars, Host};
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status, sample};
use domain::recipient::{Recipient, sample as people};
use domain::rollout::Version;
use domain::{NotificationTypes, OnUncertain, TypeId, TypeRules};

const NONE: &BTreeSet<Channel> = &BTreeSet::new();
const NO_BARS: &Bars = &Bars::new();

fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn v2(kind: &str) -> Notification {
    let mut notification = sample(kind, start());
    notification.version = Some(Version::V2);
    notification
}

fn rules_of(kind: &str) -> TypeRules {
    NotificationTypes::default().rules_of(&TypeId::parse(kind).unwrap())
}

/// Returns the policy for a type that requires proof of delivery within 4 hours.
fn with_proof(recipient: &Recipient) -> Ladder<'_> {
    let ladder = ladder(recipient);
    let escalate_after = rules_of("PAYMENT_DUE").escalate_after;
    Ladder { rules: TypeRules { escalate_after, ..ladder.rules }, ..ladder }
}

fn ladder(recipient: &Recipient) -> Ladder<'_> {
    let rules = rules_of("DEFAULT");
    Ladder {
        rules,
        recipient: Some(recipient),
        impossible: NONE,
        unaffordable: NONE,
        barred: NO_BARS,
        killed: false,
        superseded: false,
    }
}

fn tried(channel: Channel, device: Option<&str>, outcome: Outcome, at: Timestamp) -> Attempt {
    let provider = channel.provider().to_owned();
    let answer = Answer { outcome, provider, status_code: None, latency_ms: 0, detail: None };
    Attempt::of(channel, device.map(str::to_owned), answer, at, 0)
}

const fn wait(after_ms: u64) -> Outcome {
    Outcome::RetryLater { after_ms: Some(after_ms) }
}

const REFUSED: Outcome = Outcome::Rejected { reason: Rejection::Refused };

fn devices<'a>(step: &Step<'a>) -> Vec<&'a str> {
    match step {
        Step::Push(devices) => devices.iter().map(|device| device.device_id.as_str()).collect(),
        other => panic!("not a push: {other:?}"),
    }
}

#[test]
fn the_first_round_goes_to_every_device() {
    let ada = people::with_everything(2);
    assert_eq!(devices(&ladder(&ada).next_step(&v2("DEFAULT"), start())), ["d1", "d0"]);
}

#[test]
fn a_subscription_that_has_ended_is_not_tried() {
    let mut ada = people::with_everything(2);
    ada.devices[0].expires_at = Some(start());
    assert_eq!(devices(&ladder(&ada).next_step(&v2("DEFAULT"), start())), ["d0"]);
    ada.devices[1].expires_at = Some(start());
    assert_eq!(ladder(&ada).next_step(&v2("DEFAULT"), start()), Step::Pay(Channel::Email));
    let mut plain = v2("DEFAULT");
    plain.version = Some(Version::V1);
    assert_eq!(ladder(&ada).next_step(&plain, start()), Step::Finish(Status::Skipped, Some(Reason::NoChannel)));
}

#[test]
fn one_accepted_device_is_enough() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
    about.record(tried(Channel::Push, Some("d1"), Outcome::Accepted, start()));
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Finish(Status::Accepted, None));
}

#[test]
fn a_retry_goes_only_to_devices_that_said_later_and_not_before_their_time() {
    let ada = people::with_everything(3);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(5_000), start()));
    about.record(tried(Channel::Push, Some("d1"), Outcome::Gone, start()));
    about.record(tried(Channel::Push, Some("d2"), wait(9_000), start()));
    assert_eq!(ladder(&ada).next_step(&about, later(4)), Step::Wait(later(5)));
    assert_eq!(devices(&ladder(&ada).next_step(&about, later(5))), ["d0"]);
    assert_eq!(devices(&ladder(&ada).next_step(&about, later(9))), ["d2", "d0"]);
}

#[test]
fn when_the_tries_are_spent_the_next_channel_follows_at_once() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    for _ in 0..rules_of(about.type_id.as_str()).tries {
        about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    }
    assert_eq!(ladder(&ada).next_step(&about, later(1)), Step::Pay(Channel::Email));
}

#[test]
fn the_last_channel_that_is_left_is_tried_longer() {
    let mut ada = people::with_everything(0);
    ada.phone = None;
    let mut about = v2("DEFAULT");
    for _ in 0..rules_of(about.type_id.as_str()).tries {
        about.record(tried(Channel::Email, None, wait(1), start()));
    }
    assert_eq!(ladder(&ada).next_step(&about, later(1)), Step::Pay(Channel::Email));
    for _ in rules_of(about.type_id.as_str()).tries..12 {
        about.record(tried(Channel::Email, None, wait(1), start()));
    }
    assert_eq!(ladder(&ada).next_step(&about, later(1)), Step::Finish(Status::Failed, Some(Reason::RetriesSpent)));
}

#[test]
fn gone_and_rejected_fall_back_at_once_down_to_sms() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Pay(Channel::Email));
    about.record(tried(Channel::Email, None, REFUSED, start()));
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Pay(Channel::Sms));
    about.record(tried(Channel::Sms, None, REFUSED, start()));
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Finish(Status::Failed, Some(Reason::Rejected)));
}

#[test]
fn an_unknown_paid_outcome_stops_the_ladder() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(ladder(&ada).next_step(&about, start()), end);
}

#[test]
fn silence_after_an_accepted_push_escalates_when_the_type_wants_proof() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    let proof_by = later(4 * 3_600);
    assert_eq!(with_proof(&ada).next_step(&about, start()), Step::Wait(proof_by));
    assert_eq!(with_proof(&ada).next_step(&about, proof_by), Step::Pay(Channel::Email));
}

#[test]
fn without_a_higher_channel_an_accepted_push_is_the_end() {
    let mut ada = people::with_everything(1);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    assert_eq!(with_proof(&ada).next_step(&about, start()), Step::Finish(Status::Accepted, None));
}

#[test]
fn an_escalation_that_fails_leaves_the_accepted_push_accepted() {
    let mut ada = people::with_everything(1);
    ada.phone = None;
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    about.record(tried(Channel::Email, None, REFUSED, later(4 * 3_600)));
    assert_eq!(with_proof(&ada).next_step(&about, later(4 * 3_600)), Step::Finish(Status::Accepted, None));
}

#[test]
fn if_only_the_budget_stands_in_the_way_it_is_skipped() {
    let ada = people::with_everything(0);
    let no_money = BTreeSet::from([Channel::Sms]);
    let ladder = Ladder { unaffordable: &no_money, ..ladder(&ada) };
    let mut about = v2("DEFAULT");
    about.channels = vec![Channel::Sms];
    assert_eq!(ladder.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::Budget)));
    about.channels = vec![Channel::Sms, Channel::Email];
    assert_eq!(ladder.next_step(&about, start()), Step::Pay(Channel::Email));
}

#[test]
fn the_kill_switch_stops_what_was_begun_and_keeps_what_was_accepted() {
    let ada = people::with_everything(1);
    let killed = Ladder { killed: true, ..with_proof(&ada) };
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    assert_eq!(killed.next_step(&about, later(9)), Step::Finish(Status::Skipped, Some(Reason::Rollout)));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    assert_eq!(killed.next_step(&about, later(9)), Step::Finish(Status::Accepted, None));
}

#[test]
fn a_lifetime_that_ended_expires_it() {
    let ada = people::with_everything(1);
    let about = v2("DEFAULT");
    let end = Step::Finish(Status::Expired, Some(Reason::Lifetime));
    assert_eq!(ladder(&ada).next_step(&about, about.lives_until), end);
}

#[test]
fn an_erased_recipient_ends_it_without_reaching_them() {
    let ada = people::with_everything(1);
    let ladder = Ladder { recipient: None, ..ladder(&ada) };
    let end = Step::Finish(Status::Skipped, Some(Reason::UnknownRecipient));
    assert_eq!(ladder.next_step(&v2("DEFAULT"), start()), end);
}

#[test]
fn who_wants_no_more_of_a_type_is_tried_no_further_and_what_was_accepted_stays_so() {
    let mut ada = people::with_everything(1);
    ada.unsubscribed_types.insert("PAYMENT_DUE".to_owned());
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
    let end = Step::Finish(Status::Skipped, Some(Reason::OptedOut));
    assert_eq!(with_proof(&ada).next_step(&about, later(2)), end);
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, later(2)));
    assert_eq!(with_proof(&ada).next_step(&about, later(5 * 3_600)), Step::Finish(Status::Accepted, None));
    assert_ne!(with_proof(&ada).next_step(&v2("DEFAULT"), start()), end, "another type");
}

#[test]
fn an_unknown_paid_outcome_is_told_whatever_ends_the_notification() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(with_proof(&ada).next_step(&about, about.lives_until), end);
    assert_eq!(Ladder { killed: true, ..with_proof(&ada) }.next_step(&about, start()), end);
    assert_eq!(Ladder { recipient: None, ..with_proof(&ada) }.next_step(&about, start()), end);
}

#[test]
fn a_failure_gives_the_best_that_any_device_came_to() {
    let mut ada = people::with_everything(3);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    about.record(tried(Channel::Push, Some("d1"), REFUSED, start()));
    about.record(tried(Channel::Push, Some("d2"), Outcome::Gone, start()));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, later(1)));
    assert_eq!(ladder(&ada).next_step(&about, later(9)), Step::Finish(Status::Failed, Some(Reason::Rejected)));
}

#[test]
fn what_goes_on_as_version_1_is_pushed_only_if_push_was_asked_for() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    (about.version, about.channels) = (Some(Version::V1), vec![Channel::Email]);
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::NoChannel)));
}

#[test]
fn version_1_pushes_once_to_the_newest_device_and_fails_otherwise() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.version = Some(Version::V1);
    assert_eq!(devices(&ladder(&ada).next_step(&about, start())), ["d1"]);
    about.record(tried(Channel::Push, Some("d1"), wait(1), start()));
    assert_eq!(ladder(&ada).next_step(&about, later(9)), Step::Finish(Status::Failed, Some(Reason::RetriesSpent)));
}

fn with(on_uncertain: OnUncertain, recipient: &Recipient) -> Ladder<'_> {
    let ladder = ladder(recipient);
    Ladder { rules: TypeRules { on_uncertain, ..ladder.rules }, ..ladder }
}

#[test]
fn a_retry_that_would_outlive_the_notification_counts_as_spent() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.lives_until = later(60);
    about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    about.record(tried(Channel::Push, Some("d1"), wait(59_999), start()));
    let last_moment = start() + SignedDuration::from_millis(59_999);
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Wait(last_moment));
    about.record(tried(Channel::Push, Some("d1"), wait(1), last_moment));
    assert_eq!(ladder(&ada).next_step(&about, last_moment), Step::Pay(Channel::Email));
    about.record(tried(Channel::Email, None, wait(1), last_moment));
    about.record(tried(Channel::Sms, None, wait(1), last_moment));
    let end = Step::Finish(Status::Failed, Some(Reason::RetriesSpent));
    assert_eq!(ladder(&ada).next_step(&about, last_moment), end);
}

#[test]
fn after_an_unknown_outcome_the_next_channel_follows_where_the_type_says_next() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let next = with(OnUncertain::Next, &ada);
    assert_eq!(next.next_step(&about, start()), Step::Pay(Channel::Sms));
    about.record(tried(Channel::Sms, None, REFUSED, start()));
    let unknown = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(next.next_step(&about, start()), unknown, "a refusal does not make the e-mail known");
    about.record(tried(Channel::Sms, None, Outcome::Accepted, start()));
    assert_eq!(next.next_step(&about, start()), Step::Finish(Status::Accepted, None));
}

#[test]
fn repeat_pays_for_the_same_channel_once_more_and_for_no_other() {
    let ada = people::with_everything(0);
    let repeat = with(OnUncertain::Repeat, &ada);
    let unknown = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    assert_eq!(repeat.next_step(&about, start()), Step::Pay(Channel::Email));
    for (second, end) in [
        (Outcome::Accepted, Step::Finish(Status::Accepted, None)),
        (Outcome::Uncertain, unknown),
        (REFUSED, Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown))),
        // Not accepted, so the one repetition is still left.
        (wait(1_000), Step::Wait(later(1))),
    ] {
        let mut about = about.clone();
        about.record(tried(Channel::Email, None, second, start()));
        assert_eq!(repeat.next_step(&about, start()), end);
    }
    let mut unreachable = people::with_everything(0);
    unreachable.email = None;
    let end = with(OnUncertain::Repeat, &unreachable).next_step(&about, start());
    assert_eq!(end, Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown)));
}

fn any_outcome(paid: bool) -> impl Strategy<Value = Outcome> {
    let uncertain = if paid { Outcome::Uncertain } else { Outcome::Gone };
    prop_oneof![
        Just(Outcome::Accepted),
        (0u64..4_000_000).prop_map(wait),
        (0u64..2_000).prop_map(wait),
        Just(Outcome::Gone),
        Just(REFUSED),
        Just(uncertain),
    ]
}

fn any_rules() -> impl Strategy<Value = TypeRules> {
    let on_uncertain = prop_oneof![Just(OnUncertain::Stop), Just(OnUncertain::Next), Just(OnUncertain::Repeat)];
    (1u32..=10, on_uncertain).prop_map(|(tries, on_uncertain)| TypeRules { tries, on_uncertain, ..rules_of("DEFAULT") })
}

/// Returns `true` if a paid attempt on `channel` may follow the recorded attempts.
fn may_pay(about: &Notification, channel: Channel, rules: TypeRules) -> bool {
    let unknown = |on: Channel| about.attempts_on(on).filter(|one| one.outcome == AttemptOutcome::Uncertain).count();
    let taken = |on: Channel| about.attempts_on(on).any(|one| one.outcome == AttemptOutcome::Accepted);
    match rules.on_uncertain {
        OnUncertain::Stop => Channel::ALL.into_iter().all(|on| unknown(on) == 0),
        OnUncertain::Next => unknown(channel) == 0,
        // Another channel follows only without proof of delivery, after the second attempt was accepted.
        OnUncertain::Repeat => {
            unknown(channel) <= 1 && Channel::ALL.into_iter().all(|on| on == channel || unknown(on) == 0 || taken(on))
        }
    }
}

proptest! {
    /// Every notification ends, whatever providers answer and however long they ask to wait. No attempt starts after
    /// the lifetime or beyond the type's tries. Every attempt is kept. An uncertain paid outcome is followed by what
    /// the rules say and is never hidden. E-mail comes before SMS.
    #[test]
    fn every_history_ends_within_its_lifetime_and_tries(
        kind in prop_oneof![Just("DEFAULT"), Just("PAYMENT_DUE"), Just("CERTIFICATE_EXPIRING")],
        rules in any_rules(),
        free in proptest::collection::vec((any_outcome(false), 0u64..9_000), 100),
        paid in proptest::collection::vec((any_outcome(true), 0u64..6_000), 60),
        how_many in 0usize..4,
        ttl_seconds in prop_oneof![1i64..100, 100i64..1_000_000],
    ) {
        let ada = people::with_everything(how_many);
        let mut about = v2(kind);
        about.lives_until = later(ttl_seconds);
        let (mut free, mut paid) = (free.into_iter(), paid.into_iter());
        let (mut now, mut made, mut ended) = (start(), 0, None);
        let escalate_after = rules_of(kind).escalate_after;
        let ladder = Ladder { rules: TypeRules { escalate_after, ..rules }, ..ladder(&ada) };
        for _ in 0..400 {
            let before = about.clone();
            match ladder.next_step(&about, now) {
                Step::Finish(status, _) => {
                    ended = Some(status);
                    break;
                }
                Step::Wait(until) => {
                    prop_assert!(until > now, "a wait lies ahead");
                    now = until.min(about.lives_until);
                    continue;
                }
                Step::Push(devices) => {
                    prop_assert!(!devices.is_empty());
                    for device in devices {
                        let (outcome, latency_ms) = free.next().unwrap();
                        let attempt = tried(Channel::Push, Some(&device.device_id), outcome, now);
                        about.record(Attempt { latency_ms, ..attempt });
                        let same = |one: &&Attempt| one.device.as_deref() == Some(&device.device_id);
                        let tries = about.attempts_on(Channel::Push).filter(same).count();
                        prop_assert!(u32::try_from(tries).unwrap() <= rules.tries);
                    }
                }
                Step::Pay(channel) => {
                    prop_assert!(may_pay(&about, channel, rules));
                    prop_assert!(channel == Channel::Email || about.attempts_on(Channel::Email).next().is_some());
                    let (outcome, latency_ms) = paid.next().unwrap();
                    about.record(Attempt { latency_ms, ..tried(channel, None, outcome, now) });
                    let allowed = if channel == Channel::Sms { rules.tries * 3 } else { rules.tries };
                    prop_assert!(u32::try_from(about.attempts_on(channel).count()).unwrap() <= allowed);
                }
            }
            prop_assert!(now < about.lives_until, "nothing begins at or after the end of its lifetime");
            prop_assert_eq!(&about.attempts[..before.attempts.len()], &before.attempts[..]);
            made += about.attempts.len() - before.attempts.len();
            let longest = about.attempts[before.attempts.len()..].iter().map(|one| one.latency_ms).max();
            now += SignedDuration::from_millis(longest.unwrap().try_into().unwrap());
        }
        prop_assert_eq!(about.attempts.len(), made);
        let ended = ended.expect("it ends");
        prop_assert!(ended.is_final());
        let tells = |one: &&Attempt| matches!(one.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
        let last = about.attempts.iter().rev().find(tells).map(|one| one.outcome);
        prop_assert_eq!(ended == Status::Uncertain, last == Some(AttemptOutcome::Uncertain), "it is never hidden");
        prop_assert_eq!(ended == Status::Accepted, last == Some(AttemptOutcome::Accepted));
    }
}

fn barred(hosts: &[(Host, i64)]) -> Bars {
    hosts.iter().map(|(host, until)| (host.clone(), later(*until))).collect()
}

fn fcm(until: i64) -> (Host, i64) {
    (Host::push("fcm.googleapis.com"), until)
}

fn elsewhere(ada: &mut Recipient, device: usize, host: &str) {
    ada.devices[device].endpoint = platform::private::Private::new(format!("https://{host}/push"));
}

#[test]
fn a_resting_device_is_left_alone_and_no_other_one_is() {
    let mut ada = people::with_everything(2);
    let about = v2("DEFAULT");
    ada.devices[0].rests_until = Some(later(600));
    assert_eq!(devices(&ladder(&ada).next_step(&about, start())), ["d0"]);
    ada.devices[1].rests_until = Some(later(60));
    assert_eq!(ladder(&ada).next_step(&about, start()), Step::Pay(Channel::Email), "while another channel remains");
    let mut push_alone = v2("DEFAULT");
    push_alone.channels = vec![Channel::Push];
    assert_eq!(ladder(&ada).next_step(&push_alone, start()), Step::Wait(later(60)));
    assert_eq!(devices(&ladder(&ada).next_step(&push_alone, later(60))), ["d0"], "its rest is over");
    let rules = rules_of("PAYMENT_DUE");
    let patient = Ladder { rules, ..ladder(&ada) };
    assert_eq!(patient.next_step(&v2("PAYMENT_DUE"), start()), Step::Wait(later(60)));
    let mut plain = v2("DEFAULT");
    plain.version = Some(Version::V1);
    assert_eq!(devices(&ladder(&ada).next_step(&plain, start())), ["d1"], "version 1 knows no rest");
}

#[test]
fn a_superseded_message_ends_skipped_unless_it_was_taken_itself() {
    let ada = people::with_everything(1);
    for version in [Version::V1, Version::V2] {
        let mut about = v2("DEFAULT");
        about.version = Some(version);
        let late = Ladder { superseded: true, ..ladder(&ada) };
        assert_eq!(late.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::Superseded)));
        about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
        assert_eq!(late.next_step(&about, later(9)), Step::Finish(Status::Skipped, Some(Reason::Superseded)));
        about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
        assert_eq!(late.next_step(&about, later(9)), Step::Finish(Status::Accepted, None), "no fallback follows");
    }
}

#[test]
fn a_channel_whose_breaker_is_open_is_passed_over_while_another_remains() {
    let mut ada = people::with_everything(1);
    let about = v2("DEFAULT");
    let bars = barred(&[fcm(20)]);
    let open = Ladder { barred: &bars, ..ladder(&ada) };
    assert_eq!(open.next_step(&about, start()), Step::Pay(Channel::Email));
    assert_eq!(devices(&open.next_step(&about, later(20))), ["d0"], "its time is over");
    let bars = barred(&[fcm(20), (Host::paid(Channel::Email), 40)]);
    assert_eq!(Ladder { barred: &bars, ..ladder(&ada) }.next_step(&about, start()), Step::Pay(Channel::Sms));
    ada.phone = None;
    assert_eq!(Ladder { barred: &bars, ..ladder(&ada) }.next_step(&about, start()), Step::Wait(later(20)));
}

#[test]
fn if_only_a_breaker_stands_in_the_way_it_waits_within_its_lifetime() {
    let mut ada = people::with_everything(1);
    (ada.email, ada.phone) = (None, None);
    let about = v2("DEFAULT");
    let bars = barred(&[fcm(30)]);
    let open = Ladder { barred: &bars, ..ladder(&ada) };
    assert_eq!(open.next_step(&about, start()), Step::Wait(later(30)));
    let end = Step::Finish(Status::Expired, Some(Reason::Lifetime));
    assert_eq!(open.next_step(&about, about.lives_until), end);
}

#[test]
fn devices_on_other_hosts_are_tried_and_those_left_out_have_their_turn_later() {
    let mut ada = people::with_everything(2);
    elsewhere(&mut ada, 1, "web.push.apple.com");
    let mut about = v2("DEFAULT");
    let bars = barred(&[fcm(30)]);
    let open = Ladder { barred: &bars, ..ladder(&ada) };
    assert_eq!(devices(&open.next_step(&about, start())), ["d0"]);
    about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    assert_eq!(open.next_step(&about, later(1)), Step::Wait(later(30)), "whichever comes first");
    assert_eq!(devices(&open.next_step(&about, later(30))), ["d1"]);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    let open = Ladder { barred: &bars, ..ladder(&ada) };
    assert_eq!(open.next_step(&about, later(1)), Step::Wait(later(30)), "one is gone, the other still to be tried");
}

#[test]
fn a_device_registered_after_the_first_round_is_not_taken_for_one_left_out() {
    let mut ada = people::with_everything(2);
    ada.devices[0].created_at = later(60);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    assert_eq!(ladder(&ada).next_step(&about, later(61)), Step::Pay(Channel::Email));
}

#[test]
fn below_what_may_have_reached_the_person_nothing_is_tried_again() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Email, None, Outcome::Accepted, start()));
    assert_eq!(ladder(&ada).next_step(&about, later(60)), Step::Finish(Status::Accepted, None));
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(ladder(&ada).next_step(&about, later(60)), end, "push could be tried, but e-mail may have arrived");
}

#[test]
fn what_may_have_arrived_and_is_to_be_repeated_waits_for_its_own_provider() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let rules = TypeRules { on_uncertain: OnUncertain::Repeat, ..rules_of(about.type_id.as_str()) };
    let bars = barred(&[(Host::paid(Channel::Email), 30)]);
    let open = Ladder { rules, barred: &bars, ..ladder(&ada) };
    assert_eq!(open.next_step(&about, start()), Step::Wait(later(30)), "and no SMS");
    assert_eq!(open.next_step(&about, later(30)), Step::Pay(Channel::Email));
}

#[test]
fn a_type_that_waits_for_push_pays_nothing_meanwhile() {
    let ada = people::with_everything(1);
    let about = v2("PAYMENT_DUE");
    let patient = Ladder { rules: rules_of(about.type_id.as_str()), ..ladder(&ada) };
    let bars = barred(&[fcm(300)]);
    assert_eq!(Ladder { barred: &bars, ..patient }.next_step(&about, start()), Step::Wait(later(300)));
    let bars = barred(&[fcm(900)]);
    let open = Ladder { barred: &bars, ..patient };
    assert_eq!(open.next_step(&about, start()), Step::Wait(later(600)), "10 minutes and not longer");
    assert_eq!(open.next_step(&about, later(600)), Step::Pay(Channel::Email));
}

#[test]
fn later_does_not_spend_tries_while_push_is_waited_for() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    let patient = Ladder { rules: rules_of(about.type_id.as_str()), ..ladder(&ada) };
    for _ in 0..rules_of(about.type_id.as_str()).tries {
        about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    }
    assert_eq!(patient.next_step(&about, later(1)), Step::Wait(later(60)));
    assert_eq!(devices(&patient.next_step(&about, later(60))), ["d0"]);
    about.record(tried(Channel::Push, Some("d0"), wait(600_000), later(60)));
    assert_eq!(patient.next_step(&about, later(61)), Step::Wait(later(600)), "too late for another, too early to pay");
    assert_eq!(patient.next_step(&about, later(600)), Step::Pay(Channel::Email));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, later(60)));
    assert_eq!(patient.next_step(&about, later(61)), Step::Pay(Channel::Email), "nothing to wait for");
}
