//! Ownership tag: marks the versions of the percentage that the service wrote.
//!
//! The tag is a part of a version's description. SSM keeps the description of each version in its history. After a
//! crash, any process can therefore distinguish the service's versions from an operator's.
//!
//! ```text
//! <description of the parameter>; set by the guard from version 7 at 2026-11-24T10:02:00.123Z
//! <description of the parameter>; put back from version 9 at 2026-11-24T10:02:01.456Z
//! ```
//!
//! SSM may keep the old description if a writer gives none, and the AWS console offers it for editing. If the previous
//! version has the same tag, the tag is a copy, and the version is an operator's.

use jiff::Timestamp;

use super::state::Intent;
use domain::Actor;
use domain::rollout::{ParameterVersion, Percentage};
use platform::caller::Author;

/// Description of the percentage that `make init` writes.
pub const DESCRIPTION: &str = "Share of recipients in v2: 0 to 100, up to two decimals; 0 is the kill switch";
/// Pattern of the percentage that `make init` sets. [`domain::rollout::Percentage`] accepts the same texts.
pub const ALLOWED_PATTERN: &str = r"^(100(\.0{1,2})?|(0|[1-9][0-9]?)(\.[0-9]{1,2})?)$";

/// Description of the settings that `make init` writes.
pub const SETTINGS_DESCRIPTION: &str = "JSON object: breaker, budgets, prices, guard";
/// Pattern of the settings that `make init` sets.
pub const SETTINGS_PATTERN: &str = r"^\s*\{[\s\S]*\}\s*$";

const SET: &str = "set by ";
const RESTORE: &str = "put back ";

/// Ownership tag of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnershipTag<'a> {
    /// Text of the tag. It contains the time, so no two tags are equal.
    pub text: &'a str,
    /// Version that the write was meant to follow. If an operator wrote in between, the tagged version is not the next
    /// one.
    pub from: i64,
}

/// Returns the description for the write of an intent.
pub fn of_intent(intent: &Intent) -> String {
    let actor = match intent.by {
        Actor::Guard => "the guard",
        Actor::Ramp => "a ramp",
        Actor::Service => "the service",
        Actor::Api(_) | Actor::Operator { .. } => "the API",
    };
    format!("{DESCRIPTION}; {SET}{actor}{}", from_at(intent.from_version, intent.at))
}

/// Returns the description for a write that restores an operator's value over the service's version `over`.
pub fn of_restore(over: i64, at: Timestamp) -> String {
    format!("{DESCRIPTION}; {RESTORE}{}", from_at(over, at).trim_start())
}

/// Returns the description for a write of the settings by the API.
pub fn of_settings(from: i64, at: Timestamp) -> String {
    format!("{SETTINGS_DESCRIPTION}; {SET}the API{}", from_at(from, at))
}

/// Returns the description for a write that restores settings over the service's version `over`.
pub fn of_settings_restore(over: i64, at: Timestamp) -> String {
    format!("{SETTINGS_DESCRIPTION}; {RESTORE}{}", from_at(over, at).trim_start())
}

fn from_at(from: i64, at: Timestamp) -> String {
    let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    format!(" from version {from} at {at}")
}

/// Returns the tag of a version that the service wrote, given the previous version; `None` for an operator's version.
pub fn of<'a>(found: &'a ParameterVersion, before: Option<&ParameterVersion>) -> Option<OwnershipTag<'a>> {
    let description = &found.written.as_ref()?.description;
    if before.and_then(|before| before.written.as_ref()).is_some_and(|before| before.description == *description) {
        return None;
    }
    let (_, text) = description.rsplit_once("; ")?;
    let is_tag = text.starts_with(SET) || text.starts_with(RESTORE);
    let (_, from) = text.split_once(" from version ").or_else(|| text.split_once("from version "))?;
    let from = from.split_once(" at ")?.0.parse().ok()?;
    is_tag.then_some(OwnershipTag { text, from })
}

impl OwnershipTag<'_> {
    /// Returns the actor that the tag names. The name of an API client is not in the tag.
    pub fn actor(&self) -> Actor {
        let actor = self.text.strip_prefix(SET).unwrap_or_default();
        if actor.starts_with("a ramp") {
            Actor::Ramp
        } else if actor.starts_with("the API") {
            Actor::Api(Author::default())
        } else {
            Actor::Guard
        }
    }

    /// Returns `true` if the version restores an operator's value.
    pub fn is_restore(&self) -> bool {
        self.text.starts_with(RESTORE)
    }

    /// Returns `true` if the version was written for this intent.
    pub fn is_of(&self, intent: &Intent) -> bool {
        of_intent(intent).ends_with(self.text)
    }
}

