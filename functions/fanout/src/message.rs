//! The notification of a person.

use std::sync::Arc;

use campaign::{LaunchedMessage, People, TaskPass};
use delivery::channels_with_text;
use delivery::config::ConfigSnapshot;
use domain::channel::Channel;
use domain::notification::{
    CampaignUse, Notification, NotificationId, NotificationMessage, NotificationRequest, TemplateUse,
};
use domain::recipient::{KeyHasher, Recipient};
use jiff::{SignedDuration, Timestamp};
use platform::private::Private;
use templates::CompiledTemplate;

/// People of a task, with what their messages need.
#[derive(Debug)]
pub struct TaskPeople<'a> {
    pub people: People<'a>,
    /// Compiled template of each message, if it has one.
    pub templates: &'a [Option<Arc<CompiledTemplate>>],
    pub hasher: &'a KeyHasher,
    /// Pass of the task.
    pub pass: TaskPass,
}

impl TaskPeople<'_> {
    /// Returns the id of the notification for a recipient.
    pub fn notification_id(&self, recipient: &Recipient) -> NotificationId {
        let People { id, launch, .. } = &self.people;
        let id = match self.pass {
            TaskPass::Test(_) => format!("{id}#{}", self.pass.key()),
            TaskPass::Plan(_) | TaskPass::Send => id.to_string(),
        };
        NotificationId::of_campaign(recipient.key.clone(), launch.at, self.hasher, &id)
    }

    /// Builds the notification for a recipient. Returns `None` if its type no longer exists.
    pub fn notification(
        &self,
        recipient: &Recipient,
        place: usize,
        config: &ConfigSnapshot,
        now: Timestamp,
    ) -> Option<Notification> {
        let People { id, definition, launch, .. } = &self.people;
        let kind = config.settings.types.get(definition.kind.as_str())?;
        let message = launch.messages.get(place)?;
        let template = self.templates.get(place).and_then(Option::as_deref);
        let ttl = SignedDuration::from_secs(definition.ttl_seconds.unwrap_or(kind.default_ttl_seconds.into()));
        let lives_until = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let kept_until = lives_until.checked_add(config.settings.retention_days.of_notifications());
        let kept_until = kept_until.unwrap_or(Timestamp::MAX).as_second();
        Some(Notification::new(NotificationRequest {
            id: self.notification_id(recipient),
            to: recipient.id.clone(),
            caller: launch.by.clone(),
            type_id: kind.id.clone(),
            is_critical: false,
            is_test: matches!(self.pass, TaskPass::Test(_)),
            message: message_for(message, recipient)?,
            channels: channels(&kind.channels, message, template),
            urgency: definition.urgency,
            topic: None,
            request_index: 0,
            campaign: Some(CampaignUse { id: id.as_str().to_owned(), variant: message.variant.clone() }),
            metadata: None,
            created_at: now,
            due_at: now,
            lives_until,
            kept_until: Timestamp::from_second(kept_until).unwrap_or(Timestamp::MAX),
        }))
    }
}

/// Returns the channels of a message: those of the type for which the template has a text, or all of them if the template
/// cannot be read, so that the attempt says so.
fn channels(of_type: &[Channel], message: &LaunchedMessage, template: Option<&CompiledTemplate>) -> Vec<Channel> {
    match (&message.template, template) {
        (Some(_), Some(template)) => channels_with_text(of_type, template),
        _ => of_type.to_vec(),
    }
}

/// Returns the message with the recipient's own values. An attribute that is missing leaves its variable out, so that the
/// template's default counts, or the person is skipped.
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
