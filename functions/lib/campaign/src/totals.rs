//! Numbers of a campaign or a plan: the sum of its tasks.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::tally::PeopleTally;
use crate::task::CampaignTask;

/// Retention of tasks, of their release, and of lists of recipients, from their last write.
pub const TASK_RETENTION: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Sum of the tasks of a pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignTotals {
    /// Number of tasks of the pass.
    pub tasks: u32,
    /// Number of tasks that are done.
    pub tasks_done: u32,
    /// Numbers of the people who are counted so far.
    #[serde(flatten)]
    pub tally: PeopleTally,
    /// `true` if every matching person has exactly one outcome.
    pub balanced: bool,
}

impl CampaignTotals {
    /// Adds up the tasks that workers have taken, of `tasks` in all.
    #[must_use]
    pub fn of<'a>(tasks: u32, taken: impl IntoIterator<Item = &'a CampaignTask>) -> Self {
        let (mut tally, mut tasks_done) = (PeopleTally::default(), 0);
        for task in taken {
            tally.merge(&task.tally);
            tasks_done += u32::from(task.is_done);
        }
        Self { tasks, tasks_done, balanced: tally.is_balanced(), tally }
    }

    /// Returns `true` if every task is done.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.tasks_done >= self.tasks
    }

    /// Returns `true` if tasks of a pass that began at `began_at` may be missing because their retention is over.
    #[must_use]
    pub fn are_expired(&self, began_at: Timestamp, now: Timestamp) -> bool {
        !self.is_complete() && now.duration_since(began_at) >= TASK_RETENTION
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn incomplete_numbers_expire_180_days_after_the_begin_of_the_pass() {
        let done = CampaignTask { is_done: true, ..CampaignTask::default() };
        let is_expired = |taken: &[CampaignTask], days: i64| {
            let now = Timestamp::from_second(days * 24 * 3_600).unwrap();
            CampaignTotals::of(2, taken).are_expired(Timestamp::UNIX_EPOCH, now)
        };
        let one = std::slice::from_ref(&done);
        assert!(!is_expired(one, 179) && is_expired(one, 180) && is_expired(&[], 200));
        assert!(!is_expired(&[done.clone(), done], 200), "every task is known");
    }
}
