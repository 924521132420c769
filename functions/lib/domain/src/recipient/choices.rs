//! Choices about types and channels: each with the value, the author and the time.
//!
//! A message is sent on a channel only if no choice that applies to it is a refusal. Only the recipient changes
//! the recipient's refusal. A caller's refusal covers a wish of the recipient until the caller withdraws it.
//! [`Choices::set`] enforces both invariants.

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
    /// Wish of the recipient that holds again when the caller withdraws this refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered_wish: Option<CoveredWish>,
}

/// Author and time of a wish under a caller's refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CoveredWish {
    /// Author: the recipient.
    pub by: ChoiceAuthor,
    /// Time of the wish.
    pub at: Timestamp,
}

/// All choices about one recipient, at most one for each scope. Without a choice, messages of
/// that scope are allowed, unless the type requires a wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    stored: BTreeMap<ChoiceScope, Choice>,
    /// Wishes of the recipient under the refusals of a caller.
    covered: BTreeMap<ChoiceScope, Choice>,
}

impl FromIterator<(ChoiceScope, Choice)> for Choices {
    fn from_iter<T: IntoIterator<Item = (ChoiceScope, Choice)>>(choices: T) -> Self {
        Self { stored: choices.into_iter().collect(), covered: BTreeMap::new() }
    }
}

impl Choices {
    /// Stores a choice, unless it would change the recipient's own refusal and its author is a caller.
    ///
    /// A choice that is already stored keeps its time. The recipient's choice replaces the same choice of a caller. A
    /// caller's wish only withdraws the caller's refusal, and a wish of the recipient from before holds again.
    pub fn set(&mut self, scope: ChoiceScope, choice: Choice) {
        let stored = self.stored.get(&scope).copied();
        let is_kept = stored.is_some_and(|stored| {
            let is_protected = !stored.wants && stored.by.is_recipient();
            let is_same = stored.wants == choice.wants;
            (is_protected || is_same) && (!choice.by.is_recipient() || (is_same && stored.by.is_recipient()))
        });
        if is_kept {
            return;
        }
        let covered = self.covered.remove(&scope);
        if choice.by.is_recipient() || !choice.wants {
            let wish = stored.filter(|stored| stored.wants && !choice.by.is_recipient());
            self.covered.extend(wish.map(|wish| (scope.clone(), wish)));
            self.stored.insert(scope, choice);
        } else if let Some(wish) = covered {
            self.stored.insert(scope, wish);
        } else {
            self.stored.remove(&scope);
        }
    }

    /// Adds a wish of the recipient from elsewhere, unless there is a choice of the recipient already. A caller's
    /// refusal covers it.
    pub fn add_wish(&mut self, scope: ChoiceScope, wish: Choice) {
        match self.stored.get(&scope) {
            None => _ = self.stored.insert(scope, wish),
            Some(stored) if !stored.by.is_recipient() => _ = self.covered.entry(scope).or_insert(wish),
            Some(_) => {}
        }
    }

    /// Returns the wishes of the recipient under the refusals of a caller.
    pub fn covered(&self) -> impl Iterator<Item = (&ChoiceScope, &Choice)> {
        self.covered.iter()
    }

    /// Stores which whole types and whole channels a caller refuses. The caller's other refusals of whole types and
    /// whole channels end.
    pub fn set_all_of_caller(&mut self, types: &BTreeSet<String>, channels: &BTreeSet<Channel>, at: Timestamp) {
        let by = ChoiceAuthor::Caller;
        let types = types.iter().map(|kind| ChoiceScope::Type(kind.clone()));
        let refused: BTreeSet<_> = types.chain(channels.iter().map(|channel| ChoiceScope::Channel(*channel))).collect();
        let is_left_out = |scope: &&ChoiceScope| !matches!(scope, ChoiceScope::Cell(..)) && !refused.contains(*scope);
        let left_out: Vec<_> = self.stored.keys().filter(is_left_out).cloned().collect();
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
        self.stored.iter()
    }

    /// Returns all choices as responses show them.
    pub fn views(&self) -> impl Iterator<Item = ChoiceView<'_>> {
        self.stored.iter().map(|one| self.view(one))
    }

    /// Returns `true` unless the choice of exactly this scope is a refusal.
    #[must_use]
    pub fn wants(&self, scope: &ChoiceScope) -> bool {
        self.refusal(scope).is_none()
    }

    /// Returns `true` if the choice of exactly this scope is a wish.
    #[must_use]
    pub fn wishes(&self, scope: &ChoiceScope) -> bool {
        self.stored.get(scope).is_some_and(|choice| choice.wants)
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
        if self.stored.is_empty() {
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
        if self.stored.is_empty() {
            return None;
        }
        let cell = || self.refusal(&ChoiceScope::Cell(kind.to_string(), channel)).filter(|_| !rules.is_critical());
        self.refusal(&ChoiceScope::Channel(channel)).or_else(cell)
    }

    fn refusal(&self, scope: &ChoiceScope) -> Option<ChoiceView<'_>> {
        self.stored.get_key_value(scope).filter(|(_, choice)| !choice.wants).map(|one| self.view(one))
    }

    fn view<'a>(&self, (scope, choice): (&'a ChoiceScope, &'a Choice)) -> ChoiceView<'a> {
        let Choice { wants, by, at } = *choice;
        let covered_wish = self.covered.get(scope).map(|wish| CoveredWish { by: wish.by, at: wish.at });
        ChoiceView { kind: scope.kind(), channel: scope.channel(), wants, by, at, covered_wish }
    }
}

#[cfg(test)]
#[path = "choices_tests.rs"]
mod tests;
