//! Check of the arms' sizes against the percentage (sample ratio mismatch). If they differ, something other than the
//! rollout selects the version. The comparison would then compare different groups of recipients.

use jiff::{SignedDuration, Timestamp};
use platform::counted_noun::counted_noun;
use serde::Serialize;

use super::metrics::WindowView;
use domain::rollout::Percentage;
use metrics::arm_metrics::RolloutArmMetric;
use metrics::counters::Cohort;
use metrics::figures::rate;
use metrics::interval::{CHI_SQUARE_99_9, Proportion, chi_square};
use metrics::{CounterName, Counters, Window};

/// Time after a change until every decision follows the change and rollup has counted it, rounded up to a whole minute.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(3);
/// Minimum number of notifications before there is a verdict. The second constant is the minimum expected number in
/// each arm.
const MIN_SAMPLE: i64 = 100;
const MIN_EXPECTED: f64 = 5.0;
/// Minimum shift that matters: one percentage point, or a tenth of the smaller arm, whichever is less. A recipient's
/// notifications arrive together. Therefore, at large numbers, the statistic alone would find a shift in every split.
const MIN_SHIFT: f64 = 0.01;
const MIN_SHIFT_OF_SMALLER_ARM: f64 = 0.1;

/// The share that the rollout promises, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedSplit {
    /// The percentage in force.
    pub percentage: Percentage,
    /// Number of listed users, who get version 2 at any percentage above 0.
    pub listed: usize,
    /// Time since which percentage and list are unchanged, as far as known.
    pub unchanged_since: Option<Timestamp>,
}

/// Result of the check, with its data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleRatio {
    /// `as promised`, `not as promised`, `not enough data` or `not known`.
    pub verdict: &'static str,
    /// Explanation of the verdict.
    pub note: String,
    /// The part of the window since the last change of the rollout.
    pub window: Option<WindowView>,
    /// Share of version 2 that the percentage promises, 0 to 1.
    pub promised: f64,
    /// Actual share of version 2.
    pub found: Option<f64>,
    /// Notifications assigned to version 1 and version 2, with any result.
    pub assigned: [i64; 2],
    /// Pearson's chi-square statistic with one degree of freedom. By chance alone, it exceeds 10.828 once in a thousand
    /// times.
    pub chi_square: Option<f64>,
}

impl ExpectedSplit {
    /// Returns the part of a window in which the expected split was in force; `None` if that is unknown or empty.
    #[must_use]
    pub fn in_force_during(&self, window: Window, now: Timestamp) -> Option<Window> {
        let since = self.unchanged_since?.saturating_add(SETTLED_AFTER).unwrap_or(Timestamp::MAX);
        if since <= window.from() {
            return Some(window);
        }
        // Rounds up to a whole minute, or to a whole hour if the change is more than 47 hours ago. Therefore the first
        // bucket contains nothing from before the change.
        let whole = if now.duration_since(since) > SignedDuration::from_hours(47) { 3_600 } else { 60 };
        let second = since.as_second() + (whole - since.as_second().rem_euclid(whole)) % whole;
        let from = Timestamp::from_second(second).ok()?;
        (from < window.to() && from <= now).then(|| window.starting_at(from))
    }

    fn share(&self) -> f64 {
        f64::from(self.percentage.hundredths()) / 10_000.0
    }
}

impl SampleRatio {
    /// Returns the result while the metrics cannot be read.
    #[must_use]
    pub fn unread(expected: &ExpectedSplit) -> Self {
        Self {
            verdict: "not known",
            note: "the table of the metrics did not answer".to_owned(),
            window: None,
            promised: expected.share(),
            found: None,
            assigned: [0, 0],
            chi_square: None,
        }
    }

    /// Checks a window in which the expected split was in force.
    #[must_use]
    pub fn new(expected: &ExpectedSplit, window: Option<Window>, counters: &Counters) -> Self {
        let assigned = |cohort| counters.get(&CounterName::RolloutArm(cohort, RolloutArmMetric::Assigned)).max(0);
        let assigned = [assigned(Cohort::V1), assigned(Cohort::V2)];
        let found = Proportion::new(assigned[1], assigned[0] + assigned[1]);
        let promised = expected.share();
        let is_between = promised > 0.0 && promised < 1.0;
        let statistic = (window.is_some() && is_between && found.whole > 0).then(|| chi_square(found, promised));
        let (verdict, note) = verdict(expected, window, found, statistic);
        Self {
            verdict,
            note,
            window: window.map(WindowView::from),
            promised,
            found: rate(found.part, found.whole),
            assigned,
            chi_square: statistic.map(|statistic| (statistic * 1e3).round() / 1e3),
        }
    }
}

