//! Guards of a running campaign: shares of bad results at which it pauses itself.

use serde::{Deserialize, Serialize};

use crate::tally::PeopleTally;
use domain::notification::Reason;

/// Number of people from which shares are compared.
const DEFAULT_MIN_PEOPLE: u64 = 100;
/// Default limits.
const DEFAULT_FAILED_PERCENT: f64 = 10.0;
const DEFAULT_MISSING_VARIABLE_PERCENT: f64 = 5.0;

/// Limits of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Largest share of failed notifications among the attempted ones, in percent.
    pub max_failed_percent: f64,
    /// Largest share of people that are skipped because a variable is missing, in percent of those that match.
    pub max_missing_variable_percent: f64,
    /// Number of people from which the shares are compared.
    pub min_people: u64,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_failed_percent: DEFAULT_FAILED_PERCENT,
            max_missing_variable_percent: DEFAULT_MISSING_VARIABLE_PERCENT,
            min_people: DEFAULT_MIN_PEOPLE,
        }
    }
}

impl Guards {
    /// Returns the name of a field that is out of range.
    #[must_use]
    pub fn invalid_field(&self) -> Option<&'static str> {
        let is_share = |share: f64| (0.0..=100.0).contains(&share);
        if !is_share(self.max_failed_percent) {
            return Some("max_failed_percent");
        }
        (!is_share(self.max_missing_variable_percent)).then_some("max_missing_variable_percent")
    }
}

/// Ends of the campaign's notifications so far, later reports included: a bounce turns an accepted e-mail into a failed one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Notifications that ended, without those that were skipped.
    pub closed: u64,
    /// Those of them that reached nobody.
    pub failed: u64,
}

/// Returns the fault for which the campaign must pause, for its operators.
#[must_use]
#[allow(clippy::cast_precision_loss)] // at most a million people
pub fn guard_fault(guards: &Guards, tally: &PeopleTally, ends: Ends) -> Option<String> {
    let share = |part: u64, of: u64| {
        let is_enough = of >= guards.min_people.max(1);
        is_enough.then(|| part as f64 * 100.0 / of as f64)
    };
    // The numbers of the first attempts are known at once, and the later reports are more.
    for (failed, attempted) in [(tally.failed, tally.sent + tally.failed), (ends.failed, ends.closed)] {
        if let Some(failed) = share(failed, attempted).filter(|failed| *failed > guards.max_failed_percent) {
            let limit = guards.max_failed_percent;
            return Some(format!("{failed:.1} % of {attempted} notifications failed, more than {limit} %"));
        }
    }
    let missing = tally.skipped_for(Reason::MissingVariable);
    let missing = share(missing, tally.matched).filter(|share| *share > guards.max_missing_variable_percent)?;
    let (of, limit) = (tally.matched, guards.max_missing_variable_percent);
    Some(format!("a variable was missing for {missing:.1} % of {of} people, more than {limit} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::PersonOutcome;

    #[test]
    fn a_share_above_its_limit_is_a_fault_once_there_are_enough_people() {
        let guards = Guards { min_people: 10, ..Guards::default() };
        let tally =
            |sent: u64, failed: u64| PeopleTally { matched: sent + failed, sent, failed, ..PeopleTally::default() };
        let none = Ends::default();
        assert_eq!(guard_fault(&guards, &tally(9, 1), none), None, "exactly the limit");
        assert_eq!(guard_fault(&guards, &tally(0, 9), none), None, "too few people");
        let bounced = guard_fault(&guards, &tally(10, 0), Ends { closed: 10, failed: 3 });
        assert_eq!(bounced.as_deref(), Some("30.0 % of 10 notifications failed, more than 10 %"));
        let fault = guard_fault(&guards, &tally(8, 2), none);
        assert_eq!(fault.as_deref(), Some("20.0 % of 10 notifications failed, more than 10 %"));
        let mut missing = tally(9, 0);
        missing.add(&PersonOutcome::Skipped("missing_variable"), "");
        let fault = guard_fault(&guards, &missing, none);
        assert_eq!(fault.as_deref(), Some("a variable was missing for 10.0 % of 10 people, more than 5 %"));
    }
}
