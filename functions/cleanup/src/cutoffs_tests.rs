//! Tests of the cutoffs over both clock changes, and of the rule for stuck notifications.
#![allow(clippy::unwrap_used)]

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use super::*;
use domain::NotificationTypes;
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Effect, Receipt, ReceiptEvent};
use domain::recipient::DeviceAge;
use store::sample;

const RETENTION_DAYS: u32 = 180;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns every time at which `cron(0 2 * * ? *)` in Rome fires between two days. It does not fire on a day without
/// 02:00. On a day with two, it fires twice, or once if `twice` is false.
fn runs(from: Zoned, to: &Zoned, twice: bool) -> Vec<Timestamp> {
    let mut runs = Vec::new();
    let mut day = from.date();
    while day <= to.date() {
        let two = TimeZone::get("Europe/Rome").unwrap().to_ambiguous_timestamp(day.at(2, 0, 0, 0));
        match two.offset() {
            jiff::tz::AmbiguousOffset::Gap { .. } => {}
            jiff::tz::AmbiguousOffset::Fold { .. } if twice => {
                runs.extend([two.earlier().unwrap(), two.later().unwrap()])
            }
            _ => runs.push(two.earlier().unwrap()),
        }
        day = day.tomorrow().unwrap();
    }
    runs
}

fn rome(year: i16, month: i8, day: i8) -> Zoned {
    date(year, month, day).in_tz("Europe/Rome").unwrap()
}

/// Returns the first run that finds a device last used at `last_used_at` stale.
fn first_found(runs: &[Timestamp], last_used_at: Timestamp) -> Option<Timestamp> {
    let age = DeviceAge { last_used_at, expires_at: None };
    let found = |now: &&Timestamp| {
        let cutoffs = Cutoffs::at(**now, RETENTION_DAYS);
        age.stale(cutoffs.expired_before, cutoffs.unused_since).is_some()
    };
    runs.iter().find(found).copied()
}

#[test]
fn over_both_clock_changes_of_2027_no_device_is_missed_or_removed_early() {
    let retention = SignedDuration::from_hours(24 * i64::from(RETENTION_DAYS));
    for (from, to, expected) in [(rome(2027, 3, 25), rome(2027, 3, 31), 6), (rome(2027, 10, 28), rome(2027, 11, 3), 8)]
    {
        let runs = runs(from.clone(), &to, true);
        assert_eq!(runs.len(), expected);
        // Tests one device for every quarter of an hour that becomes stale between the first and the last run.
        let mut stale_from = runs[0];
        while stale_from < *runs.last().unwrap() {
            let found = first_found(&runs, stale_from - retention).unwrap();
            assert!(found > stale_from, "deleted early: {found} for {stale_from}");
            let missed = runs.iter().find(|run| **run > stale_from && **run < found);
            assert_eq!(missed, None, "missed for {stale_from}");
            assert!(found.duration_since(stale_from) <= SignedDuration::from_hours(48));
            stale_from += 15.minutes();
        }
    }
}

#[test]
fn the_schedule_skips_the_day_without_02_00_and_fires_twice_on_the_day_with_two() {
    assert_eq!(runs(rome(2027, 3, 28), &rome(2027, 3, 28), true), []);
    let twice = runs(rome(2027, 10, 31), &rome(2027, 10, 31), true);
    assert_eq!(twice, [at("2027-10-31T00:00:00Z"), at("2027-10-31T01:00:00Z")]);
}

#[test]
fn cutoffs_are_instants_and_a_day_is_24_hours() {
    let cutoffs = Cutoffs::at(at("2027-03-29T00:00:00Z"), 1);
    assert_eq!(cutoffs.expired_before, at("2027-03-29T00:00:00Z"));
    assert_eq!(cutoffs.unused_since, at("2027-03-28T00:00:00Z"));
    assert_eq!(cutoffs.settled_before, at("2027-03-28T23:00:00Z"));
}

#[test]
fn work_is_stuck_an_hour_after_its_lifetime_and_not_before() {
    let due = at("2027-01-01T00:00:00Z");
    let ended = |minutes: i64, in_flight| {
        let now = due + minutes.minutes();
        let mut notification = sample::notification("ada", due, in_flight);
        end_if_stuck(&mut notification, &Cutoffs::at(now, RETENTION_DAYS), now).then_some((
            notification.status(),
            notification.reason(),
            notification.next_action_at(),
        ))
    };
    assert_eq!(ended(119, None), None);
    assert_eq!(ended(120, None), None);
    assert_eq!(ended(121, None), Some((Status::Expired, Some(Reason::Lifetime), None)));
    // The end of the lifetime does not settle a paid call that began.
    assert_eq!(ended(121, Some(Channel::Sms)), Some((Status::Uncertain, Some(Reason::OutcomeUnknown), None)));
}

#[test]
fn the_end_of_stuck_work_keeps_its_recorded_outcome() {
    let due = at("2027-01-01T00:00:00Z");
    let now = due + 24.hours();
    let cutoffs = Cutoffs::at(now, RETENTION_DAYS);
    let mut claimed = sample::notification("ada", due, Some(Channel::Sms));
    assert!(end_if_stuck(&mut claimed, &cutoffs, now));
    let kept: Vec<_> = claimed.attempts().iter().map(|one| (one.channel, one.outcome, one.cost_micros)).collect();
    assert_eq!(kept, [(Channel::Sms, AttemptOutcome::Uncertain, 80_000)]);
    let mut taken = sample::notification("ada", due, None);
    taken.record(Attempt { outcome: AttemptOutcome::Accepted, ..Attempt::lost(Channel::Email, due, 92) });
    assert!(end_if_stuck(&mut taken, &cutoffs, now));
    assert_eq!((taken.status(), taken.reason()), (Status::Accepted, None));
    // The browser reported delivery while the function held its lease, and then the function crashed.
    let mut proven = sample::notification("ada", due, Some(Channel::Sms));
    let receipt = Receipt { event: ReceiptEvent::Delivered, channel: Channel::Push, at: due, value_micros: None };
    assert_eq!(receipt.apply(&mut proven, &NotificationTypes::default(), due), Effect::MergePending);
    assert!(end_if_stuck(&mut proven, &cutoffs, now));
    assert_eq!((proven.status(), proven.reason(), proven.cost_micros()), (Status::Delivered, None, 80_000));
}

#[test]
fn work_that_is_leased_again_or_finished_is_not_stuck() {
    let due = at("2027-01-01T00:00:00Z");
    let now = due + 24.hours();
    let cutoffs = Cutoffs::at(now, RETENTION_DAYS);
    let mut leased = sample::notification("ada", due, None);
    leased.parts_mut().next_action_at = Some(now + 30.seconds());
    assert!(!end_if_stuck(&mut leased, &cutoffs, now));
    let mut finished = sample::notification("ada", due, None);
    finished.finish(Status::Failed, None, due);
    assert!(!end_if_stuck(&mut finished, &cutoffs, now));
}
