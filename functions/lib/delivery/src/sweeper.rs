//! Sweeper: resumes notifications whose next step is due.
//!
//! The index `due` has three classes of shards: `high`, `normal` and `bulk`. Notifications of campaigns are in `bulk`.
//!
//! | method | invoked by | resumes | order | limit |
//! |---|---|---|---|---|
//! | `resume_due` | the stream | the records that are due now, without `bulk` | as in the stream | the batch |
//! | `sweep` | cascade, every minute | all that are due; in `bulk` for 5 minutes | by class, the shards in turn | a number |
//! | `drain` | a fanout worker | the due ones of one shard of `bulk` | earliest first | until none is due |
//!
//! Every method works on [`CONCURRENCY`] notifications at once, on each for [`NOTIFICATION_WORK_LIMIT`] at most. None
//! starts in the last [`WORK_END_MARGIN`] of the invocation. What is not reached stays due.
//!
//! The first process claims a notification by a conditional write. In any other process that write fails, and the
//! process does nothing. So duplicate or reordered stream records do no harm.

use std::cmp::Reverse;
use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::allowance::{Allowance, hard_deadline, invocation_end, time_left};
use crate::campaign_states::Permission;
use crate::chains::chains;
use crate::config::ConfigSnapshot;
use crate::engine::{CONCURRENCY, DeliveryEngine};
use crate::gate_result::GateVerdict;
use crate::job::Job;
use aws::deadline;
use domain::notification::{Notification, NotificationId, Status, Urgency};
use domain::recipient::Recipient;
use domain::rollout::Version;
use platform::alarm::AlarmLine;
use platform::time_limits::{NOTIFICATION_WORK_LIMIT, WORK_END_MARGIN};
use store::{DueChange, DueNotification, StoreError, bulk_due_shards, is_bulk_shard, single_due_shards};

mod selection;
mod sweep_counts;

use selection::{interleave_by_urgency, waited_ms};
pub use sweep_counts::SweepCounts;

/// Time after which a sweep resumes a due notification of a campaign. Workers drain each shard every minute, so few
/// wait that long.
const BULK_OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// Number of notifications that [`Sweeper::drain`] reads at once.
const DRAIN_PAGE: usize = 200;

/// Result of resuming a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeResult {
    /// The notification was processed.
    Worked,
    /// Nothing to do: the notification is not due, has ended, was erased, or is claimed by another process.
    Nothing,
}

/// Resumes due notifications.
#[derive(Debug)]
pub struct Sweeper {
    engine: DeliveryEngine,
}

impl Sweeper {
    /// Creates a sweeper that makes its attempts with this engine.
    #[must_use]
    pub const fn new(engine: DeliveryEngine) -> Self {
        Self { engine }
    }

    /// Returns the engine that makes the attempts.
    #[must_use]
    pub const fn engine(&self) -> &DeliveryEngine {
        &self.engine
    }

    /// Resumes up to `limit` due notifications until shortly before `ends_at_ms`.
    ///
    /// Those of campaigns are found only after [`BULK_OVERDUE`]: until then they are left to [`drain`](Self::drain).
    ///
    /// # Errors
    /// If the index cannot be read. A failure of a single notification is counted and does not stop the rest.
    pub async fn sweep(&self, limit: usize, ends_at_ms: u64) -> Result<SweepCounts, StoreError> {
        let now = self.engine.clock().now();
        let shards = self.read_due_shards(limit, now).await?;
        let found = shards.iter().map(Vec::len).sum();
        let oldest_ms = waited_ms(shards.iter().filter_map(|shard| shard.first()), now);
        let ids = shards.into_iter().map(|shard| shard.into_iter().map(|one| one.id).collect()).collect();
        let due = interleave_by_urgency(ids, limit);
        let results = self.resume_all(&due, ends_at_ms).await;
        let reached = || results.iter().flatten();
        Ok(SweepCounts {
            found,
            worked: reached().filter(|result| matches!(result, Ok(ResumeResult::Worked))).count(),
            failed: reached().filter(|result| result.is_err()).count(),
            left: found - reached().count(),
            oldest_ms,
        })
    }

    /// Reads up to `limit` due notifications of each shard, most urgent shards first.
    async fn read_due_shards(&self, limit: usize, now: Timestamp) -> Result<Vec<Vec<DueNotification>>, StoreError> {
        let single = single_due_shards().map(|shard| (shard, now));
        let bulk = bulk_due_shards().map(|shard| (shard, now - BULK_OVERDUE));
        let shards: Vec<_> = single.chain(bulk).collect();
        let notifications = &self.engine.stores().notifications;
        let queries = shards.iter().map(|(shard, due_by)| notifications.due(shard, *due_by, limit));
        futures_util::future::try_join_all(queries).await
    }

