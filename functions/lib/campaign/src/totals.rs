//! Numbers of a campaign or a plan: the sum of its tasks.

use serde::Serialize;

use crate::tally::PeopleTally;
use crate::task::CampaignTask;

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
}
