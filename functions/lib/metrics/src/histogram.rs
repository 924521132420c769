//! Histogram of latencies with logarithmic bins. Histograms of minutes, hours and shards are merged by addition.
//!
//! The bins are those of DDSketch (Masson, Rim, Lee: "DDSketch", VLDB 2019). Bin `i` contains the values in
//! (gamma^(i-1), gamma^i]. Its middle is within 1 % of each of these values. Gamma is chosen so that 3,000 ms, the
//! latency limit, is the last value of its bin. A quantile is therefore reported as more than
//! 3,000 ms if and only if it is.

use std::collections::BTreeMap;

/// Ratio of a bin's bounds: (1 + e) / (1 - e) for an error e of slightly less than 1 %. Its 401st power is 3,000.4.
const GAMMA: f64 = 1.020_166_996_944;

/// Bin of the latencies below one millisecond. One millisecond is in bin 0.
const BELOW_ONE: i32 = -1;

/// Returns the bin of a latency.
#[must_use]
pub fn bin_of(latency_ms: u64) -> i32 {
    if latency_ms == 0 {
        return BELOW_ONE;
    }
    // The bin is 0 to about 2,220 for every u64, so the loss of precision in both casts is irrelevant.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let bin = ((latency_ms as f64).ln() / GAMMA.ln()).ceil() as i32;
    bin
}

/// Returns the value that represents a bin, in milliseconds.
fn middle_ms(bin: i32) -> f64 {
    if bin <= BELOW_ONE { 0.0 } else { 2.0 * GAMMA.powi(bin) / (GAMMA + 1.0) }
}

/// Returns the smallest and the largest number of whole milliseconds in a bin.
#[must_use]
pub fn edges_ms(bin: i32) -> (u64, u64) {
    if bin <= BELOW_ONE {
        return (0, 0);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // never negative; `as` saturates
    let whole = |edge: f64| edge as u64;
    (whole(GAMMA.powi(bin - 1).floor() + 1.0), whole(GAMMA.powi(bin).floor()))
}

/// Returns the quantile `q` (0 to 1) in whole milliseconds. Returns `None` without data.
///
/// A bin is negative if the window contains a correction but not the corrected count. Such a bin counts as empty.
#[must_use]
pub fn quantile(bins: &BTreeMap<i32, i64>, q: f64) -> Option<u64> {
    let total: i64 = bins.values().map(|count| (*count).max(0)).sum();
    // Counts are far below 2^52, and a bin's middle is never negative.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let rank = (q.clamp(0.0, 1.0) * (total - 1).max(0) as f64).round() as i64;
    let mut seen = 0;
    let (bin, _) = bins.iter().find(|(_, count)| {
        seen += (**count).max(0);
        seen > rank
    })?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let latency_ms = middle_ms(*bin).round() as u64;
    Some(latency_ms)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    /// Distribution: converts two numbers, uniform between 0 and 1, to a latency in milliseconds.
    type Shape = fn(f64, f64) -> f64;

    const SHAPES: [(&str, Shape); 5] = [
        ("uniform", |u, _| 5_000.0 * u),
        ("exponential", |u, _| -300.0 * (1.0 - u).ln()),
        ("log-normal", |u, v| (5.0 + 1.2 * (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()).exp()),
        ("heavy tail", |u, _| 20.0 / (1.0 - u).powf(1.5)),
        ("two humps", |u, v| if v < 0.9 { 40.0 + 20.0 * u } else { 60_000.0 + 9_000.0 * u }),
    ];

    fn merged(values: &[u64]) -> BTreeMap<i32, i64> {
        let mut buckets = vec![BTreeMap::new(); 60];
        for (index, value) in values.iter().enumerate() {
            *buckets[index % 60].entry(bin_of(*value)).or_insert(0) += 1;
        }
        let mut all = BTreeMap::new();
        for (bin, count) in buckets.into_iter().flatten() {
            *all.entry(bin).or_insert(0) += count;
        }
        all
    }

    #[test]
    fn merged_quantiles_of_100_000_values_in_60_buckets_are_within_2_percent_of_exact() {
        let mut runner = TestRunner::new(Config { cases: 1, ..Config::default() });
        let pairs = proptest::collection::vec((0.0..1.0f64, 0.0..1.0f64), 100_000);
        runner
            .run(&pairs, |pairs| {
                for (name, shape) in SHAPES {
                    let mut values: Vec<u64> = pairs.iter().map(|(u, v)| shape(*u, *v).round() as u64).collect();
                    let bins = merged(&values);
                    values.sort_unstable();
                    for q in [0.5, 0.95, 0.99] {
                        let exact = values[(q * 99_999.0f64).round() as usize] as f64;
                        let found = quantile(&bins, q).unwrap() as f64;
                        prop_assert!((found - exact).abs() <= 0.02 * exact, "{name} p{q}: {found} for {exact}");
                    }
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_single_value_is_reported_within_2_percent() {
        for value in (0..20_000).chain((20_000..3_000_000_000).step_by(7_654_321)) {
            let found = quantile(&BTreeMap::from([(bin_of(value), 1)]), 0.5).unwrap();
            assert!(found.abs_diff(value) as f64 <= 0.02 * value as f64, "{found} for {value}");
        }
    }

    #[test]
    fn a_quantile_is_above_3_seconds_exactly_when_its_value_is() {
        for value in 2_900..3_100 {
            let found = quantile(&BTreeMap::from([(bin_of(value), 1)]), 0.95).unwrap();
            assert_eq!(found > 3_000, value > 3_000, "{found} for {value}");
        }
    }

    #[test]
    fn a_value_lies_between_the_edges_of_its_bin() {
        for value in (0..5_000).chain((5_000..3_000_000_000).step_by(7_654_321)) {
            let (least, most) = edges_ms(bin_of(value));
            assert!(least <= value && value <= most, "{value} in {least} to {most}");
        }
    }

    #[test]
    fn without_data_there_is_no_quantile_and_a_negative_bin_is_empty() {
        assert_eq!(quantile(&BTreeMap::new(), 0.5), None);
        assert_eq!(quantile(&BTreeMap::from([(3, -2)]), 0.5), None);
        assert_eq!(quantile(&BTreeMap::from([(bin_of(2), -2), (bin_of(40), 1)]), 0.0), Some(40));
        assert_eq!(quantile(&BTreeMap::from([(bin_of(u64::MAX), 1), (bin_of(0), 9)]), 0.5), Some(0));
    }
}
