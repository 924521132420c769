//! `GET /v1/campaigns/{id}/progress`: numbers of the plan and of the sending.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::CampaignsApi;
use campaign::{
    Campaign, CampaignDefinition, CampaignId, CampaignState, CampaignTotals, Launch, LaunchedMessage, MailPace, Plan,
    ProviderLimitKind, TaskPass, TaskRelease, mails_left, sms_pace,
};
use domain::channel::{Channel, MailQuota};
use domain::notification::TemplateUse;
use platform::counted_noun::counted_noun;
use platform::http::{Request, Response};
use platform::problem::Problem;
use store::StoredCampaign;

/// Size of a stored notification without its content or its variables, in bytes.
const OTHER_ITEM_BYTES: usize = 600;
/// Minimum number of write units of a notification for a warning of the plan.
const MANY_WRITE_UNITS: usize = 3;
/// Minimum share of skipped people for a warning of the plan, in percent.
const MANY_SKIPPED_PERCENT: u64 = 20;
/// Query parameter that leaves out the plan.
const SENDING_ONLY: &str = "sending_only";

impl CampaignsApi {
    /// Returns the numbers of a campaign. Numbers whose retention is over are left out, and `expired` names them.
    pub(super) async fn progress(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[SENDING_ONLY])?;
        let has_plan = !request.flag(SENDING_ONLY)?;
        let stored = self.find(request).await?;
        let campaign = &stored.campaign;
        let definition = campaign.parsed()?;
        let plan = match &campaign.plan {
            Some(plan) if has_plan => self.plan_progress((&stored.id, &definition), plan, now).await?,
            _ => Value::Null,
        };
        let sending = match &campaign.launch {
            Some(launch) => self.sending_progress(&stored, &definition, launch, now).await?,
            None => Value::Null,
        };
        let parts =
            [("plan", has_plan && campaign.plan.is_some(), &plan), ("sending", campaign.launch.is_some(), &sending)];
        let expired = parts.into_iter().filter(|(_, was_stored, shown)| *was_stored && shown.is_null());
        let body = json!({
            "id": stored.id, "state": campaign.state, "pause_reason": campaign.pause_reason,
            "pause_detail": campaign.pause_detail, "expired": expired.map(|(name, ..)| name).collect::<Vec<_>>(),
            "plan": plan, "sending": sending,
        });
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    /// Returns the numbers of a plan; null if their retention is over.
    async fn plan_progress(
        &self,
        (id, definition): (&CampaignId, &CampaignDefinition),
        plan: &Plan,
        now: Timestamp,
    ) -> Result<Value, Problem> {
        let tasks = self.campaigns.tasks(id, TaskPass::Plan(plan.number)).await?;
        let totals = CampaignTotals::of(plan.segments, tasks.values());
        if totals.are_expired(plan.at, now) {
            return Ok(Value::Null);
        }
        let quota = self.quota_for(&totals, now).await;
        let sms_per_second = self.config.current().await.settings.sms.max_per_second;
        let rate = plan_rate(&totals, definition, quota.ok().flatten(), sms_per_second);
        let ends_at = definition.ends_at(&totals.tally, rate, waits(definition), now);
        let begins_at = definition.begins_at(&totals.tally, now);
        let samples = match totals.is_complete() {
            true => Box::pin(self.samples((id, definition), plan, &tasks, now)).await?,
            false => Vec::new(),
        };
        Ok(json!({
            "number": plan.number, "hash": plan.hash, "at": plan.at, "is_complete": totals.is_complete(),
            "numbers": totals, "duration_seconds": seconds_from(begins_at, ends_at),
            "warnings": warnings(&totals, definition, &plan.launch, quota, ends_at),
            "samples": samples,
        }))
    }

