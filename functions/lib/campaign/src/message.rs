//! The notification of a person, from the campaign's message and the person's own values.

use jiff::{SignedDuration, Timestamp};
use platform::private::Private;

use crate::campaign_audience::CampaignAudience;
use crate::model::LaunchedMessage;
use domain::NotificationType;
use domain::channel::Channel;
use domain::notification::{
    CampaignUse, Notification, NotificationId, NotificationMessage, NotificationRequest, TemplateUse,
};
use domain::recipient::Recipient;

/// Inputs of a notification from outside its campaign.
#[derive(Debug, Clone)]
pub struct NotificationContext<'a> {
    /// Id.
    pub id: NotificationId,
    /// Type.
    pub kind: &'a NotificationType,
    /// Channels for which the message has a text.
    pub channels: Vec<Channel>,
    /// Retention after the end of the lifetime.
    pub retention: SignedDuration,
    /// `true` for a test send.
    pub is_test: bool,
    /// Time at which it is created.
    pub created_at: Timestamp,
    /// Time of its first attempt.
    pub due_at: Timestamp,
}

impl CampaignAudience<'_> {
    /// Builds the notification for a recipient. Returns `None` if the campaign has no such variant.
    #[must_use]
    pub fn notification(
        &self,
        recipient: &Recipient,
        variant_index: usize,
        parts: NotificationContext<'_>,
    ) -> Option<Notification> {
        let NotificationContext { id, kind, channels, retention, is_test, created_at, due_at } = parts;
        let message = self.launch.messages.get(variant_index)?;
        let ttl = self.definition.ttl_seconds.unwrap_or(kind.default_ttl_seconds.into());
        let after = |at: Timestamp, time| at.checked_add(time).unwrap_or(Timestamp::MAX);
        // Held and retried messages end by `not_after` as well. A test is not one of the campaign's messages.
        let not_after = self.definition.not_after.filter(|_| !is_test).unwrap_or(Timestamp::MAX);
        let lives_until = after(due_at, SignedDuration::from_secs(ttl)).min(not_after);
        let kept_until = after(lives_until, retention).as_second();
        Some(Notification::new(NotificationRequest {
            id,
            to: recipient.id.clone(),
            caller: self.launch.by.expose().clone(),
            type_id: kind.id.clone(),
            is_critical: false,
            is_test,
            message: message_for(message, recipient)?,
            channels,
            urgency: self.definition.urgency,
            topic: None,
            request_index: 0,
            campaign: Some(CampaignUse {
                id: self.id.as_str().to_owned(),
                variant: message.variant.clone(),
                slot: self.slot_number(),
            }),
            metadata: None,
            created_at,
            due_at,
            lives_until,
            kept_until: Timestamp::from_second(kept_until).unwrap_or(Timestamp::MAX),
        }))
    }
}

/// Returns the message with the recipient's own values. If an attribute is missing, its variable is left out. Then the
/// template's default applies, or the person is skipped.
fn message_for(message: &LaunchedMessage, recipient: &Recipient) -> Option<NotificationMessage> {
    if let Some(content) = &message.content {
        return Some(NotificationMessage::Content(content.clone()));
    }
    let used = message.template.as_ref()?;
    let mut variables = used.variables.expose().clone();
    for (variable, attribute) in &message.from_attributes {
        match recipient.attributes.expose().get(attribute).filter(|value| !value.is_null()) {
            Some(value) => variables.insert(variable.clone(), value.clone()),
            None => variables.remove(variable),
        };
    }
    Some(NotificationMessage::Template(TemplateUse { variables: Private::new(variables), ..used.clone() }))
}
