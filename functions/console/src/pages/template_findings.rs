//! Findings of a template's checks, each with the link to its input and the line of the source.

use serde_json::Value;

use super::template_draft::{CHANNELS, value_at};
use crate::site::{encoded, number_of};

/// Finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingLink {
    /// Path in the draft.
    pub path: String,
    /// Address of the input.
    pub href: String,
    /// Place, such as `line 2, column 4`; empty if there is none.
    pub place: String,
    /// The line with its number; empty if there is none.
    pub source: String,
    /// Requirement that is not met.
    pub message: String,
}

/// Locale and what its channels have.
#[derive(Debug)]
pub struct MatrixRow {
    /// Locale.
    pub locale: String,
    /// Cells of the channels.
    pub cells: Vec<MatrixCell>,
}

/// Text of a locale and a channel.
#[derive(Debug)]
pub struct MatrixCell {
    /// Address of its form.
    pub href: String,
    /// State.
    pub label: String,
    /// Colour.
    pub class: &'static str,
    /// `true` if the page shows it.
    pub is_current: bool,
}

/// Returns the findings of a draft.
#[must_use]
pub fn findings(base: &str, name: &str, detail: &Value) -> Vec<FindingLink> {
    let link = |finding: &Value| {
        let text = |field: &str| finding[field].as_str().unwrap_or_default();
        let line = finding["line"].as_u64().and_then(|line| usize::try_from(line).ok());
        let column = finding["column"].as_u64().unwrap_or(1);
        let source = value_at(&detail["draft"], text("path")).as_str();
        let source = line.zip(source).and_then(|(line, source)| source.lines().nth(line.checked_sub(1)?));
        let found = link_of(base, name, text("path"), text("message"));
        FindingLink {
            href: line.map_or_else(|| found.href.clone(), |line| at_line(&found.href, line)),
            place: line.map(|line| format!("line {line}, column {column}")).unwrap_or_default(),
            source: line.zip(source).map(|(line, text)| format!("{line}: {text}")).unwrap_or_default(),
            ..found
        }
    };
    detail["findings"].as_array().into_iter().flatten().map(link).collect()
}

/// Adds a line to the address of an input. The script selects it.
fn at_line(href: &str, line: usize) -> String {
    match href.split_once('#') {
        Some((page, input)) if page.contains('?') => format!("{page}&line={line}#{input}"),
        _ => href.to_owned(),
    }
}

/// Returns a finding that leads to the input at a path. A preview names paths below `template`.
#[must_use]
pub fn link_of(base: &str, name: &str, path: &str, message: &str) -> FindingLink {
    let path = path.strip_prefix("template.").unwrap_or(path);
    let mut members = path.split('.');
    let part = (members.next(), members.next(), members.next());
    let place = match part {
        (Some("parts"), Some(locale), channel) => {
            let channel = channel.filter(|channel| CHANNELS.contains(channel)).unwrap_or("push");
            format!("locale={}&channel={channel}", encoded(locale))
        }
        _ => "view=about".to_owned(),
    };
    // Parts of a schema have one input.
    let whole = ["variables", "sample"].into_iter().find(|name| path.starts_with(name));
    let field = whole.unwrap_or(path);
    // These inputs are on the page that shows the finding.
    let is_here = ["values", "recipient"].contains(&path);
    let page = if is_here { String::new() } else { format!("{base}/template?name={}&{place}", encoded(name)) };
    FindingLink {
        path: path.to_owned(),
        href: format!("{page}#field-{field}"),
        place: String::new(),
        source: String::new(),
        message: message.to_owned(),
    }
}

/// Returns `true` if a text is older than that of the default locale.
#[must_use]
pub fn is_outdated(detail: &Value, locale: &str, channel: &str) -> bool {
    let outdated = detail["outdated"].as_array().into_iter().flatten();
    outdated.into_iter().any(|place| place["locale"] == locale && place["channel"] == channel)
}

/// Returns the table of locales and channels. The page's own locale has a row although it has no text yet.
#[must_use]
pub fn matrix(base: &str, name: &str, detail: &Value, found: &[FindingLink], own: (&str, &str)) -> Vec<MatrixRow> {
    let draft = &detail["draft"];
    let parts = draft["parts"].as_object();
    let mut locales: Vec<&str> = parts.into_iter().flatten().map(|(locale, _)| locale.as_str()).collect();
    if !locales.contains(&own.0) {
        locales.push(own.0);
    }
    let cell = |locale: &str, channel: &str| {
        let below = format!("parts.{locale}.{channel}.");
        let count = found.iter().filter(|finding| finding.path.starts_with(&below)).count();
        let (label, class) = match (draft["parts"][locale][channel].is_null(), count) {
            (true, _) => ("missing".to_owned(), ""),
            (false, 0) if is_outdated(detail, locale, channel) => ("outdated".to_owned(), "warn"),
            (false, 0) => ("complete".to_owned(), "good"),
            (false, count) => (number_of(count, "finding", "findings"), "bad"),
        };
        let href = format!("{base}/template?name={}&locale={}&channel={channel}", encoded(name), encoded(locale));
        MatrixCell { href, label, class, is_current: own == (locale, channel) }
    };
    let row = |locale: &&str| MatrixRow {
        locale: (*locale).to_owned(),
        cells: CHANNELS.map(|channel| cell(locale, channel)).into(),
    };
    locales.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_leads_to_its_input_and_shows_its_line() {
        let detail = json!({"outdated": [{"locale": "it", "channel": "push"}], "draft": {"parts": {"it": {"sms": {"text": "uno\ndue {{ x | y }}"}, "push": {}}}},
            "findings": [
                {"path": "parts.it.sms.text", "line": 2, "column": 12, "message": "there is no filter y"},
                {"path": "variables.properties.a", "message": "must be an object"}]});
        let found = findings("/console", "welcome", &detail);
        assert_eq!(
            found[0].href,
            "/console/template?name=welcome&locale=it&channel=sms&line=2#field-parts.it.sms.text"
        );
        assert_eq!((found[0].source.as_str(), found[0].place.as_str()), ("2: due {{ x | y }}", "line 2, column 12"));
        assert_eq!(found[1].href, "/console/template?name=welcome&view=about#field-variables");
        let rows = matrix("/console", "welcome", &detail, &found, ("de", "push"));
        let labels: Vec<_> = rows.iter().flat_map(|row| row.cells.iter().map(|cell| cell.label.as_str())).collect();
        assert_eq!(labels, ["outdated", "missing", "1 finding", "missing", "missing", "missing"]);
    }
}
