//! Randomness for spreading things out: never for secrets or ids.

use ring::rand::{SecureRandom, SystemRandom};

/// A number from 0 up to, but not including, 1.
#[must_use]
pub fn unit() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness retries lose their spread and nothing else.
    let _ = SystemRandom::new().fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_stays_below_one_and_moves() {
        let numbers: Vec<_> = (0..1_000).map(|_| super::unit()).collect();
        assert!(numbers.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!(numbers.iter().any(|unit| *unit < 0.5) && numbers.iter().any(|unit| *unit >= 0.5));
    }
}
