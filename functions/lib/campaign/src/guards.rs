//! Guards of a running campaign: shares of bad results at which it pauses itself.

use platform::counted_noun::counted_noun;
use serde::{Deserialize, Serialize};

use crate::tally::PeopleTally;
use domain::notification::Reason;

/// Minimum number of people for a comparison of shares.
const DEFAULT_MIN_PEOPLE: u64 = 100;
/// Default limits.
const DEFAULT_FAILED_PERCENT: f64 = 10.0;
const DEFAULT_MISSING_VARIABLE_PERCENT: f64 = 5.0;
const DEFAULT_COMPLAINED_PERCENT: f64 = 0.3;
const DEFAULT_OPTED_OUT_PERCENT: f64 = 2.0;
/// Number of complaints, and of opt-outs, below which a campaign does not pause. A single person is no evidence.
const MIN_UNWELCOME: u64 = 3;

/// Limits of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Largest share of failed notifications among the attempted ones, in percent.
    pub max_failed_percent: f64,
    /// Largest share of people that are skipped because a variable is missing, in percent of those that match.
    pub max_missing_variable_percent: f64,
    /// Largest share of complaints among the notifications that reached their recipients, in percent.
    pub max_complained_percent: f64,
    /// Largest share of opt-outs by the link of a message among the notifications that reached their recipients, in
    /// percent.
    pub max_opted_out_percent: f64,
    /// Minimum number of people for a comparison of the shares.
    pub min_people: u64,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_failed_percent: DEFAULT_FAILED_PERCENT,
            max_missing_variable_percent: DEFAULT_MISSING_VARIABLE_PERCENT,
            max_complained_percent: DEFAULT_COMPLAINED_PERCENT,
            max_opted_out_percent: DEFAULT_OPTED_OUT_PERCENT,
            min_people: DEFAULT_MIN_PEOPLE,
        }
    }
}

impl Guards {
    /// Returns the name of a field that is out of range.
    #[must_use]
    pub fn invalid_field(&self) -> Option<&'static str> {
        let shares = [
            ("max_failed_percent", self.max_failed_percent),
            ("max_missing_variable_percent", self.max_missing_variable_percent),
            ("max_complained_percent", self.max_complained_percent),
            ("max_opted_out_percent", self.max_opted_out_percent),
        ];
        shares.into_iter().find(|(_, share)| !(0.0..=100.0).contains(share)).map(|(name, _)| name)
    }
}

/// Ends of the campaign's notifications so far, later reports included: a bounce turns an accepted e-mail into a failed
/// one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutcomeCounts {
    /// Notifications that ended, without those that were skipped.
    pub closed: u64,
    /// Those of them that did not reach their recipients.
    pub failed: u64,
    /// Those of them that a provider accepted, or a device confirmed.
    pub reached: u64,
    /// Those about which the recipient complained.
    pub complained: u64,
    /// Those by whose link the recipient opted out.
    pub opted_out: u64,
    /// Those whose delivery was confirmed.
    pub delivered: u64,
    /// Those that were clicked.
    pub clicked: u64,
    /// Those that led to a conversion.
    pub converted: u64,
}

/// Counts that guards compare with their limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCounts {
    /// People that match.
    pub matched: u64,
    /// People whose first attempt was accepted or failed.
    pub attempted: u64,
    /// People whose first attempt failed.
    pub failed: u64,
    /// People who were skipped because a variable is missing.
    pub missing_variable: u64,
    /// Ends of the notifications.
    pub ends: OutcomeCounts,
}

impl GuardCounts {
    /// Returns the counts of a campaign so far.
    #[must_use]
    pub fn of(tally: &PeopleTally, ends: OutcomeCounts) -> Self {
        Self {
            matched: tally.matched,
            attempted: tally.sent + tally.failed,
            failed: tally.failed,
            missing_variable: tally.skipped_for(Reason::MissingVariable),
            ends,
        }
    }

    /// Returns the counts since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        let (now, then) = (self.ends, before.ends);
        Self {
            matched: self.matched.saturating_sub(before.matched),
            attempted: self.attempted.saturating_sub(before.attempted),
            failed: self.failed.saturating_sub(before.failed),
            missing_variable: self.missing_variable.saturating_sub(before.missing_variable),
            ends: OutcomeCounts {
                closed: now.closed.saturating_sub(then.closed),
                failed: now.failed.saturating_sub(then.failed),
                reached: now.reached.saturating_sub(then.reached),
                complained: now.complained.saturating_sub(then.complained),
                opted_out: now.opted_out.saturating_sub(then.opted_out),
                delivered: now.delivered.saturating_sub(then.delivered),
                clicked: now.clicked.saturating_sub(then.clicked),
                converted: now.converted.saturating_sub(then.converted),
            },
        }
    }
}

