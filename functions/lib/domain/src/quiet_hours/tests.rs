//! Tests of quiet hours in real time zones, with both clock changes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

fn hours(start: &str, end: &str) -> QuietHours {
    serde_json::from_value(serde_json::json!({ "start": start, "end": end })).unwrap()
}

impl QuietHours {
    fn open_at(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        quiet_until(&self.windows().collect::<Vec<_>>(), now, zone)
    }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_time_of_day_is_two_digits_a_colon_and_two_digits() {
    for bad in ["7:00", "24:00", "12:60", "12", "12:00:00", "+1:00", "", "ab:cd"] {
        let json = serde_json::json!({ "start": bad, "end": "07:00" });
        assert!(serde_json::from_value::<QuietHours>(json).is_err(), "{bad}");
    }
}

#[test]
fn a_window_within_a_day_is_half_open() {
    let siesta = hours("13:00", "15:00");
    let utc = TimeZone::UTC;
    assert_eq!(siesta.open_at(at("2027-01-10T12:59:59Z"), &utc), None);
    assert_eq!(siesta.open_at(at("2027-01-10T13:00:00Z"), &utc), Some(at("2027-01-10T15:00:00Z")));
    assert_eq!(siesta.open_at(at("2027-01-10T15:00:00Z"), &utc), None);
}

#[test]
fn a_window_over_midnight_ends_in_the_morning_of_the_recipients_own_clock() {
    let night = hours("22:00", "07:00");
    let rome = zone("Europe/Rome");
    assert_eq!(night.open_at(at("2027-01-10T22:00:00Z"), &rome), Some(at("2027-01-11T06:00:00Z")));
    assert_eq!(night.open_at(at("2027-01-11T02:00:00Z"), &rome), Some(at("2027-01-11T06:00:00Z")));
    assert_eq!(night.open_at(at("2027-01-11T06:00:00Z"), &rome), None);
    assert_eq!(night.open_at(at("2027-01-11T20:59:00Z"), &rome), None);
}

#[test]
fn a_night_with_a_clock_change_is_an_hour_shorter_or_longer() {
    let night = hours("22:00", "07:00");
    let rome = zone("Europe/Rome");
    assert_eq!(night.open_at(at("2027-03-27T21:00:00Z"), &rome), Some(at("2027-03-28T05:00:00Z")));
    assert_eq!(night.open_at(at("2027-10-30T20:00:00Z"), &rome), Some(at("2027-10-31T06:00:00Z")));
}

#[test]
fn an_end_that_the_clock_skips_is_when_it_skips() {
    // In Rome, 02:00 to 03:00 does not exist on 2027-03-28.
    let night = hours("22:00", "02:30");
    assert_eq!(night.open_at(at("2027-03-28T00:30:00Z"), &zone("Europe/Rome")), Some(at("2027-03-28T01:00:00Z")));
}

#[test]
fn an_end_that_the_clock_shows_twice_is_the_next_one() {
    // In Rome, 02:00 to 03:00 occurs twice on 2027-10-31: from 00:00 UTC and from 01:00 UTC.
    let night = hours("22:00", "02:30");
    let rome = zone("Europe/Rome");
    assert_eq!(night.open_at(at("2027-10-31T00:10:00Z"), &rome), Some(at("2027-10-31T00:30:00Z")));
    assert_eq!(night.open_at(at("2027-10-31T01:10:00Z"), &rome), Some(at("2027-10-31T01:30:00Z")));
    assert_eq!(night.open_at(at("2027-10-31T00:40:00Z"), &rome), None);
}

#[test]
fn a_skip_from_one_window_into_the_next_waits_for_the_second_end() {
    // Only 15 minutes are outside the window, and they do not exist in this night.
    let nearly_always = hours("02:45", "02:30");
    assert_eq!(
        nearly_always.open_at(at("2027-03-28T00:30:00Z"), &zone("Europe/Rome")),
        Some(at("2027-03-29T00:30:00Z")),
    );
}

#[test]
fn a_window_of_a_weekday_begins_on_that_day_and_may_end_on_the_next_one() {
    // 2026-11-27 is a Friday.
    let weekend: QuietHours = serde_json::from_value(serde_json::json!({"start": "22:00", "end": "09:00",
        "days": ["fri", "sat"], "also": [{"start": "13:00", "end": "14:00", "days": ["sun"]}]}))
    .unwrap();
    let utc = TimeZone::UTC;
    for (now, until) in [
        ("2026-11-26T22:30:00Z", None),
        ("2026-11-27T08:00:00Z", None),
        ("2026-11-27T21:59:59Z", None),
        ("2026-11-27T22:00:00Z", Some("2026-11-28T09:00:00Z")),
        ("2026-11-28T08:59:59Z", Some("2026-11-28T09:00:00Z")),
        ("2026-11-28T09:00:00Z", None),
        ("2026-11-29T03:00:00Z", Some("2026-11-29T09:00:00Z")),
        ("2026-11-29T13:00:00Z", Some("2026-11-29T14:00:00Z")),
        ("2026-11-29T22:30:00Z", None),
        ("2026-11-30T03:00:00Z", None),
    ] {
        assert_eq!(weekend.open_at(at(now), &utc), until.map(at), "{now}");
    }
    let shown = serde_json::to_string(&weekend).unwrap();
    assert_eq!(serde_json::from_str::<QuietHours>(&shown).unwrap(), weekend);
}

#[test]
fn windows_that_meet_are_one_and_those_that_never_end_are_refused() {
    let parse = |json: serde_json::Value| serde_json::from_value::<QuietHours>(json).unwrap();
    let check = |hours: &QuietHours| check_quiet_windows(hours.windows());
    let both =
        parse(serde_json::json!({"start": "20:00", "end": "00:00", "also": [{"start": "00:00", "end": "07:00"}]}));
    assert_eq!(both.open_at(at("2026-11-23T21:00:00Z"), &TimeZone::UTC), Some(at("2026-11-24T07:00:00Z")));
    assert_eq!(check(&both), Ok(()));
    assert_eq!(check(&hours("07:00", "07:00")), Err(QuietHoursError::WholeDay(0)));
    let always =
        parse(serde_json::json!({"start": "06:00", "end": "18:00", "also": [{"start": "17:00", "end": "06:00"}]}));
    assert_eq!(check(&always), Err(QuietHoursError::WholeWeek));
    assert!(always.open_at(at("2026-11-23T21:00:00Z"), &TimeZone::UTC) > Some(at("2026-12-23T21:00:00Z")));
    let six = parse(serde_json::json!({"start": "06:00", "end": "18:00",
        "also": [{"start": "17:00", "end": "06:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}]}));
    assert_eq!(check(&six), Ok(()));
    let many = parse(
        serde_json::json!({"start": "06:00", "end": "18:00", "also": vec![serde_json::json!({"start": "01:00", "end": "02:00"}); 14]}),
    );
    assert_eq!(check(&many), Err(QuietHoursError::TooMany));
    for days in [serde_json::json!([]), serde_json::json!(["monday"]), serde_json::json!("mon")] {
        let window = serde_json::json!({"start": "06:00", "end": "18:00", "days": days});
        assert!(serde_json::from_value::<QuietWindow>(window).is_err());
    }
}

/// Weekday of a local time, and minutes since its midnight, without the code under test.
fn is_quiet(windows: &[QuietWindow], local: DateTime) -> bool {
    let minutes = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    let now = minutes(local.time());
    windows.iter().any(|window| {
        let (start, end) = (minutes(window.start), minutes(window.end));
        let has = |day: Weekday| window.days.contains(day);
        let today = local.date().weekday();
        if start < end {
            has(today) && (start..end).contains(&now)
        } else {
            (has(today) && now >= start) || (has(today.previous()) && now < end)
        }
    })
}

proptest! {
    #[test]
    fn the_end_is_the_first_minute_that_no_window_contains(
        windows in prop::collection::vec((0_i8..24, 0_i8..60, 0_i8..24, 1_u8..128), 1..4),
        seconds in 29_933_334_i64..30_500_000,
        name in prop::sample::select(vec!["Europe/Rome", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    ) {
        let windows: Vec<_> = windows
            .into_iter()
            .map(|(start, minute, end, days)| QuietWindow {
                start: Time::new(start, minute, 0, 0).unwrap(),
                end: Time::new(end, 59 - minute, 0, 0).unwrap(),
                days: Weekdays(days),
            })
            .collect();
        prop_assume!(check_quiet_windows(windows.iter().copied()).is_ok());
        let (now, zone) = (Timestamp::from_second(seconds * 60).unwrap(), zone(name));
        let mut open = now;
        while is_quiet(&windows, zone.to_datetime(open)) {
            open += 1.minute();
        }
        prop_assert_eq!(quiet_until(&windows, now, &zone), (open > now).then_some(open));
    }
}

proptest! {
    #[test]
    fn when_it_opens_it_is_open_and_within_a_day_and_the_changed_hour(
        start in 0_i8..24, end in 0_i8..24, minute in 0_i8..60, seconds in 1_796_000_000_i64..1_830_000_000,
        name in prop::sample::select(vec!["Europe/Rome", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    ) {
        prop_assume!(start != end);
        let window = QuietHours {
            start: Time::new(start, minute, 0, 0).unwrap(),
            end: Time::new(end, minute, 0, 0).unwrap(),
            days: Weekdays::default(),
            also: Vec::new(),
        };
        let now = Timestamp::from_second(seconds).unwrap();
        if let Some(open) = window.open_at(now, &zone(name)) {
            prop_assert!(open > now);
            prop_assert!(open.duration_since(now).as_hours() <= 25);
            prop_assert_eq!(window.open_at(open, &zone(name)), None);
        }
    }
}
