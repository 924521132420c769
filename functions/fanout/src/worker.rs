//! Worker: takes a task, processes its pages, and gives the task back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campaign::{Campaign, CampaignId, CampaignState, CampaignTask, SpentBudget, TaskClaim, TaskMessage, TaskPass};
use jiff::Timestamp;
use store::{StoreError, Versioned};

use crate::limits::WorkerLimits;
use crate::services::FanoutServices;
use crate::task_run::TaskRun;

/// Interval at which a worker checks if the campaign was paused.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Processes tasks.
#[derive(Debug)]
pub struct Worker {
    services: FanoutServices,
}

/// End of a worker's work on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// Every person was handled.
    Done,
    /// The remaining people are left for another worker, because the campaign was paused or the time of this worker is
    /// over.
    Left,
    /// Another worker has the task, or the campaign does not run.
    Nothing,
}

impl TaskEnd {
    /// Returns `true` if the queue must deliver the message of such a task again. For a launched campaign, a release
    /// continues the tasks.
    #[must_use]
    pub fn needs_repeat(self, pass: TaskPass) -> bool {
        self == Self::Left && pass != TaskPass::Send
    }
}

impl Worker {
    /// Creates a worker with these services.
    #[must_use]
    pub const fn new(services: FanoutServices) -> Self {
        Self { services }
    }

    /// Processes a task until it is done, the campaign is paused, or the time of this invocation is over.
    ///
    /// # Errors
    /// If a table does not answer. The task is given back first, if possible.
    pub async fn work_on(&self, message: &TaskMessage, ends_at_ms: u64) -> Result<TaskEnd, StoreError> {
        let TaskMessage { campaign: id, pass, task: number, interval_ms } = message;
        let Some(stored) = self.services.campaigns.get(id).await? else { return Ok(TaskEnd::Nothing) };
        if !may_work(&stored.campaign, *pass) {
            return Ok(TaskEnd::Nothing);
        }
        let Some(task_run) = TaskRun::of(&self.services, id, &stored.campaign, (*pass, *number), *interval_ms).await?
        else {
            return Ok(TaskEnd::Nothing);
        };
        let limits = WorkerLimits::of(ends_at_ms).until(task_run.sends_until());
        if self.services.engine().clock().now() > task_run.sends_until() {
            return Ok(TaskEnd::Nothing);
        }
        let Some(task) = self.take((id, *pass, *number), limits).await? else { return Ok(TaskEnd::Nothing) };
        let is_stopped = AtomicBool::new(false);
        let end = tokio::select! {
            biased;
            // Boxed, because the parts of an attempt are nested deeply.
            end = Box::pin(self.work_on_pages(&task_run, task, limits, &is_stopped)) => end,
            () = self.watch(id, *pass, stored.campaign.resumed_at, &is_stopped) => Ok(TaskEnd::Left),
        };
        tracing::info!(campaign = %id, pass = pass.key(), task = number, end = ?end.as_ref().ok(), "processed task");
        end
    }