/// Returns the operator's version that the service has overwritten, with its value. It is the newest one between a
/// version of the service and the version that this one was meant to follow. An invalid value is not restored, because
/// it was never in force. `history` is sorted and ends with the present version.
pub fn overwritten_by_us(history: &[ParameterVersion]) -> Option<(i64, Percentage)> {
    let tag_at = |at: usize| of(&history[at], at.checked_sub(1).map(|before| &history[before]));
    let last = history.len().checked_sub(1)?;
    let tag = tag_at(last)?;
    let between = (0..last).rev().take_while(|at| history[*at].version > tag.from);
    let operators = between.filter(|at| tag_at(*at).is_none()).map(|at| &history[at]).next()?;
    let value = |version: &ParameterVersion| version.value.expose().parse::<Percentage>().ok();
    let operators_value = value(operators).filter(|theirs| value(&history[last]) != Some(*theirs))?;
    Some((operators.version, operators_value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::rollout::ParameterOrigin;
    use platform::private::Private;

    fn at() -> Timestamp {
        "2026-11-24T10:02:00.123456Z".parse().unwrap()
    }

    fn intent(by: Actor, from_version: i64) -> Intent {
        Intent { at: at(), from_version, from: None, to: 0, by, reason: None, numbers: None }
    }

    fn version(version: i64, value: &str, description: &str) -> ParameterVersion {
        let written = ParameterOrigin { at: at(), by: Private::default(), description: description.to_owned() };
        ParameterVersion { version, modified_ms: 0, value: Private::new(value.to_owned()), written: Some(written) }
    }

    #[test]
    fn the_description_and_pattern_are_those_of_make_init() {
        let init = include_str!("../../../../infra/notifications_ops/parameters.py");
        assert!(init.contains(&format!("PERCENTAGE = r\"{ALLOWED_PATTERN}\"")));
        assert!(init.contains(&format!("\"{DESCRIPTION}\"")));
        assert!(init.contains(&format!("JSON_OBJECT = r\"{SETTINGS_PATTERN}\"")));
        assert!(init.contains(&format!("\"{SETTINGS_DESCRIPTION}\"")));
    }

    #[test]
    fn a_tag_names_the_actor_and_the_version_to_follow() {
        for (by, words) in
            [(Actor::Guard, "the guard"), (Actor::Ramp, "a ramp"), (Actor::Api(Author::default()), "the API")]
        {
            let intent = intent(by.clone(), 7);
            let found = version(8, "0", &of_intent(&intent));
            let tag = of(&found, Some(&version(7, "10", DESCRIPTION))).unwrap();
            assert_eq!(tag.text, format!("set by {words} from version 7 at 2026-11-24T10:02:00.123Z"));
            assert!(tag.from == 7 && tag.actor() == by && tag.is_of(&intent) && !tag.is_restore());
        }
        let back = version(10, "10", &of_restore(9, at()));
        let tag = of(&back, None).unwrap();
        assert!(tag.is_restore() && tag.from == 9, "{}", tag.text);
    }

    #[test]
    fn an_operators_version_has_no_tag_of_its_own() {
        let ours = version(8, "0", &of_intent(&intent(Actor::Guard, 7)));
        let description = ours.written.clone().unwrap().description;
        assert_eq!(of(&version(9, "50", &description), Some(&ours)), None, "a copy");
        for text in ["", DESCRIPTION, "set by me; as agreed", "x; set by the guard", "x; set by a from version y at z"]
        {
            assert_eq!(of(&version(9, "50", text), Some(&ours)), None, "{text}");
        }
    }

    #[test]
    fn an_operators_value_that_the_service_overwrote_is_found() {
        let guard = of_intent(&intent(Actor::Guard, 7));
        let seven = version(7, "100", DESCRIPTION);
        let overwritten = |versions: &[ParameterVersion]| overwritten_by_us(versions).map(|(version, _)| version);
        assert_eq!(overwritten(&[]), None);
        assert_eq!(overwritten(&[seven.clone(), version(8, "0", &guard)]), None);
        let overlap = [seven.clone(), version(8, "50", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(overwritten(&overlap), Some(8));
        let twice = [seven.clone(), version(8, "50", ""), version(9, "25", ""), version(10, "0", &guard)];
        assert_eq!(overwritten(&twice), Some(9), "the newer one");
        let same = [seven.clone(), version(8, "0", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(overwritten(&same), None, "the value is the same");
        let invalid = [seven.clone(), version(8, "10%", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(overwritten(&invalid), None);
        let newer = [&overlap[..], &[version(10, "25", &guard)]].concat();
        assert_eq!(overwritten(&newer), None, "the operator wrote again, and SSM kept the description");
        let back = [&overlap[..], &[version(10, "50", &of_restore(9, at()))]].concat();
        assert_eq!(overwritten(&back), None);
        let late = [&overlap[..], &[version(10, "25", ""), version(11, "50", &of_restore(9, at()))]].concat();
        assert_eq!(overwritten(&late), Some(10));
    }
}
