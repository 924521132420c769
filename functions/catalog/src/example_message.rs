//! Message to an invented recipient: previews compose it exactly as a send would.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use channels::email::{EmailMessage, Sender};
use channels::push::PushMessage;
use delivery::config::ConfigSnapshot;
use delivery::{
    Addressee, ComposeError, Composer, Links, PaidMessage, PublicBaseUrl, PushLinks, TokenKeys, push_message,
};
use domain::NotificationType;
use domain::channel::{Channel, EmailAddress, PhoneNumber};
use domain::notification::{
    Content, MessageLocale, Notification, NotificationId, NotificationMessage, NotificationRequest, TemplateUse,
    Urgency,
};
use domain::recipient::{KeyHasher, RecipientId};
use platform::private::Private;
use templates::CompiledTemplate;

/// Base of the links in a preview.
const BASE: &str = "https://notifications.example";

/// Message to an invented recipient. Its links have the real form, and their tokens grant nothing.
pub struct ExampleMessage {
    notification: Notification,
    locale: MessageLocale,
    email: EmailAddress,
    phone: PhoneNumber,
    sender: Sender,
    base: PublicBaseUrl,
    keys: TokenKeys,
}

impl ExampleMessage {
    /// Creates a message of a type with these variables. `None` is impossible: every invented name is valid.
    pub fn new(
        kind: &NotificationType,
        locale: MessageLocale,
        variables: Map<String, Value>,
        now: Timestamp,
    ) -> Option<Self> {
        let to = RecipientId::parse("preview").ok()?;
        let id = NotificationId::random(KeyHasher::new(&[0; 32]).recipient_key(&to), now);
        let lifetime = SignedDuration::from_secs(kind.default_ttl_seconds.into());
        let lives_until = now.checked_add(lifetime).ok()?;
        let used = TemplateUse {
            name: "preview".to_owned(),
            version: 1,
            locale: Some(locale.clone()),
            variables: Private::new(variables),
            sensitive: Vec::new(),
        };
        let notification = Notification::new(NotificationRequest {
            id,
            to,
            caller: "preview".to_owned(),
            type_id: kind.id.clone(),
            is_critical: kind.rules.is_critical(),
            is_test: true,
            message: NotificationMessage::Template(used),
            channels: Channel::ALL.to_vec(),
            urgency: Urgency::default(),
            topic: None,
            request_index: 0,
            campaign: None,
            metadata: None,
            created_at: now,
            due_at: now,
            lives_until,
            kept_until: lives_until,
        });
        Some(Self {
            notification,
            locale,
            email: EmailAddress::parse("recipient@example.com").ok()?,
            phone: PhoneNumber::parse("+393331234567").ok()?,
            sender: Sender::from(EmailAddress::parse("sender@example.com").ok()?),
            base: PublicBaseUrl::parse(BASE).ok()?,
            keys: TokenKeys::dummy(),
        })
    }

    /// Returns the message to another phone number, which decides the price of an SMS.
    #[must_use]
    pub fn with_phone(self, phone: Option<PhoneNumber>) -> Self {
        Self { phone: phone.unwrap_or_else(|| self.phone.clone()), ..self }
    }

    /// Returns the recipient's locale.
    pub fn locale(&self) -> &str {
        &self.locale.tag
    }

    /// Composes the push.
    ///
    /// # Errors
    /// If the template does not give one that fits.
    pub fn push(
        &self,
        template: &CompiledTemplate,
        config: &ConfigSnapshot,
    ) -> Result<(Content, PushMessage), ComposeError> {
        let (content, push) = self.composer(template, config).push()?;
        Ok((content.into_owned(), push))
    }

    /// Composes the push with the longest links, as a send does before it accepts a message.
    ///
    /// # Errors
    /// If the template does not give one that fits.
    pub fn push_with_longest_links(
        &self,
        template: &CompiledTemplate,
        config: &ConfigSnapshot,
    ) -> Result<PushMessage, ComposeError> {
        let content = self.composer(template, config).push_content()?;
        let push = push_message(&self.notification, &content, Some(PushLinks::longest()), self.notification.due_at());
        push.map_err(|_| ComposeError::TooLong)
    }

    /// Composes the message of a paid channel.
    ///
    /// # Errors
    /// If the template does not give one that can be sent.
    pub fn paid(
        &self,
        channel: Channel,
        template: &CompiledTemplate,
        config: &ConfigSnapshot,
    ) -> Result<PaidMessage, ComposeError> {
        let to = Addressee { email: Some(&self.email), phone: Some(&self.phone), locale: Some(self.locale()) };
        self.composer(template, config).paid(channel, to, &self.sender)
    }

    /// Returns the headers of the e-mail, and its whole size in bytes.
    pub fn mime(&self, email: &EmailMessage) -> (BTreeMap<String, String>, usize) {
        let mime = email.to_mime(&self.notification.id().to_string(), self.notification.due_at());
        let text = String::from_utf8_lossy(&mime);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n\t", " ").replace("\r\n ", " ");
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        (headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), mime.len())
    }

    fn composer<'a>(&'a self, template: &'a CompiledTemplate, config: &'a ConfigSnapshot) -> Composer<'a> {
        let links = Some(Links::new(&self.base, &self.keys));
        Composer { notification: &self.notification, template: Some(template), settings: &config.settings, links }
    }
}

/// Returns the JSON form of a push payload.
pub fn payload(push: &PushMessage) -> Value {
    serde_json::from_slice(push.payload().expose()).unwrap_or_default()
}
