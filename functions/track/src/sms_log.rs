//! Feedback of SNS about SMS: delivery logs in CloudWatch Logs. A subscription filter delivers them as base64 of gzip
//! of JSON.
//!
//! Source: CloudWatch Logs user guide, "Log group-level subscription filters"; SNS developer guide, "Amazon SNS SMS
//! delivery monitoring with Amazon CloudWatch metrics and logs", also for the texts of `providerResponse`.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde::Deserialize;

use super::feedback::{Feedback, FeedbackKind};
use domain::channel::{Channel, PhoneNumber};
use domain::notification::FailureReason;
use platform::private::Private;

/// Maximum size of a decompressed batch, in bytes. A Lambda event has at most 6 MB, and logs compress to about a tenth.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Maximum length of a message id, in bytes. SNS's ids are UUIDs; a longer text is never a stored id.
const MAX_ID_BYTES: usize = 128;

/// A batch of lines; a line that is no delivery log is an `Err`.
#[derive(Debug, PartialEq)]
pub struct SmsLog {
    /// The lines, in their order.
    pub lines: Vec<Result<SmsReport, SmsLogError>>,
}

/// A report about one SMS.
#[derive(Debug, PartialEq)]
pub struct SmsReport {
    /// SNS's message id, the key to find the notification.
    pub message_id: String,
    /// The destination; `None` if SNS masks or omits it.
    pub to: Option<PhoneNumber>,
    /// Feedback of SNS.
    pub feedback: Feedback,
}

/// Error for a log that differs from AWS's documentation. It names the part that is missing or invalid and repeats no
/// content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery log of SNS without a usable `{0}`")]
pub struct SmsLogError(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    message_type: String,
    #[serde(default)]
    log_events: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    timestamp: i64,
    message: Private<String>,
}

#[derive(Deserialize)]
struct Log {
    notification: Published,
    delivery: Delivery,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    message_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    destination: Option<Private<String>>,
    #[serde(default)]
    provider_response: String,
}

impl SmsLog {
    /// Decodes `awslogs.data` of an event.
    ///
    /// # Errors
    /// If the data is not a batch of CloudWatch Logs.
    pub fn decode(data: &str) -> Result<Self, SmsLogError> {
        let folded = STANDARD.decode(data).map_err(|_| SmsLogError("base64"))?;
        let mut text = Vec::new();
        let mut unfolding = GzDecoder::new(folded.as_slice()).take(MAX_BYTES);
        unfolding.read_to_end(&mut text).map_err(|_| SmsLogError("gzip"))?;
        let batch: Batch = serde_json::from_slice(&text).map_err(|_| SmsLogError("batch"))?;
        match batch.message_type.as_str() {
            "DATA_MESSAGE" => Ok(Self { lines: batch.log_events.iter().map(SmsReport::of).collect() }),
            // CloudWatch Logs tests whether the destination is reachable.
            "CONTROL_MESSAGE" => Ok(Self { lines: Vec::new() }),
            _ => Err(SmsLogError("messageType")),
        }
    }
}

impl SmsReport {
    fn of(line: &Line) -> Result<Self, SmsLogError> {
        let at = Timestamp::from_millisecond(line.timestamp).map_err(|_| SmsLogError("timestamp"))?;
        let log: Log = serde_json::from_str(line.message.expose()).map_err(|_| SmsLogError("message"))?;
        let message_id = log.notification.message_id;
        if !(1..=MAX_ID_BYTES).contains(&message_id.len()) {
            return Err(SmsLogError("messageId"));
        }
        let kind = match log.status.trim().to_ascii_uppercase().as_str() {
            "SUCCESS" => FeedbackKind::Delivered,
            "FAILURE" => FeedbackKind::Failed(failure_reason(&log.delivery.provider_response)),
            _ => return Err(SmsLogError("status")),
        };
        let to = log.delivery.destination.and_then(|to| PhoneNumber::parse(to.expose()).ok());
        Ok(Self { message_id, to, feedback: Feedback { channel: Channel::Sms, kind, at } })
    }
}

/// Maps the text of SNS's response to a finding; ignores case, spacing and the final full stop.
fn failure_reason(response: &str) -> FailureReason {
    let words: Vec<_> = response.split_whitespace().map(str::to_ascii_lowercase).collect();
    match words.join(" ").trim_end_matches('.') {
        "phone number is opted out" => FailureReason::OptedOut,
        "invalid phone number" => FailureReason::MailboxUnknown,
        "message body is invalid" => FailureReason::ContentRefused,
        "blocked as spam by phone carrier"
        | "destination is on a blocked list"
        | "phone carrier has blocked this message" => FailureReason::CarrierRefused,
        "phone has blocked sms" | "phone is on a blocked list" => FailureReason::PhoneRefused,
        "phone carrier is currently unreachable/unavailable" | "phone is currently unreachable/unavailable" => {
            FailureReason::Unreachable
        }
        "this delivery would exceed max price" => FailureReason::TooDear,
        other if is_about_account(other) => FailureReason::AccountRefused,
        _ => FailureReason::Unknown,
    }
}

/// Returns true if the text names a fault of the account, which no phone number can cause. AWS's list lacks these
/// texts; `No quota left for account` is the known one.
fn is_about_account(words: &str) -> bool {
    let marks = ["quota", "spend limit", "spending limit", "sandbox", "sender id", "origination"];
    marks.into_iter().any(|mark| words.contains(mark)) || (words.contains("account") && !words.contains("phone"))
}

#[cfg(test)]
#[path = "sms_log_tests.rs"]
mod tests;
