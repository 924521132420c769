//! Notification as callers see it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Attempt, AttemptOutcome, FailureReason, Notification, NotificationId, Reason, Status, TemplateUse};
use crate::TypeId;
use crate::budget::Ceiling;
use crate::channel::Channel;
use crate::rollout::Version;

/// JSON of a notification. Its structure and names are part of the API.
#[derive(Debug, Serialize)]
pub struct NotificationView<'a> {
    id: &'a NotificationId,
    to: &'a crate::recipient::RecipientId,
    r#type: &'a TypeId,
    status: Status,
    reason: Option<Reason>,
    version: Option<Version>,
    channel: Option<Channel>,
    template: Option<TemplateView<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_test: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignView<'a>>,
    attempts: Vec<AttemptView<'a>>,
    over_budget: &'a BTreeMap<Channel, Ceiling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<ClaimView>,
    cost_micros: i64,
    created_at: Timestamp,
    next_action_at: Option<Timestamp>,
    lives_until: Timestamp,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    dismissed_at: Option<Timestamp>,
    converted_at: Option<Timestamp>,
    conversion_value_micros: Option<i64>,
    wasted_cost_micros: i64,
}

/// Template of the message, without its variables.
#[derive(Debug, Serialize)]
struct TemplateView<'a> {
    name: &'a str,
    version: u32,
    /// Locale in which it is written, from the first attempt on.
    locale: Option<&'a str>,
    /// Channels on which the template has no text in the recipient's language.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    locale_fallback: &'a [Channel],
}

/// Campaign that the notification belongs to.
#[derive(Debug, Serialize)]
struct CampaignView<'a> {
    id: &'a str,
    /// Variant, if the campaign has several.
    #[serde(skip_serializing_if = "str::is_empty")]
    variant: &'a str,
}

/// Claim of the paid call in progress.
#[derive(Debug, Serialize)]
struct ClaimView {
    channel: Channel,
    price_micros: i64,
}

#[derive(Debug, Serialize)]
struct AttemptView<'a> {
    channel: Channel,
    provider: &'a str,
    outcome: AttemptOutcome,
    status_code: Option<u16>,
    latency_ms: u64,
    cost_micros: i64,
    at: Option<Timestamp>,
    detail: Option<&'a str>,
}

impl<'a> NotificationView<'a> {
    /// Returns the view of a notification.
    #[must_use]
    pub fn of(notification: &'a Notification) -> Self {
        Self {
            id: &notification.parts.request.id,
            to: &notification.parts.request.to,
            r#type: &notification.parts.request.type_id,
            status: notification.parts.status,
            reason: notification.parts.reason,
            version: notification.parts.version,
            channel: notification.channel(),
            is_test: notification.parts.request.is_test,
            template: notification.parts.request.message.template().map(TemplateView::of),
            campaign: notification.campaign().map(|used| CampaignView { id: &used.id, variant: &used.variant }),
            attempts: notification
                .parts
                .attempts
                .iter()
                .map(|attempt| AttemptView::of(attempt, notification))
                .collect(),
            over_budget: &notification.parts.over_budget,
            claim: notification
                .in_flight()
                .map(|claim| ClaimView { channel: claim.channel, price_micros: claim.price_micros }),
            cost_micros: notification.cost_micros(),
            created_at: notification.parts.request.created_at,
            next_action_at: notification.parts.next_action_at,
            lives_until: notification.lives_until(),
            delivered_at: notification.parts.engagement.delivered().map(|(at, _)| at),
            opened_at: notification.parts.engagement.opened_at,
            clicked_at: notification.parts.engagement.clicked_at,
            dismissed_at: notification.parts.engagement.dismissed_at,
            converted_at: notification.parts.engagement.converted_at,
            conversion_value_micros: notification.parts.engagement.conversion_value_micros,
            wasted_cost_micros: notification.wasted_cost_micros(),
        }
    }
}

impl<'a> TemplateView<'a> {
    fn of(used: &'a TemplateUse) -> Self {
        let locale = used.locale.as_ref();
        Self {
            name: &used.name,
            version: used.version,
            locale: locale.map(|locale| locale.tag.as_str()),
            locale_fallback: locale.map(|locale| &*locale.fallback).unwrap_or_default(),
        }
    }
}

impl<'a> AttemptView<'a> {
    fn of(attempt: &'a Attempt, of: &Notification) -> Self {
        // Later finding of the provider that does not change the outcome.
        let is_told = attempt.outcome == AttemptOutcome::Accepted;
        let report = of.parts.engagement.reports.on(attempt.channel);
        let noted = report.noted.or(report.outweighed()).filter(|_| is_told);
        Self {
            channel: attempt.channel,
            provider: &attempt.provider,
            outcome: attempt.outcome,
            status_code: attempt.status_code,
            latency_ms: attempt.latency_ms,
            cost_micros: attempt.cost_micros,
            at: Timestamp::from_millisecond(attempt.at_ms).ok(),
            detail: attempt.detail.as_deref().or(noted.map(FailureReason::as_str)),
        }
    }
}
