//! Previews: every channel of a draft, a version or a template that is not saved, as the renderer makes it.

use channels::sms::{DEFAULT_MAX_PARTS, parts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::CatalogApi;
use super::mjml::with_html;
use super::template_resource::version_in;
use super::template_routes::{invalid, malformed, template_name};
use domain::language::is_language_tag;
use platform::http::{Request, Response};
use platform::problem::{FieldError, Problem};
use templates::{
    CompiledTemplate, Finding, RenderFault, RenderLimits, RenderRequest, Rendered, RenderedPart, ServiceLinks,
    TemplateDraft, VariableValues,
};

/// Size of an e-mail's HTML from which some mail programs cut it.
const LARGE_EMAIL_BYTES: usize = 100_000;

/// Body of a preview.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PreviewRequest {
    /// Template that is not saved; only in the route without a name.
    template: Option<Value>,
    /// Version; the draft when absent.
    version: Option<u32>,
    locale: Option<String>,
    time_zone: Option<String>,
    /// Values; the examples of the schema when absent.
    variables: Option<Value>,
}

impl CatalogApi {
    /// Renders a template that is not saved: 200 or 422.
    pub(super) async fn preview_unsaved(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let body: PreviewRequest = request.json()?;
        let Some(template) = &body.template else { return Err(Problem::invalid_field("template", "is required")) };
        if body.version.is_some() {
            return Err(Problem::invalid_field("version", "must be absent: the template is in the request"));
        }
        let draft = TemplateDraft::parse(template).map_err(|findings| invalid(below_template(findings)))?;
        preview(draft, &body).map(|preview| Response::json(200, &preview))
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
        preview(draft, &body).map(|preview| Response::json(200, &preview))
    }
}

fn below_template(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().map(|finding| Finding { path: format!("template.{}", finding.path), ..finding }).collect()
}

fn preview(draft: TemplateDraft, body: &PreviewRequest) -> Result<Value, Problem> {
    let locale = body.locale.clone().unwrap_or_else(|| draft.default_locale.clone());
    if !is_language_tag(&locale) {
        return Err(Problem::invalid_field("locale", "must be a language tag such as it or it-IT"));
    }
    let zone = body.time_zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(zone)
        .map_err(|_| Problem::invalid_field("time_zone", "must be a time zone such as Europe/Rome"))?;
    let is_compiled = draft.parts.values().filter_map(|parts| parts.email.as_ref()).all(|email| email.html.is_some());
    let draft = if is_compiled { draft } else { with_html(draft).map_err(invalid)? };
    let template = CompiledTemplate::new(draft).map_err(invalid)?;
    let variables = &template.draft().variables;
    let given = body.variables.clone().unwrap_or_else(|| variables.examples(true));
    let values = VariableValues::new(variables, &given).map_err(|problems| Problem::invalid(problems.into_errors()))?;
    let links = ServiceLinks {
        unsubscribe_url: Some("https://notifications.example/v1/unsubscribe/example".to_owned().into()),
        preferences_url: Some("https://notifications.example/v1/preferences/example".to_owned().into()),
    };
    let rendered = template.render(&RenderRequest {
        locale: &locale,
        zone: &zone,
        values: &values,
        links: &links,
        needs_unsubscribe: false,
        needs_all_plurals: false,
        limits: RenderLimits::default(),
    });
    shown(rendered)
}

/// Returns the response, or a 422 with the fault of each channel.
fn shown(rendered: Rendered) -> Result<Value, Problem> {
    let mut faults = Vec::new();
    let push = of(rendered.push, &mut faults).map(|(locale, push)| {
        let content = push.content;
        let bytes = content.json_bytes();
        json!({"locale": locale, "content": content, "bytes": bytes, "warnings": []})
    });
    let email = of(rendered.email, &mut faults).map(|(locale, email)| {
        let bytes = email.html.expose().len() + email.text.expose().len();
        let is_large = email.html.expose().len() > LARGE_EMAIL_BYTES;
        let warnings = if is_large { vec!["The HTML is larger than 100 KB. Some mail programs cut it."] } else { vec![] };
        json!({"locale": locale, "subject": email.subject, "html": email.html, "text": email.text, "bytes": bytes, "warnings": warnings})
    });
    let sms = of(rendered.sms, &mut faults).map(|(locale, sms)| {
        let counted = parts(sms.text.expose());
        let is_long = counted.parts > DEFAULT_MAX_PARTS;
        let warnings = if is_long { vec!["The text has more parts than the default maximum of 3."] } else { vec![] };
        json!({"locale": locale, "text": sms.text, "encoding": counted.encoding, "parts": counted.parts, "warnings": warnings})
    });
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    Ok(json!({"push": push, "email": email, "sms": sms}))
}

fn of<T>(part: Option<RenderedPart<T>>, faults: &mut Vec<FieldError>) -> Option<(String, T)> {
    let RenderedPart { locale, message } = part?;
    let message = message.map_err(|fault: RenderFault| faults.push(fault.into_finding().into()));
    message.ok().map(|message| (locale, message))
}
