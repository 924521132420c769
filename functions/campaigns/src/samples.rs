//! Samples of a plan: the messages of three of its people, composed as for a send when an operator reads the plan.
//!
//! A plan stores the keys of these people and no text, so an erased person is in no sample.

use std::collections::BTreeMap;

use channels::email::Sender;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::CampaignsApi;
use campaign::{
    Assigned, CampaignAudience, CampaignDefinition, CampaignId, CampaignTask, LaunchedMessage, NotificationContext,
    Plan, PlannedPerson,
};
use delivery::{Composer, Links, PublicBaseUrl, TokenKeys, channels_with_text, locale_of, preview_paid, preview_push};
use domain::channel::{Channel, EmailAddress};
use domain::notification::NotificationId;
use domain::recipient::{Recipient, RecipientKey};
use platform::problem::Problem;

/// Number of people in the samples of a plan.
const SAMPLES: usize = 3;
/// Base of the links in a sample. Their tokens permit no action.
const BASE: &str = "https://notifications.example";
const SENDER: &str = "sender@example.com";

impl CampaignsApi {
    /// Returns the messages of a few people of a plan.
    pub(super) async fn samples(
        &self,
        (id, definition): (&CampaignId, &CampaignDefinition),
        plan: &Plan,
        tasks: &BTreeMap<u32, CampaignTask>,
        now: Timestamp,
    ) -> Result<Vec<Value>, Problem> {
        let planned: Vec<_> = tasks.values().flat_map(|task| &task.samples).take(SAMPLES).collect();
        let Some(people) = CampaignAudience::all(id, definition, &plan.launch).filter(|_| !planned.is_empty()) else {
            return Ok(Vec::new());
        };
        let keys: Vec<RecipientKey> = planned.iter().map(|person| person.recipient.clone()).collect();
        let recipients = self.recipients.people_with_keys(&keys).await?.people;
        let histories = self.histories(&people, &recipients).await?;
        let mut samples = Vec::new();
        for recipient in &recipients {
            let person = planned.iter().find(|person| person.recipient == recipient.key);
            // A person may have changed since the plan.
            let selected = people.select(recipient, histories.of(recipient));
            let (Some(person), Some(Assigned::Message(variant_index))) = (person, selected) else { continue };
            samples.extend(self.sample(&people, recipient, person, variant_index, now).await?);
        }
        Ok(samples)
    }

    async fn sample(
        &self,
        people: &CampaignAudience<'_>,
        recipient: &Recipient,
        person: &PlannedPerson,
        variant_index: usize,
        now: Timestamp,
    ) -> Result<Option<Value>, Problem> {
        let config = self.config.with_types(&[people.definition.kind.as_str()]).await;
        let kind = config.settings.types.get(people.definition.kind.as_str());
        let (Some(kind), Some(message)) = (kind, people.launch.messages.get(variant_index)) else { return Ok(None) };
        let template = match &message.template {
            Some(used) => self.pinning.templates.get(&used.name, used.version).await?,
            None => None,
        };
        let template = template.as_deref();
        let parts = NotificationContext {
            id: NotificationId::of_campaign(
                recipient.key.clone(),
                people.launch.at,
                self.hasher.get().await?,
                people.id.as_str(),
            ),
            kind,
            channels: template.map_or_else(|| kind.channels.clone(), |it| channels_with_text(&kind.channels, it)),
            retention: config.settings.retention_days.of_notifications(),
            is_test: true,
            created_at: people.planned_at(recipient, now),
            due_at: people.planned_at(recipient, now),
        };
        let Some(mut notification) = people.notification(recipient, variant_index, parts) else { return Ok(None) };
        if let Some((template, used)) = template.zip(notification.message().template()) {
            let masked = template.draft().variables.masked(used.variables.expose());
            notification.replace_variables(masked);
            notification.fix_locale(|channels| locale_of(recipient, template, channels, &config.settings));
        }
        let (base, keys) = (PublicBaseUrl::parse(BASE).ok(), TokenKeys::dummy());
        let links = base.as_ref().map(|base| Links::new(base, &keys));
        let composer = Composer { notification: &notification, template, settings: &config.settings, links };
        Ok(Some(shown(&composer, message, recipient, person)))
    }
}

fn shown(
    composer: &Composer<'_>,
    LaunchedMessage { variant, .. }: &LaunchedMessage,
    recipient: &Recipient,
    person: &PlannedPerson,
) -> Value {
    let sender = EmailAddress::parse(SENDER).ok().map(Sender::from);
    let composed = |channel: Channel| match (channel, &sender) {
        (Channel::Push, _) => preview_push(composer),
        (paid, Some(sender)) => composer.paid(paid, recipient, sender).ok().map(|message| preview_paid(&message)),
        (_, None) => None,
    };
    let messages: Map<String, Value> =
        person.channels.iter().map(|channel| (channel.to_string(), json!(composed(*channel)))).collect();
    json!({
        "recipient": {
            "id": recipient.id.masked(),
            "email": recipient.email.as_ref().map(EmailAddress::masked),
            "phone": recipient.phone.as_ref().map(domain::channel::PhoneNumber::masked),
            "locale": recipient.locale,
        },
        "variant": Some(variant).filter(|variant| !variant.is_empty()),
        "messages": messages,
    })
}
