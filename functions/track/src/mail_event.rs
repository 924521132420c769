//! Feedback of SES about e-mails, delivered through SNS: the records of a configuration set (`eventType`), and the
//! older records of an identity (`notificationType`), which have no tags.
//!
//! Source: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS" and "Contents of
//! Amazon SNS notifications for Amazon SES".

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::feedback::{Feedback, FeedbackKind};
use channels::email::NOTIFICATION_TAG;
use domain::channel::{Channel, EmailAddress};
use domain::notification::{FailureReason, NotificationId};
use platform::private::Private;

/// Start of the message that SES publishes to a topic to validate its permission.
const VALIDATION: &str = "Successfully validated SNS topic";

/// Content of a record.
#[derive(Debug, PartialEq)]
pub enum MailEvent {
    /// A report about one e-mail.
    Report(MailReport),
    /// A record without relevant information: an e-mail was sent or opened, or the topic was validated.
    Irrelevant,
}

/// A report about one e-mail.
#[derive(Debug, PartialEq)]
pub struct MailReport {
    /// Id of the notification; `None` if this service did not send the e-mail.
    pub notification: Option<NotificationId>,
    /// First destination of the e-mail. It is used instead of the address in the bounce, which may be one that the
    /// e-mail was forwarded to.
    pub to: Option<EmailAddress>,
    /// Feedback of SES.
    pub feedback: Feedback,
}

/// Error for a record that SES does not document. It names the part that is missing or invalid and repeats no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of SES without a usable `{0}`")]
pub struct MailEventError(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(alias = "notificationType")]
    event_type: String,
    mail: Option<Mail>,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    timestamp: Timestamp,
    #[serde(default)]
    destination: Vec<Private<String>>,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
    common_headers: Option<CommonHeaders>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommonHeaders {
    message_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_sub_type: Option<String>,
    complaint_feedback_type: Option<String>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Delivery {
    timestamp: Timestamp,
}

impl MailEvent {
    /// Parses the `Message` of an SNS record.
    ///
    /// # Errors
    /// If the record differs from SES's documentation.
    pub fn parse(message: &str) -> Result<Self, MailEventError> {
        if message.starts_with(VALIDATION) {
            return Ok(Self::Irrelevant);
        }
        let record: Record = serde_json::from_str(message).map_err(|_| MailEventError("form"))?;
        let Some((kind, at)) = record.kind()? else { return Ok(Self::Irrelevant) };
        let mail = record.mail.ok_or(MailEventError("mail"))?;
        let feedback = Feedback { channel: Channel::Email, kind, at: at.unwrap_or(mail.timestamp) };
        let to = mail.destination.first().and_then(|to| EmailAddress::parse(to.expose()).ok());
        Ok(Self::Report(MailReport { notification: mail.notification(), to, feedback }))
    }
}

impl Record {
    fn kind(&self) -> Result<Option<(FeedbackKind, Option<Timestamp>)>, MailEventError> {
        Ok(match self.event_type.as_str() {
            "Delivery" => {
                let delivery = self.delivery.as_ref().ok_or(MailEventError("delivery"))?;
                Some((FeedbackKind::Delivered, Some(delivery.timestamp)))
            }
            "Bounce" => {
                let bounce = self.bounce.as_ref().ok_or(MailEventError("bounce"))?;
                Some((bounce.kind()?, Some(bounce.timestamp)))
            }
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(MailEventError("complaint"))?;
                complaint.kind().map(|kind| (kind, Some(complaint.timestamp)))
            }
            // In both cases the e-mail was not sent.
            "Reject" | "Rendering Failure" => Some((FeedbackKind::Failed(FailureReason::ContentRefused), None)),
            // While a delivery is delayed, SES retries; the final record is a `Delivery` or a `Bounce`.
            "Send" | "Open" | "Click" | "DeliveryDelay" | "Subscription" | "AmazonSnsSubscriptionSucceeded" => None,
            _ => return Err(MailEventError("eventType")),
        })
    }
}

impl Bounce {
    fn kind(&self) -> Result<FeedbackKind, MailEventError> {
        Ok(match (self.bounce_type.as_str(), self.bounce_sub_type.as_str()) {
            ("Permanent", "NoEmail") => FeedbackKind::Failed(FailureReason::MailboxUnknown),
            (
                "Permanent",
                "Suppressed" | "OnAccountSuppressionList" | "OnTenantSuppressionList" | "EmailValidationSuppressed",
            ) => FeedbackKind::Failed(FailureReason::AddressSuppressed),
            ("Permanent", "UnsubscribedRecipient") => FeedbackKind::Failed(FailureReason::OptedOut),
            ("Permanent", _) => FeedbackKind::Failed(FailureReason::Bounced),
            // "Transient" concerns the address, which may be used again. SES has given up this e-mail in every case.
            ("Transient", "MailboxFull") => FeedbackKind::Failed(FailureReason::MailboxFull),
            ("Transient", "MessageTooLarge") => FeedbackKind::Failed(FailureReason::MessageTooLarge),
            ("Transient", "ContentRejected" | "AttachmentRejected") => {
                FeedbackKind::Failed(FailureReason::ContentRefused)
            }
            ("Transient", "CustomTimeoutExceeded") => FeedbackKind::Failed(FailureReason::GivenUp),
            ("Transient", _) => FeedbackKind::Failed(FailureReason::SoftBounce),
            ("Undetermined", _) => FeedbackKind::Failed(FailureReason::Unknown),
            _ => return Err(MailEventError("bounceType")),
        })
    }
}

impl Complaint {
    /// Distinguishes a person's complaint from a machine's report by the feedback types of RFC 5965, RFC 6430 and RFC
    /// 6591. Returns `None` for `not-spam`. An absent or unknown type counts as a complaint. If the address was on a
    /// suppression list because of an earlier complaint, SES did not send the e-mail.
    fn kind(&self) -> Option<FeedbackKind> {
        if self.complaint_sub_type.as_deref().is_some_and(|kind| kind.trim().ends_with("SuppressionList")) {
            return Some(FeedbackKind::Failed(FailureReason::Complaint));
        }
        let kind = self.complaint_feedback_type.as_deref().map(|kind| kind.trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some("not-spam") => None,
            Some("virus") => Some(FeedbackKind::Noted(FailureReason::VirusReported)),
            Some("auth-failure") => Some(FeedbackKind::Noted(FailureReason::AuthenticationFailed)),
            _ => Some(FeedbackKind::Complained),
        }
    }
}

impl Mail {
    /// Returns the id in the tag of the e-mail; without a tag, the id in its `Message-ID`, `<notification id@sender's
    /// domain>`.
    fn notification(&self) -> Option<NotificationId> {
        let tag = self.tags.get(NOTIFICATION_TAG).and_then(|values| values.first()).map(String::as_str);
        let header = self.common_headers.as_ref().and_then(|headers| headers.message_id.as_deref());
        let header = header.and_then(|id| id.trim_matches(['<', '>']).split_once('@')).map(|(local, _)| local);
        NotificationId::parse(tag.or(header)?)
    }
}

#[cfg(test)]
#[path = "mail_event_tests.rs"]
mod tests;
