//! Tests of quiet hours in real time zones, with both clock changes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

fn hours(start: &str, end: &str) -> QuietHours {
    serde_json::from_value(serde_json::json!({ "start": start, "end": end })).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_type_or_channel_is_wanted_until_opted_out_of() {
    let preferences: Preferences =
        serde_json::from_str(r#"{"opted_out_types":["NEWS"],"opted_out_channels":["sms"]}"#).unwrap();
    assert!(!preferences.wants_type("NEWS") && preferences.wants_type("DEFAULT"));
    assert!(!preferences.wants_channel(Channel::Sms) && preferences.wants_channel(Channel::Push));
    assert!(Preferences::default().wants_type("NEWS") && Preferences::default().wants_channel(Channel::Sms));
}

#[test]
fn preferences_keep_their_shape_through_json() {
    let text =
        r#"{"opted_out_types":["NEWS"],"opted_out_channels":["email"],"quiet_hours":{"start":"22:00","end":"07:30"}}"#;
    let preferences: Preferences = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&preferences).unwrap(), text);
    assert_eq!(serde_json::to_string(&Preferences::default()).unwrap(), "{}");
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
        };
        let now = Timestamp::from_second(seconds).unwrap();
        if let Some(open) = window.open_at(now, &zone(name)) {
            prop_assert!(open > now);
            prop_assert!(open.duration_since(now).as_hours() <= 25);
            prop_assert_eq!(window.open_at(open, &zone(name)), None);
        }
    }
}
