//! Form of the preference page, as the recipient submitted it.
//!
//! Each checkbox has a hidden field with the state that the page showed. Only a checkbox that differs from it is a
//! choice. So a page that was open for long reverts nothing that the recipient did not touch. A page that is shown
//! again after an error keeps the hidden fields of the first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use domain::quiet_hours::QuietHours;
use domain::recipient::{ChoiceScope, PersonChoices};
use domain::{NotificationType, NotificationTypes, TypeState};
use platform::form;

/// Field with the state that was shown of a checkbox.
pub const SHOWN: &str = "shown";
/// Field of a ticked checkbox.
pub const TICKED: &str = "yes";
/// Field with the quiet hours that were shown.
pub const QUIET_SHOWN: &str = "quiet";
/// Fields of the two times.
pub const FROM: &str = "from";
/// See [`FROM`].
pub const UNTIL: &str = "until";
/// Field that removes several quiet hours.
pub const REMOVE: &str = "remove";
/// Value of [`QUIET_SHOWN`] for several quiet hours.
pub const SEVERAL: &str = "several";

/// Maximum size of a form. A page with the maximum number of types has a smaller one.
const MAX_BYTES: usize = 256 * 1024;

/// Error of a form. The page names it in the recipient's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreferenceFormError {
    /// The form is not that of the present page, such as after a type was archived.
    Outdated,
    /// One of the two times is missing.
    BothTimes,
    /// A time is not one.
    WrongTime,
    /// The two times are the same.
    SameTimes,
}

/// Submitted form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreferenceForm {
    shown: BTreeMap<ChoiceScope, bool>,
    ticked: BTreeSet<ChoiceScope>,
    /// Quiet hours that the page showed first, as [`QUIET_SHOWN`] holds them.
    pub quiet_shown: String,
    /// First time, as entered.
    pub from: String,
    /// Second time, as entered.
    pub until: String,
    /// `true` if several quiet hours are to be removed.
    pub is_removing: bool,
}

impl PreferenceForm {
    /// Parses a body. Returns `None` if it is not the form of a preference page.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_BYTES {
            return None;
        }
        let mut form = Self::default();
        for (name, value) in form::fields(body) {
            match name.as_str() {
                SHOWN => {
                    let (key, state) = value.rsplit_once('=')?;
                    form.shown.insert(ChoiceScope::parse(key)?, state == "y");
                }
                TICKED => _ = form.ticked.insert(ChoiceScope::parse(&value)?),
                QUIET_SHOWN => form.quiet_shown = value,
                FROM => form.from = value.trim().to_owned(),
                UNTIL => form.until = value.trim().to_owned(),
                REMOVE => form.is_removing = true,
                _ => {}
            }
        }
        let is_whole = !form.shown.is_empty() && form.ticked.iter().all(|scope| form.shown.contains_key(scope));
        is_whole.then_some(form)
    }

    /// Returns the state that was shown of a checkbox, if the form has it.
    #[must_use]
    pub fn shown(&self, scope: &ChoiceScope) -> Option<bool> {
        self.shown.get(scope).copied()
    }

    /// Returns `true` if the recipient left the checkbox ticked.
    #[must_use]
    pub fn is_ticked(&self, scope: &ChoiceScope) -> bool {
        self.ticked.contains(scope)
    }

    /// Returns everything that the recipient changed.
    ///
    /// # Errors
    /// Returns the first error of the form.
    pub fn choices(&self, types: &NotificationTypes) -> Result<PersonChoices, PreferenceFormError> {
        let is_offered = |kind: &str| types.get(kind).is_some_and(is_choosable);
        if !self.shown.keys().filter_map(ChoiceScope::kind).all(is_offered) {
            return Err(PreferenceFormError::Outdated);
        }
        let changed = self.shown.iter().filter(|(scope, shown)| self.is_ticked(scope) != **shown);
        let choices = changed.map(|(scope, shown)| (scope.clone(), !shown)).collect();
        Ok(PersonChoices { choices, quiet_hours: self.quiet_hours()? })
    }

    /// Returns the new quiet hours; `None` without a change.
    fn quiet_hours(&self) -> Result<Option<Option<QuietHours>>, PreferenceFormError> {
        match (self.from.as_str(), self.until.as_str()) {
            ("", "") => {
                let is_kept = self.quiet_shown.is_empty() || (self.quiet_shown == SEVERAL && !self.is_removing);
                Ok((!is_kept).then_some(None))
            }
            ("", _) | (_, "") => Err(PreferenceFormError::BothTimes),
            (from, until) if shown_hours(from, until) == self.quiet_shown => Ok(None),
            (from, until) => {
                let hours = serde_json::from_value::<QuietHours>(json!({"start": from, "end": until}));
                let hours = hours.map_err(|_| PreferenceFormError::WrongTime)?;
                if hours.start == hours.end { Err(PreferenceFormError::SameTimes) } else { Ok(Some(Some(hours))) }
            }
        }
    }
}

