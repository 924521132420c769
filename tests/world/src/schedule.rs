//! Time, the schedules of the functions, and the stream of the notifications table.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::dynamodb::EventRecord;
use cleanup::Summary;
use delivery::{SweepCounts, Sweeper};
use metrics::{NotificationChange, Sequence};
use send::SendApi;
use serde_json::{Value, json};
use store::metrics::MergeSummary;
use store::{DueChange, StoreError};
use tests::dynamo;
use tokio::time::Instant;

use super::answer::answered;
use super::{ApiResponse, SHOP, World};

impl World {
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Runs the minute schedule of cascade, and lets a worker continue what is due of campaigns.
    pub async fn sweep(&self) -> SweepCounts {
        let mut swept = self.try_sweep().await.unwrap();
        for shard in self.due_shards_of_campaigns() {
            let worked = self.drain(&self.fanout, &shard).await.unwrap();
            (swept.found, swept.worked) = (swept.found + worked, swept.worked + worked);
        }
        swept
    }

    pub async fn try_sweep(&self) -> Result<SweepCounts, StoreError> {
        self.cascade.sweep(2_000, self.ends_at_ms()).await
    }

    /// Runs the minute schedule of rollup.
    pub async fn tick(&self) -> Result<MergeSummary, StoreError> {
        let _ = self.published_figures().await;
        let _ = self.rollup.last_known_good.save(&self.rollup.config.record(), self.clock.now()).await;
        let (_, merged) = tokio::join!(self.reconcile_rollout(), self.rollup.metrics.merge(self.clock.now()));
        merged
    }

    /// The figures that rollup publishes to CloudWatch each minute, without unknown ones.
    pub async fn published_figures(&self) -> BTreeMap<&'static str, f64> {
        let config = self.rollup.config.current().await;
        let figures = self.rollup.service_metrics.read(config.rollout.percentage, self.clock.now()).await;
        figures.into_iter().filter_map(|(metric, value)| Some((metric.as_str(), value?))).collect()
    }

    /// Runs the nightly pass of cleanup with this much time.
    pub async fn clean(&self, within: Duration) -> Summary {
        let days = self.cleaner.config.current().await.settings.retention_days.device_unused;
        self.cleaner.cleanup.pass(self.clock.now(), days, Instant::now() + within, false).await
    }

    /// Another instance of send, which shares only the tables with the first.
    pub async fn another_send(&self) -> SendApi {
        self.endpoints.send(&self.clock).await
    }

    /// Sends a batch through this instance of send.
    pub async fn batch_by(&self, send: &SendApi, messages: &[Value], key: &str) -> ApiResponse {
        let body = json!({"messages": messages});
        let request = self.request(SHOP, "send", "POST /v1/notifications/batch", &[], &[], &body, Some(key));
        answered(&request, send.answer(&request, self.clock.now(), self.hard_deadline()).await)
    }

    /// Another instance of cascade, which shares only the tables with the first.
    pub async fn another_cascade(&self) -> Sweeper {
        self.endpoints.cascade(&self.clock).await
    }

    /// Runs the five-minute schedule of cleanup.
    pub async fn retry_erasures(&self) -> Summary {
        self.cleaner.cleanup.erasures(self.clock.now(), Instant::now() + Duration::from_secs(9)).await
    }

    /// Delivers the stream to cascade from the first record on, so that earlier records arrive again.
    pub async fn redeliver_stream_to_cascade(&self) {
        let changes: Vec<_> = dynamo::stream(&self.database).iter().map(due_change).collect();
        assert_eq!(self.cascade.resume_due(&changes, self.ends_at_ms()).await, Vec::<usize>::new());
    }

    fn ends_at_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millisecond()).unwrap() + 60_000
    }

    /// Turns the stream off, for many writes in a test that folds nothing.
    pub fn disable_stream(&self) {
        dynamo::disable_stream(&self.database);
    }

    /// Makes the next fold process every record since the beginning, as when Lambda delivers a batch twice.
    pub fn redeliver_stream_to_rollup(&self) {
        *self.folded_records.lock().unwrap() = 0;
    }

    /// Folds the stream's records since the previous fold.
    pub async fn fold(&self) {
        let records = dynamo::stream(&self.database);
        let from = std::mem::replace(&mut *self.folded_records.lock().unwrap(), records.len());
        // The event source mapping filters removals out.
        let records = records[from..].iter().filter(|record| record["eventName"] != "REMOVE");
        let changes: Vec<_> = records.map(change).collect();
        let folded = self.rollup.metrics.add_changes("0", &changes, &[], self.clock.now()).await;
        assert!(folded.failed.is_empty());
    }
}

fn record(record: &Value) -> EventRecord {
    serde_json::from_value(record.clone()).unwrap()
}

fn due_change(value: &Value) -> Option<DueChange> {
    let record = record(value).change;
    DueChange::from_stream_record(&record.keys, &record.new_image)
}

fn change(value: &Value) -> NotificationChange {
    let record = record(value).change;
    let image = |item| serde_dynamo::from_item(item).unwrap();
    let old = (!record.old_image.is_empty()).then(|| image(record.old_image));
    let sequence = Sequence::parse(&record.sequence_number.unwrap()).unwrap();
    NotificationChange { sequence, recorded_at: None, old, new: image(record.new_image) }
}
