//! Sources and variables of a template: no panic, no output above its limit, no endless work, and no value that becomes
//! markup, a header or a link.

use std::time::{Duration, Instant};

use domain::channel::Channel;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use templates::{
    CompiledTemplate, RenderLimits, RenderRequest, Rendered, ServiceLinks, TemplateDraft, VariableValues,
    publish_findings,
};

/// Limit of one source in the release profile, and the number of times that a build without optimisation may take as
/// long.
const SOURCE_TIME: Duration = Duration::from_millis(50);
const UNOPTIMISED: u32 = 20;
/// Number of renderings of a source by the checks before publishing: with all variables, and with the required ones.
const CHECKS: u32 = 2;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    values_stay_text(text);
    let Ok(input) = serde_json::from_str::<Value>(text) else { return };
    let Ok(draft) = TemplateDraft::parse(&input["template"]) else { return };
    assert_eq!(TemplateDraft::parse(&serde_json::to_value(&draft).unwrap()), Ok(draft.clone()));
    let Ok(template) = CompiledTemplate::new(draft) else { return };
    // If a value is missing, a source is rendered once more for each optional variable, and each link, that it uses.
    let searches = 3 + number_of_members(&input["template"]["variables"]);
    let sources = number_of_sources(&input["template"]["parts"]) * searches;
    let findings = in_time(sources * CHECKS, || publish_findings(&template, &Channel::ALL, RenderLimits::default()));
    assert!(findings.iter().all(|finding| finding.path.starts_with("parts.") || finding.path.starts_with("variables")));
    let locale = input["locale"].as_str().unwrap_or("en");
    if let Ok(values) = VariableValues::new(&template.draft().variables, &input["variables"]) {
        within_limits(in_time(sources, || rendered(&template, locale, &values)));
    }
}

/// Number of texts below a value: at least that of the sources in a template's parts.
fn number_of_sources(parts: &Value) -> u32 {
    match parts {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(number_of_sources).sum(),
        Value::Object(fields) => fields.values().map(number_of_sources).sum(),
        _ => 0,
    }
}

/// Number of members of all objects below a value: at least that of the variables of a schema.
fn number_of_members(schema: &Value) -> u32 {
    match schema {
        Value::Array(items) => items.iter().map(number_of_members).sum(),
        Value::Object(fields) => fields.values().map(|field| 1 + number_of_members(field)).sum(),
        _ => 0,
    }
}

/// Runs a rendering of `sources` sources, which must not take longer than their limits together.
fn in_time<T>(sources: u32, run: impl FnOnce() -> T) -> T {
    let factor = if cfg!(debug_assertions) { UNOPTIMISED } else { 1 };
    let started = Instant::now();
    let done = run();
    let taken = started.elapsed();
    assert!(taken <= SOURCE_TIME * factor * sources.max(1), "{sources} sources in {taken:?}");
    done
}

fn rendered(template: &CompiledTemplate, locale: &str, values: &VariableValues) -> Rendered {
    template.render(&RenderRequest {
        locale,
        zone: &TimeZone::UTC,
        values,
        links: &ServiceLinks::default(),
        needs_unsubscribe: false,
        limits: RenderLimits::default(),
    })
}

fn within_limits(rendered: Rendered) {
    let limits = RenderLimits::default();
    if let Some(Ok(push)) = rendered.push.map(|part| part.message) {
        assert!(push.content.errors().is_empty());
    }
    if let Some(Ok(email)) = rendered.email.map(|part| part.message) {
        assert!(!email.subject.expose().chars().any(char::is_control));
        assert!(email.html.expose().len() <= limits.email_bytes);
        assert!(email.text.expose().len() <= limits.email_bytes);
    }
    if let Some(Ok(sms)) = rendered.sms.map(|part| part.message) {
        assert!(!sms.text.expose().is_empty() && sms.text.expose().len() <= limits.text_bytes);
    }
}

/// Renders a value at every place where one may stand, and its halves beside one another.
fn values_stay_text(value: &str) {
    let middle = value.char_indices().nth(value.chars().count() / 2).map_or(0, |(at, _)| at);
    let (left, right) = value.split_at(middle);
    let draft = json!({
        "title": "T", "default_locale": "en",
        "variables": {"properties": {"v": {"type": "string"}, "a": {"type": "string"}, "b": {"type": "string"}}},
        "parts": {"en": {
            "push": {"title": "T {{ v }}", "body": "B {{ v }}", "url": "https://a.example/?q={{ v }}"},
            "email": {
                "subject": "S {{ v }}",
                "html": "<p title=\"{{ v }}\"><a href='https://a.example/{{ v }}'>{{ v }}</a>{{ a }}{{ b }}</p>",
                "text": "T {{ v }} {{ a }}{{ b }}",
            },
        }},
    });
    let template = CompiledTemplate::new(TemplateDraft::parse(&draft).unwrap()).unwrap();
    let values = VariableValues::new(&template.draft().variables, &json!({"v": value, "a": left, "b": right}));
    // A text of invisible characters alone is refused.
    let Ok(values) = values else { return };
    let rendered = rendered(&template, "en", &values);
    if let Some(Ok(email)) = rendered.email.map(|part| part.message) {
        let count = |mark: char| email.html.expose().matches(mark).count();
        assert_eq!([count('<'), count('>'), count('"'), count('\'')], [4, 4, 2, 2], "{}", email.html.expose());
        assert!(!email.subject.expose().chars().any(char::is_control));
        assert!(!email.text.expose().contains("://") && !email.html.expose().replace("'https://", "").contains("://"));
        let characters: Vec<char> = email.text.expose().chars().collect();
        let is_host = |w: &[char]| w[0].is_alphanumeric() && ".@".contains(w[1]) && w[2].is_alphabetic();
        assert!(!characters.windows(3).any(is_host), "{}", email.text.expose());
    }
    if let Some(Ok(push)) = rendered.push.map(|part| part.message) {
        assert!(!push.content.title.expose().chars().any(char::is_control));
        assert!(push.content.url.unwrap().expose().starts_with("https://a.example/?q="));
    }
}
