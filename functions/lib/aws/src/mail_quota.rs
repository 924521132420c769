//! Reader of the account's quota for e-mail.

use std::time::Duration;

use aws_sdk_ses::operation::get_send_quota::GetSendQuotaOutput;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::error_cause::cause;
use crate::limits::timeouts;
use domain::channel::MailQuota;

/// Shortest time between two calls, whatever their results.
const READ_INTERVAL: SignedDuration = SignedDuration::from_secs(60);
/// Time for which the last quota stays in force while SES does not answer.
const STALE_QUOTA_MAX_AGE: SignedDuration = SignedDuration::from_mins(15);
/// Time limit of a call, of which there is one attempt.
const CALL_LIMIT: Duration = Duration::from_secs(2);

/// Reads the quota at most once a minute.
#[derive(Debug)]
pub struct MailQuotaReader {
    client: aws_sdk_ses::Client,
    last: Mutex<LastRead>,
}

#[derive(Debug, Default)]
struct LastRead {
    /// Time of the last call.
    called_at: Option<Timestamp>,
    /// Last quota, with its time.
    quota: Option<(Timestamp, MailQuota)>,
}

impl MailQuotaReader {
    /// Creates a reader without a call.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let config = aws_sdk_ses::config::Builder::from(config).retry_config(RetryConfig::disabled());
        let client = aws_sdk_ses::Client::from_conf(config.timeout_config(timeouts(CALL_LIMIT, CALL_LIMIT)).build());
        Self { client, last: Mutex::default() }
    }

    /// Returns the quota; `None` if SES has not answered for 15 minutes.
    pub async fn current(&self, now: Timestamp) -> Option<MailQuota> {
        self.read(now).await.map(|(_, quota)| quota)
    }

    /// Returns the quota with the time of its read; `None` if SES has not answered for 15 minutes.
    pub async fn read(&self, now: Timestamp) -> Option<(Timestamp, MailQuota)> {
        // Held during the call, so that requests at the same time make one call.
        let mut last = self.last.lock().await;
        if last.called_at.is_none_or(|at| now.duration_since(at) >= READ_INTERVAL) {
            last.called_at = Some(now);
            match self.client.get_send_quota().send().await {
                Ok(answer) => last.quota = Some((now, quota_of(&answer))),
                Err(error) => {
                    tracing::warn!(error = cause(&error), "failed to read the quota of SES; sending continues");
                }
            }
        }
        last.quota.filter(|(at, _)| now.duration_since(*at) < STALE_QUOTA_MAX_AGE)
    }
}

/// Converts the answer. A negative quota for 24 hours is no limit.
fn quota_of(answer: &GetSendQuotaOutput) -> MailQuota {
    MailQuota {
        max_per_second: answer.max_send_rate().max(0.0),
        max_per_day: Some(answer.max24_hour_send()).filter(|most| *most >= 0.0),
        sent: answer.sent_last24_hours(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::fake_aws;

    fn answered(most: f64) -> (u16, serde_json::Value) {
        let fields = format!(
            "<Max24HourSend>{most}</Max24HourSend><MaxSendRate>14.0</MaxSendRate><SentLast24Hours>150.0</SentLast24Hours>"
        );
        let result = format!("<GetSendQuotaResult>{fields}</GetSendQuotaResult>");
        (200, json!(format!("<GetSendQuotaResponse>{result}</GetSendQuotaResponse>")))
    }

    #[tokio::test]
    async fn the_quota_is_read_once_a_minute_and_kept_while_ses_does_not_answer() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let reader = MailQuotaReader::new(&fake_aws::config(move |_, _| {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(match call {
                0 => answered(200.0),
                1 => (503, json!("<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>")),
                _ => answered(-1.0),
            })
        }));
        let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let at = |second: i64| start + SignedDuration::from_secs(second);
        let first = MailQuota { max_per_second: 14.0, max_per_day: Some(200.0), sent: 150.0 };
        for (second, quota, made) in [
            (0, Some(first), 1),
            (59, Some(first), 1),
            (60, Some(first), 2),
            (119, Some(first), 2),
            (120, Some(MailQuota { max_per_day: None, ..first }), 3),
        ] {
            assert_eq!(reader.current(at(second)).await, quota, "after {second} s");
            assert_eq!(calls.load(Ordering::Relaxed), made, "after {second} s");
        }
        let down = MailQuotaReader::new(&fake_aws::config(|_, _| std::future::ready((503, json!("")))));
        assert_eq!(down.current(at(0)).await, None);
    }
}
