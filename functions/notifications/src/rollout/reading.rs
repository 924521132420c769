//! What is made of one read: each value on its own moves to what was read or keeps its last good one, and says once when
//! that changes. Pure; the caller logs.

use std::fmt;
use std::sync::Arc;

use super::{ListedUsers, Live, Percentage, Rollout};
use crate::private::Private;
use crate::settings::Settings;
use crate::track::PublicBaseUrl;

/// The texts as they stand in SSM, or as they last stood when they could be read. `None`: there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// The text of `rollout-percentage`.
    pub percentage: Option<Private<String>>,
    /// The text of `rollout-users`.
    pub users: Option<Private<String>>,
    /// The text of `settings`.
    pub settings: Option<Private<String>>,
    /// The text of `public-base-url`, which need not be there.
    pub public_base_url: Option<Private<String>>,
}

/// A change of one value's state, worth one line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was readable and is not, or is unreadable in another way.
    Unreadable {
        /// Which of the three: the last part of the parameter's name.
        parameter: &'static str,
        /// What is wrong, without the text.
        why: String,
    },
    /// It was unreadable and is readable again.
    Readable {
        /// Which of the three.
        parameter: &'static str,
    },
}

/// One value: the last good one, the text it came from, and what is wrong at present.
#[derive(Debug)]
struct Slot<T> {
    name: &'static str,
    parse: fn(&str) -> Result<T, String>,
    good: Option<(Private<String>, T)>,
    fault: Option<String>,
    /// Whether it may be missing, which then is its value.
    is_optional: bool,
}

impl<T: Clone + Default> Slot<T> {
    fn new(name: &'static str, parse: fn(&str) -> Result<T, String>) -> Self {
        Self { name, parse, good: None, fault: None, is_optional: false }
    }

    /// Takes what SSM said now.
    fn take(&mut self, text: Option<Private<String>>) -> Option<Change> {
        let fault = match text {
            None if self.is_optional => {
                self.good = None;
                None
            }
            None => Some("it does not exist".to_owned()),
            Some(text) if self.is_held(&text) => None,
            Some(text) => match (self.parse)(text.expose()) {
                Ok(value) => {
                    self.good = Some((text, value));
                    None
                }
                Err(why) => Some(why),
            },
        };
        self.become_faulty(fault)
    }

    /// Takes what the last good record holds, if nothing better is known. A record that no longer parses is no record.
    fn restore(&mut self, text: Option<&Private<String>>) {
        if let (None, Some(text)) = (&self.good, text)
            && let Ok(value) = (self.parse)(text.expose())
        {
            self.good = Some((text.clone(), value));
        }
    }

    fn is_held(&self, text: &Private<String>) -> bool {
        self.good.as_ref().is_some_and(|(held, _)| held == text)
    }

    fn become_faulty(&mut self, fault: Option<String>) -> Option<Change> {
        if fault == self.fault {
            return None;
        }
        self.fault = fault;
        let parameter = self.name;
        Some(self.fault.clone().map_or(Change::Readable { parameter }, |why| Change::Unreadable { parameter, why }))
    }

    fn value(&self) -> T {
        self.good.as_ref().map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn text(&self) -> Option<Private<String>> {
        self.good.as_ref().map(|(text, _)| text.clone())
    }
}

fn shown<T, E: fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Everything that is known of the three values.
#[derive(Debug)]
pub struct Known {
    percentage: Slot<Percentage>,
    users: Slot<Arc<ListedUsers>>,
    settings: Slot<Arc<Settings>>,
    public_base_url: Slot<Option<PublicBaseUrl>>,
}

impl Default for Known {
    /// Nothing: v2 for nobody, nobody listed, every setting at its default.
    fn default() -> Self {
        Self {
            percentage: Slot::new("rollout-percentage", |text| shown(text.parse())),
            users: Slot::new("rollout-users", |text| shown(ListedUsers::parse(text)).map(Arc::new)),
            settings: Slot::new("settings", |text| shown(Settings::parse(text)).map(Arc::new)),
            public_base_url: Slot {
                is_optional: true,
                ..Slot::new("public-base-url", |text| shown(PublicBaseUrl::parse(text)).map(Some))
            },
        }
    }
}

impl Known {
    /// Takes one answer of SSM. With `settings_only`, the rollout's two are not looked at.
    pub fn take(&mut self, texts: Texts, settings_only: bool) -> Vec<Change> {
        let settings = self.settings.take(texts.settings);
        if settings_only {
            return settings.into_iter().collect();
        }
        let base = self.public_base_url.take(texts.public_base_url);
        let rollout = [self.percentage.take(texts.percentage), self.users.take(texts.users)];
        rollout.into_iter().chain([settings, base]).flatten().collect()
    }

    /// Fills what is not known from the last good record.
    pub fn restore(&mut self, record: &Texts) {
        self.percentage.restore(record.percentage.as_ref());
        self.users.restore(record.users.as_ref());
        self.settings.restore(record.settings.as_ref());
    }

    /// Whether one of the values has never been readable here.
    pub fn lacks_something(&self, settings_only: bool) -> bool {
        let lacks_rollout = self.percentage.good.is_none() || self.users.good.is_none();
        self.settings.good.is_none() || (lacks_rollout && !settings_only)
    }

