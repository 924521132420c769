//! The people of a task, and the notification of each.

use std::sync::Arc;

use campaign::{CampaignAudience, LaunchedMessage, NotificationContext, TaskPass};
use delivery::channels_with_text;
use delivery::config::ConfigSnapshot;
use domain::channel::Channel;
use domain::notification::{Notification, NotificationId};
use domain::recipient::{KeyHasher, Recipient};
use jiff::Timestamp;
use templates::CompiledTemplate;

/// People of a task, with the inputs of their messages.
#[derive(Debug)]
pub struct TaskPeople<'a> {
    pub audience: CampaignAudience<'a>,
    /// Compiled template of each message, if it has one.
    pub templates: &'a [Option<Arc<CompiledTemplate>>],
    pub hasher: &'a KeyHasher,
    /// Pass of the task.
    pub pass: TaskPass,
}

impl TaskPeople<'_> {
    /// Returns the id of the notification for a recipient.
    pub fn notification_id(&self, recipient: &Recipient) -> NotificationId {
        let CampaignAudience { id, launch, .. } = &self.audience;
        let id = match self.pass {
            TaskPass::Test(_) => format!("{id}#{}", self.pass.key()),
            TaskPass::Plan(_) | TaskPass::Send => id.to_string(),
        };
        NotificationId::of_campaign(recipient.key.clone(), launch.at, self.hasher, &id)
    }

    /// Builds the notification for a recipient, whose first attempt is at `due_at`. Returns `None` if its type no
    /// longer exists.
    pub fn notification(
        &self,
        recipient: &Recipient,
        variant_index: usize,
        config: &ConfigSnapshot,
        now: Timestamp,
        due_at: Timestamp,
    ) -> Option<Notification> {
        let kind = config.settings.types.get(self.audience.definition.kind.as_str())?;
        let template = self.templates.get(variant_index).and_then(Option::as_deref);
        let parts = NotificationContext {
            id: self.notification_id(recipient),
            kind,
            channels: channels(&kind.channels, self.audience.launch.messages.get(variant_index)?, template),
            retention: config.settings.retention_days.of_notifications(),
            is_test: matches!(self.pass, TaskPass::Test(_)),
            created_at: now,
            due_at,
        };
        self.audience.notification(recipient, variant_index, parts)
    }
}

/// Returns the channels of a message: those of the type for which the template has a text. If the template cannot be
/// read, all channels are returned, and the attempt reports the reason.
fn channels(of_type: &[Channel], message: &LaunchedMessage, template: Option<&CompiledTemplate>) -> Vec<Channel> {
    match (&message.template, template) {
        (Some(_), Some(template)) => channels_with_text(of_type, template),
        _ => of_type.to_vec(),
    }
}
