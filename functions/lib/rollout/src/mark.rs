//! How the service signs what it writes to SSM: in the version's description, which its history keeps, so that whoever reads
//! the history later, after any crash, can tell the service's versions from the operators'.
//!
//! ```text
//! <what the parameter is>; set by the guard from version 7 at 2026-11-24T10:02:00.123Z
//! <what the parameter is>; put back from version 9 at 2026-11-24T10:02:01.456Z
//! ```
//!
//! SSM may keep a description that the next writer does not give, and the console offers it for editing: a mark that the
//! version before bears too is a copy, and its version an operator's.

use jiff::Timestamp;

use super::Intent;
use domain::By;
use domain::rollout::{ParameterVersion, Percentage};

/// What `make init` describes the percentage as.
pub const DESCRIPTION: &str = "Share of recipients in v2: 0 to 100, up to two decimals; 0 is the kill switch";
/// What `make init` allows it to be: what [`domain::rollout::Percentage`] reads.
pub const ALLOWED_PATTERN: &str = r"^(100(\.0{1,2})?|(0|[1-9][0-9]?)(\.[0-9]{1,2})?)$";

const SET: &str = "set by ";
const PUT_BACK: &str = "put back ";

/// A version that the service wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The whole of it, which is never the same twice.
    pub text: &'a str,
    /// The version that it was to follow on. Where another came in between, its number is not the next.
    pub from: i64,
}

/// The description of what an intent writes.
pub fn of_intent(intent: &Intent) -> String {
    let who = match intent.by {
        By::Guard => "the guard",
        By::Ramp => "a ramp",
        By::Api(_) | By::Operator(_) => "the API",
    };
    format!("{DESCRIPTION}; {SET}{who}{}", from_at(intent.from_version, intent.at))
}

/// The description of an operator's value that is put back over the service's own version `over`.
pub fn of_put_back(over: i64, at: Timestamp) -> String {
    format!("{DESCRIPTION}; {PUT_BACK}{}", from_at(over, at).trim_start())
}

fn from_at(from: i64, at: Timestamp) -> String {
    let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    format!(" from version {from} at {at}")
}

/// The mark of a version that the service wrote, given the version before it; `None` for an operator's.
pub fn of<'a>(found: &'a ParameterVersion, before: Option<&ParameterVersion>) -> Option<Mark<'a>> {
    let description = &found.written.as_ref()?.description;
    if before.and_then(|before| before.written.as_ref()).is_some_and(|before| before.description == *description) {
        return None;
    }
    let (_, text) = description.rsplit_once("; ")?;
    let is_mark = text.starts_with(SET) || text.starts_with(PUT_BACK);
    let (_, from) = text.split_once(" from version ").or_else(|| text.split_once("from version "))?;
    let from = from.split_once(" at ")?.0.parse().ok()?;
    is_mark.then_some(Mark { text, from })
}

impl Mark<'_> {
    /// Whose it is, by its words alone.
    pub fn by(&self) -> By {
        let who = self.text.strip_prefix(SET).unwrap_or_default();
        if who.starts_with("a ramp") {
            By::Ramp
        } else if who.starts_with("the API") {
            By::Api(String::new())
        } else {
            By::Guard
        }
    }

    /// Whether it gives an operator's value back.
    pub fn is_put_back(&self) -> bool {
        self.text.starts_with(PUT_BACK)
    }

    /// Whether it is what this intent wrote.
    pub fn is_of(&self, intent: &Intent) -> bool {
        of_intent(intent).ends_with(self.text)
    }
}