    /// Returns the numbers of the sending; null if their retention is over.
    async fn sending_progress(
        &self,
        StoredCampaign { id, campaign, .. }: &StoredCampaign,
        definition: &CampaignDefinition,
        launch: &Launch,
        now: Timestamp,
    ) -> Result<Value, Problem> {
        let release = self.campaigns.release(id).await?.map(|read| read.value).unwrap_or_default();
        let first = release.closed.first_open_task(launch);
        let tasks = self.campaigns.tasks_from(id, TaskPass::Send, first).await?;
        let totals = release.closed.totals(launch, tasks.values());
        if totals.are_expired(launch.at, now) {
            return Ok(Value::Null);
        }
        let done = totals.tally.matched - totals.tally.holdout;
        let left = launch.expected_people.saturating_sub(done);
        let own_rate = f64::from(definition.rate_per_second);
        let rate = release.provider_limit.map_or(own_rate, |limit| limit.people_per_second.min(own_rate));
        let waits = holds_left(definition, &release, now);
        let has_ended = totals.is_complete() || campaign.state.is_final();
        let ends_at = match has_ended {
            true => now,
            false => launch.ends_at(definition.test.as_ref(), left, rate, waits, now),
        };
        Ok(json!({
            "launched_at": launch.at, "expected_people": launch.expected_people, "numbers": totals,
            "rate_per_second": definition.rate_per_second, "step": release.step,
            "effective_rate_per_second": rate,
            "limiting_factor": limiting_factor(campaign, definition, &release, &totals, now),
            "seconds_left": seconds_from(now, ends_at),
        }))
    }

    /// Returns the quota of SES if a plan has e-mails.
    ///
    /// # Errors
    /// If SES does not answer.
    async fn quota_for(&self, plan: &CampaignTotals, now: Timestamp) -> Result<Option<MailQuota>, NoQuotaError> {
        if plan.tally.on_channel(Channel::Email) == 0 {
            return Ok(None);
        }
        self.reconciler.mail_quota(now).await.map(Some).ok_or(NoQuotaError)
    }
}

/// SES does not answer.
#[derive(Debug, Clone, Copy)]
struct NoQuotaError;

/// Returns the whole seconds between two times, rounded up.
fn seconds_from(begin: Timestamp, end: Timestamp) -> u64 {
    let ms = u64::try_from(end.duration_since(begin).as_millis()).unwrap_or(0);
    ms.div_ceil(1_000)
}

/// Returns the people a second of a plan: its own rate, or the lowest rate of a provider if that is lower.
fn plan_rate(
    totals: &CampaignTotals,
    definition: &CampaignDefinition,
    quota: Option<MailQuota>,
    sms_per_second: u32,
) -> f64 {
    let people = totals.tally.matched - totals.tally.holdout;
    let mails = totals.tally.on_channel(Channel::Email);
    let own_rate = f64::from(definition.rate_per_second);
    let mail = quota.and_then(|quota| MailPace::of(quota, mails, people, 1)).map(|pace| pace.people_per_second);
    let sms = sms_pace(sms_per_second, totals.tally.on_channel(Channel::Sms), people, 1);
    [mail, sms].into_iter().flatten().fold(own_rate, f64::min)
}

/// Returns the duration of a campaign's own waits: its steps, and its test phase.
fn waits(definition: &CampaignDefinition) -> SignedDuration {
    let holds = definition.steps.iter().map(|step| SignedDuration::from_mins(step.hold_minutes.into()));
    holds.chain(definition.test.map(|test| test.duration)).sum()
}

/// Returns the time for which a campaign holds its steps from now on.
fn holds_left(definition: &CampaignDefinition, release: &TaskRelease, now: Timestamp) -> SignedDuration {
    let steps = definition.steps.iter().skip(release.step);
    let holds: SignedDuration = steps.map(|step| SignedDuration::from_mins(step.hold_minutes.into())).sum();
    let held = release.step_done_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at));
    (holds - held).max(SignedDuration::ZERO)
}

