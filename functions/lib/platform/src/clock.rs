//! Clock of the service. All code reads the time here, so that a test can change it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// System clock, or a manual clock that moves only by [`Clock::advance`]. Clones of a manual clock move together.
#[derive(Clone, Debug)]
pub enum Clock {
    /// System clock of the machine.
    System,
    /// Manual clock: milliseconds since the Unix epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Creates a manual clock that shows `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.as_millisecond())))
    }

    /// Returns the current time in whole milliseconds, the precision of all tables and responses.
    pub fn now(&self) -> Timestamp {
        let ms = match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// Sleeps for `pause` on the system clock. A manual clock returns `false` at once.
    pub async fn sleep(&self, pause: SignedDuration) -> bool {
        match self {
            Self::System => {
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                true
            }
            Self::Manual(_) => false,
        }
    }

    /// Moves a manual clock forward. The system clock does not change.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(ms) = self {
            let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_calls_and_its_clones_with_it() {
        let start: Timestamp = "2027-03-28T00:59:59.123Z".parse().unwrap();
        let clock = Clock::manual(start);
        let other = clock.clone();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_millis(877));
        assert_eq!(other.now(), "2027-03-28T01:00:00Z".parse().unwrap());
    }

    #[test]
    fn the_system_clock_has_whole_milliseconds_and_cannot_be_moved() {
        let before = Clock::System.now();
        Clock::System.advance(Duration::from_secs(3600));
        let after = Clock::System.now();
        assert_eq!(before.subsec_nanosecond() % 1_000_000, 0);
        assert!(after >= before && after.duration_since(before).as_secs() < 600);
    }
}
