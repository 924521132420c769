//! The body of a send request. Parsing gives a notification, or a problem that names every invalid field.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::composition::check_composition;
use super::template_request::{LoadedTemplates, TemplateRequest, TemplateVersion};
use delivery::config::ConfigSnapshot;
use delivery::{LinkLimits, Links, channels_with_text};
use domain::channel::Channel;
use domain::notification::{
    Content, MAX_AHEAD, Notification, NotificationId, NotificationMessage, NotificationRequest, TemplateUse, Urgency,
};
use domain::recipient::{KeyHasher, RecipientId};
use domain::{MAX_TTL_SECONDS, NotificationType, UnknownTypeError};
use platform::private::Private;
use platform::problem::{FieldError, Problem};
use platform::rfc3339;
use platform::time_limits::CALLER_CLOCK_TOLERANCE;
use templates::CompiledTemplate;

/// Maximum size of `metadata`, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 1_024;
/// Maximum length of a `topic`, in characters.
pub const MAX_TOPIC_CHARS: usize = 255;

/// The body of `POST /v1/notifications`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The recipient.
    pub to: RecipientId,
    /// Name of the type; `DEFAULT` when absent.
    #[serde(default)]
    pub r#type: Option<String>,
    /// The content of the message; absent if it has a template.
    #[serde(default)]
    pub content: Option<Content>,
    /// The template of the message; absent if it has a content, or if the type's own template is meant.
    #[serde(default)]
    pub template: Option<TemplateRequest>,
    /// Values for the template.
    #[serde(default)]
    pub variables: Option<Private<Map<String, Value>>>,
    /// The channels in order of escalation; those of the type when absent.
    #[serde(default)]
    pub channels: Option<Vec<Channel>>,
    /// Time to send; now when absent.
    #[serde(default, deserialize_with = "rfc3339::optional")]
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
    /// Configuration in force: types of notification, templates and retention.
    pub config: &'a ConfigSnapshot,
    /// Versions of templates that the request uses.
    pub templates: &'a LoadedTemplates,
    /// Builder of the links.
    pub links: Option<Links<'a>>,
    /// Version that a test send uses, whatever the request names.
    pub test_of: Option<&'a TemplateVersion>,
}

impl SendRequest {
    /// Returns a request without a message.
    pub fn to(to: RecipientId, r#type: Option<String>) -> Self {
        Self {
            to,
            r#type,
            content: None,
            template: None,
            variables: None,
            channels: None,
            send_at: None,
            ttl_seconds: None,
            urgency: None,
            topic: None,
            metadata: None,
        }
    }

    /// Converts the request into a notification. `id_of` makes the notification's id from the recipient's key.
    ///
    /// # Errors
    /// 422 that names every invalid field; 503 if the row of the type or of the template could not be read.
    pub fn into_notification(
        mut self,
        context: SendContext<'_>,
        id_of: impl FnOnce(domain::recipient::RecipientKey) -> NotificationId,
    ) -> Result<Notification, Problem> {
        self.content = self.content.map(Content::cleaned);
        context.config.check_type(self.type_name())?;
        if let Some(name) = context.test_of.map(|of| of.name.as_str()).or_else(|| self.template_name(context.config)) {
            context.config.check_template(name)?;
        }
        let kind = context.config.settings.types.sendable(self.type_name());
        let mut errors = Vec::new();
        let (message, template) = self.message(context, &mut errors)?;
        errors.extend(self.errors(kind.as_ref(), message.as_ref(), context));
        let (Some(kind), Some(message), true) = (kind.ok(), message, errors.is_empty()) else {
            return Err(Problem::invalid(errors));
        };
        let channels = self.channels_of(kind, template)?;
        let due_at = self.send_at.map_or(context.now, |at| whole_ms(at).max(context.now));
        let ttl = SignedDuration::from_secs(self.ttl_seconds.unwrap_or(kind.default_ttl_seconds.into()));
        let lives_until = due_at.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let retention = context.config.settings.retention_days.of_notifications();
        let notification = Notification::new(NotificationRequest {
            id: id_of(context.hasher.recipient_key(&self.to)),
            to: self.to,
            caller: context.caller.to_owned(),
            type_id: kind.id.clone(),
            is_critical: kind.rules.is_critical(),
            is_test: context.test_of.is_some(),
            message,
            channels,
            urgency: self.urgency.unwrap_or_default(),
            topic: self.topic,
            request_index: context.index,
            campaign: None,
            metadata: self.metadata,
            created_at: context.now,
            due_at,
            lives_until,
            kept_until: whole_seconds(lives_until.checked_add(retention).unwrap_or(Timestamp::MAX)),
        });
        check_composition(&notification, template, &context.config.settings, context.links)?;
        Ok(notification)
    }

    /// Returns the version that the message uses: of the template that the caller names, or of the type's own template.
    /// `None` means that the message has a content.
    ///
    /// # Errors
    /// If the request has both or neither, or the template cannot be used.
    pub fn template_version(&self, config: &ConfigSnapshot) -> Result<Option<TemplateVersion>, FieldError> {
        let error = |field: &'static str, message: &str| Err(FieldError::new(field, message));
        let version = |name: &str, number| Ok(Some(TemplateVersion { name: name.to_owned(), number }));
        match (&self.content, &self.template) {
            (Some(_), Some(_)) => error("template", "must be absent if content is given"),
            (Some(_), None) if self.variables.is_some() => error("variables", "must be absent if content is given"),
            (Some(_), None) => Ok(None),
            (None, Some(TemplateRequest { version: Some(0), .. })) => {
                error("template.version", "must be the number of a published version")
            }
            (None, Some(TemplateRequest { name, version: given })) => match config.templates.version(name, *given) {
                Ok(number) => version(name, number),
                Err(unusable) => error("template.name", &unusable.to_string()),
            },
            (None, None) => match self.kind(config).and_then(|kind| kind.template.as_deref()) {
                None => error("content", "is required, or a template"),
                Some(name) => match config.templates.version_of_type(name) {
                    Some(number) => version(name, number),
                    None => error("template", "is required: that of the type has no live version"),
                },
            },
        }
    }

