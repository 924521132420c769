//! Definition of a campaign, as callers write it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::audience::{AudienceKind, RecipientList, Selection};
use crate::guards::Guards;
use crate::local_time::{AtLocal, IfPassed, Timing};
use crate::retry_selection::RetryOf;
use crate::steps::{CampaignStep, StepCriteria, check_steps};
use crate::test_phase::{TestPhase, TestPhaseBody};
use crate::variants::{CampaignTemplate, MessageFields, Variant, VariantBody, variants};
use domain::notification::{Content, MAX_AHEAD, Urgency};
use domain::text::is_line;
use domain::{MAX_TTL_SECONDS, TypeId, time_zone};
use platform::json::shaped;
use platform::private::Private;
use platform::problem::{FieldError, Problem};
use platform::rfc3339;
use platform::time_limits::CALLER_CLOCK_TOLERANCE;

/// Maximum number of recipients of a list.
pub const MAX_RECIPIENTS: usize = 10_000;
const MAX_TITLE_CHARS: usize = 100;
const MAX_RATE: u32 = 5_000;
const DEFAULT_RATE: u32 = 500;
const MAX_HOLDOUT_PERCENT: f64 = 50.0;
/// Longest time from the request to `not_after`.
const MAX_NOT_AFTER: SignedDuration = SignedDuration::from_hours(104 * 24);

