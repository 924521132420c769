//! Invariants of the caps: on random histories, each decision equals the one of an oracle that keeps every notification
//! and counts it again.
#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::channel::Channel;
use crate::{CapMode, NotificationClass, TypeId};

/// Zones with different clock changes, one of them at midnight and one of half an hour.
const ZONES: [&str; 5] = ["Europe/Rome", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "UTC"];
const TYPES: [&str; 2] = ["DEFAULT", "NEWS"];

#[derive(Debug, Clone)]
struct Sent {
    mode: CapMode,
    class: NotificationClass,
    kind: &'static str,
    channels: Vec<Channel>,
}

#[derive(Debug, Clone)]
enum Step {
    Send(Sent),
    /// Gives the slot of an earlier notification back: the one that is so many places from the end.
    GiveBack(usize),
    /// Sends the last notification again, as a retry does.
    Repeat,
    Move(&'static str),
}

/// Every notification that was sent, with the time of its claim.
#[derive(Default)]
struct Oracle(Vec<(CapTag, Timestamp, Sent)>);

impl Oracle {
    fn count(&self, rule: &CapRule, zone: &TimeZone, now: Timestamp) -> usize {
        let date = |at| zone.to_datetime(at).date();
        let counts = |at: Timestamp| match rule.per {
            CapPeriod::Rolling { hours } => now.duration_since(at) < SignedDuration::from_hours(hours.into()),
            CapPeriod::Day => date(at) == date(now),
            CapPeriod::Week => {
                let week = |at| (date(at).iso_week_date().year(), date(at).iso_week_date().week());
                week(at) == week(now)
            }
        };
        self.0.iter().filter(|(_, at, sent)| counts(*at) && is_meant(rule, sent)).count()
    }

    fn is_full(&self, rules: &CapRules, sent: &Sent, zone: &TimeZone, now: Timestamp) -> bool {
        rules.iter().any(|rule| is_meant(rule, sent) && self.count(rule, zone, now) >= usize::from(rule.max))
    }
}

fn is_meant(rule: &CapRule, sent: &Sent) -> bool {
    rule.classes.as_ref().is_none_or(|classes| classes.contains(&sent.class))
        && rule.types.as_ref().is_none_or(|types| types.iter().any(|id| id.as_str() == sent.kind))
        && rule.channels.as_ref().is_none_or(|list| list.iter().any(|channel| sent.channels.contains(channel)))
}

fn classes() -> impl Strategy<Value = NotificationClass> {
    select(vec![NotificationClass::Critical, NotificationClass::Transactional, NotificationClass::Marketing])
}

fn sends() -> impl Strategy<Value = Sent> {
    let modes = select(vec![CapMode::Respect, CapMode::Respect, CapMode::CountOnly, CapMode::Bypass]);
    let channels = prop::sample::subsequence(Channel::ALL.to_vec(), 1..=3);
    (modes, classes(), select(TYPES.to_vec()), channels).prop_map(|(mode, class, kind, channels)| Sent {
        mode,
        class,
        kind,
        channels,
    })
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        6 => sends().prop_map(Step::Send),
        1 => (0_usize..4).prop_map(Step::GiveBack),
        1 => Just(Step::Repeat),
        1 => select(ZONES.to_vec()).prop_map(Step::Move),
    ];
    let pause = prop_oneof![Just(0), 1_i64..7_200_000, 1_i64..200_000_000];
    prop::collection::vec((pause, step), 1..60)
}

fn rules() -> impl Strategy<Value = CapRules> {
    let per = prop_oneof![
        Just("day".to_owned()),
        Just("week".to_owned()),
        (1..72).prop_map(|hours| format!("PT{hours}H")),
        (1..=31).prop_map(|days| format!("P{days}D")),
    ];
    let list = |names: Vec<&'static str>| prop::option::of(prop::sample::subsequence(names, 1..=2));
    let (kinds, channels) = (list(TYPES.to_vec()), list(vec!["push", "email", "sms"]));
    let rule = (1..5, per, list(vec!["critical", "transactional", "marketing"]), kinds, channels);
    prop::collection::vec(rule, 1..=4).prop_map(|rules| {
        let rules = rules.into_iter().enumerate().map(|(at, (max, per, classes, types, channels))| {
            json!({"id": format!("r{at}"), "max": max, "per": per, "classes": classes, "types": types, "channels": channels})
        });
        CapRules::from_stored(json!({"rules": rules.collect::<Vec<_>>()})).unwrap()
    })
}

