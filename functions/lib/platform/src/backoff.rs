//! Delay before a retry: exponential backoff with full jitter, or the delay that the provider requested.
//!
//! Full jitter spreads the retries of many instances evenly; see the AWS Architecture Blog, "Exponential Backoff And
//! Jitter".

use std::time::Duration;

use crate::random;

/// Upper bound of the first delay.
pub const BASE_MS: u64 = 1_000;
/// Maximum delay, unless the provider requested a longer one.
pub const CAP_MS: u64 = 10 * 60 * 1_000;
/// Minimum delay, unless the provider requested a shorter one.
const FLOOR_MS: u64 = 100;

/// Returns the delay after try number `made` (from 1), in milliseconds. `unit` is a random number in `0.0..1.0`. If
/// the provider requested a delay, up to a tenth is added. So its clients do not all retry at the same moment.
#[must_use]
pub fn delay_ms(made: u32, asked_ms: Option<u64>, unit: f64) -> u64 {
    let unit = unit.clamp(0.0, 1.0);
    if let Some(asked_ms) = asked_ms {
        return asked_ms.saturating_add(scaled(asked_ms / 10, unit));
    }
    let ceiling = BASE_MS.saturating_mul(1 << made.saturating_sub(1).min(20)).min(CAP_MS);
    scaled(ceiling, unit).max(FLOOR_MS)
}

/// Returns the pause after try number `made` (from 1) of a call. The upper bound is the first of `bounds_ms`, doubled
/// for each later try up to the last of `bounds_ms`. Full jitter lets conflicting callers retry at different times.
#[must_use]
pub fn pause(made: u32, bounds_ms: (i64, i64)) -> Duration {
    let (first_ms, last_ms) = bounds_ms;
    let most_ms = (first_ms << made.saturating_sub(1).min(10)).min(last_ms);
    Duration::from_millis(u64::try_from(random::up_to(most_ms)).unwrap_or(0))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn scaled(bound_ms: u64, unit: f64) -> u64 {
    // Bounds stay far below 2^52, up to which f64 represents whole milliseconds exactly.
    (bound_ms as f64 * unit) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let longest: Vec<_> = (1..=12).map(|made| delay_ms(made, None, 1.0)).collect();
        assert_eq!(longest[..4], [1_000, 2_000, 4_000, 8_000]);
        assert_eq!(longest[10..], [CAP_MS, CAP_MS]);
        assert_eq!(delay_ms(1, None, 0.0), 100);
    }

    #[test]
    fn the_bound_of_a_pause_doubles_up_to_the_last_one() {
        for (made, most_ms) in [(1, 20), (2, 40), (5, 320), (6, 640), (64, 640)] {
            let longest = (0..1_000).map(|_| pause(made, (20, 640))).max();
            let (least, most) = (Duration::from_millis(most_ms * 3 / 4), Duration::from_millis(most_ms));
            assert!(longest.is_some_and(|longest| least < longest && longest < most), "{made}: {longest:?}");
        }
    }

    proptest! {
        #[test]
        fn a_providers_wish_is_never_undercut(asked in 0u64..3_600_000, unit in 0.0..1.0f64, made in 1u32..50) {
            let delay = delay_ms(made, Some(asked), unit);
            prop_assert!(delay >= asked && delay <= asked + asked / 10);
        }

        #[test]
        fn our_own_wait_stays_within_floor_and_cap(unit in 0.0..1.0f64, made in 0u32..1_000) {
            prop_assert!((100..=CAP_MS).contains(&delay_ms(made, None, unit)));
        }
    }
}
