//! Tables of the analytics by type, template, campaign and version.

use std::collections::BTreeMap;

use serde_json::Value;

use super::figure_views::{NotificationFigures, WindowFigures};
use crate::site::{EuroScale, Frame, count, millis, percent};

/// Maximum number of rows of a table.
pub const MAX_ROWS: usize = 50;
const NO_ROWS: &str = "No notification of this range has one.";
const NO_CAMPAIGNS: &str = "No message of a campaign was sent in this range.";
const NO_TEMPLATES: &str = "No message of a template was sent in this range.";
const OF_TEMPLATES: &str =
    "Messages with a text of their own belong to no template. The latency of templates is not counted.";
const OF_CAMPAIGNS: &str = "Messages of single sends belong to no campaign. The latency of campaigns is not counted.";

/// Types or versions.
#[derive(Debug)]
pub struct FigureGroup {
    pub title: &'static str,
    /// Name of its file.
    pub file: &'static str,
    pub empty: &'static str,
    pub note: &'static str,
    pub rows: Vec<GroupRow>,
    pub more: usize,
}

/// Type or version.
#[derive(Debug)]
pub struct GroupRow {
    pub name: String,
    pub href: Option<String>,
    pub detail: String,
    pub sent: String,
    pub delivery_rate: String,
    pub error_rate: String,
    pub ctr: String,
    pub conversion_rate: String,
    pub p95: String,
    pub cost: String,
}

/// Title of a campaign, and its templates with their versions.
pub struct CampaignName {
    pub title: String,
    pub templates: String,
}

fn scale_of(rows: &BTreeMap<String, NotificationFigures>) -> EuroScale {
    EuroScale::of(rows.values().map(|it| it.cost_micros))
}

fn group_row(name: &str, href: Option<String>, it: &NotificationFigures, scale: EuroScale) -> GroupRow {
    GroupRow {
        name: name.to_owned(),
        href,
        detail: String::new(),
        sent: count(it.sent),
        delivery_rate: percent(it.delivery_rate),
        error_rate: percent(it.error_rate),
        ctr: percent(it.ctr),
        conversion_rate: percent(it.conversion_rate),
        p95: millis(it.latency_ms.p95),
        cost: scale.show(it.cost_micros),
    }
}

/// Returns the tables of types, templates, campaigns and versions.
#[must_use]
pub fn figure_groups(
    frame: &Frame,
    window: &WindowFigures,
    names: &BTreeMap<String, CampaignName>,
) -> Vec<FigureGroup> {
    vec![
        group("Types", "types", NO_ROWS, type_rows(frame, window)),
        FigureGroup {
            note: OF_TEMPLATES,
            ..group("Templates", "templates", NO_TEMPLATES, template_rows(frame, window))
        },
        FigureGroup {
            note: OF_CAMPAIGNS,
            ..group("Campaigns", "campaigns", NO_CAMPAIGNS, campaign_rows(frame, window, names))
        },
        group("Versions", "versions", NO_ROWS, version_rows(frame, window)),
    ]
}

fn group(title: &'static str, file: &'static str, empty: &'static str, mut rows: Vec<GroupRow>) -> FigureGroup {
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    FigureGroup { title, file, empty, note: "", rows, more }
}

/// Returns the titles and templates of the newest campaigns, by id.
#[must_use]
pub fn campaign_names(list: &Value) -> BTreeMap<String, CampaignName> {
    let name = |campaign: &Value| {
        let used = campaign["launch"]["templates"].as_array().into_iter().flatten();
        let used = used.filter_map(|it| Some(format!("{} version {}", it["name"].as_str()?, it["version"].as_i64()?)));
        let mut templates: Vec<_> = used.collect();
        templates.dedup();
        let templates = if templates.is_empty() { "text of its own".to_owned() } else { templates.join(", ") };
        let title = campaign["title"].as_str()?.to_owned();
        Some((campaign["id"].as_str()?.to_owned(), CampaignName { title, templates }))
    };
    list["items"].as_array().into_iter().flatten().filter_map(name).collect()
}

fn template_rows(frame: &Frame, window: &WindowFigures) -> Vec<GroupRow> {
    let scale = scale_of(&window.by_template);
    let mut templates: Vec<_> = window.by_template.iter().collect();
    templates.sort_by_key(|(_, it)| std::cmp::Reverse(it.sent));
    let row = |(name, it): (&String, &NotificationFigures)| {
        let fallbacks = it.locale_fallbacks.filter(|fallbacks| *fallbacks > 0);
        let detail = fallbacks.map(|fallbacks| format!("{} not in the recipient's language", count(fallbacks)));
        let href = Some(frame.href_of("template", "name", name));
        GroupRow { detail: detail.unwrap_or_default(), ..group_row(name, href, it, scale) }
    };
    templates.into_iter().map(row).collect()
}

fn campaign_rows(frame: &Frame, window: &WindowFigures, names: &BTreeMap<String, CampaignName>) -> Vec<GroupRow> {
    let scale = scale_of(&window.by_campaign);
    let mut campaigns: Vec<_> = window.by_campaign.iter().collect();
    campaigns.sort_by_key(|(_, it)| std::cmp::Reverse(it.sent));
    let row = |(id, it): (&String, &NotificationFigures)| {
        let href = Some(format!("{}&tab=results", frame.href_of("campaign", "id", id)));
        match names.get(id) {
            Some(CampaignName { title, templates }) => {
                GroupRow { detail: templates.clone(), ..group_row(title, href, it, scale) }
            }
            None => group_row(id, href, it, scale),
        }
    };
    campaigns.into_iter().map(row).collect()
}

fn type_rows(frame: &Frame, window: &WindowFigures) -> Vec<GroupRow> {
    let scale = scale_of(&window.by_type);
    let mut types: Vec<_> = window.by_type.iter().collect();
    types.sort_by_key(|(_, it)| std::cmp::Reverse(it.sent));
    let href = |name: &str| Some(frame.href_of("type", "name", name));
    types.into_iter().map(|(name, it)| group_row(name, href(name), it, scale)).collect()
}

fn version_rows(frame: &Frame, window: &WindowFigures) -> Vec<GroupRow> {
    let scale = scale_of(&window.by_version);
    let rows = window.by_version.iter();
    rows.map(|(name, it)| group_row(name, Some(frame.href("rollout")), it, scale)).collect()
}
