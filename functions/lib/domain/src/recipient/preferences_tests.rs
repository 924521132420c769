//! Tests of preferences.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::recipient::Choice;
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn hours(start: &str) -> QuietHours {
    serde_json::from_value(json!({"start": start, "end": "07:30"})).unwrap()
}

fn stated(types: &[&str], hours: Option<QuietHours>) -> StatedPreferences {
    let opted_out_types = types.iter().map(|kind| (*kind).to_owned()).collect();
    StatedPreferences { opted_out_types, opted_out_channels: BTreeSet::from([Channel::Sms]), quiet_hours: hours }
}

#[test]
fn a_caller_sees_its_own_refusals_and_all_choices_with_author_and_time() {
    let mut preferences = Preferences::default().stated(stated(&["NEWS"], Some(hours("22:00"))), at(1));
    let refusal = Choice::refusal(ChoiceAuthor::Link, at(2));
    preferences.choices.set(ChoiceScope::Cell("DEFAULT".to_owned(), Channel::Email), refusal);
    preferences.choices.set(ChoiceScope::Type("OFFERS".to_owned()), refusal);
    assert_eq!(
        json!(PreferencesView::of(&preferences)),
        json!({
            "opted_out_types": ["NEWS"], "opted_out_channels": ["sms"],
            "quiet_hours": {"start": "22:00", "end": "07:30"},
            "choices": [
                {"type": "NEWS", "wants": false, "by": "caller", "at": "1970-01-01T00:00:01Z"},
                {"type": "OFFERS", "wants": false, "by": "link", "at": "1970-01-01T00:00:02Z"},
                {"channel": "sms", "wants": false, "by": "caller", "at": "1970-01-01T00:00:01Z"},
                {"type": "DEFAULT", "channel": "email", "wants": false, "by": "link", "at": "1970-01-01T00:00:02Z"},
            ],
            "quiet_hours_choice": {"by": "caller", "at": "1970-01-01T00:00:01Z"},
        })
    );
    assert_eq!(preferences.unsubscribed_types().collect::<Vec<_>>(), ["OFFERS"]);
    assert_eq!(json!(PreferencesView::of(&Preferences::default())), json!({}));
}

#[test]
fn stating_the_same_again_changes_nothing() {
    let first = Preferences::default().stated(stated(&["NEWS"], Some(hours("22:00"))), at(1));
    assert_eq!(first.clone().stated(stated(&["NEWS"], Some(hours("22:00"))), at(9)), first);
    let emptied = first.stated(StatedPreferences::default(), at(9));
    assert_eq!(emptied, Preferences::default());
}

#[test]
fn a_caller_changes_no_quiet_hours_of_the_recipient() {
    use ChoiceAuthor::{Caller, Link, Person};
    for own in [Person, Link] {
        let mut preferences = Preferences::default();
        preferences.set_quiet_hours(Some(hours("22:00")), Caller, at(1));
        preferences.set_quiet_hours(Some(hours("22:00")), own, at(2));
        let chosen = ChosenQuietHours { hours: hours("22:00"), by: own, at: at(2) };
        assert_eq!(preferences.quiet_hours, Some(chosen.clone()), "the recipient confirms them");
        for stated in [None, Some(hours("23:00")), Some(hours("22:00"))] {
            preferences.set_quiet_hours(stated, Caller, at(3));
            assert_eq!(preferences.quiet_hours, Some(chosen.clone()));
        }
        preferences.set_quiet_hours(None, own, at(4));
        assert_eq!(preferences.quiet_hours, None);
        preferences.set_quiet_hours(Some(hours("23:00")), Caller, at(5));
        assert_eq!(preferences.quiet_hours.unwrap().by, Caller);
    }
}
