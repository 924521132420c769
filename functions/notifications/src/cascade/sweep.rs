//! Taking work up again: from the stream at once, and every minute from the index `due`.
//!
//! Whoever comes first claims the notification by a conditional write; whoever comes second learns of it there and does
//! nothing. So it does not matter how often, or in which order, anybody is told.

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};

use super::{Allowance, Dispatcher, Job, impossible_channels};
use crate::notification::{Attempt, Notification, NotificationId, due_shards};
use crate::rollout::Version;
use crate::send::{Gates, Verdict};
use crate::store::StoreError;

/// How many notifications are worked on at once.
const CONCURRENCY: usize = 16;
/// The longest one notification may take within a sweep.
const EACH: SignedDuration = SignedDuration::from_secs(15);
/// What a sweep keeps back at its end.
const TO_FINISH: SignedDuration = SignedDuration::from_secs(2);

/// What taking a notification up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// It was worked on.
    Worked,
    /// It is not due, ended, erased, or taken by somebody else: nothing to do.
    Nothing,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How many it found due.
    pub found: usize,
    /// How many it worked on.
    pub worked: usize,
    /// How many failed, and stay due.
    pub failed: usize,
    /// How many it did not reach in its time.
    pub left: usize,
}

impl Dispatcher {
    /// Works on what is due, most urgent first, up to `most` notifications, until shortly before `ends_at`.
    ///
    /// # Errors
    /// When the index cannot be read; a single notification's failure is counted and does not stop the rest.
    pub async fn sweep(&self, most: usize, ends_at: Timestamp, lease_until: Timestamp) -> Result<Sweep, StoreError> {
        let now = self.clock.now();
        let mut due = Vec::new();
        for shard in due_shards() {
            if due.len() < most {
                due.extend(self.notifications.due(&shard, now, most - due.len()).await?);
            }
        }
        let stop_at = ends_at - TO_FINISH;
        let mut sweep = Sweep { found: due.len(), ..Sweep::default() };
        let mut results = futures_util::stream::iter(&due)
            .map(|id| async move {
                let now = self.clock.now();
                if now >= stop_at {
                    return None;
                }
                let work_until = stop_at.min(now + EACH);
                Some((id, self.resume(id, Allowance { work_until, lease_until }).await))
            })
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = results.next().await {
            match result {
                None => sweep.left += 1,
                Some((_, Ok(Resumed::Worked))) => sweep.worked += 1,
                Some((_, Ok(Resumed::Nothing))) => {}
                Some((id, Err(error))) => {
                    tracing::error!(notification = %id, %error, "could not work on a due notification; it stays due");
                    sweep.failed += 1;
                }
            }
        }
        Ok(sweep)
    }

    /// Works on one notification, if it is due.
    ///
    /// # Errors
    /// When the store does not answer. Losing the race for it is no error.
    pub async fn resume(&self, id: &NotificationId, allowance: Allowance) -> Result<Resumed, StoreError> {
        let Some(notification) = self.notifications.get(id).await? else {
            return Ok(Resumed::Nothing);
        };
        if notification.next_action_at.is_none_or(|at| at > self.clock.now()) {
            return Ok(Resumed::Nothing);
        }
        match self.work_on(notification, allowance).await {
            Ok(_) => Ok(Resumed::Worked),
            Err(StoreError::ConditionFailed { .. }) => Ok(Resumed::Nothing),
            Err(error) => Err(error),
        }
    }

    async fn work_on(&self, mut notification: Notification, allowance: Allowance) -> Result<Notification, StoreError> {
        let recipient = self.recipients.load(notification.id.recipient()).await?;
        let live = self.live.live().await;
        let now = self.clock.now();
        if let Some(lost) = notification.in_flight {
            let price_micros = recipient
                .as_ref()
                .and_then(|to| self.channels.compose(lost, &notification, to, &live.settings))
                .map_or(0, |message| message.price_micros(&live.settings));
            notification.record(Attempt::lost(lost, notification.updated_at, price_micros));
        }
        if notification.version == Some(Version::V2) && live.rollout.is_killed() && notification.attempts.is_empty() {
            notification.version = Some(Version::V1);
        }
        let mut job = Job::new(notification, recipient, false);
        if job.notification.version.is_none() || job.notification.status == crate::notification::Status::Held {
            let impossible = impossible_channels(job.recipient.as_ref(), &live.settings.sms, self.home_country);
            let gates = Gates { rollout: &live.rollout, recipient: job.recipient.as_ref(), impossible: &impossible };
            let gated = gates.ask(&job.notification, now);
            if !gated.apply(&mut job.notification, now) && gated.verdict != Verdict::Pass {
                self.notifications.save(&mut job.notification).await?;
                return Ok(job.notification);
            }
        }
        self.advance(job, allowance).await
    }
}

