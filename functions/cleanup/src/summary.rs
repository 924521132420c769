//! The result of a pass, for the response and for its one log line.

use serde::Serialize;

/// Number of items of one kind that were found and that were done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ItemCounts {
    /// Items that were done.
    pub done: u64,
    /// Items found but not done: all in a dry run, else those that failed.
    pub remaining: u64,
}

impl ItemCounts {
    /// Counts one item that was found.
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

/// Result of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// True if nothing was changed, as the caller requested.
    pub dry_run: bool,
    /// True if the pass reached the end of everything. If not, the next pass continues from there.
    pub complete: bool,
    /// Devices whose subscription has expired.
    pub expired_devices: ItemCounts,
    /// Devices without any use (a registration or a receipt) for longer than the retention.
    pub unused_devices: ItemCounts,
    /// Recipients whose erasure was interrupted, or for whom a concurrent send stored an item after the erasure.
    pub erased_recipients: ItemCounts,
    /// Notifications still open after their lifetime.
    pub stuck_notifications: ItemCounts,
}

impl Summary {
    /// Adds the result of another part of the same pass.
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

    /// Logs the summary of the pass, with the number of each kind.
    pub fn log(&self) {
        let kinds = [self.expired_devices, self.unused_devices, self.erased_recipients, self.stuck_notifications];
        let all = kinds.into_iter().fold(ItemCounts::default(), ItemCounts::plus);
        tracing::info!(
            dry_run = self.dry_run,
            complete = self.complete,
            expired_devices = self.expired_devices.done,
            unused_devices = self.unused_devices.done,
            erased_recipients = self.erased_recipients.done,
            stuck_notifications = self.stuck_notifications.done,
            done = all.done,
            found = all.found(),
            "completed cleanup pass"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_pass_are_added_and_an_incomplete_part_makes_the_pass_incomplete() {
        let mut counts = ItemCounts::default();
        counts.count(true);
        counts.count(false);
        let part = Summary { complete: true, unused_devices: counts, ..Summary::default() };
        let whole = part.plus(&part);
        assert!(whole.complete);
        assert_eq!(whole.unused_devices, ItemCounts { done: 2, remaining: 2 });
        assert!(!whole.plus(&Summary::default()).complete);
    }
}