fn verdict(
    expected: &ExpectedSplit,
    window: Option<Window>,
    found: Proportion,
    statistic: Option<f64>,
) -> (&'static str, String) {
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    let (part, whole, promised) = (found.part as f64, found.whole as f64, expected.share());
    let is_above = part > whole * promised;
    if window.is_none() {
        let why = if expected.unchanged_since.is_none() {
            "the time since which the present percentage is in force is not known"
        } else {
            "the rollout or the settings were changed too recently"
        };
        return ("not known", why.to_owned());
    }
    let smaller = promised.min(1.0 - promised);
    if found.whole < MIN_SAMPLE || (statistic.is_some() && whole * smaller < MIN_EXPECTED) {
        let notifications = counted_noun(found.whole, "notification", "notifications");
        return ("not enough data", format!("{notifications}; too few for a share of {promised}"));
    }
    let shift = (part / whole - promised).abs();
    let is_by_chance = statistic.map_or(shift == 0.0, |statistic| statistic <= CHI_SQUARE_99_9);
    if is_by_chance || (statistic.is_some() && shift < MIN_SHIFT.min(MIN_SHIFT_OF_SMALLER_ARM * smaller)) {
        return ("as promised", "chance accounts for the difference, or it is too small to matter".to_owned());
    }
    if is_above && expected.listed > 0 && promised > 0.0 {
        let listed = counted_noun(expected.listed, "more recipient", "more recipients");
        return (
            "not known",
            format!("rollout-users gives v2 to {listed} at any percentage, so the expected share is not known"),
        );
    }
    let direction = if is_above { "more" } else { "fewer" };
    let note = format!(
        "v2 got {direction} notifications than promised, and chance does not account for it; before using the comparison, look for other causes: code that selects the version, or callers that send very often to few recipients"
    );
    ("not as promised", note)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::sample::{NOW, counters};

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn expected(percentage: &str, since: &str) -> ExpectedSplit {
        ExpectedSplit { percentage: percentage.parse().unwrap(), listed: 0, unchanged_since: since.parse().ok() }
    }

    fn ratio(expected: &ExpectedSplit, v1: i64, v2: i64) -> SampleRatio {
        let counters = counters(&[("side/v1/assigned", v1), ("side/v2/assigned", v2)]);
        SampleRatio::new(expected, expected.in_force_during(Window::last(1_440, now()), now()), &counters)
    }

    #[test]
    fn a_split_that_chance_accounts_for_is_as_promised_and_another_warns() {
        let ten = expected("10", "2026-11-01T00:00:00Z");
        assert_eq!(ratio(&ten, 9_000, 1_000).verdict, "as promised");
        assert_eq!(ratio(&ten, 8_902, 1_098).verdict, "as promised", "z = 3.27");
        let above = ratio(&ten, 8_890, 1_110);
        assert_eq!((above.verdict, above.chi_square), ("not as promised", Some(13.444)));
        assert!(above.note.contains("more notifications than promised"));
        assert!(ratio(&ten, 9_110, 890).note.contains("fewer notifications than promised"));
    }

    #[test]
    fn a_shift_too_small_to_matter_does_not_warn_however_many_there_are() {
        let half = expected("50", "2026-11-01T00:00:00Z");
        assert_eq!(ratio(&half, 5_090_000, 4_910_000).verdict, "as promised");
        assert_eq!(ratio(&half, 5_110_000, 4_890_000).verdict, "not as promised");
        let one = expected("1", "2026-11-01T00:00:00Z");
        assert_eq!(ratio(&one, 9_880_000, 120_000).verdict, "not as promised");
    }

    #[test]
    fn a_few_are_not_enough() {
        let ten = expected("10", "2026-11-01T00:00:00Z");
        assert_eq!((ratio(&ten, 0, 99).verdict, ratio(&ten, 0, 100).verdict), ("not enough data", "not as promised"));
        assert_eq!(ratio(&expected("1", "2026-11-01T00:00:00Z"), 499, 0).verdict, "not enough data");
    }

    #[test]
    fn at_0_and_100_one_on_the_wrong_side_is_one_too_many() {
        for (percentage, v1, v2, verdict) in [
            ("0", 500, 0, "as promised"),
            ("0", 500, 1, "not as promised"),
            ("100", 0, 500, "as promised"),
            ("100", 1, 500, "not as promised"),
        ] {
            let found = ratio(&expected(percentage, "2026-11-01T00:00:00Z"), v1, v2);
            assert_eq!((found.verdict, found.chi_square), (verdict, None), "{percentage} {v1} {v2}");
        }
    }

    #[test]
    fn listed_recipients_may_account_for_more_of_v2_but_not_for_fewer() {
        let listed = ExpectedSplit { listed: 3, ..expected("10", "2026-11-01T00:00:00Z") };
        assert_eq!(ratio(&listed, 8_000, 2_000).verdict, "not known");
        assert_eq!(ratio(&listed, 9_500, 500).verdict, "not as promised");
        assert_eq!(ratio(&listed, 9_000, 1_000).verdict, "as promised");
    }

    #[test]
    fn only_the_time_since_the_last_change_counts() {
        let window = Window::last(1_440, now());
        let held =
            |since: &str| expected("10", since).in_force_during(window, now()).map(|held| held.from().to_string());
        assert_eq!(held("2026-11-20T00:00:00Z").unwrap(), window.from().to_string());
        assert_eq!(held("2026-11-23T08:00:10Z").unwrap(), "2026-11-23T08:04:00Z");
        assert_eq!((held("2026-11-23T10:03:00Z"), held("never")), (None, None));
        assert!(ratio(&expected("10", "never"), 9_000, 1_000).note.contains("the time since which"));
        assert!(ratio(&expected("10", NOW), 9_000, 1_000).note.contains("too recently"));
        let week = Window::last(10_080, now());
        let early = expected("10", "2026-11-18T08:00:10Z").in_force_during(week, now()).unwrap();
        assert_eq!(early.from().to_string(), "2026-11-18T09:00:00Z", "further back there are only whole hours");
    }
}
