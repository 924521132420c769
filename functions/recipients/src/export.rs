//! `GET /v1/recipients/{id}/export`: everything that is stored about a recipient, as one JSON document.
//!
//! Endpoints and keys of devices are left out, because they allow sending to the device. A long history is returned in
//! several documents, so that each fits into a response of Lambda.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::RecipientsApi;
use aws::deadline;
use domain::channel::Channel;
use domain::notification::{Content, Notification, NotificationId, NotificationView, TemplateUse};
use domain::recipient::{Address, Recipient, RecipientKey, RecipientView};
use platform::http::{Request, Response};
use platform::problem::Problem;
use platform::time_limits::EXPORT_END_MARGIN;
use store::{StoredSuppression, UsedCount};

/// Number of notifications that one read returns.
const PAGE: usize = 100;
/// Size of the history, as JSON, after which no further page is read. Lambda's limit for a response is 6 MB.
const MAX_HISTORY_BYTES: usize = 3_000_000;

/// The document.
#[derive(Serialize)]
struct RecipientExport<'a> {
    exported_at: Timestamp,
    recipient: Option<RecipientView<'a>>,
    suppressions: Vec<ExportedSuppression>,
    counts: Vec<ExportedCount>,
    engagement: Vec<ExportedEvent<'a>>,
    history: ExportedHistory<'a>,
}

#[derive(Serialize)]
struct ExportedSuppression {
    channel: Channel,
    reason: String,
    suppressed_at: Timestamp,
}

#[derive(Serialize)]
struct ExportedCount {
    name: String,
    used: i64,
}

/// Fact about a notification from the recipient's side.
#[derive(Serialize)]
struct ExportedEvent<'a> {
    notification_id: &'a NotificationId,
    event: &'static str,
    at: Timestamp,
    value_micros: Option<i64>,
}

#[derive(Serialize)]
struct ExportedHistory<'a> {
    items: Vec<ExportedNotification<'a>>,
    next: Option<&'a str>,
}

/// Template of a message with the variables that may be shown.
#[derive(Serialize)]
struct ExportedTemplate<'a> {
    name: &'a str,
    version: u32,
    locale: Option<&'a str>,
    time_zone: Option<&'a str>,
    variables: Map<String, Value>,
    hidden_variables: &'a [String],
}

/// Notification with the request from which it was made.
#[derive(Serialize)]
struct ExportedNotification<'a> {
    notification: NotificationView<'a>,
    caller: &'a str,
    content: Option<&'a Content>,
    /// Template of a message without a content.
    template: Option<ExportedTemplate<'a>>,
    metadata: Option<&'a Map<String, Value>>,
    topic: Option<&'a str>,
    channels: &'a [Channel],
    urgency: String,
    due_at: Timestamp,
    lives_until: Timestamp,
    updated_at: Timestamp,
    deleted_at: Timestamp,
}

impl RecipientsApi {
    /// Exports a recipient: 200, or 404 if nothing is stored.
    pub(super) async fn export(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let after = Self::history_position(request)?;
        let recipient = self.recipients.load_with_caps(&key).await?;
        let (history, next) = self.exported_history(&key, after).await?;
        if recipient.is_none() && history.is_empty() && after.is_none() {
            return Err(Problem::not_found("recipient"));
        }
        let suppressions = match &recipient {
            Some(recipient) => self.exported_suppressions(recipient).await?,
            None => Vec::new(),
        };
        let counts = self.recipients.used_counts(&key, now).await?;
        let claims = recipient.iter().flat_map(|known| known.caps.counts());
        let claims = claims.map(|(rule, used)| (format!("caps#{rule}"), i64::try_from(used).unwrap_or(i64::MAX)));
        let counts = counts.into_iter().map(|UsedCount { name, used }| (name, used)).chain(claims);
        let document = RecipientExport {
            exported_at: now,
            recipient: recipient.as_ref().map(RecipientView::of),
            suppressions,
            counts: counts.map(|(name, used)| ExportedCount { name, used }).collect(),
            engagement: history.iter().flat_map(events).collect(),
            history: ExportedHistory { items: history.iter().map(exported).collect(), next: next.as_deref() },
        };
        tracing::info!(recipient = %key, notifications = document.history.items.len(), "exported recipient");
        Ok(Response::json(200, &document).with_header("Cache-Control", "no-store"))
    }

    /// Reads the history from a position, newest first, until the document is full or the time is short. Returns the
    /// position of the rest.
    async fn exported_history(
        &self,
        key: &RecipientKey,
        after: Option<&str>,
    ) -> Result<(Vec<Notification>, Option<String>), Problem> {
        let (mut found, mut size) = (Vec::new(), 0);
        let mut next = after.map(str::to_owned);
        loop {
            let page = self.notifications.history(key, next.as_deref(), PAGE).await?;
            size += page
                .items
                .iter()
                .map(|one| serde_json::to_string(&exported(one)).map_or(0, |json| json.len()))
                .sum::<usize>();
            found.extend(page.items);
            next = page.next;
            let is_out_of_time = deadline::left().is_some_and(|left| left <= EXPORT_END_MARGIN);
            if next.is_none() || size >= MAX_HISTORY_BYTES || is_out_of_time {
                return Ok((found, next));
            }
        }
    }

    async fn exported_suppressions(&self, recipient: &Recipient) -> Result<Vec<ExportedSuppression>, Problem> {
        let email = recipient.email.as_ref().map(Address::Email);
        let phone = recipient.phone.as_ref().map(Address::Phone);
        let mut found = Vec::new();
        for address in [email, phone].into_iter().flatten() {
            if let Some(StoredSuppression { reason, suppressed_at }) = self.suppressions.find(address).await? {
                found.push(ExportedSuppression { channel: address.channel(), reason, suppressed_at });
            }
        }
        Ok(found)
    }
}

fn exported_template(used: &TemplateUse) -> ExportedTemplate<'_> {
    ExportedTemplate {
        name: &used.name,
        version: used.version,
        locale: used.locale.as_ref().map(|locale| locale.tag.as_str()),
        time_zone: used.locale.as_ref().map(|locale| locale.time_zone.as_str()),
        variables: used.shown_variables(),
        hidden_variables: &used.sensitive,
    }
}

fn exported(notification: &Notification) -> ExportedNotification<'_> {
    ExportedNotification {
        notification: NotificationView::of(notification),
        caller: notification.caller(),
        content: notification.message().content(),
        template: notification.message().template().map(exported_template),
        metadata: notification.metadata().map(|metadata| metadata.expose()),
        topic: notification.topic().map(|topic| topic.expose().as_str()),
        channels: notification.channels(),
        urgency: notification.urgency().to_string(),
        due_at: notification.due_at(),
        lives_until: notification.lives_until(),
        updated_at: notification.updated_at(),
        deleted_at: notification.kept_until(),
    }
}

/// Returns the facts about a notification from the recipient's side.
fn events(notification: &Notification) -> impl Iterator<Item = ExportedEvent<'_>> {
    let facts = notification.engagement();
    let value = facts.conversion_value_micros;
    let times = [
        ("delivered", facts.delivered().map(|(at, _)| at), None),
        ("opened", facts.opened_at, None),
        ("clicked", facts.clicked_at, None),
        ("dismissed", facts.dismissed_at, None),
        ("converted", facts.converted_at, value),
    ];
    times.into_iter().filter_map(move |(event, at, value_micros)| {
        Some(ExportedEvent { notification_id: notification.id(), event, at: at?, value_micros })
    })
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
