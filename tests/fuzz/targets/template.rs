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

/// Limit of one rendering of all channels: each source takes at most 50 ms in the release profile.
const TIME_LIMIT: Duration = Duration::from_secs(3);

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    values_stay_text(text);
    let Ok(input) = serde_json::from_str::<Value>(text) else { return };
    let Ok(draft) = TemplateDraft::parse(&input["template"]) else { return };
    assert_eq!(TemplateDraft::parse(&serde_json::to_value(&draft).unwrap()), Ok(draft.clone()));
    let Ok(template) = CompiledTemplate::new(draft) else { return };
    let started = Instant::now();
    let findings = publish_findings(&template, &Channel::ALL, RenderLimits::default());
    assert!(findings.iter().all(|finding| finding.path.starts_with("parts.") || finding.path.starts_with("variables")));
    let locale = input["locale"].as_str().unwrap_or("en");
    if let Ok(values) = VariableValues::new(&template.draft().variables, &input["variables"]) {
        within_limits(rendered(&template, locale, &values));
    }
    assert!(started.elapsed() < TIME_LIMIT * 50, "{:?}", started.elapsed());
}

fn rendered(template: &CompiledTemplate, locale: &str, values: &VariableValues) -> Rendered {
    template.render(&RenderRequest {
        locale,
        zone: &TimeZone::UTC,
        values,
        links: &ServiceLinks::default(),
        needs_unsubscribe: false,
        needs_all_plurals: false,
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
        assert!(email.html.expose().len() <= limits.email_bytes + limits.text_bytes * 6 + 200);
        assert!(email.text.expose().len() <= limits.email_bytes);
    }
    if let Some(Ok(sms)) = rendered.sms.map(|part| part.message) {
        assert!(!sms.text.expose().is_empty() && sms.text.expose().len() <= limits.text_bytes);
    }
}

/// Renders a value at every place where one may stand.
fn values_stay_text(value: &str) {
    let draft = json!({
        "title": "T", "default_locale": "en", "variables": {"required": ["v"], "properties": {"v": {"type": "string"}}},
        "parts": {"en": {
            "push": {"title": "T {{ v }}", "body": "B {{ v }}", "url": "https://a.example/?q={{ v }}"},
            "email": {
                "subject": "S {{ v }}",
                "html": "<p title=\"{{ v }}\"><a href='https://a.example/{{ v }}'>{{ v }}</a></p>",
                "text": "T {{ v }}",
            },
        }},
    });
    let template = CompiledTemplate::new(TemplateDraft::parse(&draft).unwrap()).unwrap();
    let values = VariableValues::new(&template.draft().variables, &json!({"v": value})).unwrap();
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
