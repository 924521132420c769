//! Randomness for spreading things out and telling writes apart: never for secrets or ids.

use ring::rand::{SecureRandom, SystemRandom};

/// A number from 0 up to, but not including, 1.
#[must_use]
pub fn unit() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness retries lose their spread and nothing else.
    let _ = SystemRandom::new().fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// A whole number from 0 up to, but not including, `bound`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // times in milliseconds, far below 2^52
pub fn up_to(bound: i64) -> i64 {
    (bound as f64 * unit()) as i64
}

/// Up to here [`other_than`] answers without randomness, and nobody may take a number for their own.
pub const UNDRAWN: u32 = 1;

/// A number by which one write is told from every other: never `last`, and above [`UNDRAWN`].
#[must_use]
pub fn other_than(last: u32) -> u32 {
    let random = ring::rand::generate::<[u8; 4]>(&SystemRandom::new());
    // Without randomness 0 and 1 take turns: writes still exclude each other, but a lost answer is not made up for.
    let Ok(random) = random else { return u32::from(last == 0) };
    let drawn = u32::from_be_bytes(random.expose());
    if drawn != last && drawn > UNDRAWN { drawn } else { last.wrapping_add(1).max(UNDRAWN + 1) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_draw_differs_from_the_last_and_from_those_that_stand_for_none() {
        for last in [0, 1, 2, u32::MAX] {
            assert!((0..1_000).map(|_| super::other_than(last)).all(|drawn| drawn != last && drawn > 1));
        }
    }

    #[test]
    fn it_stays_below_one_and_moves() {
        let numbers: Vec<_> = (0..1_000).map(|_| super::unit()).collect();
        assert!(numbers.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!(numbers.iter().any(|unit| *unit < 0.5) && numbers.iter().any(|unit| *unit >= 0.5));
    }
}
