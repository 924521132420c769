//! Sweeper: resumes due work, from the stream at once, and every minute from the index `due`.
//!
//! The first process claims the notification by a conditional write. In any other process that write fails, and the
//! process does nothing. So duplicate or reordered stream records do no harm.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::allowance::{Allowance, hard_deadline, invocation_end, time_left};
use crate::campaign_states::Permission;
use crate::chains::chains;
use crate::engine::{CONCURRENCY, DeliveryEngine};
use crate::job::Job;
use aws::deadline;
use domain::notification::{Notification, NotificationId, Status, Urgency};
use domain::rollout::Version;
use platform::alarm::AlarmLine;
use platform::emf::{Metric, MetricValue};
use platform::time_limits::{NOTIFICATION_WORK_LIMIT, WORK_END_MARGIN};
use store::{DUE_SHARDS, DueChange, DueNotification, StoreError, bulk_due_shards, is_bulk_shard, single_due_shards};

/// Time after which a due notification of a campaign is left over: the workers drain each shard every minute.
const BULK_OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// Number of notifications of a shard that are read at once.
const DRAIN_PAGE: usize = 200;

/// Result of resuming a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeResult {
    /// The notification was processed.
    Worked,
    /// Nothing to do: the notification is not due, has ended, was erased, or is claimed by another process.
    Nothing,
}

/// Result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepCounts {
    /// Number of due notifications found, at most the sweep's limit per shard.
    pub found: usize,
    /// Number of notifications processed.
    pub worked: usize,
    /// Number of notifications that failed. They stay due.
    pub failed: usize,
    /// Number of notifications found but not reached, for lack of time or beyond the sweep's limit.
    pub left: usize,
    /// Time since the oldest found notification came due, in milliseconds; 0 if none was found.
    pub oldest_ms: i64,
}

impl SweepCounts {
    /// Returns the figures of this sweep for CloudWatch.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    pub fn figures(&self) -> [MetricValue; 3] {
        [
            (Metric::DueFound, Some(self.found as f64)),
            (Metric::DueLeft, Some(self.left as f64)),
            (Metric::OldestDueAge, Some(self.oldest_ms as f64 / 1e3)),
        ]
    }
}

impl fmt::Display for SweepCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, worked, failed, left, .. } = self;
        write!(f, "worked on {worked} of {found} due notifications, {failed} failed, {left} not reached")
    }
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

    /// Processes up to `limit` due notifications, most urgent first, until shortly before `ends_at_ms`. Those of
    /// campaigns are drained by [`drain`](Self::drain), so only what it left for minutes is found here.
    ///
    /// # Errors
    /// If the index cannot be read. A failure of a single notification is counted and does not stop the rest.
    pub async fn sweep(&self, limit: usize, ends_at_ms: u64) -> Result<SweepCounts, StoreError> {
        let now = self.engine.clock().now();
        let left_over = now - BULK_OVERDUE;
        let shards: Vec<_> =
            single_due_shards().map(|shard| (shard, now)).chain(bulk_due_shards().map(|it| (it, left_over))).collect();
        let queries = shards.iter().map(|(shard, by)| self.engine.stores().notifications.due(shard, *by, limit));
        let shards = futures_util::future::try_join_all(queries).await?;
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

    /// Processes the due notifications of a shard, page by page, until none is due or shortly before `ends_at_ms`.
    /// Returns how many were processed.
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

    async fn work_on(&self, mut notification: Notification, allowance: Allowance) -> Result<Notification, StoreError> {
        let (mut recipient, config) = self.engine.load_for(&notification).await?;
        let now = self.engine.clock().now();
        if let Some(id) = notification.campaign().map(|campaign| campaign.id.clone()) {
            let permission = self.engine.stores().campaigns.permission(&id, now).await?;
            if !may_continue(&mut notification, permission, now) {
                self.engine.stores().notifications.save(&mut notification).await?;
                if let Some(recipient) = recipient.filter(|_| permission == Permission::End) {
                    self.engine.release_cap_slot(&notification, Some(&recipient.caps)).await;
                }
                return Ok(notification);
            }
        }
        notification.record_lost();
        let is_demoted =
            notification.is_untried() && notification.version() == Some(Version::V2) && config.rollout.is_killed();
        let needs_gates = is_demoted || notification.version().is_none() || notification.status() == Status::Held;
        if needs_gates && !self.engine.pass_gates(&mut notification, &mut recipient, &config, now).await? {
            self.engine.stores().notifications.save(&mut notification).await?;
            if let Some(recipient) = &recipient {
                self.engine.release_cap_slot(&notification, Some(&recipient.caps)).await;
            }
            return Ok(notification);
        }
        self.engine.advance(Job::resumed(notification, recipient), allowance).await
    }
}

