//! Pauses between the tries of a write that conflicted with other writers.

use std::time::Duration;

use platform::random;

/// Returns the pause after try number `made` (from 1). The upper bound is the first of `bounds_ms`, doubled for each
/// later try up to the last of `bounds_ms`. Full jitter lets conflicting writers retry at different times.
pub(crate) fn pause(made: u32, bounds_ms: (i64, i64)) -> Duration {
    let (first_ms, last_ms) = bounds_ms;
    let most_ms = (first_ms << made.saturating_sub(1).min(10)).min(last_ms);
    Duration::from_millis(u64::try_from(random::up_to(most_ms)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_last_one() {
        for (made, most_ms) in [(1, 20), (2, 40), (5, 320), (6, 640), (64, 640)] {
            let longest = (0..1_000).map(|_| pause(made, (20, 640))).max();
            let (least, most) = (Duration::from_millis(most_ms * 3 / 4), Duration::from_millis(most_ms));
            assert!(longest.is_some_and(|longest| least < longest && longest < most), "{made}: {longest:?}");
        }
    }
}
