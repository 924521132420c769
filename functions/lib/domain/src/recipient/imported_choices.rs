//! Preferences in an item of an import, in the form in which an export shows them: choices and quiet hours with their
//! authors and times.
//!
//! An import adds refusals. It adds wishes and quiet hours of the recipient only where the recipient has chosen
//! nothing, so it reverts no choice.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::person_choices::{MAX_CHOICES, WITHOUT_SCOPE, scope_of};
use super::profile::quiet_hours_error;
use super::{Choice, ChoiceAuthor, ChoiceScope, ChosenQuietHours, Preferences};
use crate::NotificationTypes;
use crate::channel::Channel;
use crate::quiet_hours::QuietHours;
use platform::json::shaped;
use platform::problem::{FieldError, Problem};
use platform::rfc3339;

/// Choices and quiet hours of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedChoices {
    refusals: Vec<(ChoiceScope, Choice)>,
    /// Wishes of the recipient.
    wishes: Vec<(ChoiceScope, Choice)>,
    /// Quiet hours of the recipient.
    quiet_hours: Option<ChosenQuietHours>,
    /// Names that no type has, each with its error.
    unknown: Vec<(String, FieldError)>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    choices: Option<Vec<ChoiceMember>>,
    #[serde(default)]
    quiet_hours_choice: Option<AuthorMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceMember {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    channel: Option<Channel>,
    wants: bool,
    #[serde(default)]
    by: Option<ChoiceAuthor>,
    #[serde(default, deserialize_with = "rfc3339::optional")]
    at: Option<Timestamp>,
    #[serde(default)]
    covered_wish: Option<AuthorMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorMember {
    by: ChoiceAuthor,
    #[serde(default, deserialize_with = "rfc3339::optional")]
    at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct HoursMember {
    quiet_hours: QuietHours,
}

impl ImportedChoices {
    /// Takes the choices and the recipient's own quiet hours out of the member `preferences` of an item. What a caller
    /// decided stays in it.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn take(
        preferences: &mut Map<String, Value>,
        types: &NotificationTypes,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let names = ["choices", "quiet_hours_choice"];
        let members: Map<_, _> = names.iter().filter_map(|name| preferences.remove_entry(*name)).collect();
        let Members { choices, quiet_hours_choice } = shaped(Value::Object(members), "preferences")?;
        let mut imported = Self::default();
        imported.add(choices.unwrap_or_default(), types, now)?;
        let own = quiet_hours_choice.filter(|author| author.by.is_recipient());
        let hours =
            own.and_then(|own| Some((own, preferences.remove("quiet_hours").filter(|hours| !hours.is_null())?)));
        if let Some((AuthorMember { by, at }, hours)) = hours {
            let HoursMember { quiet_hours: hours } = shaped(json!({"quiet_hours": hours}), "preferences")?;
            if let Some(error) = quiet_hours_error(&hours, "preferences.quiet_hours") {
                return Err(Problem::invalid(vec![error]));
            }
            imported.quiet_hours = Some(ChosenQuietHours { hours, by, at: past(at, now) });
        }
        Ok(imported)
    }

    fn add(&mut self, given: Vec<ChoiceMember>, types: &NotificationTypes, now: Timestamp) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if given.len() > MAX_CHOICES {
            return Err(Problem::invalid_field("preferences.choices", "must be at most 1,000 choices"));
        }
        for (index, ChoiceMember { kind, channel, wants, by, at, covered_wish }) in given.into_iter().enumerate() {
            let by = by.unwrap_or(if wants { ChoiceAuthor::Caller } else { ChoiceAuthor::Link });
            let wish = if wants { Some((by, at)) } else { covered_wish.map(|wish| (wish.by, wish.at)) };
            // A caller has no wishes.
            let wish = wish.filter(|(by, _)| by.is_recipient());
            if wants && wish.is_none() {
                continue;
            }
            if let Some((kind, Err(unknown))) = kind.as_ref().map(|kind| (kind.clone(), types.known(kind))) {
                let field = format!("preferences.choices[{index}].type");
                self.unknown.push((kind, FieldError::new(field, unknown.to_string())));
            }
            match scope_of(kind, channel) {
                Some(scope) => {
                    let wish = wish.map(|(by, at)| Choice { wants: true, by, at: past(at, now) });
                    self.wishes.extend(wish.map(|wish| (scope.clone(), wish)));
                    self.refusals.extend((!wants).then_some((scope, Choice::refusal(by, past(at, now)))));
                }
                None => errors.push(FieldError::new(format!("preferences.choices[{index}]"), WITHOUT_SCOPE)),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    /// Adds refusals of the types of `unsubscribed_types`.
    pub fn refuse(&mut self, kinds: Vec<String>, types: &NotificationTypes, now: Timestamp) {
        let refusal = Choice::refusal(ChoiceAuthor::Link, now);
        for (at, kind) in kinds.into_iter().enumerate() {
            if let Err(unknown) = types.known(&kind) {
                let field = format!("unsubscribed_types[{at}]");
                self.unknown.push((kind.clone(), FieldError::new(field, unknown.to_string())));
            }
            self.refusals.push((ChoiceScope::Type(kind), refusal));
        }
    }

    /// Returns the errors of the names that no type has, except for those about which choices are stored: a type may
    /// have been deleted since.
    pub fn unknown_types<'a>(&'a self, stored: Option<&'a Preferences>) -> impl Iterator<Item = FieldError> + 'a {
        let is_stored = move |name: &str| {
            stored.is_some_and(|stored| stored.choices.iter().any(|(scope, _)| scope.kind() == Some(name)))
        };
        self.unknown.iter().filter(move |(name, _)| !is_stored(name)).map(|(_, error)| error.clone())
    }

    /// Adds everything to preferences.
    pub fn add_to(&self, preferences: &mut Preferences) {
        for (scope, wish) in &self.wishes {
            preferences.choices.add_wish(scope.clone(), *wish);
        }
        for (scope, refusal) in &self.refusals {
            preferences.choices.set(scope.clone(), *refusal);
        }
        let has_own = preferences.quiet_hours.as_ref().is_some_and(|chosen| chosen.by.is_recipient());
        if let (Some(chosen), false) = (&self.quiet_hours, has_own) {
            preferences.quiet_hours = Some(chosen.clone());
        }
    }
}

/// Returns the time of a choice, which is never in the future.
fn past(at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    at.map_or(now, |at| at.min(now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn take(mut preferences: Value) -> Result<(ImportedChoices, Value), Problem> {
        let members = preferences.as_object_mut().unwrap();
        let imported = ImportedChoices::take(members, &NotificationTypes::default(), at(100))?;
        Ok((imported, preferences))
    }

    fn added(item: Value, mut preferences: Preferences) -> Preferences {
        take(item).unwrap().0.add_to(&mut preferences);
        preferences
    }

    fn quiet_hours(preferences: &Preferences) -> Option<(ChoiceAuthor, Timestamp)> {
        preferences.quiet_hours.as_ref().map(|chosen| (chosen.by, chosen.at))
    }

    #[test]
    fn choices_keep_their_author_and_time_and_those_of_a_caller_stay_in_the_profile() {
        let own = json!({"start": "22:00", "end": "07:00"});
        let item = json!({
            "opted_out_types": ["DEFAULT"], "quiet_hours": own, "quiet_hours_choice": {"by": "person", "at": "1970-01-01T00:00:05Z"},
            "choices": [
                {"type": "DEFAULT", "wants": false, "by": "caller", "at": "1970-01-01T00:00:06Z",
                    "covered_wish": {"by": "link", "at": "1970-01-01T00:00:04Z"}},
                {"type": "PAYMENT_DUE", "wants": false, "by": "person", "at": "2027-01-01T00:00:00Z"},
                {"channel": "sms", "wants": false},
                {"channel": "email", "wants": true, "by": "person", "at": "1970-01-01T00:00:07Z"},
                {"channel": "push", "wants": true},
            ],
        });
        let (imported, rest) = take(item).unwrap();
        assert_eq!(rest, json!({"opted_out_types": ["DEFAULT"]}));
        let mut preferences = Preferences::default();
        imported.add_to(&mut preferences);
        let found: Vec<_> =
            preferences.choices.iter().map(|(scope, one)| (scope.key(), one.wants, one.by.as_str(), one.at)).collect();
        let expected = [
            ("DEFAULT|*", false, "caller", at(6)),
            ("PAYMENT_DUE|*", false, "person", at(100)),
            ("*|email", true, "person", at(7)),
            ("*|sms", false, "link", at(100)),
        ];
        assert_eq!(found, expected.map(|(key, wants, by, at)| (key.to_owned(), wants, by, at)));
        assert_eq!(
            preferences.choices.covered().map(|(_, wish)| (wish.by, wish.at)).collect::<Vec<_>>(),
            [(ChoiceAuthor::Link, at(4))]
        );
        assert_eq!(quiet_hours(&preferences), Some((ChoiceAuthor::Person, at(5))));
        let of_caller =
            json!({"quiet_hours": own, "quiet_hours_choice": {"by": "caller", "at": "1970-01-01T00:00:05Z"}});
        let (imported, rest) = take(of_caller).unwrap();
        assert_eq!((imported, rest), (ImportedChoices::default(), json!({"quiet_hours": own})));
    }

    #[test]
    fn no_choice_of_the_recipient_is_reverted() {
        let item = || {
            json!({
                "quiet_hours": {"start": "22:00", "end": "07:00"}, "quiet_hours_choice": {"by": "link"},
                "choices": [{"type": "DEFAULT", "wants": true, "by": "person"}],
            })
        };
        let mut chosen = Preferences::default();
        let scope = ChoiceScope::Type("DEFAULT".to_owned());
        chosen.choices.set(scope.clone(), Choice::refusal(ChoiceAuthor::Link, at(1)));
        let hours = serde_json::from_value(json!({"start": "01:00", "end": "02:00"})).unwrap();
        chosen.set_quiet_hours(Some(hours), ChoiceAuthor::Person, at(1));
        assert_eq!(added(item(), chosen.clone()), chosen);
        let hours = serde_json::from_value(json!({"start": "01:00", "end": "02:00"})).unwrap();
        let mut of_caller = Preferences::default();
        of_caller.set_quiet_hours(Some(hours), ChoiceAuthor::Caller, at(1));
        let imported = added(item(), of_caller);
        assert!(imported.choices.wishes(&scope));
        assert_eq!(quiet_hours(&imported), Some((ChoiceAuthor::Link, at(100))));
    }

    #[test]
    fn times_have_the_form_of_every_other_time() {
        let item = json!({"choices": [{"channel": "sms", "wants": false, "at": "1970-01-01t00:00:05.1234567890z"}]});
        let preferences = added(item, Preferences::default());
        let (_, refusal) = preferences.choices.iter().next().unwrap();
        assert_eq!(refusal.at.as_second(), 5);
    }

    #[test]
    fn a_type_that_does_not_exist_is_an_error_unless_a_choice_about_it_is_stored() {
        let (mut imported, _) = take(json!({"choices": [{"type": "X", "wants": false}]})).unwrap();
        imported.refuse(vec!["DEFAULT".to_owned(), "Y".to_owned()], &NotificationTypes::default(), at(100));
        let errors = |stored: Option<&Preferences>| -> Vec<String> {
            imported.unknown_types(stored).map(|error| error.field).collect()
        };
        assert_eq!(errors(None), ["preferences.choices[0].type", "unsubscribed_types[1]"]);
        let mut stored = Preferences::default();
        let refusal = Choice::refusal(ChoiceAuthor::Link, at(1));
        stored.choices.set(ChoiceScope::Cell("X".to_owned(), Channel::Sms), refusal);
        assert_eq!(errors(Some(&stored)), ["unsubscribed_types[1]"]);
    }

    #[test]
    fn each_wrong_field_is_named() {
        let many = vec![json!({"channel": "sms", "wants": true}); 1_001];
        for (item, field) in [
            (json!({"choices": [{"channel": "sms", "wants": false, "by": "me"}]}), "preferences.choices[0].by"),
            (json!({"choices": [{"wants": false}]}), "preferences.choices[0]"),
            (json!({"choices": many}), "preferences.choices"),
            (
                json!({"choices": [{"channel": "sms", "wants": true, "at": "2026-11-23T10:00Z"}]}),
                "preferences.choices[0].at",
            ),
            (
                json!({"choices": [{"channel": "sms", "wants": true, "covered_wish": {"by": "link", "at": "2026-11-23T10:00:00+00:00[UTC]"}}]}),
                "preferences.choices[0].covered_wish.at",
            ),
            (
                json!({"quiet_hours_choice": {"by": "link", "at": "2026-11-23T10:00:00"}}),
                "preferences.quiet_hours_choice.at",
            ),
            (json!({"quiet_hours_choice": {"by": "me"}}), "preferences.quiet_hours_choice.by"),
            (
                json!({"quiet_hours_choice": {"by": "link"}, "quiet_hours": {"start": "22:00"}}),
                "preferences.quiet_hours.end",
            ),
            (
                json!({"quiet_hours_choice": {"by": "link"}, "quiet_hours": {"start": "22:00", "end": "22:00"}}),
                "preferences.quiet_hours.end",
            ),
        ] {
            let problem = take(item).unwrap_err();
            assert_eq!(problem.errors[0].field, field, "{problem:?}");
        }
    }
}
