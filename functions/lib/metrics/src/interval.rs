//! Statistics: 95 % intervals of differences of shares, costs and a quantile, and the chi-square test of a split.
//!
//! Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927); R. G.
//! Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
//! (1998), method 10; W. J. Conover, "Practical Nonparametric Statistics" (1999), 3.2, for the quantile; W. G. Cochran,
//! "Sampling Techniques" (1977), 2.11, for the ratio that a cost per delivery is.
//!
//! No statistics crate is used. `statrs` has only the quantiles of distributions; here they are three constants that
//! never change. `stats-ci` has the interval of a single share (on top of `statrs` and a matrix library). Neither has
//! intervals of a difference, of a quantile from a histogram, or of a ratio. The tests use the published examples.

use crate::figures::Bins;
use crate::histogram::edges_ms;

/// 97.5 % quantile of the normal distribution: 95 % lie between both ends.
const Z_95: f64 = 1.959_964;
/// 98.75 % quantile of the normal distribution. Two intervals of 97.5 % each hold together with at least 95 %
/// (Bonferroni).
const Z_97_5: f64 = 2.241_403;
/// Quantiles of the normal distribution for up to this number of intervals, each of 1 - 5 % / number.
const Z_BONFERRONI: [(usize, f64); 4] = [(1, Z_95), (3, 2.393_980), (6, 2.638_257), (9, 2.772_921)];
/// The same for 12 intervals, the most.
const Z_MOST: f64 = 2.865_320;
/// 99.9 % quantile of the chi-square distribution with one degree of freedom. This level is usual for a split, because
/// a split is checked often.
pub const CHI_SQUARE_99_9: f64 = 10.828;
/// The same for splits into 2 to 5 parts.
const CHI_SQUARE_BY_PARTS: [f64; 4] = [CHI_SQUARE_99_9, 13.816, 16.266, 18.467];
/// Number of items from which a figure is judged.
pub const MIN_SAMPLE: i64 = 100;

/// A share: `part` of `whole`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// Number of items in the part.
    pub part: i64,
    /// Number of all items.
    pub whole: i64,
}

impl Proportion {
    /// Creates a share of at most 1. In a window, `part` can exceed `whole`: it may hold later events of items that
    /// were counted before it.
    #[must_use]
    pub fn new(part: i64, whole: i64) -> Self {
        let whole = whole.max(0);
        Self { part: part.clamp(0, whole), whole }
    }

    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    fn as_f64(self) -> (f64, f64) {
        (self.part as f64, self.whole as f64)
    }

    /// Returns Wilson's score interval of 95 %.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        self.interval_of(Z_95)
    }

    /// Returns Wilson's score interval for this quantile of the normal distribution.
    fn interval_of(self, z: f64) -> (f64, f64) {
        let (part, n) = self.as_f64();
        let (p, z2) = (part / n, z * z);
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }
}

/// A difference with its confidence interval, of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // the names are self-explanatory
pub struct Interval {
    pub difference: f64,
    pub low: f64,
    pub high: f64,
}

/// Returns the second share minus the first; `None` if either share has a whole of 0.
#[must_use]
pub fn difference(first: Proportion, second: Proportion) -> Option<Interval> {
    difference_of(first, second, Z_95)
}

/// Returns the second share minus the first, with an interval such that all of `comparisons` intervals hold together
/// with at least 95 % (Bonferroni).
#[must_use]
pub fn difference_among(comparisons: usize, first: Proportion, second: Proportion) -> Option<Interval> {
    let z = Z_BONFERRONI.iter().find(|(most, _)| comparisons <= *most).map_or(Z_MOST, |(_, z)| *z);
    difference_of(first, second, z)
}

fn difference_of(first: Proportion, second: Proportion, z: f64) -> Option<Interval> {
    if first.whole == 0 || second.whole == 0 {
        return None;
    }
    let p = |share: Proportion| share.as_f64().0 / share.as_f64().1;
    let ((p1, (low1, high1)), (p2, (low2, high2))) =
        ((p(first), first.interval_of(z)), (p(second), second.interval_of(z)));
    let difference = p2 - p1;
    Some(Interval {
        difference,
        low: difference - (p2 - low2).hypot(high1 - p1),
        high: difference + (high2 - p2).hypot(p1 - low1),
    })
}

