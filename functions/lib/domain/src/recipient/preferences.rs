//! Preferences of a recipient: choices about types and channels, and quiet hours.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChoiceAuthor, ChoiceScope, ChoiceView, Choices};
use crate::channel::Channel;
use crate::quiet_hours::QuietHours;

/// Quiet hours with their author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenQuietHours {
    /// Hours in which notifications that are not critical are held.
    pub hours: QuietHours,
    /// Author.
    pub by: ChoiceAuthor,
    /// Time of the choice.
    pub at: Timestamp,
}

/// Preferences of a recipient. The default allows everything at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Choices about types and channels.
    pub choices: Choices,
    /// Quiet hours.
    pub quiet_hours: Option<ChosenQuietHours>,
}

/// All preferences that a caller decides, as a profile states them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedPreferences {
    /// Types that are refused on every channel.
    pub opted_out_types: BTreeSet<String>,
    /// Channels that are refused for every type.
    pub opted_out_channels: BTreeSet<Channel>,
    /// Quiet hours.
    pub quiet_hours: Option<QuietHours>,
}

impl Preferences {
    /// Returns the preferences after a caller stated all that it decides. The recipient's own refusals and quiet hours
    /// stay.
    #[must_use]
    pub fn stated(mut self, stated: StatedPreferences, now: Timestamp) -> Self {
        self.choices.set_all_of_caller(&stated.opted_out_types, &stated.opted_out_channels, now);
        self.set_quiet_hours(stated.quiet_hours, ChoiceAuthor::Caller, now);
        self
    }

    /// Sets or removes the quiet hours, unless they are the recipient's own and the author is a caller.
    pub fn set_quiet_hours(&mut self, hours: Option<QuietHours>, by: ChoiceAuthor, at: Timestamp) {
        let stored = self.quiet_hours.as_ref();
        let is_own = stored.is_some_and(|stored| stored.by.is_recipient());
        let is_same = stored.map(|stored| &stored.hours) == hours.as_ref();
        let is_kept = if by.is_recipient() { is_same && (is_own || stored.is_none()) } else { is_same || is_own };
        if !is_kept {
            self.quiet_hours = hours.map(|hours| ChosenQuietHours { hours, by, at });
        }
    }

    /// Returns the types that a caller refuses on every channel.
    pub fn opted_out_types(&self) -> impl Iterator<Item = &str> {
        self.refused_types(false)
    }

    /// Returns the types that the recipient refuses on every channel.
    pub fn unsubscribed_types(&self) -> impl Iterator<Item = &str> {
        self.refused_types(true)
    }

    fn refused_types(&self, is_own: bool) -> impl Iterator<Item = &str> {
        self.choices.iter().filter_map(move |(scope, choice)| match scope {
            ChoiceScope::Type(kind) if !choice.wants && choice.by.is_recipient() == is_own => Some(kind.as_str()),
            _ => None,
        })
    }

    /// Returns the channels that a caller refuses for every type.
    fn opted_out_channels(&self) -> impl Iterator<Item = Channel> {
        self.choices.iter().filter_map(|(scope, choice)| match scope {
            ChoiceScope::Channel(channel) if !choice.wants && !choice.by.is_recipient() => Some(*channel),
            _ => None,
        })
    }
}

/// JSON of the preferences, as responses show them.
#[derive(Debug, Serialize)]
pub struct PreferencesView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    opted_out_types: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    opted_out_channels: Vec<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_hours: Option<&'a QuietHours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<ChoiceView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_hours_choice: Option<QuietHoursChoice>,
}

#[derive(Debug, Serialize)]
struct QuietHoursChoice {
    by: ChoiceAuthor,
    at: Timestamp,
}

impl<'a> PreferencesView<'a> {
    /// Returns the whole preferences.
    #[must_use]
    pub fn of(preferences: &'a Preferences) -> Self {
        let author = |chosen: &ChosenQuietHours| QuietHoursChoice { by: chosen.by, at: chosen.at };
        Self {
            choices: preferences.choices.views().collect(),
            quiet_hours_choice: preferences.quiet_hours.as_ref().map(author),
            ..Self::settable(preferences)
        }
    }

    /// Returns the members that a profile from a caller may set.
    #[must_use]
    pub fn settable(preferences: &'a Preferences) -> Self {
        Self {
            opted_out_types: preferences.opted_out_types().collect(),
            opted_out_channels: preferences.opted_out_channels().collect(),
            quiet_hours: preferences.quiet_hours.as_ref().map(|chosen| &chosen.hours),
            choices: Vec::new(),
            quiet_hours_choice: None,
        }
    }
}

#[cfg(test)]
#[path = "preferences_tests.rs"]
mod tests;