    /// The values to decide by.
    pub fn live(&self) -> Live {
        let rollout = Rollout { percentage: self.percentage.value(), users: self.users.value() };
        Live { rollout, settings: self.settings.value(), public_base_url: self.public_base_url.value() }
    }

    /// The texts that the values come from.
    pub fn good_texts(&self) -> Texts {
        Texts {
            percentage: self.percentage.text(),
            users: self.users.text(),
            settings: self.settings.text(),
            public_base_url: self.public_base_url.text(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn texts(percentage: &str, users: &str, settings: &str) -> Texts {
        let some = |text: &str| Some(Private::new(text.to_owned()));
        Texts { percentage: some(percentage), users: some(users), settings: some(settings), public_base_url: None }
    }

    #[test]
    fn a_base_for_links_may_be_missing_and_only_junk_is_told() {
        let mut known = Known::default();
        let with = |base: Option<&str>| Texts {
            public_base_url: base.map(|base| Private::new(base.to_owned())),
            ..texts("10", "[]", "{}")
        };
        let base_of = |known: &Known| known.live().public_base_url.map(|base| base.to_string());
        assert_eq!((known.take(with(None), false), base_of(&known)), (vec![], None));
        assert_eq!(known.take(with(Some("https://a.example")), false), []);
        assert!(matches!(
            &known.take(with(Some("junk")), false)[..],
            [Change::Unreadable { parameter: "public-base-url", .. }]
        ));
        assert_eq!(base_of(&known).as_deref(), Some("https://a.example"));
        assert!(matches!(&known.take(with(None), false)[..], [Change::Readable { .. }]));
        assert_eq!(base_of(&known), None);
    }

    fn percentage_of(known: &Known) -> String {
        known.live().rollout.percentage.to_string()
    }

    #[test]
    fn junk_keeps_the_last_good_value_and_is_told_once_per_change() {
        let mut known = Known::default();
        assert_eq!(known.take(texts("10", "[]", "{}"), false), []);
        let unreadable = |why: &str| Change::Unreadable { parameter: "rollout-percentage", why: why.to_owned() };
        let changes = known.take(texts("101", "[]", "{}"), false);
        assert_eq!(changes, [unreadable("it is above 100")]);
        assert_eq!(known.take(texts("101", "[]", "{}"), false), []);
        let other_junk = known.take(texts("", "[]", "{}"), false);
        assert_eq!(other_junk, [unreadable("it is empty")]);
        assert_eq!(percentage_of(&known), "10");
        let back = known.take(texts("10", "[]", "{}"), false);
        assert_eq!(back, [Change::Readable { parameter: "rollout-percentage" }]);
    }

    #[test]
    fn one_unreadable_value_does_not_hold_back_the_others() {
        let mut known = Known::default();
        known.take(texts("10", "[]", "{}"), false);
        let changes = known.take(texts("0", "alice", r#"{"sms": {"max_parts": 1}}"#), false);
        assert_eq!(changes.len(), 1);
        assert!(known.live().rollout.is_killed());
        assert_eq!(known.live().settings.sms.max_parts, 1);
    }

    #[test]
    fn a_parameter_that_is_gone_keeps_its_last_good_value() {
        let mut known = Known::default();
        known.take(texts("10", r#"["alice"]"#, "{}"), false);
        let changes = known.take(Texts::default(), false);
        assert_eq!(changes.len(), 3);
        assert!(
            changes.iter().all(|change| matches!(change, Change::Unreadable { why, .. } if why == "it does not exist"))
        );
        assert_eq!(percentage_of(&known), "10");
        assert!(known.live().rollout.users.contains("alice"));
    }

    #[test]
    fn nothing_known_is_v2_for_nobody_and_the_default_settings() {
        let known = Known::default();
        assert!(known.live().rollout.is_killed() && known.lacks_something(false));
        assert_eq!(*known.live().settings, Settings::default());
    }

    #[test]
    fn the_record_fills_only_what_is_not_known_and_its_own_junk_is_ignored() {
        let mut known = Known::default();
        known.take(texts("junk", r#"["alice"]"#, "{}"), false);
        known.restore(&texts("25", r#"["bob"]"#, "junk"));
        let rollout = known.live().rollout;
        assert_eq!(rollout.percentage.to_string(), "25");
        assert!(rollout.users.contains("alice") && !rollout.users.contains("bob"));

        let mut nothing = Known::default();
        nothing.restore(&texts("101", "bob", "junk"));
        assert!(nothing.live().rollout.is_killed() && nothing.lacks_something(false));
    }

    #[test]
    fn with_settings_only_the_rollout_is_not_missed() {
        let mut known = Known::default();
        let settings = Texts { settings: Some(Private::new("{}".to_owned())), ..Texts::default() };
        assert_eq!(known.take(settings, true), []);
        assert!(!known.lacks_something(true));
    }

    #[test]
    fn the_good_texts_are_those_the_values_came_from() {
        let mut known = Known::default();
        known.take(texts("10", "[]", "{}"), false);
        known.take(texts("junk", "[\"alice\"]", "{}"), false);
        assert_eq!(known.good_texts(), texts("10", "[\"alice\"]", "{}"));
    }
}
