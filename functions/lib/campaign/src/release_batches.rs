//! Batches of released tasks, each with its time. A task that no worker takes for long after its batch was lost: the
//! process died, or the queue did not take the message.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Time after the delivery of its message at which a task that no worker has taken counts as lost.
pub(crate) const LOST_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Tasks that were released together. Their numbers are those of the pass. In JSON it is a list, because the record of
/// a release is written every minute and costs by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32, i64)", into = "(u32, u32, i64)")]
pub struct ReleaseBatch {
    first: u32,
    /// Number after the last task.
    end: u32,
    /// Time at which the queue delivers the last message.
    delivered_at: Timestamp,
}

impl ReleaseBatch {
    const fn contains(&self, task: u32) -> bool {
        self.first <= task && task < self.end
    }
}

impl From<(u32, u32, i64)> for ReleaseBatch {
    fn from((first, end, second): (u32, u32, i64)) -> Self {
        Self { first, end, delivered_at: Timestamp::from_second(second).unwrap_or(Timestamp::MIN) }
    }
}

impl From<ReleaseBatch> for (u32, u32, i64) {
    fn from(ReleaseBatch { first, end, delivered_at }: ReleaseBatch) -> Self {
        (first, end, delivered_at.as_second())
    }
}

/// Returns `true` if the last message of an untaken task was lost; `None` if no batch has the task.
pub(crate) fn was_lost(batches: &[ReleaseBatch], task: u32, now: Timestamp) -> Option<bool> {
    let batch = batches.iter().rev().find(|batch| batch.contains(task))?;
    Some(now.duration_since(batch.delivered_at) >= LOST_AFTER)
}

/// Adds tasks, each with its delay in seconds, and removes the batches without an untaken task of their own. Tasks that
/// workers have taken do not matter, so a batch may span them.
pub(crate) fn add_batches(
    batches: &mut Vec<ReleaseBatch>,
    released: impl IntoIterator<Item = (u32, u32)>,
    is_untaken: impl Fn(u32) -> bool,
    now: Timestamp,
) {
    let added = batches.len();
    for (task, delay_seconds) in released.into_iter().filter(|(task, _)| is_untaken(*task)) {
        let delay = SignedDuration::from_secs(delay_seconds.into());
        let delivered_at = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        match batches.get_mut(added..).and_then(<[_]>::last_mut) {
            Some(last) if last.end <= task && !(last.end..task).any(&is_untaken) => {
                (last.end, last.delivered_at) = (task + 1, last.delivered_at.max(delivered_at));
            }
            _ => batches.push(ReleaseBatch { first: task, end: task + 1, delivered_at }),
        }
    }
    let mut known = BTreeSet::new();
    batches.reverse();
    batches.retain(|batch| {
        let before = known.len();
        known.extend((batch.first..batch.end).filter(|task| is_untaken(*task)));
        known.len() > before
    });
    batches.reverse();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_batch_has_its_own_time_and_lasts_until_its_tasks_are_taken() {
        let mut batches = Vec::new();
        add_batches(&mut batches, [(0, 0), (1, 10), (2, 20)], |_| true, at(100));
        add_batches(&mut batches, [(3, 0), (4, 60)], |_| true, at(160));
        assert_eq!(serde_json::to_string(&batches).unwrap(), "[[0,3,120],[3,5,220]]");
        assert_eq!(serde_json::from_str::<Vec<ReleaseBatch>>("[[0,3,120],[3,5,220]]").unwrap(), batches);
        let lost = |batches: &[ReleaseBatch], task, second| was_lost(batches, task, at(second));
        assert_eq!(
            (lost(&batches, 1, 419), lost(&batches, 1, 420), lost(&batches, 3, 420)),
            (Some(false), Some(true), Some(false))
        );
        assert_eq!(lost(&batches, 5, 420), None);
        // Task 1 is released again. Tasks 0 and 2 are taken.
        add_batches(&mut batches, [(1, 0)], |task| ![0, 2].contains(&task), at(420));
        assert_eq!(serde_json::to_string(&batches).unwrap(), "[[3,5,220],[1,2,420]]");
        assert_eq!((lost(&batches, 1, 719), lost(&batches, 1, 720)), (Some(false), Some(true)));
        add_batches(&mut batches, [], |task| task == 4, at(421));
        assert_eq!(serde_json::to_string(&batches).unwrap(), "[[3,5,220]]");
        add_batches(&mut batches, [], |_| false, at(422));
        assert_eq!(batches, []);
    }

    #[test]
    fn a_batch_spans_tasks_that_are_taken() {
        let mut batches = Vec::new();
        add_batches(&mut batches, [(0, 0), (2, 0), (9, 5)], |task| task % 2 == 0 || task > 7, at(0));
        assert_eq!(serde_json::to_string(&batches).unwrap(), "[[0,3,0],[9,10,5]]", "4, 6 and 8 are of other batches");
    }
}
