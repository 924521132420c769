//! Choices about types and channels: each with the value, the author and the time.
//!
//! A message is sent on a channel only if no choice that applies to it is a refusal. The refusal of a recipient is
//! changed only by the recipient: [`Choices::set`] is the one place of this law.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::{DefaultOpt, TypeId, TypeRules};

/// Author of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceAuthor {
    /// A caller, for its own reasons.
    Caller,
    /// The recipient, for whom a caller acts, or who complained about a message.
    Person,
    /// The holder of a link in a message to the recipient.
    Link,
}

impl ChoiceAuthor {
    const ALL: [Self; 3] = [Self::Caller, Self::Person, Self::Link];

    /// Returns `true` if the choice is the recipient's own.
    #[must_use]
    pub const fn is_recipient(self) -> bool {
        matches!(self, Self::Person | Self::Link)
    }

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Person => "person",
            Self::Link => "link",
        }
    }

    /// Returns the author with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|author| author.as_str() == name)
    }
}

/// Part of the matrix of types and channels to which a choice applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChoiceScope {
    /// A type, on every channel.
    Type(String),
    /// A channel, for every type.
    Channel(Channel),
    /// A type on one channel.
    Cell(String, Channel),
}

/// Separator of type and channel in a key.
const SEPARATOR: char = '|';
/// Placeholder in a key for every type or every channel.
const EVERY: &str = "*";

impl ChoiceScope {
    /// Returns the scope as a text, such as `NEWS|*`, `*|sms` or `NEWS|sms`.
    #[must_use]
    pub fn key(&self) -> String {
        let channel = self.channel().map_or(EVERY, Channel::as_str);
        format!("{}{SEPARATOR}{channel}", self.kind().unwrap_or(EVERY))
    }

    /// Parses a text that [`Self::key`] returned.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        match key.rsplit_once(SEPARATOR)? {
            (EVERY, channel) => Channel::parse(channel).map(Self::Channel),
            ("", _) => None,
            (kind, EVERY) => Some(Self::Type(kind.to_owned())),
            (kind, channel) => Some(Self::Cell(kind.to_owned(), Channel::parse(channel)?)),
        }
    }

    /// Returns the type; `None` for every type.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Type(kind) | Self::Cell(kind, _) => Some(kind),
            Self::Channel(_) => None,
        }
    }

    /// Returns the channel; `None` for every channel.
    #[must_use]
    pub const fn channel(&self) -> Option<Channel> {
        match self {
            Self::Channel(channel) | Self::Cell(_, channel) => Some(*channel),
            Self::Type(_) => None,
        }
    }
}

/// One choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// `false` refuses messages.
    pub wants: bool,
    /// Author.
    pub by: ChoiceAuthor,
    /// Time of the choice.
    pub at: Timestamp,
}

impl Choice {
    /// Returns a refusal.
    #[must_use]
    pub const fn refusal(by: ChoiceAuthor, at: Timestamp) -> Self {
        Self { wants: false, by, at }
    }
}

/// A choice with its scope, as responses show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChoiceView<'a> {
    /// Type; absent for every type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
    /// Channel; absent for every channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// `false` refuses messages.
    pub wants: bool,
    /// Author.
    pub by: ChoiceAuthor,
    /// Time of the choice.
    pub at: Timestamp,
}

impl<'a> ChoiceView<'a> {
    fn of((scope, choice): (&'a ChoiceScope, &'a Choice)) -> Self {
        let Choice { wants, by, at } = *choice;
        Self { kind: scope.kind(), channel: scope.channel(), wants, by, at }
    }
}

/// All choices about one recipient, at most one for each scope. A scope without a choice is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices(BTreeMap<ChoiceScope, Choice>);

impl FromIterator<(ChoiceScope, Choice)> for Choices {
    fn from_iter<T: IntoIterator<Item = (ChoiceScope, Choice)>>(choices: T) -> Self {
        Self(choices.into_iter().collect())
    }
}

impl Choices {
    /// Stores a choice, unless it would change the recipient's own refusal and its author is a caller.
    ///
    /// A choice that is already stored keeps its time. The recipient's choice replaces the same choice of a caller. A
    /// caller's wish only withdraws the caller's refusal.
    pub fn set(&mut self, scope: ChoiceScope, choice: Choice) {
        let stored = self.0.get(&scope);
        let is_kept = stored.is_some_and(|stored| {
            let is_protected = !stored.wants && stored.by.is_recipient();
            let is_same = stored.wants == choice.wants;
            (is_protected || is_same) && (!choice.by.is_recipient() || (is_same && stored.by.is_recipient()))
        });
        if is_kept {
            return;
        }
        if choice.wants && choice.by == ChoiceAuthor::Caller {
            self.0.remove(&scope);
        } else {
            self.0.insert(scope, choice);
        }
    }

