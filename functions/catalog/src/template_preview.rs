//! Previews: every channel of a draft, a version or a template that is not saved, as the renderer makes it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::CatalogApi;
use super::example_message::{ExampleMessage, payload};
use super::mjml::with_html;
use super::template_resource::version_in;
use super::template_routes::{invalid, malformed, template_name};
use delivery::config::ConfigSnapshot;
use delivery::{ComposeError, PaidMessage};
use domain::NotificationType;
use domain::channel::Channel;
use domain::language::is_language_tag;
use domain::notification::{MessageLocale, TemplateUse};
use domain::recipient::{Recipient, RecipientId};
use domain::time_zone;
use platform::http::{Request, Response};
use platform::problem::{FieldError, Problem, ProblemKind};
use templates::{CompiledTemplate, Finding, TemplateDraft, VariableValues};

/// Size of an e-mail from which some mail programs cut it, in bytes.
const LARGE_EMAIL_BYTES: usize = 100_000;

/// Body of a preview.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PreviewRequest {
    /// Template that is not saved; only in the route without a name.
    template: Option<Value>,
    /// Version; the draft when absent.
    version: Option<u32>,
    /// Recipient whose locale, time zone and phone number are used.
    recipient: Option<RecipientId>,
    locale: Option<String>,
    time_zone: Option<String>,
    /// Type of the message; `DEFAULT` when absent. That of a marketing message adds the link to unsubscribe.
    r#type: Option<String>,
    /// Values; the sample data and the examples of the schema when absent.
    variables: Option<Value>,
}

impl CatalogApi {
    /// Renders a template that is not saved: 200 or 422.
    pub(super) async fn preview_unsaved(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let body: PreviewRequest = request.json()?;
        let Some(template) = &body.template else { return Err(Problem::invalid_field("template", "is required")) };
        if body.version.is_some() {
            return Err(Problem::invalid_field("version", "must be absent: the template is in the request"));
        }
        let draft = TemplateDraft::parse(template).map_err(|findings| invalid(body.findings(findings)))?;
        self.preview(draft, &body, now).await
    }

    /// Renders the draft or a version of a stored template: 200, 404 or 422.
    pub(super) async fn preview_stored(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let name = template_name(request)?;
        let body: PreviewRequest = request.json()?;
        if body.template.is_some() {
            return Err(Problem::invalid_field("template", "must be absent: the path names the template"));
        }
        let row = self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        let draft = match body.version {
            None => self.draft_of(&name).await?,
            Some(version) if version == 0 || version > version_in(&row, "latest") => {
                return Err(Problem::invalid_field("version", "must be the number of a published version"));
            }
            Some(version) => {
                TemplateDraft::parse_stored(&self.version_json(&name, version).await?).map_err(|_| malformed())?
            }
        };
        self.preview(draft, &body, now).await
    }

    async fn preview(&self, draft: TemplateDraft, body: &PreviewRequest, now: Timestamp) -> Result<Response, Problem> {
        let name = body.r#type.as_deref().unwrap_or(NotificationType::DEFAULT);
        let config = self.config.with_types(&[name]).await;
        let recipient = self.previewed_recipient(body).await?;
        let locale = body.locale(&draft, recipient.as_ref(), &config)?;
        config.check_type(name)?;
        let kind = config.settings.types.known(name);
        let kind = kind.map_err(|unknown| Problem::invalid_field("type", unknown.to_string()))?;
        let is_compiled =
            draft.parts.values().filter_map(|parts| parts.email.as_ref()).all(|email| email.html.is_some());
        let refused = |findings| invalid(body.findings(findings));
        let draft = if is_compiled { draft } else { with_html(draft).map_err(refused)? };
        let template = CompiledTemplate::new(draft).map_err(refused)?;
        let variables = &template.draft().variables;
        let given = body.variables.clone().unwrap_or_else(|| template.draft().sample_values().into());
        VariableValues::new(variables, &given).map_err(|problems| {
            let is_sample = body.variables.is_none() && template.draft().sample.is_some();
            Problem::invalid(if is_sample { of_sample(problems.into_errors()) } else { problems.into_errors() })
        })?;
        let given = given.as_object().cloned().unwrap_or_default();
        if !TemplateUse::is_sendable(&given) {
            return Err(Problem::invalid_field("variables", TemplateUse::TOO_LARGE));
        }
        let malformed = || {
            Problem::new(
                ProblemKind::Internal,
                "The preview could not be made. Retry later; if it fails again, report the request id.",
            )
        };
        let message = ExampleMessage::new(kind, locale, given, now).ok_or_else(malformed)?;
        let message = message.with_phone(recipient.and_then(|recipient| recipient.phone));
        shown(&message, &template, &config, body).map(|preview| Response::json(200, &preview))
    }

    async fn previewed_recipient(&self, body: &PreviewRequest) -> Result<Option<Recipient>, Problem> {
        let Some(recipient) = &body.recipient else { return Ok(None) };
        let key = self.hasher.get().await?.recipient_key(recipient);
        let known = self.recipients.load(&key).await?;
        known.map(Some).ok_or_else(|| Problem::invalid_field("recipient", "must be a recipient with a profile"))
    }
}

