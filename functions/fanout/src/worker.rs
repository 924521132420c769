//! Worker: takes a task, works on its pages, and gives it back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campaign::{Campaign, CampaignId, Claim, Pass, State, Tally, Task, TaskMessage};
use delivery::{DeliveryEngine, hard_deadline};
use domain::recipient::KeyHasher;
use jiff::{SignedDuration, Timestamp};
use platform::time_limits::{SWEEP_END_MARGIN, SWEEP_NOTIFICATION_LIMIT};
use store::{CampaignStore, StoreError, Versioned};

use crate::work::Work;

/// Interval at which a worker looks if the campaign was paused.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Works on tasks.
#[derive(Debug)]
pub struct Worker {
    /// Makes the attempts.
    pub engine: DeliveryEngine,
    /// Computes the ids of notifications.
    pub hasher: KeyHasher,
    /// Reads campaigns, and stores the progress of tasks.
    pub campaigns: CampaignStore,
}

/// End of a worker's work on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// Every person was handled.
    Done,
    /// The rest is left for another worker: the campaign was paused, or the time of this one is over.
    Left,
    /// Nothing was to do: another worker has the task, or the campaign does not run.
    Nothing,
}

/// Time limits of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time after which no person is begun.
    pub begin_until: Timestamp,
    /// Time by which the work on the last person must end.
    pub stop_at: Timestamp,
    /// Time from which others may take the task over.
    pub lease_until: Timestamp,
}

impl Limits {
    /// Returns the limits of an invocation that Lambda ends at `ends_at_ms`.
    fn of(ends_at_ms: u64) -> Self {
        let ends_at = i64::try_from(ends_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let stop_at = ends_at.unwrap_or(Timestamp::MAX) - SWEEP_END_MARGIN;
        Self { begin_until: stop_at - SWEEP_NOTIFICATION_LIMIT, stop_at, lease_until: hard_deadline(ends_at_ms) }
    }

    /// Returns the time by which the work on a person that begins at `now` must end.
    pub fn work_until(self, now: Timestamp) -> Timestamp {
        self.stop_at.min(now.checked_add(SWEEP_NOTIFICATION_LIMIT).unwrap_or(self.stop_at))
    }
}

impl Worker {
    /// Works on a task until it is done, the campaign is paused, or the time of this invocation is over.
    ///
    /// # Errors
    /// If a table does not answer. The task is given back first, if possible.
    pub async fn work_on(&self, message: &TaskMessage, ends_at_ms: u64) -> Result<TaskEnd, StoreError> {
        let TaskMessage { campaign: id, pass, task: number } = message;
        let Some(stored) = self.campaigns.get(id).await? else { return Ok(TaskEnd::Nothing) };
        if !may_work(&stored.campaign, *pass) {
            return Ok(TaskEnd::Nothing);
        }
        let limits = Limits::of(ends_at_ms);
        let Some(work) = Work::of(self, id, &stored.campaign, *pass, *number).await? else {
            return Ok(TaskEnd::Nothing);
        };
        let Some(task) = self.take((id, *pass, *number), limits).await? else { return Ok(TaskEnd::Nothing) };
        let is_stopped = AtomicBool::new(false);
        let end = tokio::select! {
            biased;
            // Boxed, because the parts of an attempt are nested deeply.
            end = Box::pin(self.work_on_pages(&work, task, limits, &is_stopped)) => end,
            () = self.watch(id, *pass, &is_stopped) => Ok(TaskEnd::Left),
        };
        tracing::info!(campaign = %id, pass = pass.key(), task = number, end = ?end.as_ref().ok(), "worked on a task");
        end
    }

    /// Takes the task. Returns `None` if nothing is to do, or another worker was first.
    async fn take(
        &self,
        (id, pass, number): (&CampaignId, Pass, u32),
        limits: Limits,
    ) -> Result<Option<Versioned<Task>>, StoreError> {
        let now = self.engine.clock().now();
        let read = self.campaigns.task(id, pass, number).await?;
        let mut task = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
        match task.claim(limits.lease_until, now) {
            Claim::Taken => self.campaigns.save_task((id, pass, number), read.as_ref(), task, now).await,
            Claim::Leased | Claim::Done => Ok(None),
        }
    }

    async fn work_on_pages(
        &self,
        work: &Work<'_>,
        mut task: Versioned<Task>,
        limits: Limits,
        is_stopped: &AtomicBool,
    ) -> Result<TaskEnd, StoreError> {
        loop {
            let worked = Box::pin(work.page(&task.value, limits, is_stopped)).await;
            let now = self.engine.clock().now();
            let mut next = task.value.clone();
            let end = match worked {
                Ok(Some((tally, after))) => {
                    next.advance(after, &tally, now);
                    let is_over = now >= limits.begin_until || is_stopped.load(Ordering::Relaxed);
                    if next.is_done {
                        Some(Ok(TaskEnd::Done))
                    } else if is_over {
                        next.release(false);
                        Some(Ok(TaskEnd::Left))
                    } else {
                        None
                    }
                }
                // A part of the page is done: its people are counted by the next worker.
                Ok(None) => {
                    next.release(true);
                    Some(Ok(TaskEnd::Left))
                }
                Err(error) => {
                    next.release(true);
                    Some(Err(error))
                }
            };
            let saved = self.campaigns.save_task(work.task(), Some(&task), next, now).await;
            match (end, saved) {
                (Some(Err(error)), _) | (_, Err(error)) => return Err(error),
                // The lease had ended, and another worker has the task.
                (_, Ok(None)) => return Ok(TaskEnd::Nothing),
                (Some(Ok(end)), Ok(Some(_))) => return Ok(end),
                (None, Ok(Some(saved))) => task = saved,
            }
        }
    }

    /// Looks at the campaign again and again, and stops the work once it does not run any more. It never ends.
    async fn watch(&self, id: &CampaignId, pass: Pass, is_stopped: &AtomicBool) {
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            match self.campaigns.get(id).await {
                Ok(found) => {
                    let runs = found.is_some_and(|stored| may_work(&stored.campaign, pass));
                    is_stopped.store(!runs, Ordering::Relaxed);
                }
                Err(error) => tracing::warn!(campaign = %id, %error, "failed to look if the campaign was paused"),
            }
        }
    }
}

/// Returns `true` if a task of this pass may be worked on.
fn may_work(campaign: &Campaign, pass: Pass) -> bool {
    match pass {
        Pass::Send => campaign.state == State::Running,
        Pass::Plan(number) => {
            campaign.plan.as_ref().is_some_and(|plan| plan.number == number) && !campaign.state.is_final()
        }
    }
}

/// Numbers of a page, and the position of the next one.
pub type PageResult = Option<(Tally, Option<serde_json::Value>)>;

/// Shortest time that a page is begun with.
pub const SHORTEST_PAGE: SignedDuration = SignedDuration::from_secs(1);
