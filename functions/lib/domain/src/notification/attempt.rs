//! One attempt on one channel, as it is stored with the notification.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::{Answer, Channel, Outcome};

/// Outcome of an attempt, without the details that matter only while the call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The provider accepted the message.
    Accepted,
    /// The attempt may be repeated.
    RetryLater,
    /// The provider may or may not have accepted the message.
    Uncertain,
    /// The provider refused the message, and a repeat would not help.
    Rejected,
    /// The address or device no longer exists.
    Gone,
}

impl AttemptOutcome {
    /// Returns `true` if the provider accepted the message, or may have accepted it.
    #[must_use]
    pub const fn may_have_arrived(self) -> bool {
        matches!(self, Self::Accepted | Self::Uncertain)
    }
}

/// One attempt. The stored field names are short because the size of a notification determines the cost of each write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Channel.
    #[serde(rename = "c")]
    pub channel: Channel,
    /// Host of the push service, `ses` or `sns`.
    #[serde(rename = "p")]
    pub provider: String,
    /// Outcome.
    #[serde(rename = "o")]
    pub outcome: AttemptOutcome,
    /// HTTP status of the response, if there was one.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Time from just before the call to its response, in milliseconds.
    #[serde(rename = "l")]
    pub latency_ms: u64,
    /// Cost in micro-euro. For an unknown outcome, this is the cost if the message was sent.
    #[serde(rename = "m", default, skip_serializing_if = "is_zero")]
    pub cost_micros: i64,
    /// Begin of the call, in milliseconds since the epoch.
    #[serde(rename = "t")]
    pub at_ms: i64,
    /// Readable detail of the outcome.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Id of the device, for push.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Minimum time from the end of the call to the next attempt, for [`AttemptOutcome::RetryLater`], in milliseconds.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde requires
const fn is_zero(micros: &i64) -> bool {
    *micros == 0
}

impl Attempt {
    /// Builds an attempt from a provider's answer to a call that began at `at`.
    #[must_use]
    pub fn of(channel: Channel, device: Option<String>, answer: Answer, at: Timestamp, cost_micros: i64) -> Self {
        let (outcome, retry_after_ms, reason) = match answer.outcome {
            Outcome::Accepted => (AttemptOutcome::Accepted, None, None),
            Outcome::RetryLater { after_ms } | Outcome::RateLimited { after_ms } => {
                (AttemptOutcome::RetryLater, after_ms, None)
            }
            Outcome::Gone => (AttemptOutcome::Gone, None, None),
            Outcome::Rejected { reason } => (AttemptOutcome::Rejected, None, Some(reason.as_str())),
            Outcome::Uncertain => (AttemptOutcome::Uncertain, None, None),
        };
        let detail = match (reason, answer.detail) {
            (Some(reason), Some(detail)) if reason != detail => Some(format!("{reason}: {detail}")),
            (reason, detail) => detail.or_else(|| reason.map(str::to_owned)),
        };
        Self {
            channel,
            provider: answer.provider,
            outcome,
            status_code: answer.status_code,
            latency_ms: answer.latency_ms,
            cost_micros,
            at_ms: at.as_millisecond(),
            detail,
            device,
            retry_after_ms,
        }
    }

    /// Builds the attempt for a claim that a crash interrupted. The call may have been made; its outcome is lost.
    #[must_use]
    pub fn lost(channel: Channel, at: Timestamp, cost_micros: i64) -> Self {
        Self {
            channel,
            provider: channel.provider().to_owned(),
            outcome: AttemptOutcome::Uncertain,
            status_code: None,
            latency_ms: 0,
            cost_micros,
            at_ms: at.as_millisecond(),
            detail: Some("interrupted".to_owned()),
            device: None,
            retry_after_ms: None,
        }
    }

    /// Returns the end of the call, in milliseconds since the epoch.
    #[must_use]
    pub const fn ended_ms(&self) -> i64 {
        self.at_ms.saturating_add_unsigned(self.latency_ms)
    }

    /// Returns the earliest time of the next attempt, in milliseconds since the epoch; `None` if the outcome allows no
    /// retry or the wait is not known.
    #[must_use]
    pub const fn retry_at_ms(&self) -> Option<i64> {
        match (self.outcome, self.retry_after_ms) {
            (AttemptOutcome::RetryLater, Some(after_ms)) => Some(self.ended_ms().saturating_add_unsigned(after_ms)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::channel::Rejection;

    fn answer(outcome: Outcome, detail: Option<&str>) -> Answer {
        let detail = detail.map(str::to_owned);
        Answer { outcome, provider: "fcm.googleapis.com".into(), status_code: Some(201), latency_ms: 143, detail }
    }

    #[test]
    fn an_accepted_push_is_stored_in_under_100_bytes() {
        let at = Timestamp::from_millisecond(1_764_000_000_000).unwrap();
        let attempt = Attempt::of(Channel::Push, Some("0".repeat(10)), answer(Outcome::Accepted, None), at, 0);
        let text = serde_json::to_string(&attempt).unwrap();
        assert_eq!(
            text,
            r#"{"c":"push","p":"fcm.googleapis.com","o":"accepted","s":201,"l":143,"t":1764000000000,"v":"0000000000"}"#
        );
        assert_eq!(serde_json::from_str::<Attempt>(&text).unwrap(), attempt);
    }

    #[test]
    fn a_rejection_keeps_its_reason_and_the_providers_code() {
        let rejected = Outcome::Rejected { reason: Rejection::Config };
        let attempt = Attempt::of(Channel::Push, None, answer(rejected, Some("403")), Timestamp::UNIX_EPOCH, 0);
        assert_eq!(attempt.detail.as_deref(), Some("config: 403"));
    }

    #[test]
    fn a_retry_waits_from_the_end_of_the_call() {
        let later = Outcome::RetryLater { after_ms: Some(1_000) };
        let attempt = Attempt::of(Channel::Push, None, answer(later, None), Timestamp::UNIX_EPOCH, 0);
        assert_eq!(attempt.retry_at_ms(), Some(1_143));
        assert_eq!(Attempt::lost(Channel::Sms, Timestamp::UNIX_EPOCH, 7).retry_at_ms(), None);
    }
}
