//! Choices that a recipient makes at one time: the body of `PUT /v1/recipients/{id}/preferences`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::profile::quiet_hours_error;
use super::{Choice, ChoiceAuthor, ChoiceScope, Preferences};
use crate::NotificationTypes;
use crate::channel::Channel;
use crate::quiet_hours::QuietHours;
use platform::json::shaped;
use platform::problem::{FieldError, Problem};

/// Maximum number of choices in a body: more than all scopes of the maximum number of types.
pub(super) const MAX_CHOICES: usize = 1_000;

/// Choices of a recipient. Everything that they do not name stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonChoices {
    /// Scopes with the recipient's wish.
    pub choices: BTreeMap<ChoiceScope, bool>,
    /// New quiet hours; `Some(None)` removes them.
    pub quiet_hours: Option<Option<QuietHours>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    choices: Vec<ChoiceBody>,
    #[serde(default, deserialize_with = "present")]
    quiet_hours: Option<Option<QuietHours>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceBody {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    channel: Option<Channel>,
    wants: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<QuietHours>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl PersonChoices {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn of_json(body: Value, types: &NotificationTypes) -> Result<Self, Problem> {
        let Body { choices: given, quiet_hours } = shaped(body, "")?;
        let mut errors = Vec::new();
        let mut choices = BTreeMap::new();
        if given.len() > MAX_CHOICES {
            return Err(Problem::invalid_field("choices", "must be at most 1,000 choices"));
        }
        for (at, one) in given.into_iter().enumerate() {
            let inserted = scope(at, one.kind, one.channel, types).map(|scope| choices.insert(scope, one.wants));
            match inserted {
                Ok(None) => {}
                Ok(Some(_)) => {
                    errors
                        .push(FieldError::new(format!("choices[{at}]"), "has the type and channel of an earlier one"));
                }
                Err(error) => errors.push(error),
            }
        }
        errors.extend(quiet_hours.iter().flatten().find_map(|hours| quiet_hours_error(hours, "quiet_hours")));
        if errors.is_empty() { Ok(Self { choices, quiet_hours }) } else { Err(Problem::invalid(errors)) }
    }

    /// Returns the preferences after these choices.
    #[must_use]
    pub fn applied(&self, stored: &Preferences, by: ChoiceAuthor, now: Timestamp) -> Preferences {
        let mut next = stored.clone();
        for (scope, wants) in &self.choices {
            next.choices.set(scope.clone(), Choice { wants: *wants, by, at: now });
        }
        if let Some(hours) = &self.quiet_hours {
            next.set_quiet_hours(hours.clone(), by, now);
        }
        next
    }
}

/// Returns the scope of a choice at this index.
fn scope(
    at: usize,
    kind: Option<String>,
    channel: Option<Channel>,
    types: &NotificationTypes,
) -> Result<ChoiceScope, FieldError> {
    if let Some(Err(unknown)) = kind.as_deref().map(|kind| types.known(kind)) {
        return Err(FieldError::new(format!("choices[{at}].type"), unknown.to_string()));
    }
    scope_of(kind, channel).ok_or_else(|| FieldError::new(format!("choices[{at}]"), WITHOUT_SCOPE))
}

/// Message for a choice about nothing.
pub(super) const WITHOUT_SCOPE: &str = "must name a type, a channel, or both";

/// Returns the scope of a choice about this type and channel.
pub(super) fn scope_of(kind: Option<String>, channel: Option<Channel>) -> Option<ChoiceScope> {
    match (kind, channel) {
        (Some(kind), Some(channel)) => Some(ChoiceScope::Cell(kind, channel)),
        (Some(kind), None) => Some(ChoiceScope::Type(kind)),
        (None, Some(channel)) => Some(ChoiceScope::Channel(channel)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<PersonChoices, Problem> {
        PersonChoices::of_json(body, &NotificationTypes::default())
    }

    #[test]
    fn what_is_not_named_stays() {
        let now = Timestamp::UNIX_EPOCH;
        let body = json!({"choices": [{"type": "DEFAULT", "channel": "sms", "wants": false}, {"channel": "email", "wants": false}],
            "quiet_hours": {"start": "22:00", "end": "07:00"}});
        let first = parse(body).unwrap().applied(&Preferences::default(), ChoiceAuthor::Person, now);
        assert_eq!(parse(json!({})).unwrap().applied(&first, ChoiceAuthor::Person, now), first);
        let body = json!({"choices": [{"channel": "email", "wants": true}], "quiet_hours": null});
        let second = parse(body).unwrap().applied(&first, ChoiceAuthor::Link, now);
        let keys: Vec<_> = second.choices.iter().map(|(scope, choice)| (scope.key(), choice.wants)).collect();
        assert_eq!(keys, [("*|email".to_owned(), true), ("DEFAULT|sms".to_owned(), false)]);
        assert_eq!(second.quiet_hours, None);
    }

    #[test]
    fn each_wrong_field_is_named() {
        for (body, field) in [
            (json!({"choices": [{"wants": true}]}), "choices[0]"),
            (json!({"choices": [{"type": "secret", "wants": true}]}), "choices[0].type"),
            (json!({"choices": [{"channel": "fax", "wants": true}]}), "choices[0].channel"),
            (json!({"choices": [{"channel": "sms"}]}), "choices[0].wants"),
            (json!({"choices": [{"channel": "sms", "wants": true, "by": "person"}]}), "choices[0].by"),
            (json!({"choices": [{"channel": "sms", "wants": true}, {"channel": "sms", "wants": false}]}), "choices[1]"),
            (json!({"choices": vec![json!({"channel": "sms", "wants": true}); 1_001]}), "choices"),
            (json!({"quiet_hours": {"start": "07:00", "end": "07:00"}}), "quiet_hours.end"),
            (json!({"quiet_hours": {"start": "25:00", "end": "07:00"}}), "quiet_hours.start"),
            (json!({"colour": 1}), "colour"),
        ] {
            let problem = parse(body).unwrap_err();
            assert_eq!(problem.errors[0].field, field, "{problem:?}");
            assert!(!problem.detail.contains("secret"), "{problem:?}");
        }
    }
}