/// Cost of one arm, as sums over its notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// Notifications with at least one attempt.
    pub sent: i64,
    /// Those of them that were accepted or delivered.
    pub reached: i64,
    /// Total cost, in micro-euro.
    pub micros: i64,
    /// Cost of the notifications reached, in micro-euro.
    pub of_reached_micros: i64,
    /// Sum of the squares of each notification's cost.
    pub squares: i64,
}

/// Minimum number of paid notifications, if all had one price, for which their sum is approximately normal.
const MIN_PAID: f64 = 30.0;

impl Spending {
    /// Returns the cost per delivery and the variance of that ratio; `None` if nothing was delivered or too few
    /// notifications were paid for.
    #[allow(clippy::cast_precision_loss)] // f64 has more digits than an estimate needs
    fn per_delivery(self) -> Option<(f64, f64)> {
        let of = |sum: i64| sum.max(0) as f64;
        let (reached, micros, squares) = (of(self.reached), of(self.micros), of(self.squares));
        if reached == 0.0 {
            return None;
        }
        let ratio = micros / reached;
        // A sum of squares is never less than this bound. If the window began between a notification's attempts, the
        // squares may be incomplete.
        let is_whole = squares * of(self.sent) >= 0.999 * micros * micros;
        if micros > 0.0 && !(is_whole && micros * micros >= MIN_PAID * squares) {
            return None;
        }
        let scatter = squares - 2.0 * ratio * of(self.of_reached_micros) + ratio * ratio * reached;
        Some((ratio, scatter.max(0.0) / (reached * reached)))
    }
}

/// Returns the second arm's cost per delivery minus the first's, in micro-euro; `None` if either arm has too little
/// data.
#[must_use]
pub fn cost_difference(first: Spending, second: Spending) -> Option<Interval> {
    let ((cost1, variance1), (cost2, variance2)) = (first.per_delivery()?, second.per_delivery()?);
    let (difference, half) = (cost2 - cost1, Z_95 * (variance1 + variance2).sqrt());
    Some(Interval { difference, low: difference - half, high: difference + half })
}

/// Returns the two latencies between which the quantile `q` of the underlying distribution lies, with 97.5 %
/// confidence. They are order statistics: their ranks come from the binomial distribution of the number of values below
/// the quantile. Returns `None` if there are too few values.
#[must_use]
pub fn quantile_between(bins: &Bins, q: f64) -> Option<(u64, u64)> {
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    let n = bins.values().map(|count| (*count).max(0)).sum::<i64>() as f64;
    let spread = Z_97_5 * (n * q * (1.0 - q)).sqrt();
    let (low, high) = ((n * q - spread).floor(), (n * q + spread).ceil() + 1.0);
    if low < 1.0 || high > n {
        return None;
    }
    Some((edges_ms(bin_of_rank(bins, low)?).0, edges_ms(bin_of_rank(bins, high)?).1))
}

/// Returns the bin of the value with this rank; ranks begin at 1.
fn bin_of_rank(bins: &Bins, rank: f64) -> Option<i32> {
    let mut seen = 0.0;
    let (bin, _) = bins.iter().find(|(_, count)| {
        #[allow(clippy::cast_precision_loss)]
        let count = (**count).max(0) as f64;
        seen += count;
        seen >= rank
    })?;
    Some(*bin)
}

/// Returns Pearson's chi-square statistic of a split against a promised share, with one degree of freedom. The promised
/// share is above 0 and below 1.
#[must_use]
pub fn chi_square(observed: Proportion, promised: f64) -> f64 {
    let (part, n) = observed.as_f64();
    let expected = n * promised;
    (part - expected).powi(2) / expected + (part - expected).powi(2) / (n - expected)
}