/// Returns two times as [`QUIET_SHOWN`] holds them.
#[must_use]
pub fn shown_hours(from: &str, until: &str) -> String {
    format!("{from}-{until}")
}

/// Returns `true` if a recipient may choose about the type.
#[must_use]
pub fn is_choosable(kind: &NotificationType) -> bool {
    is_visible(kind) && !kind.rules.is_critical()
}

/// Returns `true` if the page shows the type.
#[must_use]
pub fn is_visible(kind: &NotificationType) -> bool {
    kind.visible_in_preferences && kind.rules.state != TypeState::Archived
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::channel::Channel;

    fn parsed(body: &str) -> Option<PreferenceForm> {
        PreferenceForm::parse(body.as_bytes())
    }

    fn choices(body: &str) -> Result<PersonChoices, PreferenceFormError> {
        parsed(body).unwrap().choices(&NotificationTypes::default())
    }

    #[test]
    fn only_a_checkbox_that_the_recipient_touched_is_a_choice() {
        let body =
            "shown=DEFAULT%7C*%3Dy&yes=DEFAULT%7C*&shown=*|sms=y&shown=DEFAULT|push=n&yes=DEFAULT|push&shown=*|push=n";
        let changed = choices(body).unwrap();
        let expected = [
            (ChoiceScope::Channel(Channel::Sms), false),
            (ChoiceScope::Cell("DEFAULT".to_owned(), Channel::Push), true),
        ];
        assert_eq!(changed.choices.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(changed.quiet_hours, None);
    }

    #[test]
    fn quiet_hours_change_only_if_they_differ_from_what_was_shown() {
        let hours = |rest: &str| choices(&format!("shown=*|sms=n&{rest}")).map(|choices| choices.quiet_hours);
        let new = || serde_json::from_value(json!({"start": "22:00", "end": "07:30"})).unwrap();
        for (fields, change) in [
            ("quiet=&from=&until=", Ok(None)),
            ("quiet=&from=22:00&until=07%3A30", Ok(Some(Some(new())))),
            ("quiet=22:00-07:30&from=22:00&until=07:30", Ok(None)),
            ("quiet=21:00-07:30&from=22:00&until=07:30", Ok(Some(Some(new())))),
            ("quiet=22:00-07:30&from=&until=", Ok(Some(None))),
            ("quiet=several&from=&until=", Ok(None)),
            ("quiet=several&from=&until=&remove=y", Ok(Some(None))),
            ("quiet=several&from=22:00&until=07:30", Ok(Some(Some(new())))),
            ("quiet=&from=22:00&until=+", Err(PreferenceFormError::BothTimes)),
            ("quiet=&from=ten&until=07:30", Err(PreferenceFormError::WrongTime)),
            ("quiet=&from=24:00&until=07:30", Err(PreferenceFormError::WrongTime)),
            ("quiet=&from=07:30&until=07:30", Err(PreferenceFormError::SameTimes)),
        ] {
            assert_eq!(hours(fields), change, "{fields}");
        }
    }

    #[test]
    fn what_is_not_a_form_of_the_page_is_refused() {
        for body in
            ["", "x", "shown=DEFAULT|*", "shown=nonsense=y", "shown=*|sms=y&yes=*|push", "shown=*|sms=y&yes=x", "{}"]
        {
            assert_eq!(parsed(body), None, "{body}");
        }
        assert_eq!(parsed(&format!("shown=*|sms=y&x={}", "x".repeat(MAX_BYTES))), None);
        assert_eq!(choices("shown=OLD_TYPE|*=y"), Err(PreferenceFormError::Outdated));
    }
}