/// Returns the errors of values with the sample data as their place.
fn of_sample(errors: Vec<FieldError>) -> Vec<FieldError> {
    let moved = |error: FieldError| match error.field.strip_prefix("variables") {
        Some(below) => FieldError::new(format!("sample{below}"), error.message),
        None => error,
    };
    errors.into_iter().map(moved).collect()
}

impl PreviewRequest {
    /// Returns the field of the request for a path in the template.
    fn field(&self, path: &str) -> String {
        if self.template.is_some() { format!("template.{path}") } else { path.to_owned() }
    }

    /// Returns findings of the template with the fields of the request as their paths.
    fn findings(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings.into_iter().map(|finding| Finding { path: self.field(&finding.path), ..finding }).collect()
    }

    /// Returns the locale: that of the request, of the recipient, or of the template; and the time zone: that of the
    /// request, of the recipient, or of the organisation.
    fn locale(
        &self,
        draft: &TemplateDraft,
        recipient: Option<&Recipient>,
        config: &ConfigSnapshot,
    ) -> Result<MessageLocale, Problem> {
        let own_tag = || recipient.and_then(|recipient| recipient.locale.clone());
        let organisation = config.settings.organisation.time_zone.as_deref();
        let own_zone = || match recipient {
            Some(recipient) => Some(recipient.local_zone(organisation).time_zone.to_owned()),
            None => organisation.map(str::to_owned),
        };
        let tag = self.locale.clone().or_else(own_tag).unwrap_or_else(|| draft.default_locale.clone());
        if !is_language_tag(&tag) {
            return Err(Problem::invalid_field("locale", "must be a language tag such as it or it-IT"));
        }
        let time_zone = self.time_zone.clone().or_else(own_zone).unwrap_or_else(|| "UTC".to_owned());
        if time_zone::parse(&time_zone).is_none() {
            return Err(Problem::invalid_field("time_zone", time_zone::NOT_A_TIME_ZONE));
        }
        Ok(MessageLocale { tag, time_zone, fallback: Vec::new() })
    }
}

/// Composes the message of each channel as a send does. Returns the response, or a 422 with the errors of each channel.
fn shown(
    message: &ExampleMessage,
    template: &CompiledTemplate,
    config: &ConfigSnapshot,
    request: &PreviewRequest,
) -> Result<Value, Problem> {
    let mut preview = Map::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for channel in Channel::ALL {
        let Some(locale) = template.locale_for(channel, message.locale()).map(str::to_owned) else {
            preview.insert(channel.to_string(), Value::Null);
            continue;
        };
        let composed = match channel {
            Channel::Push => message.push(template, config).map(|(content, push)| {
                let bytes = push.payload().expose().len();
                json!({"content": content, "payload": payload(&push), "bytes": bytes, "warnings": []})
            }),
            paid => message.paid(paid, template, config).map(|paid| shown_paid(&paid, message, config)),
        };
        match composed {
            Ok(mut shown) => {
                shown["locale"] = json!(locale);
                preview.insert(channel.to_string(), shown);
            }
            Err(ComposeError::NotRendered(error)) => {
                errors.push(FieldError { field: request.field(&error.field), ..error });
            }
            Err(ComposeError::TooLong) => {
                let Finding { path, message, .. } = too_long(channel, &locale, config);
                errors.push(FieldError::new(request.field(&path), message));
            }
            Err(error) => errors.extend(error.into_errors()),
        }
    }
    if errors.is_empty() { Ok(Value::Object(preview)) } else { Err(Problem::invalid(errors)) }
}

fn shown_paid(paid: &PaidMessage, message: &ExampleMessage, config: &ConfigSnapshot) -> Value {
    let cost_micros = paid.price_micros(&config.settings);
    match paid {
        PaidMessage::Email(email) => {
            let (headers, bytes) = message.mime(email);
            let is_large = bytes > LARGE_EMAIL_BYTES;
            let warnings = is_large.then_some("The e-mail is larger than 100 KB. Some mail programs cut it.");
            json!({"subject": email.subject, "html": email.html, "text": email.text, "headers": headers, "bytes": bytes,
                "cost_micros": cost_micros, "warnings": warnings.as_slice()})
        }
        PaidMessage::Sms(sms) => {
            let (encoding, parts) = (sms.parts.encoding, sms.parts.parts);
            json!({"text": sms.text, "encoding": encoding, "parts": parts, "cost_micros": cost_micros, "warnings": []})
        }
    }
}

/// Returns the finding of a message that is longer than its channel allows.
pub fn too_long(channel: Channel, locale: &str, config: &ConfigSnapshot) -> Finding {
    let max_parts = config.settings.sms.max_parts;
    let (field, message) = match channel {
        Channel::Sms => ("sms.text", format!("must have at most {max_parts} parts with these variables")),
        other => (other.as_str(), "must fit into a push with these variables".to_owned()),
    };
    Finding::new(format!("parts.{locale}.{field}"), message)
}