    /// Resumes the due notifications of a shard, page by page, until none is due or shortly before `ends_at_ms`.
    /// Returns the number of those that were processed.
    ///
    /// # Errors
    /// If the index cannot be read. A failure of a single notification does not stop the rest.
    pub async fn drain(&self, shard: &str, ends_at_ms: u64) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let now = self.engine.clock().now();
            let due = self.engine.stores().notifications.due(shard, now, DRAIN_PAGE).await?;
            let ids: Vec<_> = due.into_iter().map(|one| one.id).collect();
            let results = self.resume_all(&ids, ends_at_ms).await;
            let worked = results.iter().filter(|one| matches!(one, Some(Ok(ResumeResult::Worked)))).count();
            all += worked;
            // The index follows the table a moment later, so the next page may have some of this one again.
            if worked == 0 || results.iter().any(Option::is_none) {
                return Ok(all);
            }
        }
    }

    /// Resumes the notifications that the stream reports and that are due now; `None` stands for any other record.
    /// Those of campaigns are left to [`drain`](Self::drain).
    ///
    /// Returns the positions of those that failed or were not reached. They stay in `due` in any case.
    pub async fn resume_due(&self, changes: &[Option<DueChange>], ends_at_ms: u64) -> Vec<usize> {
        let now_ms = self.engine.clock().now().as_millisecond();
        let is_bulk = |change: &DueChange| change.due_shard.as_deref().is_some_and(is_bulk_shard);
        let is_due = |change: &&DueChange| change.next_action_at_ms <= now_ms && !is_bulk(change);
        let due = changes.iter().enumerate().filter_map(|(at, change)| Some((at, change.as_ref().filter(is_due)?)));
        let (positions, ids): (Vec<_>, Vec<_>) = due.map(|(at, change)| (at, change.id.clone())).unzip();
        let results = self.resume_all(&ids, ends_at_ms).await;
        let is_open = |result: &Option<Result<ResumeResult, StoreError>>| !matches!(result, Some(Ok(_)));
        positions.into_iter().zip(results).filter(|(_, result)| is_open(result)).map(|(at, _)| at).collect()
    }

    /// Resumes each notification, several at a time, started in order. A failure does not stop the rest. The result of
    /// a notification that was not reached is `None`.
    async fn resume_all(
        &self,
        ids: &[NotificationId],
        ends_at_ms: u64,
    ) -> Vec<Option<Result<ResumeResult, StoreError>>> {
        let resume = |chain: Vec<usize>| async move {
            let mut results = Vec::with_capacity(chain.len());
            for position in chain {
                results.push((position, self.resume_in_time(&ids[position], ends_at_ms).await));
            }
            results
        };
        // Erased like `resume_in_time`.
        let chains: BoxFuture<'_, _> = Box::pin(self.chains(ids));
        let results = futures_util::stream::iter(chains.await).map(resume);
        // Started in order and ended in any, so that a slow provider does not delay the notifications after it.
        let results: Vec<_> = results.buffer_unordered(CONCURRENCY).collect().await;
        let mut results: Vec<_> = results.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(position, _)| *position);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Groups the positions of the notifications into chains. Held notifications of one recipient share a chain, the
    /// most urgent one first, then the oldest. So a free slot of the frequency caps goes to them in this order. Every
    /// other notification is a chain of its own.
    async fn chains(&self, ids: &[NotificationId]) -> Vec<Vec<usize>> {
        let mut counts = HashMap::<_, usize>::new();
        ids.iter().for_each(|id| *counts.entry(id.recipient()).or_default() += 1);
        let shared: Vec<_> = ids.iter().filter(|id| counts[id.recipient()] > 1).cloned().collect();
        // Without an answer, every notification is a chain of its own: the caps hold, and only the order is lost.
        let stored =
            if shared.is_empty() { Ok(Vec::new()) } else { self.engine.stores().notifications.get_many(&shared).await };
        let mut held: HashMap<NotificationId, Urgency> = HashMap::new();
        for one in stored.unwrap_or_default().iter().filter(|one| one.status() == Status::Held) {
            held.insert(one.id().clone(), one.urgency());
        }
        let mut chains = chains(ids.iter().map(|id| held.contains_key(id).then(|| id.recipient())));
        for chain in chains.iter_mut().filter(|chain| chain.len() > 1) {
            chain.sort_by_key(|position| (Reverse(held.get(&ids[*position]).copied()), ids[*position].ordered()));
        }
        chains
    }

    /// Resumes one notification within the time of the invocation. Returns `None` if no time is left for it. The
    /// future's type is erased: its parts are nested more deeply than the compiler's recursion limit allows.
    fn resume_in_time<'a>(
        &'a self,
        id: &'a NotificationId,
        ends_at_ms: u64,
    ) -> BoxFuture<'a, Option<Result<ResumeResult, StoreError>>> {
        Box::pin(async move {
            let lease_until = hard_deadline(ends_at_ms);
            let stop_at = invocation_end(ends_at_ms) - WORK_END_MARGIN;
            let now = self.engine.clock().now();
            if now >= stop_at {
                return None;
            }
            let allowance = Allowance { work_until: stop_at.min(now + NOTIFICATION_WORK_LIMIT), lease_until };
            let timeout = time_left(allowance.work_until, now);
            let result = deadline::with_timeout(timeout, self.resume(id, allowance)).await;
            result.as_ref().err().into_iter().for_each(|error| log_failure(id, error));
            Some(result)
        })
    }

    /// Processes one notification, if it is due.
    ///
    /// # Errors
    /// If the store does not answer. A claim lost to another process is not an error.
    async fn resume(&self, id: &NotificationId, allowance: Allowance) -> Result<ResumeResult, StoreError> {
        let Some(notification) = self.engine.stores().notifications.get(id).await? else {
            return Ok(ResumeResult::Nothing);
        };
        if notification.next_action_at().is_none_or(|at| at > self.engine.clock().now()) {
            return Ok(ResumeResult::Nothing);
        }
        match self.work_on(notification, allowance).await {
            Ok(_) => Ok(ResumeResult::Worked),
            Err(StoreError::ConditionFailed { .. }) => Ok(ResumeResult::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Works on a due notification. The state of its campaign or a gate may end the work before an attempt.
    async fn work_on(&self, mut notification: Notification, allowance: Allowance) -> Result<Notification, StoreError> {
        let (mut recipient, config) = self.engine.load_for(&notification).await?;
        let now = self.engine.clock().now();
        if let Some(id) = notification.campaign().map(|campaign| campaign.id.clone()) {
            let permission = self.engine.stores().campaigns.permission(&id, now).await?;
            if !may_continue(&mut notification, permission, now) {
                return self.store_unattempted(notification, recipient.as_ref()).await;
            }
        }
        notification.record_lost();
        if needs_gates(&notification, &config) {
            let verdict = self.engine.apply_gates(&mut notification, &mut recipient, &config, now).await?;
            if verdict != GateVerdict::Pass {
                return self.store_unattempted(notification, recipient.as_ref()).await;
            }
        }
        self.engine.advance(Job::resumed(notification, recipient), allowance).await
    }

    /// Stores a notification on which no attempt is made now. If it has ended, its slot of the frequency caps is given
    /// back.
    async fn store_unattempted(
        &self,
        mut notification: Notification,
        recipient: Option<&Recipient>,
    ) -> Result<Notification, StoreError> {
        self.engine.stores().notifications.save(&mut notification).await?;
        if let Some(recipient) = recipient {
            self.engine.release_cap_slot(&notification, Some(&recipient.caps)).await;
        }
        Ok(notification)
    }
}

/// Returns `true` if the gates decide about a due notification. They decide before its first attempt and after a hold.
/// They decide again if the kill switch takes version 2 from a notification without an attempt.
fn needs_gates(notification: &Notification, config: &ConfigSnapshot) -> bool {
    let is_demoted =
        notification.is_untried() && notification.version() == Some(Version::V2) && config.rollout.is_killed();
    is_demoted || notification.version().is_none() || notification.status() == Status::Held
}

/// Applies the state of a campaign to one of its notifications. Returns `true` if the notification continues.
///
/// A notification past its lifetime continues although its campaign is paused, so that it expires.
fn may_continue(notification: &mut Notification, permission: Permission, now: Timestamp) -> bool {
    match permission {
        Permission::WaitUntil(until) if !notification.remaining(now).is_zero() => {
            notification.wait_for_campaign(until);
            false
        }
        Permission::End => {
            notification.end_with_campaign(now);
            false
        }
        Permission::Continue | Permission::WaitUntil(_) => true,
    }
}

fn log_failure(id: &NotificationId, error: &StoreError) {
    if error.is_transient() {
        tracing::warn!(notification = %id, %error, "failed to process a due notification; it stays due");
    } else {
        tracing::error!(alarm = AlarmLine::StoreRefused.as_str(), notification = %id, %error, "store refused a due notification");
    }
}
