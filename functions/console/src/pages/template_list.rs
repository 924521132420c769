//! List of templates: the live version, what is newer, and what uses each.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::campaign_list::open_campaigns;
use super::figure_views::{NotificationFigures, WindowFigures};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, count, percent, rendered};

#[derive(Debug, Template)]
#[template(path = "templates.html")]
struct TemplatesPage {
    frame: Frame,
    items: Vec<TemplateRow>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TemplateRow {
    name: String,
    title: String,
    state: String,
    live_version: Option<i64>,
    latest_version: i64,
    has_changes: Option<bool>,
    updated_at: Timestamp,
    /// Share of messages in another language than the recipient's; empty if none was sent.
    #[serde(skip)]
    fallbacks: String,
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

/// Maximum number of rows.
const PAGE_SIZE: usize = 50;
/// Number of minutes of the share of locale fallbacks: a week.
const MINUTES: &str = "10080";

/// Shows the templates in the order of their names, 50 a page.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (templates, users, figures) = tokio::join!(
        visit.call(ApiCall::get("/v1/templates")),
        users(visit),
        visit.call(ApiCall::get("/v1/metrics").query("minutes", MINUTES)),
    );
    let (mut answer, mut users) = (templates.ok()?, users?);
    let figures: WindowFigures = figures.read()?;
    let after = visit.query().get("after");
    let items: Vec<Value> = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let later = items.into_iter().filter(|item| item["name"].as_str().is_some_and(|name| name > after));
    let mut items: Vec<TemplateRow> =
        later.take(PAGE_SIZE + 1).filter_map(|item| serde_json::from_value(item).ok()).collect();
    let is_more = items.len() > PAGE_SIZE;
    items.truncate(PAGE_SIZE);
    for item in &mut items {
        item.used_by = users.remove(&item.name).unwrap_or_default();
        item.fallbacks = figures.by_template.get(&item.name).map_or_else(String::new, fallbacks);
    }
    let next = items.last().filter(|_| is_more).map(|item| visit.with_query("after", &item.name));
    rendered(
        200,
        &TemplatesPage { frame: visit.frame("templates", "Templates"), items, first: visit.first_page(), next },
    )
}

/// Returns the share of a template's notifications with an attempt in another language than the recipient's.
fn fallbacks(figures: &NotificationFigures) -> String {
    let (all, other) = (figures.sent, figures.locale_fallbacks.unwrap_or(0));
    #[allow(clippy::cast_precision_loss)] // a share for a person
    let share = (all > 0).then(|| other as f64 / all as f64);
    if share.is_none() { String::new() } else { format!("{} of {}", percent(share), count(all)) }
}

/// Returns the types and the campaigns that use a template, by its name.
///
/// # Errors
/// The API's problem.
pub async fn users(visit: &Visit<'_>) -> Result<BTreeMap<String, Vec<TemplateUser>>, ApiProblem> {
    let (types, campaigns) = tokio::join!(visit.call(ApiCall::get("/v1/types")), visit.call(open_campaigns()));
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
    for campaign in campaigns["items"].as_array().into_iter().flatten() {
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
