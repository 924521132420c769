//! What a pass did, for the caller and for the one line it logs.

use serde::Serialize;

/// How many of one kind were found, and how many of them are done with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Done with.
    pub done: u64,
    /// Found and not done: all of them in a dry run, else those that failed.
    pub remaining: u64,
}

impl Tally {
    /// Counts one that was found.
    pub fn count(&mut self, is_done: bool) {
        *(if is_done { &mut self.done } else { &mut self.remaining }) += 1;
    }

    const fn found(self) -> u64 {
        self.done + self.remaining
    }

    const fn plus(self, other: Self) -> Self {
        Self { done: self.done + other.done, remaining: self.remaining + other.remaining }
    }
}

/// One pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Whether nothing was changed on purpose.
    pub dry_run: bool,
    /// Whether the pass got to the end of everything; if not, the next one goes on from there.
    pub complete: bool,
    /// Devices whose browser said they would end by now.
    pub expired_devices: Tally,
    /// Devices that did not register for longer than they are kept.
    pub unused_devices: Tally,
    /// Recipients whose erasure was cut short, or was followed by something of a send then under way.
    pub erased_recipients: Tally,
    /// Notifications beyond their lifetime that nobody finished.
    pub stuck_notifications: Tally,
}

impl Summary {
    /// Adds what another part of the same pass did.
    #[must_use]
    pub const fn plus(self, other: &Self) -> Self {
        Self {
            dry_run: self.dry_run,
            complete: self.complete && other.complete,
            expired_devices: self.expired_devices.plus(other.expired_devices),
            unused_devices: self.unused_devices.plus(other.unused_devices),
            erased_recipients: self.erased_recipients.plus(other.erased_recipients),
            stuck_notifications: self.stuck_notifications.plus(other.stuck_notifications),
        }
    }

    /// The line that ends a pass: `7 of 8 done`, and which kinds.
    pub fn log(&self) {
        let kinds = [self.expired_devices, self.unused_devices, self.erased_recipients, self.stuck_notifications];
        let all = kinds.into_iter().fold(Tally::default(), Tally::plus);
        tracing::info!(
            dry_run = self.dry_run,
            complete = self.complete,
            expired_devices = self.expired_devices.done,
            unused_devices = self.unused_devices.done,
            erased_recipients = self.erased_recipients.done,
            stuck_notifications = self.stuck_notifications.done,
            "cleanup: {} of {} done",
            all.done,
            all.found(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_pass_add_up_and_one_that_is_incomplete_makes_it_so() {
        let mut tally = Tally::default();
        tally.count(true);
        tally.count(false);
        let part = Summary { complete: true, unused_devices: tally, ..Summary::default() };
        let whole = part.plus(&part);
        assert!(whole.complete);
        assert_eq!(whole.unused_devices, Tally { done: 2, remaining: 2 });
        assert!(!whole.plus(&Summary::default()).complete);
    }
}
