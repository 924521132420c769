//! Random numbers for jitter and for revisions. They are not for secrets or ids.

use std::collections::BTreeSet;

use ring::rand::{SecureRandom, SystemRandom};

/// Returns a random number from 0 up to, but not including, 1.
#[must_use]
pub fn unit() -> f64 {
    let mut bytes = [0; 4];
    // If the random source fails, the result is 0. Retries then have no jitter; nothing else changes.
    let _ = SystemRandom::new().fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// Returns a random whole number from 0 up to, but not including, `bound`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // times in milliseconds, far below 2^52
pub fn up_to(bound: i64) -> i64 {
    (bound as f64 * unit()) as i64
}

/// Returns `count` different random whole numbers below `bound`, or all of them, in their order.
#[must_use]
pub fn some_of(bound: i32, count: usize) -> Vec<i32> {
    if usize::try_from(bound).is_ok_and(|bound| bound <= count) {
        return (0..bound).collect();
    }
    let mut chosen = BTreeSet::new();
    // If the random source fails, the draws are equal, and the numbers that follow are taken.
    while chosen.len() < count {
        let mut number = i32::try_from(up_to(bound.into())).unwrap_or(0);
        while !chosen.insert(number) {
            number = (number + 1) % bound;
        }
    }
    chosen.into_iter().collect()
}

/// Largest value that [`new_revision`] returns if the random source fails. A value up to this one does not identify the
/// writer.
pub const UNDRAWN: u32 = 1;

/// Returns a revision that identifies one write. It differs from `last` and is above [`UNDRAWN`].
#[must_use]
pub fn new_revision(last: u32) -> u32 {
    let random = ring::rand::generate::<[u8; 4]>(&SystemRandom::new());
    // If the random source fails, 0 and 1 alternate. Conditional writes still exclude each other. But a writer that
    // received no response cannot recognize its own write.
    let Ok(random) = random else { return u32::from(last == 0) };
    let drawn = u32::from_be_bytes(random.expose());
    if drawn != last && drawn > UNDRAWN { drawn } else { last.wrapping_add(1).max(UNDRAWN + 1) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_numbers_are_different_and_below_their_bound() {
        assert_eq!(super::some_of(16, 16), (0..16).collect::<Vec<_>>());
        let some = super::some_of(4_096, 16);
        assert!(some.len() == 16 && some.iter().all(|number| (0..4_096).contains(number)));
        assert_eq!(super::some_of(17, 16).len(), 16);
    }

    #[test]
    fn a_draw_differs_from_the_last_and_from_those_that_stand_for_none() {
        for last in [0, 1, 2, u32::MAX] {
            assert!((0..1_000).map(|_| super::new_revision(last)).all(|drawn| drawn != last && drawn > 1));
        }
    }

    #[test]
    fn it_stays_below_one_and_moves() {
        let numbers: Vec<_> = (0..1_000).map(|_| super::unit()).collect();
        assert!(numbers.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!(numbers.iter().any(|unit| *unit < 0.5) && numbers.iter().any(|unit| *unit >= 0.5));
    }
}
