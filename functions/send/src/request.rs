//! The body of a send request. Parsing gives a notification, or a problem that names every invalid field.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use delivery::{LinkLimits, PushLinks, push_message};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::notification::{Content, MAX_AHEAD, Notification, NotificationId, NotificationRequest, Urgency};
use domain::recipient::{KeyHasher, RecipientId};
use domain::settings::Settings;
use domain::{MAX_TTL_SECONDS, NotificationType, UnknownType};
use platform::private::Private;
use platform::problem::{FieldError, Problem};
use platform::rfc3339;

/// Maximum size of `metadata`, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 1_024;
/// Maximum length of a `topic`, in characters.
pub const MAX_TOPIC_CHARS: usize = 255;
/// `Retry-After` while the types cannot be read.
const TYPES_RETRY_SECONDS: u32 = 2;
/// Tolerance for clocks that differ: a `send_at` up to 5 minutes in the past means "now".
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The body of `POST /v1/notifications`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The recipient.
    pub to: RecipientId,
    /// Name of the type; `DEFAULT` when absent.
    #[serde(default)]
    pub r#type: Option<String>,
    /// The content of the message.
    pub content: Content,
    /// The channels in order of escalation; those of the type when absent.
    #[serde(default)]
    pub channels: Option<Vec<Channel>>,
    /// Time to send; now when absent.
    #[serde(default, deserialize_with = "time")]
    pub send_at: Option<Timestamp>,
    /// Lifetime from the due time, in seconds; that of the type when absent.
    #[serde(default)]
    pub ttl_seconds: Option<i64>,
    /// Urgency; `normal` when absent.
    #[serde(default)]
    pub urgency: Option<Urgency>,
    /// The caller's name for messages that replace each other.
    #[serde(default)]
    pub topic: Option<Private<String>>,
    /// The caller's own data, stored with the notification.
    #[serde(default)]
    pub metadata: Option<Private<Map<String, Value>>>,
}

/// Context that turns a request into a notification.
#[derive(Debug, Clone, Copy)]
pub struct SendContext<'a> {
    /// Id of the caller.
    pub caller: &'a str,
    /// Computes the recipient's key.
    pub hasher: &'a KeyHasher,
    /// Position of the message in the request.
    pub index: u32,
    /// Time of the request.
    pub now: Timestamp,
    /// Settings in force: types of notification and retention.
    pub settings: &'a Settings,
    /// Limits for the link in the content.
    pub link_limits: &'a LinkLimits,
}

/// Parses an RFC 3339 time. The error does not repeat the given text.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| rfc3339::parse(&text).map_err(de::Error::custom)).transpose()
}

impl SendRequest {
    /// Converts the request into a notification. `id_of` makes the notification's id from the recipient's key.
    ///
    /// # Errors
    /// 422 that names every invalid field.
    pub fn into_notification(
        mut self,
        context: SendContext<'_>,
        id_of: impl FnOnce(domain::recipient::RecipientKey) -> NotificationId,
    ) -> Result<Notification, Problem> {
        self.content = self.content.cleaned();
        let types = &context.settings.types;
        let kind = types.sendable(self.r#type.as_deref().unwrap_or(NotificationType::DEFAULT));
        if matches!(&kind, Err(unknown) if *unknown != UnknownType::Archived) && !types.is_complete() {
            // The type may exist: its row could not be read.
            return Err(Problem::unavailable(TYPES_RETRY_SECONDS));
        }
        let errors = self.errors(kind.as_ref(), context);
        let Some(kind) = kind.ok().filter(|_| errors.is_empty()) else {
            return Err(Problem::invalid(errors));
        };
        let due_at = self.send_at.map_or(context.now, |at| whole_ms(at).max(context.now));
        let ttl = SignedDuration::from_secs(self.ttl_seconds.unwrap_or(kind.default_ttl_seconds.into()));
        let lives_until = due_at.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let notification = Notification::new(NotificationRequest {
            id: id_of(context.hasher.recipient_key(&self.to)),
            to: self.to,
            caller: context.caller.to_owned(),
            type_id: kind.id.clone(),
            is_critical: kind.rules.is_critical(),
            content: self.content,
            channels: self.channels.unwrap_or_else(|| kind.channels.clone()),
            urgency: self.urgency.unwrap_or_default(),
            topic: self.topic,
            request_index: context.index,
            metadata: self.metadata,
            created_at: context.now,
            due_at,
            lives_until,
            kept_until: whole_seconds(
                lives_until.checked_add(context.settings.retention_days.of_notifications()).unwrap_or(Timestamp::MAX),
            ),
        });
        fits_a_push(&notification)?;
        Ok(notification)
    }

    fn errors(&self, kind: Result<&&NotificationType, &UnknownType>, context: SendContext<'_>) -> Vec<FieldError> {
        let now = context.now;
        let mut errors = self.content.errors();
        match (kind, &self.channels) {
            (Err(unknown), _) => errors.push(FieldError::new("type", unknown.to_string())),
            (Ok(kind), Some(channels)) => {
                errors.extend(kind.check_order(channels).err().map(|wrong| FieldError::new("channels", wrong)));
            }
            _ => {}
        }
        if let (Ok(kind), Some(Ok(link))) = (kind, self.content.url.as_ref().map(|url| Link::parse(url.expose()))) {
            let fault = context.link_limits.fault(&link, self.channels.as_deref().unwrap_or(&kind.channels));
            errors.extend(fault.map(|fault| FieldError::new("content.url", fault)));
        }
        if self.send_at.is_some_and(|at| at.duration_since(now) > MAX_AHEAD) {
            errors.push(FieldError::new("send_at", "must be at most 90 days ahead"));
        }
        if self.send_at.is_some_and(|at| now.duration_since(at) > CLOCK_SKEW) {
            errors.push(FieldError::new("send_at", "must not be in the past"));
        }
        if self.ttl_seconds.is_some_and(|ttl| !(1..=MAX_TTL_SECONDS.into()).contains(&ttl)) {
            errors.push(FieldError::new("ttl_seconds", "must be from 1 to 2,419,200 (28 days)"));
        }
        let topic_chars = self.topic.as_ref().map(|topic| topic.expose().chars().count());
        if topic_chars.is_some_and(|chars| chars == 0 || chars > MAX_TOPIC_CHARS) {
            errors.push(FieldError::new("topic", "must be 1 to 255 characters"));
        }
        let metadata_bytes = self.metadata.as_ref().and_then(|notes| serde_json::to_vec(notes).ok());
        if metadata_bytes.is_some_and(|json| json.len() > MAX_METADATA_BYTES) {
            errors.push(FieldError::new("metadata", "must be at most 1,024 bytes of JSON"));
        }
        errors
    }
}

/// Checks the size of the push payload before anything is stored. The check uses the longest possible links, so the
/// payload is never larger when it is sent.
fn fits_a_push(notification: &Notification) -> Result<(), Problem> {
    match push_message(notification, Some(PushLinks::longest()), notification.due_at()) {
        Err(too_large) if notification.channels().contains(&Channel::Push) => {
            Err(Problem::invalid_field("content", too_large.to_string()))
        }
        _ => Ok(()),
    }
}

/// Truncates to whole seconds, the unit of DynamoDB's TTL.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Truncates to whole milliseconds, the precision of tables and responses.
fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