    /// Returns `true` if the request names a type or a template that is not known.
    pub fn names_unknown(&self, config: &ConfigSnapshot) -> bool {
        let is_unknown =
            |template: &TemplateRequest| config.templates.version(&template.name, template.version).is_err();
        self.kind(config).is_none() || self.template.as_ref().is_some_and(is_unknown)
    }

    fn type_name(&self) -> &str {
        self.r#type.as_deref().unwrap_or(NotificationType::DEFAULT)
    }

    fn kind<'a>(&self, config: &'a ConfigSnapshot) -> Option<&'a NotificationType> {
        config.settings.types.get(self.type_name())
    }

    /// Returns the name of the template that the caller names, or of the type's own one if there is no content either.
    fn template_name<'a>(&'a self, config: &'a ConfigSnapshot) -> Option<&'a str> {
        match (&self.template, &self.content) {
            (Some(template), _) => Some(&template.name),
            (None, Some(_)) => None,
            (None, None) => self.kind(config)?.template.as_deref(),
        }
    }

    /// Returns the message and the version of its template. The message is `None` if there is an error.
    fn message<'a>(
        &mut self,
        context: SendContext<'a>,
        errors: &mut Vec<FieldError>,
    ) -> Result<(Option<NotificationMessage>, Option<&'a CompiledTemplate>), Problem> {
        let version = context.test_of.map_or_else(|| self.template_version(context.config), |of| Ok(Some(of.clone())));
        let version = match version {
            Ok(version) => version,
            Err(error) => {
                errors.push(error);
                None
            }
        };
        let Some(version) = version else {
            let content = self.content.take().filter(|_| errors.is_empty());
            errors.extend(content.iter().flat_map(Content::errors));
            return Ok((content.map(NotificationMessage::Content), None));
        };
        let Some(template) = context.templates.get(&version)? else {
            errors.push(FieldError::new("template.version", "must be the number of a published version"));
            return Ok((None, None));
        };
        let TemplateVersion { name, number } = version;
        let variables = self.variables.take().unwrap_or_default();
        let names: BTreeSet<&str> = template.draft().variables.sensitive().collect();
        let given = variables.expose().keys().filter(|name| names.contains(name.as_str()));
        let sensitive = given.cloned().collect();
        let used = TemplateUse { name, version: number, locale: None, variables, sensitive };
        if used.json_bytes() > TemplateUse::MAX_BYTES {
            errors.push(FieldError::new("variables", TemplateUse::TOO_LARGE));
        }
        Ok((Some(NotificationMessage::Template(used)), Some(template)))
    }

    /// Returns the channels that the caller requests. Without them, it returns those of the type for which the template
    /// has a text.
    fn channels_of(
        &mut self,
        kind: &NotificationType,
        template: Option<&CompiledTemplate>,
    ) -> Result<Vec<Channel>, Problem> {
        let with_text = |channels: &[Channel]| {
            template.map_or_else(|| channels.to_vec(), |template| channels_with_text(channels, template))
        };
        if let Some(asked) = self.channels.take() {
            let usable = with_text(&asked);
            return match asked.iter().find(|channel| !usable.contains(channel)) {
                None => Ok(asked),
                Some(channel) => Err(Problem::invalid_field(
                    "channels",
                    format!("has {channel}, for which the template has no text"),
                )),
            };
        }
        let channels = with_text(&kind.channels);
        if channels.is_empty() {
            return Err(Problem::invalid_field("template", "has no text for any channel of the type"));
        }
        Ok(channels)
    }

    fn errors(
        &self,
        kind: Result<&&NotificationType, &UnknownTypeError>,
        message: Option<&NotificationMessage>,
        context: SendContext<'_>,
    ) -> Vec<FieldError> {
        let now = context.now;
        let mut errors = Vec::new();
        match (kind, &self.channels) {
            (Err(unknown), _) => errors.push(FieldError::new("type", unknown.to_string())),
            (Ok(kind), Some(channels)) => {
                errors.extend(
                    kind.check_order(channels).err().map(|wrong| FieldError::new("channels", wrong.to_string())),
                );
            }
            _ => {}
        }
        if let (Ok(kind), Some(message)) = (kind, message)
            && let Some(link) = message.link()
        {
            let limits = LinkLimits::new(context.config.public_base_url.as_ref(), &context.config.settings);
            let checked = limits.check(&link, self.channels.as_deref().unwrap_or(&kind.channels));
            let field = if message.content().is_some() { "content.url" } else { "variables.url" };
            errors.extend(checked.err().map(|error| FieldError::new(field, error.to_string())));
        }
        if self.send_at.is_some_and(|at| at.duration_since(now) > MAX_AHEAD) {
            errors.push(FieldError::new("send_at", "must be at most 90 days ahead"));
        }
        if self.send_at.is_some_and(|at| now.duration_since(at) > CALLER_CLOCK_TOLERANCE) {
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
