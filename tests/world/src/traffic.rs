//! Synthetic notifications that exist only as stream records for rollup, in any number per minute.

use jiff::SignedDuration;
use metrics::{NotificationChange, Sequence};
use serde_json::{Value, json};

use super::World;

/// Notifications of one version that ended in this minute.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    pub version: &'static str,
    pub kind: &'static str,
    pub accepted: usize,
    pub failed: usize,
    pub latency_ms: u64,
    pub cost_micros: i64,
    pub channel: &'static str,
    pub host: &'static str,
    /// Outcome of the attempts of those that failed.
    pub failure: &'static str,
}

impl Traffic {
    /// Notifications over a push service, in 100 ms, without cost.
    pub const fn of(version: &'static str, accepted: usize, failed: usize) -> Self {
        let (channel, host) = ("push", "fcm.googleapis.com");
        Self {
            version,
            kind: "DEFAULT",
            accepted,
            failed,
            latency_ms: 100,
            cost_micros: 0,
            channel,
            host,
            failure: "rejected",
        }
    }

    /// Notifications by e-mail.
    pub const fn by_mail(version: &'static str, accepted: usize, failed: usize) -> Self {
        Self { channel: "email", host: "ses", ..Self::of(version, accepted, failed) }
    }
}

impl World {
    /// Folds them as ended now.
    pub async fn fold_traffic(&self, traffic: &[Traffic]) {
        let mut changes = Vec::new();
        for lot in traffic {
            let outcomes = [("accepted", "accepted", lot.accepted), ("failed", lot.failure, lot.failed)];
            for (status, outcome, count) in outcomes {
                changes.extend((0..count).map(|_| self.ended(lot, status, outcome)));
            }
        }
        let folded = self.rollup.metrics.add_changes("counted", &changes, &[], self.clock.now()).await;
        assert!(folded.failed.is_empty());
    }

    fn ended(&self, lot: &Traffic, status: &str, outcome: &str) -> NotificationChange {
        let mut sequence_number = self.synthetic_records.lock().unwrap();
        *sequence_number += 1;
        let now = self.clock.now();
        let began = now - SignedDuration::from_millis(lot.latency_ms.try_into().unwrap());
        let number = |at: jiff::Timestamp| json!({"N": at.as_millisecond().to_string()});
        let attempt = json!([{
            "c": lot.channel, "p": lot.host, "o": outcome, "l": lot.latency_ms, "m": lot.cost_micros, "v": "device",
            "t": began.as_millisecond(),
        }]);
        let item: Value = json!({
            "status": {"S": status}, "version": {"S": lot.version}, "type": {"S": lot.kind},
            "attempts": {"S": attempt.to_string()}, "due_at": number(began), "updated_at": number(now),
        });
        let item: serde_dynamo::Item = serde_json::from_value(item).unwrap();
        let sequence = Sequence::parse(&sequence_number.to_string()).unwrap();
        NotificationChange { sequence, recorded_at: None, old: None, new: serde_dynamo::from_item(item).unwrap() }
    }
}