/// The version that must stand again, and its value: the newest of an operator's that came between a version of the service's
/// and the one it was to follow on. Junk is owed to nobody: it was never in force. `history` is in order, up to the present
/// version.
pub fn owed(history: &[ParameterVersion]) -> Option<(i64, Percentage)> {
    let mark_at = |at: usize| of(&history[at], at.checked_sub(1).map(|before| &history[before]));
    let last = history.len().checked_sub(1)?;
    let mark = mark_at(last)?;
    let between = (0..last).rev().take_while(|at| history[*at].version > mark.from);
    let theirs = between.filter(|at| mark_at(*at).is_none()).map(|at| &history[at]).next()?;
    let value = |version: &ParameterVersion| version.value.expose().parse::<Percentage>().ok();
    let wanted = value(theirs).filter(|wanted| value(&history[last]) != Some(*wanted))?;
    Some((theirs.version, wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::rollout::Written;
    use platform::private::Private;

    fn at() -> Timestamp {
        "2026-11-24T10:02:00.123456Z".parse().unwrap()
    }

    fn intent(by: By, from_version: i64) -> Intent {
        Intent { at: at(), from_version, from: None, to: 0, by, reason: None, numbers: None }
    }

    fn version(version: i64, value: &str, description: &str) -> ParameterVersion {
        let written = Written { at: at(), by: Private::default(), description: description.to_owned() };
        ParameterVersion { version, modified_ms: 0, value: Private::new(value.to_owned()), written: Some(written) }
    }

    #[test]
    fn what_make_init_says_of_the_parameter_stays_said() {
        let init = include_str!("../../../../infra/notifications_ops/parameters.py");
        assert!(init.contains(&format!("PERCENTAGE = r\"{ALLOWED_PATTERN}\"")));
        assert!(init.contains(&format!("\"{DESCRIPTION}\"")));
    }

    #[test]
    fn a_mark_names_who_and_what_it_was_to_follow_on() {
        for (by, words) in [(By::Guard, "the guard"), (By::Ramp, "a ramp"), (By::Api(String::new()), "the API")] {
            let intent = intent(by.clone(), 7);
            let found = version(8, "0", &of_intent(&intent));
            let mark = of(&found, Some(&version(7, "10", DESCRIPTION))).unwrap();
            assert_eq!(mark.text, format!("set by {words} from version 7 at 2026-11-24T10:02:00.123Z"));
            assert!(mark.from == 7 && mark.by() == by && mark.is_of(&intent) && !mark.is_put_back());
        }
        let back = version(10, "10", &of_put_back(9, at()));
        let mark = of(&back, None).unwrap();
        assert!(mark.is_put_back() && mark.from == 9, "{}", mark.text);
    }

    #[test]
    fn an_operators_version_bears_no_mark_of_its_own() {
        let ours = version(8, "0", &of_intent(&intent(By::Guard, 7)));
        let description = ours.written.clone().unwrap().description;
        assert_eq!(of(&version(9, "50", &description), Some(&ours)), None, "a copy");
        for text in ["", DESCRIPTION, "set by me; as agreed", "x; set by the guard", "x; set by a from version y at z"]
        {
            assert_eq!(of(&version(9, "50", text), Some(&ours)), None, "{text}");
        }
    }

    #[test]
    fn an_operators_value_is_owed_where_the_service_came_right_after_it() {
        let guard = of_intent(&intent(By::Guard, 7));
        let seven = version(7, "100", DESCRIPTION);
        let owed_of = |versions: &[ParameterVersion]| owed(versions).map(|(version, _)| version);
        assert_eq!(owed_of(&[]), None);
        assert_eq!(owed_of(&[seven.clone(), version(8, "0", &guard)]), None);
        let overlap = [seven.clone(), version(8, "50", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(owed_of(&overlap), Some(8));
        let twice = [seven.clone(), version(8, "50", ""), version(9, "25", ""), version(10, "0", &guard)];
        assert_eq!(owed_of(&twice), Some(9), "the newer one");
        let same = [seven.clone(), version(8, "0", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(owed_of(&same), None, "it is what they wanted");
        let junk = [seven.clone(), version(8, "10%", DESCRIPTION), version(9, "0", &guard)];
        assert_eq!(owed_of(&junk), None);
        let newer = [&overlap[..], &[version(10, "25", &guard)]].concat();
        assert_eq!(owed_of(&newer), None, "they wrote again, and the description was kept");
        let back = [&overlap[..], &[version(10, "50", &of_put_back(9, at()))]].concat();
        assert_eq!(owed_of(&back), None);
        let late = [&overlap[..], &[version(10, "25", ""), version(11, "50", &of_put_back(9, at()))]].concat();
        assert_eq!(owed_of(&late), Some(10));
    }
}
