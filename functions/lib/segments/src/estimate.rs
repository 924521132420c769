//! Estimate of the number of matching people from a sample of scan segments.
//!
//! A table is divided into many scan segments by the hash of its keys, so a segment holds a random part of the people.
//! Some are read. The interval is the wider of two: the exact one of a Poisson count, which is right for few matches,
//! and the one of the spread between the segments (Student's t), which is right if they differ for any reason.

use serde::Serialize;

/// Two-sided 95 %: 2.5 % on each side.
const Z: f64 = 1.959_963_984_540_054;

/// A scan segment that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSample {
    /// People in it.
    pub people: u64,
    /// People in it who match.
    pub matches: u64,
}

/// Estimate of a number of people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Most likely number.
    pub estimate: u64,
    /// Lower end of the 95 % interval.
    pub at_least: u64,
    /// Upper end of the 95 % interval.
    pub at_most: u64,
    /// `true` if all recipients were counted.
    pub exact: bool,
}

impl Estimate {
    /// Returns the exact count of all recipients.
    #[must_use]
    pub const fn exact(matches: u64) -> Self {
        Self { estimate: matches, at_least: matches, at_most: matches, exact: true }
    }

    /// Estimates the matches in `all` segments from those that were read.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn of(samples: &[SegmentSample], all: u64) -> Self {
        let read = samples.len() as u64;
        let counted: u64 = samples.iter().map(|sample| sample.matches).sum();
        if read >= all || read == 0 {
            return Self::exact(counted);
        }
        let (read, all, hits) = (read as f64, all as f64, counted as f64);
        let scale = all / read;
        let estimate = hits * scale;
        // What was counted is certain; the rest is estimated from it.
        let unread = scale - 1.0;
        let (low, high) = poisson_interval(hits);
        // The unread part varies by itself as well, which a count of the whole would not.
        let spread = |bound: f64| hits + (bound - hits) * (unread * scale).sqrt() + hits * unread;
        let mut bounds = (spread(low), spread(high));
        if samples.len() > 1 {
            let mean = hits / read;
            let squares: f64 = samples.iter().map(|sample| (sample.matches as f64 - mean).powi(2)).sum();
            let deviation = (squares / (read - 1.0)).sqrt();
            let half = t_quantile(read - 1.0) * all * deviation * ((1.0 - read / all) / read).sqrt();
            bounds = (bounds.0.min(estimate - half), bounds.1.max(estimate + half));
        }
        Self {
            estimate: estimate.round() as u64,
            at_least: bounds.0.max(hits).floor() as u64,
            at_most: bounds.1.max(hits).ceil() as u64,
            exact: false,
        }
    }
}

/// Returns the exact 95 % interval of the mean of a Poisson count (Garwood), with the quantiles of chi-square by Wilson
/// and Hilferty. Without a hit, the upper end is -ln(0.025).
fn poisson_interval(count: f64) -> (f64, f64) {
    let cube =
        |degrees: f64, z: f64| degrees * (1.0 - 2.0 / (9.0 * degrees) + z * (2.0 / (9.0 * degrees)).sqrt()).powi(3);
    let low = if count > 0.0 { cube(2.0 * count, -Z) / 2.0 } else { 0.0 };
    let high = if count > 0.0 { cube(2.0 * count + 2.0, Z) / 2.0 } else { 3.689 };
    (low.max(0.0), high)
}

/// Returns the 97.5 % quantile of Student's t, by the expansion around the normal quantile.
fn t_quantile(degrees: f64) -> f64 {
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    let first = (z3 + Z) / 4.0 / degrees;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0 / degrees.powi(2);
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0 / degrees.powi(3);
    Z + first + second + third
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation)]
    use super::*;

    /// Small generator, so that a failure repeats.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn below(&mut self, limit: u64) -> u64 {
            self.next() % limit
        }
    }

    /// Population over `segments`: `people`, of whom one in `rarity` matches. If `is_skewed`, a tenth of the segments
    /// holds half of the people.
    fn population(random: &mut Random, segments: u64, people: u64, rarity: u64, is_skewed: bool) -> Vec<SegmentSample> {
        let mut all = vec![SegmentSample { people: 0, matches: 0 }; segments as usize];
        for _ in 0..people {
            let crowded = is_skewed && random.below(2) == 0;
            let at = random.below(if crowded { segments.div_ceil(10) } else { segments }) as usize;
            all[at].people += 1;
            all[at].matches += u64::from(random.below(rarity) == 0);
        }
        all
    }

    #[test]
    fn the_interval_covers_the_truth_in_19_of_20_of_a_thousand_populations() {
        let mut random = Random(2_026);
        let (mut covered, mut populations) = (0, 0);
        for round in 0..1_000 {
            let (segments, people) = (64 + random.below(400), 500 + random.below(20_000));
            let rarity = [1, 2, 10, 100, 1_000][round % 5];
            let all = population(&mut random, segments, people, rarity, round % 4 == 0);
            let mut order: Vec<usize> = (0..all.len()).collect();
            for at in 0..order.len() {
                let other = at + random.below((order.len() - at) as u64) as usize;
                order.swap(at, other);
            }
            let sample: Vec<_> = order.iter().take(16).map(|at| all[*at]).collect();
            let truth: u64 = all.iter().map(|segment| segment.matches).sum();
            let estimate = Estimate::of(&sample, segments);
            assert!(estimate.at_least <= estimate.estimate && estimate.estimate <= estimate.at_most, "{estimate:?}");
            populations += 1;
            covered += u64::from(estimate.at_least <= truth && truth <= estimate.at_most);
        }
        assert!(covered * 100 >= populations * 94, "{covered} of {populations}");
    }

    #[test]
    fn the_interval_is_narrow_for_many_and_an_upper_bound_for_none() {
        let sample = |matches| vec![SegmentSample { people: 1_000, matches }; 16];
        let many = Estimate::of(&sample(500), 1_000);
        assert_eq!(many.estimate, 500_000);
        assert!(many.at_least > 485_000 && many.at_most < 515_000, "{many:?}");
        let none = Estimate::of(&sample(0), 1_000);
        assert_eq!((none.estimate, none.at_least), (0, 0));
        assert!((200..300).contains(&none.at_most), "{none:?}");
        assert_eq!(Estimate::of(&sample(3), 16), Estimate::exact(48));
    }
}
