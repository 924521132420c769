//! HTML made of MJML. Only this function does it, when a template is checked, previewed or published.

use serde_json::{Value, json};
use templates::{Finding, TemplateDraft};

/// Maximum size of a stored draft: it is one item of DynamoDB.
const MAX_STORED_DRAFT_BYTES: usize = 350_000;

/// Text that stands for an expression or statement while MJML is compiled. It is a word of letters and digits, which no
/// escaping changes.
const STAND_IN: &str = "zqx";

/// Returns the draft with the HTML of each e-mail that is written as MJML.
///
/// # Errors
/// Returns a finding for each source that is not MJML.
pub fn with_html(mut draft: TemplateDraft) -> Result<TemplateDraft, Vec<Finding>> {
    let mut findings = Vec::new();
    for (locale, parts) in &mut draft.parts {
        let Some(email) = parts.email.as_mut() else { continue };
        let Some(mjml) = &email.mjml else { continue };
        match html(mjml) {
            Ok(html) => email.html = Some(html),
            Err(message) => findings.push(Finding::new(format!("parts.{locale}.email.mjml"), message)),
        }
    }
    if findings.is_empty() { Ok(draft) } else { Err(findings) }
}

/// Returns the stored form of a draft: with the HTML made of MJML, for test sends, if that is valid and small enough.
pub fn stored_draft(draft: &TemplateDraft) -> Value {
    let compiled = with_html(draft.clone()).map(|compiled| json!(compiled));
    let fits = |compiled: &Value| serde_json::to_vec(compiled).is_ok_and(|json| json.len() <= MAX_STORED_DRAFT_BYTES);
    compiled.ok().filter(fits).unwrap_or_else(|| json!(draft))
}

/// Returns a stored draft as its editor wrote it.
pub fn edited_draft(mut draft: TemplateDraft) -> TemplateDraft {
    let emails = draft.parts.values_mut().filter_map(|parts| parts.email.as_mut());
    emails.filter(|email| email.mjml.is_some()).for_each(|email| email.html = None);
    draft
}

/// Compiles one source. Expressions and statements are taken out before, and put back after.
fn html(mjml: &str) -> Result<String, String> {
    if mjml.to_ascii_lowercase().contains(STAND_IN) {
        return Err(format!("must not contain the text {STAND_IN}"));
    }
    let (plain, tags) = without_tags(mjml);
    let parsed =
        mrml::parse(&plain).map_err(|_| "must be MJML: an element is unknown, not closed or in a wrong place")?;
    if !parsed.warnings.is_empty() {
        return Err("must be MJML: an attribute is unknown".to_owned());
    }
    let options = mrml::prelude::render::RenderOptions::default();
    let html = parsed.element.render(&options).map_err(|_| "cannot be rendered as HTML")?;
    Ok(with_tags(&html, &tags))
}

fn without_tags(source: &str) -> (String, Vec<&str>) {
    let (mut plain, mut tags, mut rest) = (String::with_capacity(source.len()), Vec::new(), source);
    while let Some(start) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
        let (before, tag) = rest.split_at(start);
        let close = match tag.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "#}",
        };
        let end = tag.find(close).map_or(tag.len(), |end| end + close.len());
        let (tag, after) = tag.split_at(end);
        plain.push_str(before);
        plain.push_str(&format!("{STAND_IN}{}{STAND_IN}", tags.len()));
        tags.push(tag);
        rest = after;
    }
    plain.push_str(rest);
    (plain, tags)
}

fn with_tags(html: &str, tags: &[&str]) -> String {
    let mut pieces = html.split(STAND_IN);
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    while let (Some(number), Some(text)) = (pieces.next(), pieces.next()) {
        whole.push_str(number.parse::<usize>().ok().and_then(|index| tags.get(index)).unwrap_or(&""));
        whole.push_str(text);
    }
    whole
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn expressions_pass_through_in_texts_and_attributes() {
        let mjml = r#"<mjml><mj-body><mj-section><mj-column><mj-text>{{ a | plural(one="x", other="<y>") }}{% if b < 1 %}c{% endif %}</mj-text>
            <mj-button href="{{ url }}">Go</mj-button></mj-column></mj-section></mj-body></mjml>"#;
        let html = html(mjml).unwrap();
        for tag in [r#"{{ a | plural(one="x", other="<y>") }}{% if b < 1 %}c{% endif %}"#, r#"href="{{ url }}""#] {
            assert!(html.contains(tag), "{html}");
        }
    }

    #[test]
    fn what_is_no_mjml_is_refused() {
        for mjml in ["<p>x</p>", "<mjml><mj-body>", "", "<mjml><mj-body><mj-text>zqx0zqx</mj-text></mj-body></mjml>"] {
            assert!(html(mjml).is_err(), "{mjml}");
        }
    }

    #[test]
    fn the_html_of_the_built_in_templates_is_that_of_their_mjml() {
        for name in ["certificate-expiring", "payment-due"] {
            let draft = templates::builtin(name).unwrap().draft;
            assert_eq!(with_html(draft.clone()), Ok(draft), "{name}");
        }
    }
}
