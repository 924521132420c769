//! Lost tasks of plans and tests: their messages did not reach a worker, and are sent again. Lost tasks of a launched
//! campaign are found by its release.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{Campaign, Plan};
use crate::release_batches::LOST_AFTER;
use crate::state::CampaignState;
use crate::task::{CampaignTask, TaskPass};

/// Time after the request for which a plan or a test is continued. Afterwards, an operator must request another one.
const RESEND_PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// State of the tasks of a plan or a test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PassRun {
    /// `true` if every task was done at the last check.
    pub is_complete: bool,
    /// Time of the last check.
    pub checked_at: Option<Timestamp>,
}

impl Campaign {
    /// Returns the plan and the test whose tasks workers may process.
    pub fn open_passes(&self, now: Timestamp) -> impl Iterator<Item = (TaskPass, &Plan)> {
        let plan = self.plan.as_ref().filter(|_| matches!(self.state, CampaignState::Draft | CampaignState::Approved));
        let plan = plan.map(|plan| (TaskPass::Plan(plan.number), plan));
        let test = self.test.as_ref().filter(|_| !self.state.is_final());
        let test = test.map(|test| (TaskPass::Test(test.number), test));
        let is_open = move |(_, pass): &(TaskPass, &Plan)| now.duration_since(pass.at) < RESEND_PERIOD;
        plan.into_iter().chain(test).filter(is_open)
    }
}

impl PassRun {
    /// Returns `true` if the tasks must be checked: some may be left, and their messages were sent long enough ago.
    #[must_use]
    pub fn is_due(&self, pass: &Plan, now: Timestamp) -> bool {
        let checked_at = self.checked_at.unwrap_or(pass.at);
        !self.is_complete && now.duration_since(checked_at) >= LOST_AFTER
    }

    /// Returns the tasks that are neither done nor leased by a worker, with the record of this check.
    #[must_use]
    pub fn check(pass: &Plan, tasks: &BTreeMap<u32, CampaignTask>, now: Timestamp) -> (Self, Vec<u32>) {
        let is_done = |task: &u32| tasks.get(task).is_some_and(|task| task.is_done);
        let is_leased = |task: &u32| tasks.get(task).is_some_and(|task| task.is_leased(now));
        let left: Vec<_> = (0..pass.segments).filter(|task| !is_done(task)).collect();
        let run = Self { is_complete: left.is_empty(), checked_at: Some(now) };
        (run, left.into_iter().filter(|task| !is_leased(task)).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Launch;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pass(number: u32) -> Plan {
        Plan { number, hash: String::new(), segments: 4, launch: Launch::default(), at: at(0) }
    }

    #[test]
    fn tasks_without_a_worker_are_sent_again_every_five_minutes() {
        let plan = pass(1);
        assert!(!PassRun::default().is_due(&plan, at(299)) && PassRun::default().is_due(&plan, at(300)));
        let done = CampaignTask { is_done: true, ..CampaignTask::default() };
        let held = CampaignTask { lease_until: Some(at(360)), ..CampaignTask::default() };
        let tasks = BTreeMap::from([(0, done.clone()), (1, held), (2, CampaignTask::default())]);
        let (run, lost) = PassRun::check(&plan, &tasks, at(300));
        assert_eq!((run.is_complete, lost), (false, vec![2, 3]));
        assert!(!run.is_due(&plan, at(599)) && run.is_due(&plan, at(600)));
        let tasks = (0..4).map(|task| (task, done.clone())).collect();
        let (run, lost) = PassRun::check(&plan, &tasks, at(600));
        assert!(lost.is_empty() && !run.is_due(&plan, at(10_000)));
    }

    #[test]
    fn a_plan_is_continued_until_the_launch_and_a_test_until_the_end_for_an_hour() {
        let mut campaign = Campaign::draft(serde_json::Map::new(), String::new().into());
        (campaign.plan, campaign.test) = (Some(pass(1)), Some(pass(2)));
        let open = |campaign: &Campaign, second| -> Vec<TaskPass> {
            campaign.open_passes(at(second)).map(|(pass, _)| pass).collect()
        };
        assert_eq!(open(&campaign, 3_599), [TaskPass::Plan(1), TaskPass::Test(2)]);
        assert_eq!(open(&campaign, 3_600), []);
        campaign.state = CampaignState::Running;
        assert_eq!(open(&campaign, 0), [TaskPass::Test(2)]);
        campaign.state = CampaignState::Cancelled;
        assert_eq!(open(&campaign, 0), []);
    }
}
