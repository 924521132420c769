//! List of templates: the live version, what is newer, and what uses each.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, rendered};

#[derive(Debug, Template)]
#[template(path = "templates.html")]
struct TemplatesPage {
    frame: Frame,
    items: Vec<TemplateRow>,
}

#[derive(Debug, Deserialize)]
struct TemplateRow {
    name: String,
    title: String,
    state: String,
    live_version: Option<i64>,
    latest_version: i64,
    updated_at: Timestamp,
    #[serde(skip)]
    used_by: Vec<TemplateUser>,
}

/// Type or campaign that uses a template.
#[derive(Debug, Clone)]
pub struct TemplateUser {
    /// Page of it.
    pub href: String,
    /// Name.
    pub label: String,
}

impl TemplateRow {
    fn has_newer(&self) -> bool {
        self.latest_version > self.live_version.unwrap_or(0)
    }
}

/// Shows all templates.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (templates, users) = tokio::join!(visit.call(ApiCall::get("/v1/templates")), users(visit));
    let (mut answer, mut users) = (templates.ok()?, users?);
    let items: Vec<Value> = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let mut items: Vec<TemplateRow> = items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
    for item in &mut items {
        item.used_by = users.remove(&item.name).unwrap_or_default();
    }
    rendered(200, &TemplatesPage { frame: visit.frame("templates", "Templates"), items })
}

/// Returns the types and the newest open campaigns that use a template, by its name.
///
/// # Errors
/// The API's problem.
pub async fn users(visit: &Visit<'_>) -> Result<BTreeMap<String, Vec<TemplateUser>>, ApiProblem> {
    let (types, campaigns) =
        tokio::join!(visit.call(ApiCall::get("/v1/types")), visit.call(ApiCall::get("/v1/campaigns")));
    let (types, campaigns) = (types.ok()?, campaigns.ok()?);
    let mut users: BTreeMap<String, Vec<TemplateUser>> = BTreeMap::new();
    let mut add = |template: &Value, page: &str, id: &Value, label: String| {
        let (Some(template), Some(id)) = (template.as_str(), id.as_str()) else { return };
        let href = format!("{}/{page}{}", visit.base, crate::site::encoded(id));
        users.entry(template.to_owned()).or_default().push(TemplateUser { href, label });
    };
    for kind in types["items"].as_array().into_iter().flatten() {
        let label = format!("type {}", kind["name"].as_str().unwrap_or_default());
        add(&kind["template"], "type?name=", &kind["name"], label);
    }
    let is_open =
        |campaign: &&Value| !["finished", "cancelled", "failed"].contains(&campaign["state"].as_str().unwrap_or(""));
    for campaign in campaigns["items"].as_array().into_iter().flatten().filter(is_open) {
        let label = format!("campaign {}", campaign["title"].as_str().unwrap_or_default());
        let variants = campaign["variants"].as_array().into_iter().flatten();
        let mut names: Vec<_> =
            variants.map(|it| &it["template"]["name"]).chain([&campaign["template"]["name"]]).collect();
        names.sort_unstable_by_key(|name| name.as_str());
        names.dedup();
        for name in names {
            add(name, "campaign?id=", &campaign["id"], label.clone());
        }
    }
    Ok(users)
}