    /// Continues due notifications of campaigns, until none is left or the time of this invocation is over.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub async fn drain(&self, due_shard: &str, ends_at_ms: u64) -> Result<usize, StoreError> {
        let drained = self.services.sweeper.drain(due_shard, ends_at_ms).await;
        // If this fails, the schedule sends the next message some minutes later.
        if let Err(error) = self.services.campaigns.end_drain(due_shard).await {
            tracing::warn!(due_shard, %error, "failed to record that a shard was drained");
        }
        let worked = drained?;
        tracing::info!(due_shard, worked, "drained shard of due notifications");
        Ok(worked)
    }

    /// Takes the task. Returns `None` if the task is done or another worker took it first.
    async fn take(
        &self,
        (id, pass, number): (&CampaignId, TaskPass, u32),
        limits: WorkerLimits,
    ) -> Result<Option<Versioned<CampaignTask>>, StoreError> {
        let now = self.services.engine().clock().now();
        let read = self.services.campaigns.task(id, pass, number).await?;
        let mut task = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
        match task.claim(limits.lease_until, now) {
            TaskClaim::Taken => self.services.campaigns.save_task((id, pass, number), read.as_ref(), task, now).await,
            TaskClaim::Leased | TaskClaim::Done => Ok(None),
        }
    }

    async fn work_on_pages(
        &self,
        task_run: &TaskRun<'_>,
        mut task: Versioned<CampaignTask>,
        limits: WorkerLimits,
        is_stopped: &AtomicBool,
    ) -> Result<TaskEnd, StoreError> {
        let people = task_run.people();
        loop {
            let worked = match &people {
                Ok(people) => Box::pin(task_run.page(people, &task.value, limits, is_stopped)).await,
                Err(error) => Err(error.clone()),
            };
            let now = self.services.engine().clock().now();
            let mut next = task.value.clone();
            next.spent = worked.as_ref().ok().and_then(|page| Some(SpentBudget { ceiling: page.spent?, at: now }));
            let may_have_sent = worked.as_ref().map_or(true, |page| page.may_have_sent);
            let end = match worked.map(|page| page.counted) {
                Ok(Some((tally, after, planned))) => {
                    next.keep_samples(planned);
                    next.advance(after, &tally, now);
                    let is_over =
                        next.spent.is_some() || now >= limits.start_until || is_stopped.load(Ordering::Relaxed);
                    if next.is_done {
                        Some(Ok(TaskEnd::Done))
                    } else if is_over {
                        next.release(false);
                        Some(Ok(TaskEnd::Left))
                    } else {
                        None
                    }
                }
                // A part of the page may be done. The next worker counts its people.
                Ok(None) => {
                    next.release(may_have_sent);
                    Some(Ok(TaskEnd::Left))
                }
                Err(error) => {
                    next.release(true);
                    Some(Err(error))
                }
            };
            let saved = self.services.campaigns.save_task(task_run.task(), Some(&task), next, now).await;
            match (end, saved) {
                (Some(Err(error)), _) | (_, Err(error)) => return Err(error),
                // The lease had expired, and another worker has the task.
                (_, Ok(None)) => return Ok(TaskEnd::Nothing),
                (Some(Ok(end)), Ok(Some(_))) => return Ok(end),
                (None, Ok(Some(saved))) => task = saved,
            }
        }
    }

    /// Reads the campaign at intervals, and stops the work for good once the campaign no longer runs. It also stops if
    /// the campaign was resumed since the worker read it: a pause may have changed what is sent. This function never
    /// ends.
    async fn watch(&self, id: &CampaignId, pass: TaskPass, resumed_at: Option<Timestamp>, is_stopped: &AtomicBool) {
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            match self.services.campaigns.get(id).await {
                Ok(found) => {
                    let is_of_run = |campaign: &Campaign| pass != TaskPass::Send || campaign.resumed_at == resumed_at;
                    let runs = |campaign: &Campaign| may_work(campaign, pass) && is_of_run(campaign);
                    if !found.is_some_and(|stored| runs(&stored.campaign)) {
                        is_stopped.store(true, Ordering::Relaxed);
                    }
                }
                Err(error) => {
                    tracing::warn!(campaign = %id, %error, "failed to read the campaign's state; polling again")
                }
            }
        }
    }
}

/// Returns `true` if workers may process a task of this pass.
fn may_work(campaign: &Campaign, pass: TaskPass) -> bool {
    match pass {
        TaskPass::Send => campaign.state == CampaignState::Running,
        TaskPass::Test(number) => {
            campaign.test.as_ref().is_some_and(|test| test.number == number) && !campaign.state.is_final()
        }
        TaskPass::Plan(number) => {
            campaign.plan.as_ref().is_some_and(|plan| plan.number == number) && !campaign.state.is_final()
        }
    }
}
