//! What SES tells of a mail, through SNS: the records of a configuration set (`eventType`), and the older ones of an
//! identity (`notificationType`), which have no tags.
//!
//! Source: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS" and "Contents of Amazon SNS
//! notifications for Amazon SES".

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::feedback::{Feedback, Said};
use channels::email::NOTIFICATION_TAG;
use domain::channel::{Channel, EmailAddress};
use domain::notification::{Finding, NotificationId};
use platform::private::Private;

/// What SES writes to a topic to see whether it may.
const VALIDATION: &str = "Successfully validated SNS topic";

/// What a record says.
#[derive(Debug, PartialEq)]
pub enum MailEvent {
    /// What became of a mail.
    Report(MailReport),
    /// Something that nobody here needs to know: a mail was sent or opened, the topic was tried.
    OfNoInterest,
}

/// What became of a mail.
#[derive(Debug, PartialEq)]
pub struct MailReport {
    /// Which notification it was sent for; `None` when it is none of ours.
    pub notification: Option<NotificationId>,
    /// Whom it was sent to. What SES names as bounced may be an address that it was forwarded to.
    pub to: Option<EmailAddress>,
    /// What SES says.
    pub feedback: Feedback,
}

/// A record that SES does not document: names what is wrong with it, and repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of SES without a usable `{0}`")]
pub struct NoMailEvent(&'static str);

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
    /// Reads the `Message` of an SNS record.
    ///
    /// # Errors
    /// What SES does not document.
    pub fn parse(message: &str) -> Result<Self, NoMailEvent> {
        if message.starts_with(VALIDATION) {
            return Ok(Self::OfNoInterest);
        }
        let record: Record = serde_json::from_str(message).map_err(|_| NoMailEvent("form"))?;
        let Some((said, at)) = record.said()? else { return Ok(Self::OfNoInterest) };
        let mail = record.mail.ok_or(NoMailEvent("mail"))?;
        let feedback = Feedback { channel: Channel::Email, said, at: at.unwrap_or(mail.timestamp) };
        let to = mail.destination.first().and_then(|to| EmailAddress::parse(to.expose()).ok());
        Ok(Self::Report(MailReport { notification: mail.notification(), to, feedback }))
    }
}

impl Record {
    fn said(&self) -> Result<Option<(Said, Option<Timestamp>)>, NoMailEvent> {
        Ok(match self.event_type.as_str() {
            "Delivery" => {
                let delivery = self.delivery.as_ref().ok_or(NoMailEvent("delivery"))?;
                Some((Said::Delivered, Some(delivery.timestamp)))
            }
            "Bounce" => {
                let bounce = self.bounce.as_ref().ok_or(NoMailEvent("bounce"))?;
                Some((bounce.said()?, Some(bounce.timestamp)))
            }
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(NoMailEvent("complaint"))?;
                complaint.said().map(|said| (said, Some(complaint.timestamp)))
            }
            // Neither was sent at all.
            "Reject" | "Rendering Failure" => Some((Said::Failed(Finding::ContentRefused), None)),
            // While a delivery is delayed, SES goes on trying; its end is a `Delivery` or a `Bounce`.
            "Send" | "Open" | "Click" | "DeliveryDelay" | "Subscription" | "AmazonSnsSubscriptionSucceeded" => None,
            _ => return Err(NoMailEvent("eventType")),
        })
    }
}

impl Bounce {
    fn said(&self) -> Result<Said, NoMailEvent> {
        Ok(match (self.bounce_type.as_str(), self.bounce_sub_type.as_str()) {
            ("Permanent", "NoEmail") => Said::Failed(Finding::MailboxUnknown),
            (
                "Permanent",
                "Suppressed" | "OnAccountSuppressionList" | "OnTenantSuppressionList" | "EmailValidationSuppressed",
            ) => Said::Failed(Finding::AddressSuppressed),
            ("Permanent", "UnsubscribedRecipient") => Said::Failed(Finding::OptedOut),
            ("Permanent", _) => Said::Failed(Finding::Bounced),
            // "Transient" speaks of the address, which may be written to again. This mail is given up in every case.
            ("Transient", "MailboxFull") => Said::Failed(Finding::MailboxFull),
            ("Transient", "MessageTooLarge") => Said::Failed(Finding::MessageTooLarge),
            ("Transient", "ContentRejected" | "AttachmentRejected") => Said::Failed(Finding::ContentRefused),
            ("Transient", "CustomTimeoutExceeded") => Said::Failed(Finding::GivenUp),
            ("Transient", _) => Said::Failed(Finding::SoftBounce),
            ("Undetermined", _) => Said::Failed(Finding::Unknown),
            _ => return Err(NoMailEvent("bounceType")),
        })
    }
}

impl Complaint {
    /// Tells a person's wish from a machine's report by the feedback types of RFC 5965, RFC 6430 and RFC 6591. `None` when
    /// the mail is said to be no spam after all. A type that is absent or new counts as a wish. SES does not even send to
    /// an address on a suppression list, where earlier complaints have put it.
    fn said(&self) -> Option<Said> {
        if self.complaint_sub_type.as_deref().is_some_and(|kind| kind.trim().ends_with("SuppressionList")) {
            return Some(Said::Failed(Finding::Complaint));
        }
        let kind = self.complaint_feedback_type.as_deref().map(|kind| kind.trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some("not-spam") => None,
            Some("virus") => Some(Said::Noted(Finding::VirusReported)),
            Some("auth-failure") => Some(Said::Noted(Finding::AuthenticationFailed)),
            _ => Some(Said::Complained),
        }
    }
}

impl Mail {
    /// The tag that the mail was sent with; else its own `Message-ID`, `<notification id@sender's domain>`.
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
