//! Payload of a push: the JSON that our service worker reads, and the headers that a push service uses.

use serde::Serialize;
use serde_json::Value;

use super::receipt_link::ReceiptLink;
use domain::MAX_TTL_SECONDS;
use domain::channel::push::Topic;
use domain::notification::{PushOptions, Urgency};
use domain::text;
use platform::private::Private;

/// Maximum plaintext that every push service accepts (RFC 8291 section 4).
pub const MAX_PAYLOAD_BYTES: usize = ece::MAX_PLAINTEXT_BYTES;
/// Maximum characters of a body after a push service found the message too large: about as much as a device shows.
const SHORT_BODY_CHARS: usize = 120;

/// Content that the recipient sees, and data that the page needs after a click.
#[derive(Debug, Clone, PartialEq)]
pub struct PushContent {
    /// Public id of the notification, which the service worker returns in receipts.
    pub notification_id: String,
    /// First line.
    pub title: Private<String>,
    /// Text.
    pub body: Private<String>,
    /// URL that a click opens.
    pub url: Option<Private<String>>,
    /// Image beside the text.
    pub icon: Option<Private<String>>,
    /// Values of the caller.
    pub data: Option<Private<Value>>,
    /// Pictures, buttons and the browser's presentation.
    pub options: PushOptions,
    /// Link to which the service worker sends receipts.
    pub receipt: Option<Private<ReceiptLink>>,
}

/// Message that fits, ready to be encrypted for any number of devices.
#[derive(Debug, Clone, PartialEq)]
pub struct PushMessage {
    content: PushContent,
    payload: Private<Vec<u8>>,
    ttl_seconds: u32,
    urgency: Urgency,
    topic: Topic,
}

/// Reason why there is no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The payload is larger than [`MAX_PAYLOAD_BYTES`].
    #[error("the push payload has {bytes} bytes, at most 3,993 fit")]
    TooLarge {
        /// Size of the payload as JSON.
        bytes: usize,
    },
    /// The caller's data has no JSON form.
    #[error("the push payload cannot be written as JSON")]
    Unwritable,
}

/// JSON as the service worker reads it.
///
/// `tag` is the topic, so that the device replaces the same messages as the push service does.
#[derive(Serialize)]
struct Payload<'a> {
    id: &'a str,
    title: &'a Private<String>,
    body: &'a Private<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: &'a Option<Private<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: &'a Option<Private<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: &'a Option<Private<Value>>,
    #[serde(flatten)]
    options: &'a PushOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: &'a Option<Private<ReceiptLink>>,
    tag: &'a str,
}

impl PushMessage {
    /// Creates a message that a push service keeps for `ttl_seconds`.
    ///
    /// The value is clamped to 1 second at least (Windows refuses 0) and [`MAX_TTL_SECONDS`] at most.
    ///
    /// # Errors
    ///
    /// [`PayloadError::TooLarge`] with the size.
    pub fn new(content: PushContent, ttl_seconds: u32, urgency: Urgency, topic: Topic) -> Result<Self, PayloadError> {
        let payload = payload(&content, &topic)?;
        let ttl_seconds = ttl_seconds.clamp(1, MAX_TTL_SECONDS);
        Ok(Self { content, payload, ttl_seconds, urgency, topic })
    }

    /// Returns the message with a body that every push service should accept.
    ///
    /// Returns `None` if the body is short already, or if the body with an ellipsis would not take fewer bytes.
    #[must_use]
    pub fn shortened(&self) -> Option<Self> {
        let body = text::shortened(self.content.body.expose(), SHORT_BODY_CHARS)?;
        let content = PushContent { body: body.into(), ..self.content.clone() };
        let message = Self::new(content, self.ttl_seconds, self.urgency, self.topic.clone()).ok()?;
        (message.payload.expose().len() < self.payload.expose().len()).then_some(message)
    }

    /// Returns the plaintext.
    #[must_use]
    pub const fn payload(&self) -> &Private<Vec<u8>> {
        &self.payload
    }

    /// Returns the value of the header `TTL`.
    #[must_use]
    pub const fn ttl_seconds(&self) -> u32 {
        self.ttl_seconds
    }

    /// Returns the value of the header `Urgency`.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// Returns the value of the header `Topic`.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }
}