/// Returns the reason that makes a campaign slower than its rate.
fn limiting_factor(
    campaign: &Campaign,
    definition: &CampaignDefinition,
    release: &TaskRelease,
    totals: &CampaignTotals,
    now: Timestamp,
) -> &'static str {
    let launch = campaign.launch.as_ref();
    let waits = launch.is_some_and(|launch| launch.waits_for_local_time(definition, totals.tasks_done, now));
    let released: u32 = release.by_slot.iter().sum();
    let by_provider = release.provider_limit.map(|limit| limit.by);
    let quota = ProviderLimitKind::MailQuota;
    match campaign.state {
        CampaignState::Running if waits => "local_time",
        CampaignState::Running if release.step_done_at.is_some() => "rollout_step",
        CampaignState::Running if totals.is_complete() => "nothing",
        CampaignState::Running if awaits_winner(campaign, definition, totals) => "test_phase",
        CampaignState::Running if by_provider == Some(quota) => quota.as_str(),
        CampaignState::Running if released == totals.tasks_done && !definition.steps.is_empty() => "rollout_step",
        CampaignState::Running => match by_provider {
            Some(rate) => rate.as_str(),
            None if released > totals.tasks_done + totals.tasks / 4 => "workers",
            None => "rate",
        },
        CampaignState::Paused => "paused",
        CampaignState::Scheduled => "time",
        _ => "nothing",
    }
}

/// Returns `true` if the people of the test phase have their messages, and its winner is not chosen.
fn awaits_winner(campaign: &Campaign, definition: &CampaignDefinition, totals: &CampaignTotals) -> bool {
    let is_waiting =
        |launch: &Launch| launch.awaits_winner(definition.test.as_ref()) && totals.tasks_done >= launch.segments;
    campaign.launch.as_ref().is_some_and(is_waiting)
}

/// Returns the warning if the e-mails of a plan are more than campaigns may send within 24 hours.
#[allow(clippy::cast_precision_loss)] // at most a million people
fn quota_warning(mails: u64, quota: Result<Option<MailQuota>, NoQuotaError>) -> Option<String> {
    let Ok(quota) = quota else {
        return Some("SES does not answer, so it is not known if its quota is large enough.".to_owned());
    };
    let left = quota.and_then(mails_left).filter(|left| mails as f64 > *left)?;
    let people = counted_noun(mails, "person", "people");
    Some(format!(
        "{people} would get an e-mail first. The quota of SES allows campaigns {left:.0} more within 24 hours."
    ))
}

/// Returns the write units of DynamoDB for a notification with this message, each for 1 KB.
fn write_units(message: &LaunchedMessage) -> usize {
    let content = message.content.as_ref().map_or(0, |content| json!(content).to_string().len());
    let variables = message.template.as_ref().map_or(0, TemplateUse::json_bytes);
    (OTHER_ITEM_BYTES + content + variables).div_ceil(1_024)
}

/// Returns the warnings that an operator should read before an approval.
fn warnings(
    totals: &CampaignTotals,
    definition: &CampaignDefinition,
    launch: &Launch,
    quota: Result<Option<MailQuota>, NoQuotaError>,
    ends_at: Timestamp,
) -> Vec<String> {
    let tally = &totals.tally;
    let mut warnings = Vec::new();
    if !totals.is_complete() {
        return warnings;
    }
    if tally.matched == 0 {
        warnings.push("No recipient matches.".to_owned());
    }
    let skipped = tally.all_skipped();
    if skipped * 100 > tally.matched * MANY_SKIPPED_PERCENT {
        let people = counted_noun(tally.matched, "person", "people");
        warnings.push(format!("{skipped} of {people} would be skipped."));
    }
    if tally.malformed > 0 {
        let profiles = counted_noun(tally.malformed, "stored profile", "stored profiles");
        warnings.push(format!("{profiles} cannot be read: no message is sent to them."));
    }
    let units = launch.messages.iter().map(write_units).max().unwrap_or(1);
    if units >= MANY_WRITE_UNITS {
        warnings.push(format!(
            "The message is long: to store it costs {units} write units for each person instead of one."
        ));
    }
    warnings.extend(quota_warning(tally.on_channel(Channel::Email), quota));
    if definition.not_after.is_some_and(|not_after| ends_at > not_after) {
        warnings.push("At this rate, not_after passes before all people have a message.".to_owned());
    }
    warnings
}
