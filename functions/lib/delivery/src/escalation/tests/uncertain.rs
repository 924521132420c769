//! Paid sends whose outcome is uncertain.

use proptest::prelude::*;

use super::*;

fn with(on_uncertain: OnUncertain, recipient: &Recipient) -> EscalationPolicy<'_> {
    let policy = policy_for(recipient);
    EscalationPolicy { rules: TypeRules { on_uncertain, ..policy.rules }, ..policy }
}

#[test]
fn a_retry_that_would_outlive_the_notification_counts_as_spent() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.parts_mut().request.lives_until = later(60);
    about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    about.record(tried(Channel::Push, Some("d1"), wait(59_999), start()));
    let last_moment = start() + SignedDuration::from_millis(59_999);
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::Wait(last_moment));
    about.record(tried(Channel::Push, Some("d1"), wait(1), last_moment));
    assert_eq!(policy_for(&ada).next_step(&about, last_moment), Step::SendPaid(Channel::Email));
    about.record(tried(Channel::Email, None, wait(1), last_moment));
    about.record(tried(Channel::Sms, None, wait(1), last_moment));
    let end = Step::Finish(Status::Failed, Some(Reason::RetriesSpent));
    assert_eq!(policy_for(&ada).next_step(&about, last_moment), end);
}

#[test]
fn after_an_uncertain_outcome_the_next_channel_follows_if_the_type_has_next() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let next = with(OnUncertain::Next, &ada);
    assert_eq!(next.next_step(&about, start()), Step::SendPaid(Channel::Sms));
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
    assert_eq!(repeat.next_step(&about, start()), Step::SendPaid(Channel::Email));
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
        about.parts_mut().request.lives_until = later(ttl_seconds);
        let (mut free, mut paid) = (free.into_iter(), paid.into_iter());
        let (mut now, mut made, mut ended) = (start(), 0, None);
        let escalate_after = rules_of(kind).escalate_after;
        let policy = EscalationPolicy { rules: TypeRules { escalate_after, ..rules }, ..policy_for(&ada) };
        for _ in 0..400 {
            let before = about.clone();
            match policy.next_step(&about, now) {
                Step::Finish(status, _) => {
                    ended = Some(status);
                    break;
                }
                Step::Wait(until) => {
                    prop_assert!(until > now, "a wait lies ahead");
                    now = until.min(about.lives_until());
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
                Step::SendPaid(channel) => {
                    prop_assert!(may_pay(&about, channel, rules));
                    prop_assert!(channel == Channel::Email || about.attempts_on(Channel::Email).next().is_some());
                    let (outcome, latency_ms) = paid.next().unwrap();
                    about.record(Attempt { latency_ms, ..tried(channel, None, outcome, now) });
                    let allowed = if channel == Channel::Sms { rules.tries * 3 } else { rules.tries };
                    prop_assert!(u32::try_from(about.attempts_on(channel).count()).unwrap() <= allowed);
                }
            }
            prop_assert!(now < about.lives_until(), "nothing begins at or after the end of its lifetime");
            prop_assert_eq!(&about.attempts()[..before.attempts().len()], before.attempts());
            made += about.attempts().len() - before.attempts().len();
            let longest = about.attempts()[before.attempts().len()..].iter().map(|one| one.latency_ms).max();
            now += SignedDuration::from_millis(longest.unwrap().try_into().unwrap());
        }
        prop_assert_eq!(about.attempts().len(), made);
        let ended = ended.expect("it ends");
        prop_assert!(ended.is_final());
        let decides = |one: &&Attempt| one.outcome.may_have_arrived();
        let last = about.attempts().iter().rev().find(decides).map(|one| one.outcome);
        prop_assert_eq!(ended == Status::Uncertain, last == Some(AttemptOutcome::Uncertain), "it is never hidden");
        prop_assert_eq!(ended == Status::Accepted, last == Some(AttemptOutcome::Accepted));
    }
}