    /// Stores which whole types and whole channels a caller refuses. The caller's other refusals of whole types and
    /// whole channels end.
    pub fn set_all_of_caller(&mut self, types: &BTreeSet<String>, channels: &BTreeSet<Channel>, at: Timestamp) {
        let by = ChoiceAuthor::Caller;
        let types = types.iter().map(|kind| ChoiceScope::Type(kind.clone()));
        let refused: BTreeSet<_> = types.chain(channels.iter().map(|channel| ChoiceScope::Channel(*channel))).collect();
        let is_left_out = |scope: &&ChoiceScope| !matches!(scope, ChoiceScope::Cell(..)) && !refused.contains(*scope);
        let left_out: Vec<_> = self.0.keys().filter(is_left_out).cloned().collect();
        for scope in left_out {
            self.set(scope, Choice { wants: true, by, at });
        }
        for scope in refused {
            self.set(scope, Choice::refusal(by, at));
        }
    }

    /// Adds the refusals of `earlier`, so that none of them is lost.
    pub fn add_refusals_of(&mut self, earlier: &Self) {
        for (scope, choice) in earlier.iter().filter(|(_, choice)| !choice.wants) {
            self.set(scope.clone(), *choice);
        }
    }

    /// Returns all choices with their scopes.
    pub fn iter(&self) -> impl Iterator<Item = (&ChoiceScope, &Choice)> {
        self.0.iter()
    }

    /// Returns all choices as responses show them.
    pub fn views(&self) -> impl Iterator<Item = ChoiceView<'_>> {
        self.0.iter().map(ChoiceView::of)
    }

    /// Returns `true` unless the choice of exactly this scope is a refusal.
    #[must_use]
    pub fn wants(&self, scope: &ChoiceScope) -> bool {
        self.refusal(scope).is_none()
    }

    /// Returns `true` if the choice of exactly this scope is a wish.
    #[must_use]
    pub fn wishes(&self, scope: &ChoiceScope) -> bool {
        self.0.get(scope).is_some_and(|choice| choice.wants)
    }

    /// Returns `true` if notifications of a type with these channels may be sent: the type is critical, or it is not
    /// refused and, if it is sent on a wish alone, wished for.
    #[must_use]
    pub fn allow_type(&self, kind: &TypeId, channels: &[Channel], rules: &TypeRules) -> bool {
        let has_wish = || rules.default_opt == DefaultOpt::In || self.wishes(&ChoiceScope::Type(kind.to_string()));
        rules.is_critical() || (self.refusal_of_type(kind, channels).is_none() && has_wish())
    }

    /// Returns the choice by which notifications of a type with these channels are refused: that of the whole type, or
    /// those of all its channels.
    #[must_use]
    pub fn refusal_of_type(&self, kind: &TypeId, channels: &[Channel]) -> Option<ChoiceView<'_>> {
        if self.0.is_empty() {
            return None;
        }
        let whole = self.refusal(&ChoiceScope::Type(kind.to_string()));
        whole.or_else(|| {
            let mut cells = channels.iter().map(|channel| self.refusal(&ChoiceScope::Cell(kind.to_string(), *channel)));
            let first = cells.next()??;
            cells.all(|cell| cell.is_some()).then_some(first)
        })
    }

    /// Returns the choice by which a channel is refused for a type: that of the whole channel, or that of the type on
    /// this channel. A critical type has no refusals of its own.
    #[must_use]
    pub fn refusal_of_channel(&self, channel: Channel, kind: &TypeId, rules: &TypeRules) -> Option<ChoiceView<'_>> {
        if self.0.is_empty() {
            return None;
        }
        let cell = || self.refusal(&ChoiceScope::Cell(kind.to_string(), channel)).filter(|_| !rules.is_critical());
        self.refusal(&ChoiceScope::Channel(channel)).or_else(cell)
    }

    fn refusal(&self, scope: &ChoiceScope) -> Option<ChoiceView<'_>> {
        self.0.get_key_value(scope).filter(|(_, choice)| !choice.wants).map(ChoiceView::of)
    }
}

#[cfg(test)]
#[path = "choices_tests.rs"]
mod tests;
