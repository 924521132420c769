//! `GET /v1/capacity`: the quota of SES, and the age of due work. Both are cached, because pages read them often.

use aws::{AwsConfig, MailQuotaReader};
use domain::channel::MailQuota;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::{NotificationsStore, StoreError, due_shards};
use tokio::sync::Mutex;

/// Time for which the oldest due work, or the failure to read it, is kept.
const DUE_LIFETIME: SignedDuration = SignedDuration::from_secs(15);

/// The response of `GET /v1/capacity`. A part that cannot be read is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// Quota of SES.
    pub email_quota: Option<QuotaView>,
    /// Due work.
    pub due: Option<DueView>,
}

/// Quota of SES.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuotaView {
    /// Recipients that the account may send to in 24 hours; null without a limit.
    pub per_day: Option<f64>,
    /// Recipients of the last 24 hours.
    pub sent: f64,
    /// Recipients that are left; null without a limit.
    pub remaining: Option<f64>,
    /// Messages a second.
    pub per_second: f64,
    /// Time of the read.
    pub at: Timestamp,
}

/// Work that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueView {
    /// Time at which the oldest of it came due; null if nothing is due.
    pub oldest_at: Option<Timestamp>,
    /// Seconds since then; 0 if nothing is due.
    pub age_s: i64,
    /// Time of the read.
    pub at: Timestamp,
}

/// Reads the capacity.
#[derive(Debug)]
pub struct CapacityReader {
    quota: MailQuotaReader,
    notifications: NotificationsStore,
    known_due: Mutex<Option<CachedRead<Option<Timestamp>>>>,
}

/// Result of a read, with its time.
#[derive(Debug, Clone, Copy)]
struct CachedRead<T> {
    at: Timestamp,
    value: Option<T>,
}

impl CapacityReader {
    /// Creates a reader. Nothing is read yet.
    #[must_use]
    pub fn new(config: &AwsConfig, notifications_table: &str) -> Self {
        Self {
            quota: MailQuotaReader::new(config),
            notifications: NotificationsStore::new(aws::dynamodb(config), notifications_table),
            known_due: Mutex::new(None),
        }
    }

    /// Returns the capacity. A failure is logged, and its part is null.
    pub async fn read(&self, now: Timestamp) -> Capacity {
        let due = cached(&self.known_due, DUE_LIFETIME, now, async || {
            let oldest = self.oldest_due(now).await;
            oldest.map_err(|error| tracing::warn!(%error, "failed to read due work")).ok()
        });
        let (quota, due) = tokio::join!(self.quota.read(now), due);
        Capacity {
            email_quota: quota.map(|(at, quota)| QuotaView::new(quota, at)),
            due: due.value.map(|oldest_at| DueView::new(oldest_at, due.at, now)),
        }
    }

    /// Returns the time at which the oldest due work came due. It reads one key of each shard.
    async fn oldest_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let shards: Vec<_> = due_shards().collect();
        let first = try_join_all(shards.iter().map(|shard| self.notifications.due(shard, now, 1))).await?;
        Ok(first.into_iter().flatten().map(|due| due.at).min())
    }
}

/// Returns a value that is not older than `lifetime`. Others wait for a read that is in progress.
async fn cached<T: Copy>(
    known: &Mutex<Option<CachedRead<T>>>,
    lifetime: SignedDuration,
    now: Timestamp,
    read: impl AsyncFnOnce() -> Option<T>,
) -> CachedRead<T> {
    let mut known = known.lock().await;
    if let Some(found) = known.as_ref().filter(|found| now.duration_since(found.at) < lifetime) {
        return *found;
    }
    let found = CachedRead { at: now, value: read().await };
    *known = Some(found);
    found
}

impl QuotaView {
    fn new(quota: MailQuota, at: Timestamp) -> Self {
        Self {
            per_day: quota.max_per_day,
            sent: quota.sent,
            remaining: quota.left_of_day(),
            per_second: quota.max_per_second,
            at,
        }
    }
}

impl DueView {
    fn new(oldest_at: Option<Timestamp>, at: Timestamp, now: Timestamp) -> Self {
        let age_s = oldest_at.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
        Self { oldest_at, age_s, at }
    }
}