/// Applies the state of a campaign to one of its notifications. Returns true if it continues. What has outlived its
/// lifetime continues, and expires.
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

/// Returns the waiting time of the notification that came due first, given the first one of each shard.
fn waited_ms<'a>(firsts: impl Iterator<Item = &'a DueNotification>, now: Timestamp) -> i64 {
    firsts.map(|one| now.as_millisecond() - one.at.as_millisecond()).max().unwrap_or(0).max(0)
}

/// Selects up to `limit` ids, urgent ones first and those of campaigns last.
///
/// Within a class, ids are taken from each shard in turn, so that a long shard does not starve the others.
fn interleave_by_urgency(shards: Vec<Vec<NotificationId>>, limit: usize) -> Vec<NotificationId> {
    let per_class = usize::try_from(DUE_SHARDS).unwrap_or(1);
    let (urgent, others) = shards.split_at(per_class.min(shards.len()));
    let (normal, bulk) = others.split_at(per_class.min(others.len()));
    let mut chosen = Vec::new();
    for class in [urgent, normal, bulk] {
        let longest = class.iter().map(Vec::len).max().unwrap_or(0);
        let in_turn = (0..longest).flat_map(|position| class.iter().filter_map(move |shard| shard.get(position)));
        chosen.extend(in_turn.take(limit - chosen.len()).cloned());
    }
    chosen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::notification::sample;
    use store::due_shards;

    fn ids(how_many: usize) -> Vec<NotificationId> {
        (0..how_many).map(|_| sample("DEFAULT", Timestamp::UNIX_EPOCH).id().clone()).collect()
    }

    #[test]
    fn the_urgent_come_first_and_no_shard_starves() {
        let mut shards: Vec<_> = (0..16).map(|_| Vec::new()).collect();
        (shards[1], shards[8], shards[15]) = (ids(2), ids(50), ids(3));
        let chosen = interleave_by_urgency(shards.clone(), 8);
        assert_eq!(chosen[..2], shards[1][..]);
        assert_eq!(chosen.iter().filter(|id| shards[15].contains(id)).count(), 3);
        assert_eq!(chosen.len(), 8);
        assert_eq!(interleave_by_urgency(shards, 100).len(), 55);
    }

    #[test]
    fn campaigns_come_after_all_others_and_none_of_their_shards_starves() {
        let mut shards: Vec<_> = due_shards().map(|_| Vec::new()).collect();
        assert_eq!(due_shards().skip(16).filter(|shard| shard.starts_with("bulk#")).count(), 16);
        (shards[7], shards[8], shards[16], shards[31]) = (ids(2), ids(3), ids(50), ids(50));
        let chosen = interleave_by_urgency(shards.clone(), 25);
        assert_eq!(chosen[..5], [shards[7].as_slice(), &shards[8]].concat());
        assert_eq!(chosen.iter().filter(|id| shards[31].contains(id)).count(), 10);
    }

    #[test]
    fn a_sweep_says_n_of_m() {
        let sweep = SweepCounts { found: 7, worked: 4, failed: 1, left: 2, oldest_ms: 61_500 };
        assert_eq!(sweep.to_string(), "worked on 4 of 7 due notifications, 1 failed, 2 not reached");
        let told = [(Metric::DueFound, Some(7.0)), (Metric::DueLeft, Some(2.0)), (Metric::OldestDueAge, Some(61.5))];
        assert_eq!(sweep.figures(), told);
    }

    #[test]
    fn the_oldest_is_the_one_that_came_due_first_of_any_shard() {
        let now = Timestamp::from_second(1_000).unwrap();
        let due = |second| DueNotification { id: ids(1).remove(0), at: Timestamp::from_second(second).unwrap() };
        let firsts = [due(990), due(400), due(1_000)];
        assert_eq!((waited_ms(firsts.iter(), now), waited_ms([].iter(), now)), (600_000, 0));
    }
}
