//! Versions of a template and their differences, line by line.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::campaign_fields::text;
use crate::site::{ApiCall, ApiProblem, Visit};

/// Versions, and the differences that the page shows.
#[derive(Debug)]
pub struct TemplateVersions {
    /// Versions, newest first.
    pub items: Vec<TemplateVersionRow>,
    /// Address of the newest versions, on a later page.
    pub first: Option<String>,
    /// Address of the page with older versions.
    pub next: Option<String>,
    /// Heading of the differences.
    pub heading: String,
    /// Differences.
    pub changes: Vec<SourceChange>,
}

/// Maximum number of versions of a page.
const PAGE_SIZE: usize = 50;

/// Version.
#[derive(Debug, Deserialize)]
pub struct TemplateVersionRow {
    pub version: i64,
    pub published_at: Timestamp,
    #[serde(default)]
    pub who: String,
    #[serde(default)]
    pub name: String,
    /// `true` for the live version.
    #[serde(skip)]
    pub is_live: bool,
    /// `true` for a version before the live one: making it live is a rollback.
    #[serde(skip)]
    pub is_before_live: bool,
}

/// Source that differs. Lines that are the same at both ends are left out.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceChange {
    /// Path.
    pub path: String,
    /// Lines before, with their numbers.
    pub before: Vec<String>,
    /// Lines after.
    pub after: Vec<String>,
}

/// Reads the versions, and compares those that the address names; without names, the draft with the live version.
///
/// # Errors
/// The API's problem.
pub async fn versions(visit: &Visit<'_>, name: &str, detail: &Value) -> Result<TemplateVersions, ApiProblem> {
    let list = visit.call(ApiCall::get("/v1/templates/{name}/versions").path("name", name)).await.ok()?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let after = visit.query().get("after").parse().unwrap_or(i64::MAX);
    let items = items.into_iter().filter_map(|item| serde_json::from_value::<TemplateVersionRow>(item).ok());
    let mut items: Vec<_> = items.filter(|item| item.version < after).take(PAGE_SIZE + 1).collect();
    let is_more = items.len() > PAGE_SIZE;
    items.truncate(PAGE_SIZE);
    let next = items.last().filter(|_| is_more).map(|item| visit.with_query("after", &item.version.to_string()));
    let first = visit.first_page();
    let live = detail["live_version"].as_i64().unwrap_or(0);
    for item in &mut items {
        (item.is_live, item.is_before_live) = (item.version == live, item.version < live);
    }
    let query = visit.query();
    if let (Some(from), Some(to)) = (query.optional("from"), query.optional("to")) {
        let call = ApiCall::get("/v1/templates/{name}/diff").path("name", name).query("from", from).query("to", to);
        let answer = visit.call(call).await.ok()?;
        let change = |change: &Value| source_change(&text(&change["path"]), &change["from"], &change["to"]);
        let changes = answer["changes"].as_array().into_iter().flatten().map(change).collect();
        let heading = format!("Version {} against version {}", text(&answer["to"]), text(&answer["from"]));
        return Ok(TemplateVersions { items, first, next, heading, changes });
    }
    let mut changes = Vec::new();
    let heading = match detail["live_version"].as_u64() {
        None => "No version is live, so there is nothing to compare the draft with".to_owned(),
        Some(live) => {
            let call = ApiCall::get("/v1/templates/{name}/versions/{version}").path("name", name);
            let mut version = visit.call(call.path("version", &live.to_string())).await.ok()?["template"].take();
            drop_made_html(&mut version);
            differences("", &version, &detail["draft"], &mut changes);
            format!("The draft against version {live}, which is live")
        }
    };
    Ok(TemplateVersions { items, first, next, heading, changes })
}

/// Removes the HTML that was made of MJML, which a draft does not have.
fn drop_made_html(template: &mut Value) {
    for part in template["parts"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        let email = part.get_mut("email").and_then(Value::as_object_mut);
        if let Some(email) = email.filter(|email| email.contains_key("mjml")) {
            email.remove("html");
        }
    }
}

fn differences(path: &str, from: &Value, to: &Value, found: &mut Vec<SourceChange>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                differences(&path, &from[name.as_str()], &to[name.as_str()], found);
            }
        }
        _ => found.push(source_change(path, from, to)),
    }
}

fn source_change(path: &str, from: &Value, to: &Value) -> SourceChange {
    let (old, new) = (text(from), text(to));
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let numbered = |lines: &[&str]| {
        let changed = lines.iter().enumerate().take(lines.len() - end).skip(start);
        changed.map(|(place, line)| format!("{}: {line}", place + 1)).collect()
    };
    SourceChange { path: path.to_owned(), before: numbered(&old), after: numbered(&new) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown_with_their_numbers() {
        let change = source_change("p", &json!("a\nb\nc\nd"), &json!("a\nx\ny\nd"));
        assert_eq!((change.before.join("|").as_str(), change.after.join("|").as_str()), ("2: b|3: c", "2: x|3: y"));
        let added = source_change("p", &Value::Null, &json!("a\nb"));
        assert_eq!((added.before.len(), added.after.len()), (0, 2));
        assert_eq!(source_change("p", &json!("a\na"), &json!("a")).before, ["2: a"]);
        let mut found = Vec::new();
        differences("", &json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 1, "c": 3}}), &mut found);
        assert_eq!(found.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["a.c"]);
    }
}