/// Decides about `sent`, and compares with the oracle. Returns the claims after it.
fn check(
    usage: CapUsage,
    oracle: &mut Oracle,
    (tag, sent): (CapTag, &Sent),
    rules: &CapRules,
    zone: &TimeZone,
    now: Timestamp,
) -> CapUsage {
    let type_id = TypeId::parse(sent.kind).unwrap();
    let subject = CapSubject { mode: sent.mode, class: sent.class, type_id: &type_id, channels: &sent.channels };
    let cap = CapCheck { rules, subject, zone };
    let is_counted = sent.mode != CapMode::Bypass && rules.iter().any(|rule| is_meant(rule, sent));
    let uses = cap.uses(&usage, now);
    assert_eq!(uses.is_empty(), !is_counted);
    for one in &uses {
        let rule = rules.iter().find(|rule| rule.id == one.rule).unwrap();
        let counted = oracle.count(rule, zone, now);
        assert_eq!((one.used, one.left == 0), (counted.min(rule.max.into()), counted >= rule.max.into()));
    }
    match cap.decide(&usage, tag, now) {
        CapDecision::NotCounted => assert!(!is_counted),
        CapDecision::AlreadyClaimed => assert!(oracle.0.iter().any(|(known, ..)| *known == tag)),
        CapDecision::Claimed(claimed) => {
            assert!(is_counted && (sent.mode == CapMode::CountOnly || !oracle.is_full(rules, sent, zone, now)));
            assert!(claimed.holds(tag) && claimed.claims.len() <= MAX_CLAIMS && claimed.kept_until > Some(now));
            oracle.0.push((tag, now, sent.clone()));
            return claimed;
        }
        CapDecision::Full { frees_at, .. } => {
            let just_before = frees_at - SignedDuration::from_millis(1);
            assert!(sent.mode == CapMode::Respect && frees_at > now);
            assert!(oracle.is_full(rules, sent, zone, now) && oracle.is_full(rules, sent, zone, just_before));
            assert!(!oracle.is_full(rules, sent, zone, frees_at), "the slot is free at that time");
        }
    }
    usage
}

proptest! {
    #[test]
    fn decisions_equal_those_of_an_oracle_that_counts_everything(
        rules in rules(), steps in steps(), start in 1_796_000_000_i64..1_830_000_000, zone in select(ZONES.to_vec()),
    ) {
        let (mut now, mut zone) = (Timestamp::from_second(start).unwrap(), TimeZone::get(zone).unwrap());
        let (mut usage, mut oracle) = (CapUsage::default(), Oracle::default());
        let (mut last, mut has_count_only, mut has_moved, mut has_returned) = (None, false, false, false);
        for (number, (pause_ms, step)) in steps.into_iter().enumerate() {
            now += SignedDuration::from_millis(pause_ms);
            match step {
                // A claim that ended in one zone and was dropped can count again in another one, so a slot that is
                // returned before or after the move may be counted too much.
                Step::Move(_) if has_returned => {}
                Step::Move(name) => {
                    zone = TimeZone::get(name).unwrap();
                    has_moved = true;
                }
                Step::GiveBack(_) if has_moved => {}
                Step::GiveBack(place) => {
                    let Some(at) = oracle.0.len().checked_sub(place + 1) else { continue };
                    let tag = oracle.0[at].0;
                    match usage.without(tag, now) {
                        Some(left) => {
                            usage = left;
                            has_returned = true;
                            oracle.0.remove(at);
                        }
                        // Only a notification that exceeded a maximum makes a slot stay claimed.
                        None => prop_assert!(has_count_only || !usage.holds(tag)),
                    }
                }
                Step::Send(sent) => {
                    let tag = CapTag([0, 0, 0, 0, u8::try_from(number).unwrap()]);
                    has_count_only |= sent.mode == CapMode::CountOnly;
                    usage = check(usage, &mut oracle, (tag, &sent), &rules, &zone, now);
                    last = Some((tag, sent));
                }
                Step::Repeat => {
                    let Some((tag, sent)) = &last else { continue };
                    let (was_held, before) = (usage.holds(*tag), oracle.0.len());
                    usage = check(usage, &mut oracle, (*tag, sent), &rules, &zone, now);
                    prop_assert!(!was_held || oracle.0.len() == before, "a retry is not counted twice");
                }
            }
        }
    }
}

#[test]
fn a_changed_rule_keeps_the_claims_that_its_id_counted() {
    let rules = |max: u32| {
        let rules = json!([{"id": "week", "max": 9, "per": "week"}, {"id": "day", "max": max, "per": "P1D"}]);
        CapRules::from_stored(json!({"rules": rules})).unwrap()
    };
    let type_id = TypeId::parse("NEWS").unwrap();
    let subject = CapSubject {
        mode: CapMode::Respect,
        class: NotificationClass::Marketing,
        type_id: &type_id,
        channels: &Channel::ALL,
    };
    let decide = |rules: &CapRules, usage: &CapUsage, tag: u8| {
        CapCheck { rules, subject, zone: &TimeZone::UTC }.decide(usage, CapTag([tag; 5]), Timestamp::UNIX_EPOCH)
    };
    let mut usage = CapUsage::default();
    for tag in 0..3 {
        let CapDecision::Claimed(claimed) = decide(&rules(3), &usage, tag) else { unreachable!() };
        usage = claimed;
    }
    let only_day = CapRules::from_stored(json!({"rules": [{"id": "day", "max": 2, "per": "P1D"}]})).unwrap();
    for lowered in [rules(2), only_day] {
        let CapDecision::Full { rule, frees_at } = decide(&lowered, &usage, 9) else { unreachable!() };
        assert_eq!((rule.as_str(), frees_at.as_second()), ("day", 86_400));
    }
    assert!(matches!(decide(&rules(4), &usage, 9), CapDecision::Claimed(_)));
}
