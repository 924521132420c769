//! Feedback of SES and SNS, hours after they accepted messages.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use platform::private::Private;
use serde_json::{Value, json};
use track::FeedbackSummary;

use super::World;

impl World {
    /// Publishes these SES events through the topic, in one event.
    pub async fn ses_publishes(&self, events: &[Value]) -> FeedbackSummary {
        let messages: Vec<_> = events.iter().map(|event| Private::new(event.to_string())).collect();
        self.feedback.process_mails(&messages, self.clock.now()).await
    }

    /// Writes these lines into SNS's delivery logs, in one batch.
    pub async fn sns_logs(&self, logs: &[Value]) -> FeedbackSummary {
        let at = self.clock.now().as_millisecond();
        let lines: Vec<_> =
            logs.iter().map(|log| json!({"id": "1", "timestamp": at, "message": log.to_string()})).collect();
        let batch = json!({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "sns/x", "logEvents": lines});
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(batch.to_string().as_bytes()).unwrap();
        self.feedback.process_sms_log(&STANDARD.encode(gzip.finish().unwrap()), self.clock.now()).await
    }
}

fn event(kind: &str, id: &str, to: &str, details: (&str, Value)) -> Value {
    json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-23T10:00:00.000Z", "source": "service@example.com", "messageId": "ses-1", "destination": [to],
            "tags": {"notification": [id], "ses:configuration-set": ["feedback"]},
            "commonHeaders": {"to": [to], "subject": "canary-subject-of-ses"},
        },
        details.0: details.1,
    })
}

/// The event of a delivered e-mail.
pub fn delivered(id: &str, to: &str, at: &str) -> Value {
    event("Delivery", id, to, ("delivery", json!({"timestamp": at, "recipients": [to], "smtpResponse": "250 ok"})))
}

/// The event of a bounced e-mail: a type and a subtype, such as `Permanent` and `General`.
pub fn bounced(id: &str, to: &str, kind: &str, sub_kind: &str) -> Value {
    let details = json!({"bounceType": kind, "bounceSubType": sub_kind, "timestamp": "2026-11-23T10:00:03.000Z",
        "bouncedRecipients": [{"emailAddress": to, "diagnosticCode": format!("550 unknown {to}")}]});
    event("Bounce", id, to, ("bounce", details))
}

/// The event of a complaint.
pub fn complained(id: &str, to: &str) -> Value {
    let details = json!({"complainedRecipients": [{"emailAddress": to}], "complaintFeedbackType": "abuse",
        "timestamp": "2026-11-23T12:00:00.000Z"});
    event("Complaint", id, to, ("complaint", details))
}

/// A line of SNS's delivery log: `SUCCESS` or `FAILURE`, and the carrier's response.
pub fn sms_log(message_id: &str, to: &str, status: &str, response: &str) -> Value {
    json!({
        "notification": {"messageId": message_id, "timestamp": "2026-11-23 10:00:01.558"},
        "delivery": {"destination": to, "priceInUSD": 0.07, "providerResponse": response, "smsType": "Transactional"},
        "status": status,
    })
}