fn payload(content: &PushContent, topic: &Topic) -> Result<Private<Vec<u8>>, PayloadError> {
    let PushContent { notification_id, title, body, url, icon, data, options, receipt } = content;
    let payload = Payload { id: notification_id, title, body, url, icon, data, options, receipt, tag: topic.as_str() };
    let json = serde_json::to_vec(&payload).map_err(|_| PayloadError::Unwritable)?;
    if json.len() > MAX_PAYLOAD_BYTES {
        return Err(PayloadError::TooLarge { bytes: json.len() });
    }
    Ok(json.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::push::tests::content;
    use domain::notification::Content;

    fn options() -> Content {
        let options = json!({
            "title": "", "body": "", "badge": "https://example.com/badge.png", "image": "https://example.com/7.jpg",
            "actions": [{"action": "pay", "title": "Pay", "url": "https://example.com/7/pay"}],
            "require_interaction": true, "silent": false, "renotify": true, "dir": "auto", "lang": "en-GB",
            "timestamp": "2026-09-21T14:13:20.5Z",
        });
        serde_json::from_value(options).unwrap()
    }

    fn message(body: &str) -> Result<PushMessage, PayloadError> {
        PushMessage::new(content(body), 60, Urgency::Normal, Topic::of_notification("ntf_1"))
    }

    fn read(message: &PushMessage) -> Value {
        serde_json::from_slice(message.payload().expose()).unwrap()
    }

    #[test]
    fn the_service_worker_reads_what_was_sent_and_the_topic_as_its_tag() {
        let full = PushContent {
            url: Some("https://example.com/7".to_owned().into()),
            icon: Some("https://example.com/7.png".to_owned().into()),
            data: Some(json!({"amount": 12}).into()),
            options: PushOptions::new(&options(), Private::clone),
            receipt: Some(
                ReceiptLink { url: "https://n.example/v1/receipts".to_owned(), token: "t".to_owned().into() }.into(),
            ),
            ..content("Due “tomorrow” 🕐")
        };
        let topic = Topic::of_caller("invoice-7");
        let with_all = PushMessage::new(full, 60, Urgency::High, topic.clone()).unwrap();
        let expected = json!({
            "id": "ntf_1",
            "title": "Invoice 7",
            "body": "Due “tomorrow” 🕐",
            "url": "https://example.com/7",
            "icon": "https://example.com/7.png",
            "data": {"amount": 12},
            "badge": "https://example.com/badge.png",
            "image": "https://example.com/7.jpg",
            "actions": [{"action": "pay", "title": "Pay", "url": "https://example.com/7/pay"}],
            "require_interaction": true,
            "silent": false,
            "renotify": true,
            "dir": "auto",
            "lang": "en-GB",
            "timestamp": 1_790_000_000_500_i64,
            "receipt": {"url": "https://n.example/v1/receipts", "token": "t"},
            "tag": topic.as_str(),
        });
        assert_eq!(read(&with_all), expected);
        let bare = read(&message("Due tomorrow").unwrap());
        assert_eq!(bare.as_object().unwrap().keys().collect::<Vec<_>>(), ["body", "id", "tag", "title"]);
    }

    #[test]
    fn a_payload_may_have_3993_bytes_and_no_more() {
        let around = message("").unwrap().payload().expose().len();
        let fits = message(&"x".repeat(MAX_PAYLOAD_BYTES - around)).unwrap();
        assert_eq!(fits.payload().expose().len(), 3_993);
        let too_large = message(&"x".repeat(MAX_PAYLOAD_BYTES - around + 1));
        assert_eq!(too_large, Err(PayloadError::TooLarge { bytes: 3_994 }));
    }

    #[test]
    fn the_time_to_live_is_never_zero_and_never_over_four_weeks() {
        let ttl = |seconds| {
            let topic = Topic::of_notification("ntf_1");
            PushMessage::new(content("x"), seconds, Urgency::Low, topic).unwrap().ttl_seconds()
        };
        assert_eq!([ttl(0), ttl(1), ttl(3_600), ttl(u32::MAX)], [1, 1, 3_600, 2_419_200]);
    }

    #[test]
    fn shortening_cuts_only_the_body_and_between_characters() {
        let long = message(&"Ünï🕐 ".repeat(100)).unwrap();
        let short = long.shortened().unwrap();
        let (long, short_json) = (read(&long), read(&short));
        let body = short_json["body"].as_str().unwrap();
        assert!(body.ends_with('…') && body.chars().count() <= SHORT_BODY_CHARS);
        assert!(long["body"].as_str().unwrap().starts_with(body.trim_end_matches('…')));
        assert_eq!((&short_json["title"], &short_json["tag"]), (&long["title"], &long["tag"]));
    }

    #[test]
    fn shortening_cuts_no_visible_character() {
        for visible in ["🇮🇹", "e\u{323}\u{301}", "1\u{fe0f}\u{20e3}", "👨\u{200d}👩\u{200d}👧"] {
            let short = read(&message(&visible.repeat(200)).unwrap().shortened().unwrap());
            let body = short["body"].as_str().unwrap().trim_end_matches('…');
            assert_eq!(body, visible.repeat(body.len() / visible.len()));
        }
    }

    #[test]
    fn a_body_is_shortened_once_and_a_short_one_not_at_all() {
        assert!(message(&"x".repeat(SHORT_BODY_CHARS)).unwrap().shortened().is_none());
        assert!(
            message(&"x".repeat(SHORT_BODY_CHARS + 2)).unwrap().shortened().is_none(),
            "the ellipsis has three bytes"
        );
        let once = message(&"x".repeat(SHORT_BODY_CHARS + 3)).unwrap().shortened().unwrap();
        assert!(once.shortened().is_none());
    }

    #[test]
    fn debug_shows_neither_title_nor_body() {
        let shown = format!("{:?}", message("Due tomorrow").unwrap());
        assert!(!shown.contains("Invoice") && !shown.contains("Due"), "{shown}");
    }
}
