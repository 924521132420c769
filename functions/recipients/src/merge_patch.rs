//! JSON Merge Patch (RFC 7396) of a profile.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use domain::NotificationTypes;
use domain::recipient::read_only::{READ_ONLY, READ_ONLY_PREFERENCES};
use domain::recipient::{PreferencesView, Profile, ReadOnly, Recipient};
use platform::http::Request;
use platform::problem::{FieldError, Problem, ProblemKind};

const MEDIA_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];
/// The members that a caller may set. The other two lists are the members of `preferences` and of `quiet_hours`.
const MEMBERS: [&str; 6] = ["email", "phone", "locale", "time_zone", "attributes", "preferences"];
const PREFERENCES: [&str; 3] = ["opted_out_types", "opted_out_channels", "quiet_hours"];
const QUIET_HOURS: [&str; 4] = ["start", "end", "days", "also"];

/// A patch before it is merged with a profile.
#[derive(Debug, Clone)]
pub struct ProfilePatch {
    members: Value,
    /// Values that the patch gives for read-only members.
    pub read_only: ReadOnly,
}

impl ProfilePatch {
    /// Parses a request.
    ///
    /// # Errors
    /// 415 for another media type; 400 or 413 for the body; 422 if it is no object or has unknown members.
    pub fn parse(request: &Request) -> Result<Self, Problem> {
        let content_type = request.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.is_empty() && !MEDIA_TYPES.iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
            let detail = "A patch is application/merge-patch+json (RFC 7396).";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        Self::of_json(request.json_value()?)
    }

    /// Checks the names of a patch's members.
    ///
    /// # Errors
    /// 422 if it is no object or has unknown members.
    pub fn of_json(mut members: Value) -> Result<Self, Problem> {
        let Value::Object(given) = &members else {
            return Err(Problem::invalid_field("body", "must be an object"));
        };
        let mut errors = unknown(given, &[&MEMBERS[..], &READ_ONLY[..]].concat(), "");
        if let Some(preferences) = given.get("preferences").and_then(Value::as_object) {
            errors.extend(unknown(
                preferences,
                &[&PREFERENCES[..], &READ_ONLY_PREFERENCES[..]].concat(),
                "preferences.",
            ));
            if let Some(hours) = preferences.get("quiet_hours").and_then(Value::as_object) {
                errors.extend(unknown(hours, &QUIET_HOURS, "preferences.quiet_hours."));
            }
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let read_only = ReadOnly::take(&mut members);
        Ok(Self { members, read_only })
    }

    /// Removes `preferences` and its members if they are null, so that the patch removes no preference.
    #[must_use]
    pub fn without_removed_preferences(mut self) -> Self {
        if let Value::Object(members) = &mut self.members {
            if members.get("preferences").is_some_and(Value::is_null) {
                members.remove("preferences");
            }
            if let Some(Value::Object(preferences)) = members.get_mut("preferences") {
                preferences.retain(|_, value| !value.is_null());
            }
        }
        self
    }

    /// Returns the members that the patch changes.
    pub(super) const fn members(&self) -> &Value {
        &self.members
    }

    /// Merges the patch with a stored profile, or with an empty one, and validates the result as a whole.
    ///
    /// # Errors
    /// 422 with every invalid field of the result.
    pub fn merged(
        &self,
        stored: Option<&Recipient>,
        types: &NotificationTypes,
        now: Timestamp,
    ) -> Result<Profile, Problem> {
        let mut members = stored.map_or_else(
            || json!({}),
            |stored| {
                json!({
                    "email": stored.email.as_ref().map(|email| email.as_str()),
                    "phone": stored.phone.as_ref().map(|phone| phone.as_str()),
                    "locale": stored.locale,
                    "time_zone": stored.time_zone,
                    "attributes": stored.attributes.expose(),
                    "preferences": PreferencesView::settable(&stored.preferences),
                })
            },
        );
        merge(&mut members, &self.members);
        Profile::of_json(members, types, stored, now)
    }
}

/// Returns one error for each unknown member.
fn unknown(members: &Map<String, Value>, known: &[&str], prefix: &str) -> Vec<FieldError> {
    let unknown = members.keys().filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| FieldError::new(format!("{prefix}{name}"), "is not a known field")).collect()
}

/// Applies a merge patch: the algorithm of RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Tests the examples of RFC 7396, appendix A.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, result, "{target} {patch}");
        }
    }
}