/// Returns Pearson's chi-square statistic of a split into several parts: the number of items in each, and its promised
/// share. A part of which less than one item is expected counts as if it were one.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn chi_square_among(parts: &[(i64, f64)]) -> f64 {
    let total = parts.iter().map(|(count, _)| count).sum::<i64>() as f64;
    let term = |(count, share): &(i64, f64)| {
        let expected = total * share;
        (*count as f64 - expected).powi(2) / expected.max(1.0)
    };
    parts.iter().map(term).sum()
}

/// Returns the statistic above which a split into this number of parts is not as promised; infinity for more than 5.
#[must_use]
pub fn chi_square_limit(parts: usize) -> f64 {
    parts.checked_sub(2).and_then(|index| CHI_SQUARE_BY_PARTS.get(index)).copied().unwrap_or(f64::INFINITY)
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

    use super::*;
    use crate::histogram::bin_of;

    fn near(found: f64, published: f64) -> bool {
        (found - published).abs() < 0.000_06
    }

    #[test]
    fn the_intervals_are_those_that_newcombe_published() {
        let (low, high) = Proportion::new(81, 263).interval();
        assert!(near(low, 0.2553) && near(high, 0.3662), "{low} {high}");
        let (low, high) = Proportion::new(0, 20).interval();
        assert!(low.abs() < 1e-9 && near(high, 0.1611), "{low} {high}");
        let published = [
            ((48, 80), (56, 70), 0.2, 0.0524, 0.3339),
            ((3, 10), (9, 10), 0.6, 0.1705, 0.8090),
            ((2, 7), (6, 7), 0.5714, 0.0582, 0.8062),
            ((0, 29), (5, 56), 0.0893, -0.0381, 0.1926),
            ((0, 10), (0, 20), 0.0, -0.2775, 0.1611),
            ((0, 10), (10, 10), 1.0, 0.6075, 1.0),
        ];
        for ((a, n), (b, m), difference_of, low, high) in published {
            let found = difference(Proportion::new(a, n), Proportion::new(b, m)).unwrap();
            assert!(
                near(found.difference, difference_of) && near(found.low, low) && near(found.high, high),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_share_of_nothing_has_no_interval_and_none_is_more_than_all() {
        assert_eq!(difference(Proportion::new(0, 0), Proportion::new(1, 2)), None);
        assert_eq!(Proportion::new(9, 4), Proportion { part: 4, whole: 4 });
        assert_eq!(Proportion::new(-1, 4), Proportion { part: 0, whole: 4 });
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_difference_and_turns_round_with_its_sides(
            n in 1..5_000i64, m in 1..5_000i64, a in 0..5_000i64, b in 0..5_000i64,
        ) {
            let (first, second) = (Proportion::new(a.min(n), n), Proportion::new(b.min(m), m));
            let found = difference(first, second).unwrap();
            prop_assert!(found.low <= found.difference && found.difference <= found.high);
            prop_assert!((-1.0..=1.0).contains(&(found.low + 1e-12)) && found.high <= 1.0 + 1e-12);
            let turned = difference(second, first).unwrap();
            prop_assert!((turned.low + found.high).abs() < 1e-12 && (turned.high + found.low).abs() < 1e-12);
        }

        #[test]
        fn the_true_quantile_of_a_sample_is_nearly_always_between(seed in proptest::collection::vec(0.0..1.0f64, 400)) {
            // An exponential distribution with a mean of 300 ms: its 95 % quantile is 300 ln 20.
            let mut bins = Bins::new();
            for u in &seed {
                let latency_ms = (-300.0 * (1.0 - u).ln()).ceil() as u64;
                *bins.entry(bin_of(latency_ms)).or_insert(0) += 1;
            }
            let (low, high) = quantile_between(&bins, 0.95).unwrap();
            // The tolerance is wider than that of the promised 97.5 %, so that no run fails by chance.
            prop_assert!(low as f64 <= 899.0 * 1.4 && high as f64 >= 899.0 / 1.4, "{low} to {high}");
        }
    }

    #[test]
    fn a_quantile_lies_between_the_ranks_that_chance_allows() {
        let bins: Bins =
            (1..=1_000u64).map(|value| (bin_of(value * 10), 1)).fold(Bins::new(), |mut bins, (bin, count)| {
                *bins.entry(bin).or_insert(0) += count;
                bins
            });
        // Ranks 950 -+ 2.2414 * 6.892: 934 and 967; the edges are those of their bins.
        let (low, high) = quantile_between(&bins, 0.95).unwrap();
        assert!((9_100..=9_340).contains(&low) && (9_670..=9_900).contains(&high), "{low} to {high}");
        assert_eq!(
            quantile_between(&Bins::from([(0, 50)]), 0.95),
            None,
            "too few to have a value above the upper rank"
        );
        assert_eq!(quantile_between(&Bins::new(), 0.95), None);
    }

    /// Draws notifications with a generator of fixed seed; `paid` and `reached` are the shares that are paid for and
    /// reached.
    fn spending(sent: i64, paid: f64, reached: f64, seed: &mut u64) -> Spending {
        let mut draw = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut sum = Spending { sent, reached: 0, micros: 0, of_reached_micros: 0, squares: 0 };
        for _ in 0..sent {
            let (cost, is_reached) = (if draw() < paid { 70_000 } else { 0 }, draw() < reached);
            sum.micros += cost;
            sum.squares += cost * cost;
            sum.reached += i64::from(is_reached);
            sum.of_reached_micros += if is_reached { cost } else { 0 };
        }
        sum
    }

    #[test]
    fn nineteen_in_twenty_intervals_of_a_cost_hold_the_true_difference() {
        let (mut seed, runs) = (1, 1_000);
        let truth = 70_000.0 * (0.2 / 0.95 - 0.1 / 0.9);
        let holds = |_: &i32| {
            let sides = (spending(1_000, 0.1, 0.9, &mut seed), spending(800, 0.2, 0.95, &mut seed));
            let found = cost_difference(sides.0, sides.1).unwrap();
            found.low <= truth && truth <= found.high
        };
        let held = (0..runs).filter(holds).count();
        assert!((930..=970).contains(&held), "{held} of {runs}");
    }

    #[test]
    fn a_cost_without_variance_is_exact_and_one_of_too_few_is_not_shown() {
        let free = Spending { sent: 500, reached: 400, micros: 0, of_reached_micros: 0, squares: 0 };
        assert_eq!(cost_difference(free, free), Some(Interval { difference: 0.0, low: 0.0, high: 0.0 }));
        let paid = |count: i64| {
            let micros = count * 70_000;
            Spending { sent: 500, reached: count, micros, of_reached_micros: micros, squares: count * 70_000 * 70_000 }
        };
        let found = cost_difference(free, paid(30)).unwrap();
        assert_eq!((found.low, found.high), (70_000.0, 70_000.0), "each delivery costs one SMS");
        assert_eq!(cost_difference(free, paid(29)), None);
        assert_eq!(cost_difference(paid(0), paid(30)), None, "nothing was delivered");
        assert_eq!(cost_difference(free, Spending { squares: 0, ..paid(30) }), None, "the squares are not whole");
    }

    #[test]
    fn a_split_as_promised_has_a_statistic_of_zero_and_a_known_one_has_its_own() {
        assert!(chi_square(Proportion::new(100, 1_000), 0.1).abs() < 1e-9);
        // (60 - 50)^2 / 50 + (40 - 50)^2 / 50
        assert!((chi_square(Proportion::new(60, 100), 0.5) - 4.0).abs() < 1e-9);
        assert!((chi_square_among(&[(60, 0.5), (40, 0.5)]) - 4.0).abs() < 1e-9);
        // (50 - 40)^2 / 40 + (30 - 40)^2 / 40 + (20 - 20)^2 / 20
        assert!((chi_square_among(&[(50, 0.4), (30, 0.4), (20, 0.2)]) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn the_limit_of_a_split_grows_with_its_parts() {
        let limits: Vec<_> = (0..=6).map(chi_square_limit).collect();
        let none = f64::INFINITY;
        assert_eq!(limits, [none, none, 10.828, 13.816, 16.266, 18.467, none]);
    }
}
