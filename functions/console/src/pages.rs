//! Pages of the console: each reads the API, and shows what it answered.

mod analytics_file;
mod analytics_groups;
mod analytics_page;
mod analytics_range;
mod analytics_tables;
mod audit_page;
mod campaign_actions;
mod campaign_body;
mod campaign_builder;
mod campaign_fields;
mod campaign_file;
mod campaign_list;
mod campaign_page;
mod campaign_people;
mod campaign_plan;
mod campaign_results;
mod campaign_sent;
mod capacity_cards;
mod caps_form;
mod caps_page;
mod costs_answer;
mod costs_file;
mod costs_page;
mod csv_file;
mod edit_conflict;
mod field_difference;
mod figure_views;
mod first_steps;
mod form_zone;
mod guard_rows;
mod masking;
mod notification_explanation;
mod notification_gates;
mod notification_list;
mod notification_page;
mod open_tasks;
mod outcome_reasons;
mod overview;
mod plan_form;
mod recipient_page;
mod recipient_segments;
mod recipient_view;
mod rollout_arms;
mod rollout_page;
mod rollout_plan;
mod running_campaigns;
mod search;
mod segment_builder;
mod segment_count;
mod segment_draft;
mod segment_filter;
mod segment_page;
mod segment_results;
mod send_explanation;
mod send_page;
mod send_recipient;
mod send_variables;
mod sessions_page;
mod setting_form;
mod setting_value;
mod settings_page;
mod settings_view;
mod stored_campaign;
mod template_actions;
mod template_draft;
mod template_findings;
mod template_list;
mod template_page;
mod template_preview;
mod template_versions;
mod type_form;
mod type_page;
mod week_volume;

use outcome_reasons::{is_retriable, meaning};

use crate::site::{ApiProblem, PageFuture, PageReply, PageRoute, Visit};

/// Answers a page, or an action of a page. The visit was checked before.
#[must_use]
pub fn answer<'a>(visit: &'a Visit<'a>, route: &'a PageRoute) -> PageFuture<'a> {
    Box::pin(dispatched(visit, route))
}

async fn dispatched(visit: &Visit<'_>, route: &PageRoute) -> Result<PageReply, ApiProblem> {
    match route.page {
        "" => overview::show(visit).await,
        "send" => send_page::answer(visit, route.action).await,
        "notifications" => notification_list::list(visit).await,
        "notification" => notification_page::answer(visit, route.action).await,
        "message" => notification_page::message(visit).await,
        "recipients" => recipient_page::list(visit),
        "recipient" => recipient_page::answer(visit, route.action).await,
        "recipient_segments" => recipient_segments::show(visit).await,
        "search" => search::find(visit),
        "analytics" => analytics_page::show(visit).await,
        "analytics-csv" => analytics_file::file(visit).await,
        "costs" => costs_page::show(visit).await,
        "costs-csv" => costs_file::file(visit).await,
        "settings" => settings_page::answer(visit, route.action).await,
        "sessions" => sessions_page::answer(visit, route.action).await,
        "audit" => audit_page::show(visit).await,
        "audit-csv" => audit_page::file(visit).await,
        "campaigns" => campaign_list::list(visit).await,
        "campaign-csv" => campaign_file::file(visit).await,
        "campaign" => Box::pin(campaign_actions::answer(visit, route.action)).await,
        "templates" => template_list::list(visit).await,
        "template" => Box::pin(template_actions::answer(visit, route.action)).await,
        "rollout" => rollout_page::answer(visit, route.action).await,
        "types" => type_page::list(visit).await,
        "type" => type_page::answer(visit, route.action).await,
        "segments" => segment_page::list(visit).await,
        "segment" => segment_page::answer(visit, route.action).await,
        "segment_count" => segment_count::answer(visit, route.action).await,
        "caps" => caps_page::answer(visit, route.action).await,
        _ => Err(ApiProblem::own(404, "There is no such page.")),
    }
}
