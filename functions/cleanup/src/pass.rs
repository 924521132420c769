//! One pass: stuck notifications, then erasures, then the recipients table in parallel segments.

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cutoffs::end_if_stuck;
use super::{Cutoffs, Summary};
use aws::deadline;
use domain::notification::NotificationId;
use domain::recipient::StaleReason;
use store::{
    Cursor, CursorStore, DevicePage, ErasureStore, NotificationsStore, RecipientsStore, ScanProgress, ScannedDevice,
    StoreError, due_shards,
};

/// Number of segments of the recipients table that are read in parallel.
const SEGMENTS: usize = 4;
/// Maximum number of items of one page.
const PAGE_ITEMS: i32 = 500;
/// Maximum number of stuck notifications of one shard that a pass reads.
const STUCK_PER_SHARD: usize = 200;

/// The tables that cleanup works on.
#[derive(Debug, Clone)]
pub struct Cleanup {
    /// Stores recipients and devices.
    pub recipients: RecipientsStore,
    /// Stores notifications.
    pub notifications: NotificationsStore,
    /// Completes erasures in both tables.
    pub erasure: ErasureStore,
    /// Stores the position of the scan.
    pub cursor: CursorStore,
}

/// Parameters of one pass: its time, cutoffs and deadline, and the dry-run flag.
#[derive(Debug, Clone, Copy)]
struct PassParameters {
    now: Timestamp,
    cutoffs: Cutoffs,
    deadline: Instant,
    dry_run: bool,
}

impl Cleanup {
    /// Makes a pass that begins at `now` and starts no work after `deadline`. A dry run changes nothing, not even the
    /// position where the next pass continues.
    pub async fn pass(&self, now: Timestamp, device_unused_days: u32, deadline: Instant, dry_run: bool) -> Summary {
        let parameters = PassParameters { now, cutoffs: Cutoffs::at(now, device_unused_days), deadline, dry_run };
        let summary = self.end_stuck_notifications(parameters).await.plus(&self.recheck(now, deadline, dry_run).await);
        let summary = summary.plus(&self.scan(parameters).await);
        summary.log();
        summary
    }

    async fn end_stuck_notifications(&self, parameters: PassParameters) -> Summary {
        let mut summary = Summary { dry_run: parameters.dry_run, complete: true, ..Summary::default() };
        for shard in due_shards() {
            if Instant::now() >= parameters.deadline {
                summary.complete = false;
                break;
            }
            match self.notifications.due(&shard, parameters.cutoffs.settled_before, STUCK_PER_SHARD).await {
                Ok(due) => {
                    summary.complete &= due.len() < STUCK_PER_SHARD;
                    for one in due {
                        self.end(&one.id, parameters, &mut summary).await;
                    }
                }
                Err(error) => failed("a shard of stuck notifications", &error, &mut summary),
            }
        }
        summary
    }

    /// Ends one notification if it is stuck. If another worker writes it concurrently, the condition fails: the
    /// notification is not stuck.
    async fn end(&self, id: &NotificationId, parameters: PassParameters, summary: &mut Summary) {
        let ended = match self.notifications.get(id).await {
            Ok(None) => return,
            Ok(Some(mut notification)) => {
                if !end_if_stuck(&mut notification, &parameters.cutoffs, parameters.now) {
                    return;
                }
                if parameters.dry_run {
                    Ok(false)
                } else {
                    self.notifications.save(&mut notification).await.map(|()| true)
                }
            }
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if error.is_condition_failed() => {}
            ended => summary.stuck_notifications.count(done("a stuck notification", ended)),
        }
    }

    async fn scan(&self, parameters: PassParameters) -> Summary {
        let mut summary = Summary { complete: true, ..Summary::default() };
        let mut cursor = match self.cursor.load(SEGMENTS).await {
            Ok(cursor) => cursor,
            Err(error) => {
                failed("the cursor", &error, &mut summary);
                return summary;
            }
        };
        let mut segments = JoinSet::new();
        for (number, segment) in cursor.iter().cloned().enumerate() {
            let pass = self.clone();
            segments
                .spawn(deadline::propagate(async move { (number, pass.segment(number, segment, parameters).await) }));
        }
        while let Some(scanned) = segments.join_next().await {
            match scanned {
                Ok((number, (segment, part))) => {
                    cursor[number] = segment;
                    summary = summary.plus(&part);
                }
                Err(_) => summary.complete = false,
            }
        }
        self.save_cursor(&cursor, parameters, &mut summary).await;
        summary
    }

    async fn save_cursor(&self, cursor: &Cursor, parameters: PassParameters, summary: &mut Summary) {
        if parameters.dry_run {
            return;
        }
        if let Err(error) = self.cursor.save(cursor, parameters.now).await {
            failed("the cursor", &error, summary);
        }
    }

    /// Works through a segment from its position, and returns the new position.
    async fn segment(&self, number: usize, from: ScanProgress, parameters: PassParameters) -> (ScanProgress, Summary) {
        let mut summary = Summary { complete: true, ..Summary::default() };
        let mut at = from;
        loop {
            let after = match &at {
                ScanProgress::End => return (at, summary),
                ScanProgress::Start => None,
                ScanProgress::After(position) => Some(position),
            };
            if Instant::now() >= parameters.deadline {
                summary.complete = false;
                return (at, summary);
            }
            match self.recipients.scan_devices(number as i32, SEGMENTS as i32, after, PAGE_ITEMS).await {
                Ok(page) => {
                    self.page(&page, parameters, &mut summary).await;
                    at = page.next.map_or(ScanProgress::End, ScanProgress::After);
                }
                Err(error) => {
                    failed("a page of recipients", &error, &mut summary);
                    return (at, summary);
                }
            }
        }
    }

    async fn page(&self, page: &DevicePage, parameters: PassParameters, summary: &mut Summary) {
        if page.malformed > 0 {
            tracing::warn!(count = page.malformed, "skipped profiles with malformed devices");
        }
        for device in &page.devices {
            self.device(device, parameters, summary).await;
        }
    }

    async fn device(&self, device: &ScannedDevice, parameters: PassParameters, summary: &mut Summary) {
        let Some(stale) = device.age.stale(parameters.cutoffs.expired_before, parameters.cutoffs.unused_since) else {
            return;
        };
        let counts = match stale {
            StaleReason::ExpiredBefore(_) => &mut summary.expired_devices,
            StaleReason::UnusedSince(_) => &mut summary.unused_devices,
        };
        if parameters.dry_run {
            counts.count(false);
            return;
        }
        match self.recipients.remove_stale(&device.recipient, &device.device_id, stale).await {
            // The device registered again, or another worker removed it.
            Ok(false) => {}
            removed => counts.count(done("a device", removed)),
        }
    }
}

/// Returns the outcome. An error is logged and returns false; the item stays for the next pass.
fn done(item: &str, outcome: Result<bool, StoreError>) -> bool {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(item, %error, "failed to clean up an item; the next pass retries");
        false
    })
}

fn failed(item: &str, error: &StoreError, summary: &mut Summary) {
    tracing::warn!(item, %error, "failed to read or store an item; the next pass retries");
    summary.complete = false;
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
