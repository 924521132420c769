//! Tests of preferences.
#![allow(clippy::unwrap_used)]

use super::*;

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