/// Definition of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignDefinition {
    /// Name for people.
    pub title: String,
    /// Type of its notifications.
    pub kind: TypeId,
    /// Messages. One without a name if there are no variants.
    pub variants: Vec<Variant>,
    /// People to whom it is sent.
    pub audience: AudienceKind,
    /// People who are excluded.
    pub exclude: Option<Selection>,
    /// An earlier campaign to whose people this one sends again.
    pub retry_of: Option<RetryOf>,
    /// Share of people to whom nothing is sent, in basis points.
    pub holdout_bp: u32,
    /// Time at which it begins.
    pub timing: Timing,
    /// People a second.
    pub rate_per_second: u32,
    /// Time after which no message is sent.
    pub not_after: Option<Timestamp>,
    /// Steps of the rollout; the last one is 100 %.
    pub steps: Vec<CampaignStep>,
    /// Shares that the people of a step must reach before the next step begins.
    pub criteria: StepCriteria,
    /// Test phase, after which the other people get the best variant.
    pub test: Option<TestPhase>,
    /// Limits at which the campaign pauses itself.
    pub guards: Guards,
    /// Lifetime of a notification in seconds; that of the type if absent.
    pub ttl_seconds: Option<i64>,
    /// Urgency for the push services.
    pub urgency: Urgency,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    title: String,
    r#type: String,
    content: Option<Content>,
    template: Option<CampaignTemplate>,
    variables: Option<Private<Map<String, Value>>>,
    variables_from: Option<BTreeMap<String, String>>,
    variants: Option<Vec<VariantBody>>,
    segment: Option<String>,
    filter: Option<Value>,
    recipients: Option<RecipientList>,
    exclude: Option<Exclude>,
    retry_of: Option<RetryOf>,
    holdout_percent: Option<f64>,
    send_at: Option<String>,
    at_local: Option<AtLocalBody>,
    rate_per_second: Option<u32>,
    not_after: Option<String>,
    rollout: Option<Rollout>,
    test: Option<TestPhaseBody>,
    guards: Option<Guards>,
    ttl_seconds: Option<i64>,
    urgency: Option<Urgency>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclude {
    segment: Option<String>,
    filter: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtLocalBody {
    date_time: String,
    default_time_zone: String,
    if_passed: Option<IfPassed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollout {
    steps: Vec<CampaignStep>,
    #[serde(default)]
    criteria: Option<StepCriteria>,
}

impl CampaignDefinition {
    /// Parses a definition. `recipients` must be the stored form of a list.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn parse(body: Value) -> Result<Self, Problem> {
        let body: Body = shaped(body, "")?;
        let mut errors = Vec::new();
        let error = |errors: &mut Vec<FieldError>, field: &str, message: &str| {
            errors.push(FieldError::new(field, message));
        };
        let kind = TypeId::parse(&body.r#type);
        if kind.is_none() {
            error(&mut errors, "type", "must be the name of a type");
        }
        check_title(&body.title, &mut errors);
        let variants = variants(&body.messages(), &mut errors);
        let audience = audience(&body, &mut errors);
        let exclude = body.exclude.as_ref().and_then(|exclude| {
            Selection::read(exclude.segment.as_deref(), exclude.filter.as_ref(), "exclude.", &mut errors)
        });
        let timing = timing(&body, &mut errors);
        let not_after = body.not_after.as_deref().and_then(|text| time("not_after", text, &mut errors));
        let test = test_phase(&body, &mut errors);
        let (steps, criteria) = body.rollout.map(|it| (it.steps, it.criteria.unwrap_or_default())).unwrap_or_default();
        check_steps(&steps, &mut errors);
        criteria.check(&steps, &mut errors);
        let rate_per_second = body.rate_per_second.unwrap_or(DEFAULT_RATE);
        if !(1..=MAX_RATE).contains(&rate_per_second) {
            error(&mut errors, "rate_per_second", "must be from 1 to 5,000");
        }
        let holdout_bp = basis_points("holdout_percent", body.holdout_percent.unwrap_or(0.0), &mut errors);
        let guards = body.guards.unwrap_or_default();
        if let Some(field) = guards.invalid_field() {
            error(&mut errors, &format!("guards.{field}"), "must be from 0 to 100");
        }
        if body.ttl_seconds.is_some_and(|ttl| !(1..=MAX_TTL_SECONDS.into()).contains(&ttl)) {
            error(&mut errors, "ttl_seconds", "must be from 1 to 2,419,200 (28 days)");
        }
        if body.retry_of.as_ref().is_some_and(|retry| retry.outcomes.is_empty()) {
            error(&mut errors, "retry_of.outcomes", "must name at least one outcome");
        }
        let (Some(kind), Some(audience), true) = (kind, audience, errors.is_empty()) else {
            return Err(Problem::invalid(errors));
        };
        Ok(Self {
            title: body.title,
            kind,
            variants,
            audience,
            exclude,
            retry_of: body.retry_of,
            holdout_bp,
            timing,
            rate_per_second,
            not_after,
            steps,
            criteria,
            test,
            guards,
            ttl_seconds: body.ttl_seconds,
            urgency: body.urgency.unwrap_or(Urgency::Low),
        })
    }

    /// Checks the times against the time of the request.
    ///
    /// # Errors
    /// 422 with every time that is in the past or too far ahead.
    pub fn check_times(&self, now: Timestamp) -> Result<(), Problem> {
        let mut errors = Vec::new();
        let begin = match &self.timing {
            Timing::Now => None,
            Timing::At(at) => Some(("send_at", *at)),
            Timing::AtLocal(local) => Some(("at_local.date_time", local.instant(None))),
        };
        if let Some((field, at)) = begin {
            let is_local = matches!(self.timing, Timing::AtLocal(_));
            // A local time may have passed in some zones and not in others, so a day is allowed.
            let tolerance = if is_local { SignedDuration::from_hours(26) } else { CALLER_CLOCK_TOLERANCE };
            if now.duration_since(at) > tolerance {
                errors.push(FieldError::new(field, "must not be in the past"));
            }
            if at.duration_since(now) > MAX_AHEAD {
                errors.push(FieldError::new(field, "must be at most 90 days ahead"));
            }
        }
        self.check_not_after(begin.map_or(now, |(_, at)| at.max(now)), now, &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    /// Checks the end of a launched campaign, whose first message was or will be sent at `begins_at`.
    ///
    /// # Errors
    /// 422 if `not_after` is in the past or too far ahead.
    pub fn check_changed_end(&self, begins_at: Timestamp, now: Timestamp) -> Result<(), Problem> {
        let mut errors = Vec::new();
        self.check_not_after(begins_at, now, &mut errors);
        if self.not_after.is_some_and(|not_after| not_after <= now) && errors.is_empty() {
            errors.push(FieldError::new("not_after", "must not be in the past"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    fn check_not_after(&self, begins_at: Timestamp, now: Timestamp, errors: &mut Vec<FieldError>) {
        let Some(not_after) = self.not_after else { return };
        if not_after <= begins_at {
            errors.push(FieldError::new("not_after", "must be after the time at which the campaign begins"));
        }
        if self.test.is_some_and(|test| not_after.duration_since(begins_at) <= test.duration) {
            errors.push(FieldError::new("not_after", "must be after the test phase"));
        }
        if not_after.duration_since(now) > MAX_NOT_AFTER {
            errors.push(FieldError::new("not_after", "must be at most 104 days ahead"));
        }
    }

    /// Returns the names of the templates that the campaign uses.
    #[must_use]
    pub fn templates(&self) -> BTreeSet<&str> {
        self.variants.iter().filter_map(Variant::template).collect()
    }
}

fn check_title(title: &str, errors: &mut Vec<FieldError>) {
    if !is_line(title, MAX_TITLE_CHARS) {
        errors.push(FieldError::new("title", "must be 1 to 100 characters in one line, not all of them invisible"));
    }
}

fn audience(body: &Body, errors: &mut Vec<FieldError>) -> Option<AudienceKind> {
    let Some(list) = &body.recipients else {
        let (segment, filter) = (body.segment.as_deref(), body.filter.as_ref());
        if segment.is_none() && filter.is_none() {
            errors.push(FieldError::new("segment", "must be given, or a filter or recipients instead of it"));
            return None;
        }
        return Selection::read(segment, filter, "", errors).map(AudienceKind::Selection);
    };
    if body.segment.is_some() || body.filter.is_some() {
        errors.push(FieldError::new("recipients", "must be absent if segment or filter is given"));
        return None;
    }
    Some(AudienceKind::Recipients(list.clone()))
}

impl Body {
    fn messages(&self) -> MessageFields<'_> {
        MessageFields {
            content: self.content.as_ref(),
            template: self.template.as_ref(),
            variables: self.variables.as_ref(),
            variables_from: self.variables_from.as_ref(),
            variants: self.variants.as_ref(),
        }
    }
}

fn test_phase(body: &Body, errors: &mut Vec<FieldError>) -> Option<TestPhase> {
    let excluded = [("at_local", body.at_local.is_some()), ("rollout", body.rollout.is_some())];
    let conflict = excluded.into_iter().find(|(_, is_given)| *is_given).map(|(field, _)| field);
    body.test.as_ref().map(|test| test.parse(body.variants.is_some(), conflict, errors))
}

fn timing(body: &Body, errors: &mut Vec<FieldError>) -> Timing {
    let send_at = body.send_at.as_deref().and_then(|text| time("send_at", text, errors));
    let Some(local) = &body.at_local else { return send_at.map_or(Timing::Now, Timing::At) };
    if body.send_at.is_some() {
        errors.push(FieldError::new("at_local", "must be absent if send_at is given"));
    }
    if TimeZone::get(&local.default_time_zone).is_err() {
        errors.push(FieldError::new("at_local.default_time_zone", time_zone::NOT_A_TIME_ZONE));
    }
    let Ok(date_time) = local.date_time.parse::<DateTime>() else {
        errors.push(FieldError::new("at_local.date_time", "must be a local time such as 2026-12-01T09:00:00"));
        return Timing::Now;
    };
    let AtLocalBody { default_time_zone, if_passed, .. } = local;
    Timing::AtLocal(AtLocal { date_time, default_time_zone: default_time_zone.clone(), if_passed: *if_passed })
}

fn time(field: &str, text: &str, errors: &mut Vec<FieldError>) -> Option<Timestamp> {
    let parsed = rfc3339::parse(text);
    parsed.map_err(|wrong| errors.push(FieldError::new(field, wrong.to_string()))).ok()
}

fn basis_points(field: &str, percent: f64, errors: &mut Vec<FieldError>) -> u32 {
    let points = percent * 100.0;
    if !(0.0..=MAX_HOLDOUT_PERCENT).contains(&percent) || (points - points.round()).abs() > 1e-6 {
        errors.push(FieldError::new(field, "must be from 0 to 50, with at most two decimals"));
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 5,000")]
    let points = points.round() as u32;
    points
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