/// Returns the violated limit for which the campaign must pause, as a text for its operators.
#[must_use]
#[allow(clippy::cast_precision_loss)] // at most a million people
pub fn guard_violation(guards: &Guards, counts: GuardCounts) -> Option<String> {
    let ends = counts.ends;
    let share = |part: u64, of: u64| {
        let is_enough = of >= guards.min_people.max(1);
        is_enough.then(|| part as f64 * 100.0 / of as f64)
    };
    // The counts of the first attempts are available at once. Later reports add failures.
    for (failed, attempted) in [(counts.failed, counts.attempted), (ends.failed, ends.closed)] {
        if let Some(failed) = share(failed, attempted).filter(|failed| *failed > guards.max_failed_percent) {
            let limit = guards.max_failed_percent;
            let attempted = counted_noun(attempted, "notification", "notifications");
            return Some(format!("{failed:.1} % of {attempted} failed, more than {limit} %"));
        }
    }
    for (count, limit, what) in [
        (ends.complained, guards.max_complained_percent, "a complaint"),
        (ends.opted_out, guards.max_opted_out_percent, "an opt-out"),
    ] {
        let of = ends.reached;
        let too_many = share(count, of).filter(|share| count >= MIN_UNWELCOME && *share > limit);
        if let Some(found) = too_many {
            let of = counted_noun(of, "notification", "notifications");
            return Some(format!("{found:.1} % of {of} led to {what}, more than {limit} %"));
        }
    }
    let missing = share(counts.missing_variable, counts.matched);
    let missing = missing.filter(|share| *share > guards.max_missing_variable_percent)?;
    let of = counted_noun(counts.matched, "person", "people");
    let limit = guards.max_missing_variable_percent;
    Some(format!("a variable was missing for {missing:.1} % of {of}, more than {limit} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::PersonOutcome;

    #[test]
    fn a_share_above_its_limit_is_a_violation_once_there_are_enough_people() {
        let guards = Guards { min_people: 10, ..Guards::default() };
        let tally =
            |sent: u64, failed: u64| PeopleTally { matched: sent + failed, sent, failed, ..PeopleTally::default() };
        let none = OutcomeCounts::default();
        assert_eq!(guard_violation(&guards, GuardCounts::of(&tally(9, 1), none)), None, "exactly the limit");
        assert_eq!(guard_violation(&guards, GuardCounts::of(&tally(0, 9), none)), None, "too few people");
        let bounced =
            guard_violation(&guards, GuardCounts::of(&tally(10, 0), OutcomeCounts { closed: 10, failed: 3, ..none }));
        assert_eq!(bounced.as_deref(), Some("30.0 % of 10 notifications failed, more than 10 %"));
        let violation = guard_violation(&guards, GuardCounts::of(&tally(8, 2), none));
        assert_eq!(violation.as_deref(), Some("20.0 % of 10 notifications failed, more than 10 %"));
        let unwelcome = |complained: u64, opted_out: u64| {
            let ends = OutcomeCounts { closed: 300, reached: 300, complained, opted_out, ..none };
            guard_violation(&Guards::default(), GuardCounts::of(&tally(300, 0), ends))
        };
        assert_eq!(unwelcome(2, 2), None, "two people are no share of all");
        let violation = "1.0 % of 300 notifications led to a complaint, more than 0.3 %";
        assert_eq!(unwelcome(3, 0).as_deref(), Some(violation));
        assert_eq!(unwelcome(0, 6), None, "exactly the limit");
        let violation = "2.3 % of 300 notifications led to an opt-out, more than 2 %";
        assert_eq!(unwelcome(0, 7).as_deref(), Some(violation));
        let mut missing = tally(9, 0);
        missing.add(&PersonOutcome::Skipped("missing_variable"), "");
        let violation = guard_violation(&guards, GuardCounts::of(&missing, none));
        assert_eq!(violation.as_deref(), Some("a variable was missing for 10.0 % of 10 people, more than 5 %"));
    }

    #[test]
    fn one_notification_is_named_in_the_singular() {
        let guards = Guards { min_people: 1, ..Guards::default() };
        let tally = PeopleTally { matched: 1, failed: 1, ..PeopleTally::default() };
        let violation = guard_violation(&guards, GuardCounts::of(&tally, OutcomeCounts::default()));
        assert_eq!(violation.as_deref(), Some("100.0 % of 1 notification failed, more than 10 %"));
    }

    #[test]
    fn only_what_came_after_a_resume_is_compared() {
        let guards = Guards { min_people: 10, ..Guards::default() };
        let counts = |sent: u64, failed: u64| {
            let tally = PeopleTally { matched: sent + failed, sent, failed, ..PeopleTally::default() };
            GuardCounts::of(
                &tally,
                OutcomeCounts { closed: sent + failed, failed, reached: sent, ..OutcomeCounts::default() },
            )
        };
        let at_resume = counts(80, 20);
        assert!(guard_violation(&guards, at_resume).is_some());
        assert_eq!(guard_violation(&guards, at_resume.since(at_resume)), None);
        assert_eq!(guard_violation(&guards, counts(99, 21).since(at_resume)), None);
        assert!(guard_violation(&guards, counts(88, 22).since(at_resume)).is_some());
    }
}
