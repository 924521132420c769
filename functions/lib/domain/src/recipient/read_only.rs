//! Read-only members of a recipient, which GET returns and a caller cannot set. They are ignored if they equal the
//! stored values. So a caller may send the response of GET back.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Recipient, RecipientId, RecipientView};
use platform::problem::FieldError;
use platform::read_only::{ReadOnlyFields, is_same};
use platform::rfc3339;

/// Names of the read-only members.
pub const READ_ONLY: [&str; 6] =
    ["id", "unsubscribed_types", "suppressed_channels", "created_at", "updated_at", "devices"];

/// Names of the read-only members of `preferences`.
pub const READ_ONLY_PREFERENCES: [&str; 2] = ["choices", "quiet_hours_choice"];

/// Names of the read-only members that change without the profile: a device registers, an address is suppressed.
const NOT_OF_THE_PROFILE: [&str; 3] = ["devices", "suppressed_channels", "updated_at"];

/// Read-only members of a body, by their paths.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOnly(ReadOnlyFields);

impl ReadOnly {
    /// Removes the read-only members from a body and returns them.
    pub fn take(body: &mut Value) -> Self {
        let fields = ReadOnlyFields::take(&READ_ONLY, body);
        Self(fields.with_fields_of("preferences", &READ_ONLY_PREFERENCES, body))
    }

    /// Returns the members that belong to the profile. If a caller names the stored version of the profile, the others
    /// may have changed since it read them.
    #[must_use]
    pub fn of_profile(&self) -> Self {
        Self(self.0.without(&NOT_OF_THE_PROFILE))
    }

    /// Returns one error for each member that differs from the stored value.
    #[must_use]
    pub fn changed(&self, id: &RecipientId, stored: Option<&Recipient>) -> Vec<FieldError> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let unknown = || json!({"id": id, "unsubscribed_types": [], "suppressed_channels": [], "devices": []});
        let stored = stored.map_or_else(unknown, |recipient| json!(RecipientView::of(recipient)));
        let value_of = |path: &str| path.split('.').fold(&stored, |value, member| &value[member]);
        self.0.differing(|path, given| is_same_member(path, given, value_of(path)))
    }
}

fn is_same_member(path: &str, given: &Value, stored: &Value) -> bool {
    match path {
        "created_at" | "updated_at" => is_same(given, stored),
        "devices" => match (given.as_array(), stored.as_array()) {
            (Some(given), Some(stored)) => {
                given.len() == stored.len()
                    && given.iter().zip(stored).all(|(given, stored)| is_same_device(given, stored))
            }
            _ => false,
        },
        _ => given == stored,
    }
}

/// Returns `true` if a device equals the stored one, or differs only in an earlier `last_used_at`.
fn is_same_device(given: &Value, stored: &Value) -> bool {
    let (Value::Object(mut given), Value::Object(mut stored)) = (given.clone(), stored.clone()) else { return false };
    let (before, now) = (given.remove("last_used_at"), stored.remove("last_used_at"));
    let is_earlier = before.as_ref().and_then(time) <= now.as_ref().and_then(time);
    given == stored && (before == now || (before.as_ref().and_then(time).is_some() && is_earlier))
}

fn time(value: &Value) -> Option<Timestamp> {
    rfc3339::parse(value.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::ToSpan;

    use super::*;
    use crate::recipient::sample::with_everything;
    use crate::recipient::{Choice, ChoiceAuthor, ChoiceScope};

    fn changed(body: &Value, stored: Option<&Recipient>) -> Vec<String> {
        let id = RecipientId::parse("ada").unwrap();
        let errors = ReadOnly::take(&mut body.clone()).changed(&id, stored);
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn the_response_of_get_is_unchanged_also_after_a_device_was_used() {
        let mut stored = with_everything(2);
        let body = json!(RecipientView::of(&stored));
        assert_eq!(changed(&body, Some(&stored)), [""; 0]);
        stored.devices[1].last_used_at += 24.hours();
        assert_eq!(changed(&body, Some(&stored)), [""; 0]);
        assert_eq!(changed(&json!({"created_at": "1970-01-01T01:00:00.000+01:00"}), Some(&stored)), [""; 0]);
    }

    #[test]
    fn all_members_that_differ_are_named_at_once() {
        let stored = with_everything(1);
        let body = json!({"id": "bob", "devices": [], "created_at": null, "updated_at": "2027-01-01T00:00:00Z",
            "unsubscribed_types": ["NEWS"], "suppressed_channels": "secret"});
        let mut fields = changed(&body, Some(&stored));
        fields.sort_unstable();
        let mut all = READ_ONLY;
        all.sort_unstable();
        assert_eq!(fields, all);
        let mut body = json!(RecipientView::of(&stored));
        for (member, value) in [("last_used_at", json!("2027-01-01T00:00:00Z")), ("host", json!("secret"))] {
            let before = std::mem::replace(&mut body["devices"][0][member], value);
            assert_eq!(changed(&body, Some(&stored)), ["devices"], "{member}");
            body["devices"][0][member] = before;
        }
    }

    #[test]
    fn members_that_change_without_the_profile_are_ignored_if_its_version_is_named() {
        let stored = with_everything(1);
        let id = RecipientId::parse("ada").unwrap();
        let mut body = json!({"id": "bob", "devices": [], "created_at": null, "updated_at": "2027-01-01T00:00:00Z",
            "unsubscribed_types": ["NEWS"], "suppressed_channels": ["sms"]});
        let errors = ReadOnly::take(&mut body).of_profile().changed(&id, Some(&stored));
        let mut fields: Vec<_> = errors.into_iter().map(|error| error.field).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["created_at", "id", "unsubscribed_types"]);
    }

    #[test]
    fn choices_are_read_only_members_of_the_preferences() {
        let mut stored = with_everything(0);
        let refusal = Choice::refusal(ChoiceAuthor::Link, Timestamp::UNIX_EPOCH);
        stored.preferences.choices.set(ChoiceScope::Type("NEWS".to_owned()), refusal);
        let mut body = json!(RecipientView::of(&stored));
        assert_eq!(changed(&body, Some(&stored)), [""; 0]);
        body["preferences"]["choices"][0]["wants"] = json!(true);
        assert_eq!(changed(&body, Some(&stored)), ["preferences.choices"]);
        let hours = json!({"preferences": {"quiet_hours_choice": {"by": "caller"}}});
        assert_eq!(changed(&hours, Some(&stored)), ["preferences.quiet_hours_choice"]);
        assert_eq!(changed(&hours, None), ["preferences.quiet_hours_choice"]);
    }

    #[test]
    fn an_unknown_recipient_has_nothing_but_the_id() {
        assert_eq!(changed(&json!({"id": "ada", "devices": [], "unsubscribed_types": []}), None), [""; 0]);
        assert_eq!(changed(&json!({"created_at": "2027-01-01T00:00:00Z"}), None), ["created_at"]);
    }
}
