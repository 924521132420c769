//! `GET /v1/campaigns/{id}/progress`: numbers of the plan and of the sending.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::CampaignsApi;
use campaign::{
    Campaign, Definition, Launch, MailPace, Numbers, ProviderLimitKind, Release, State, TaskPass, mails_left, sms_pace,
};
use domain::channel::{Channel, MailQuota};
use platform::http::{Request, Response};
use platform::problem::Problem;

/// Share of skipped people from which a plan warns, in percent.
const MANY_SKIPPED_PERCENT: u64 = 20;

impl CampaignsApi {
    /// Returns the numbers of a campaign.
    pub(super) async fn progress(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let stored = self.find(request).await?;
        let (id, campaign) = (&stored.id, &stored.campaign);
        let definition = campaign.parsed()?;
        let plan = match &campaign.plan {
            Some(plan) => {
                let tasks = self.campaigns.tasks(id, TaskPass::Plan(plan.number)).await?;
                let numbers = Numbers::of(plan.segments, tasks.values());
                let quota = self.quota_for(&numbers, now).await;
                let sms_per_second = self.config.current().await.settings.sms.max_per_second;
                let rate = plan_rate(&numbers, &definition, quota.ok().flatten(), sms_per_second);
                let people = numbers.tally.matched - numbers.tally.holdout;
                let waits = waits(&definition);
                let ends_at = definition.ends_at(&numbers.tally, rate, waits, now);
                let samples = match numbers.is_complete() {
                    true => Box::pin(self.samples((id, &definition), plan, &tasks, now)).await?,
                    false => Vec::new(),
                };
                json!({
                    "number": plan.number, "hash": plan.hash, "at": plan.at, "is_complete": numbers.is_complete(),
                    "numbers": numbers, "duration_seconds": seconds(people, rate) + waits.as_secs().unsigned_abs(),
                    "warnings": warnings(&numbers, &definition, quota, ends_at),
                    "samples": samples,
                })
            }
            None => Value::Null,
        };
        let sending = match &campaign.launch {
            Some(launch) => {
                let release = self.campaigns.release(id).await?.map(|read| read.value).unwrap_or_default();
                let first = release.closed.first_open_task(launch);
                let tasks = self.campaigns.tasks_from(id, TaskPass::Send, first).await?;
                let numbers = release.closed.numbers(launch, tasks.values());
                let done = numbers.tally.matched - numbers.tally.holdout;
                let left = launch.expected_people.saturating_sub(done);
                let own_rate = f64::from(definition.rate_per_second);
                let rate = release.provider_limit.map_or(own_rate, |limit| limit.people_per_second.min(own_rate));
                json!({
                    "launched_at": launch.at, "expected_people": launch.expected_people, "numbers": numbers,
                    "rate_per_second": definition.rate_per_second, "step": release.step,
                    "effective_rate_per_second": rate,
                    "limiting_factor": limiting_factor(campaign, &definition, &release, &numbers),
                    "seconds_left": seconds(left, rate),
                })
            }
            None => Value::Null,
        };
        let body = json!({
            "id": id, "state": campaign.state, "pause_reason": campaign.pause_reason,
            "pause_detail": campaign.pause_detail, "plan": plan, "sending": sending,
        });
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    /// Returns the quota of SES if a plan has e-mails.
    ///
    /// # Errors
    /// If SES does not answer.
    async fn quota_for(&self, plan: &Numbers, now: Timestamp) -> Result<Option<MailQuota>, NoQuota> {
        if plan.tally.on_channel(Channel::Email) == 0 {
            return Ok(None);
        }
        self.mail_quota.current(now).await.map(Some).ok_or(NoQuota)
    }
}

/// SES does not answer.
#[derive(Debug, Clone, Copy)]
struct NoQuota;

// At most a million people.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn seconds(people: u64, rate_per_second: f64) -> u64 {
    (people as f64 / rate_per_second).ceil() as u64
}

/// Returns the people a second of a plan: its own rate, or the lowest rate of a provider if that is lower.
fn plan_rate(numbers: &Numbers, definition: &Definition, quota: Option<MailQuota>, sms_per_second: u32) -> f64 {
    let people = numbers.tally.matched - numbers.tally.holdout;
    let mails = numbers.tally.on_channel(Channel::Email);
    let own_rate = f64::from(definition.rate_per_second);
    let mail = quota.and_then(|quota| MailPace::of(quota, mails, people, 1)).map(|pace| pace.people_per_second);
    let sms = sms_pace(sms_per_second, numbers.tally.on_channel(Channel::Sms), people, 1);
    [mail, sms].into_iter().flatten().fold(own_rate, f64::min)
}

/// Returns the time for which a campaign waits by itself: its steps, and its test phase.
fn waits(definition: &Definition) -> SignedDuration {
    let holds = definition.steps.iter().map(|step| SignedDuration::from_mins(step.hold_minutes.into()));
    holds.chain(definition.test.map(|test| test.duration)).sum()
}

/// Returns what keeps a campaign from being faster.
fn limiting_factor(campaign: &Campaign, definition: &Definition, release: &Release, numbers: &Numbers) -> &'static str {
    let released: u32 = release.by_slot.iter().sum();
    let by_provider = release.provider_limit.map(|limit| limit.by);
    let quota = ProviderLimitKind::MailQuota;
    match campaign.state {
        State::Running if release.step_done_at.is_some() => "rollout_step",
        State::Running if numbers.is_complete() => "nothing",
        State::Running if awaits_winner(campaign, definition, numbers) => "test_phase",
        State::Running if by_provider == Some(quota) => quota.as_str(),
        State::Running if released == numbers.tasks_done && !definition.steps.is_empty() => "rollout_step",
        State::Running => match by_provider {
            Some(rate) => rate.as_str(),
            None if released > numbers.tasks_done + numbers.tasks / 4 => "workers",
            None => "rate",
        },
        State::Paused => "paused",
        State::Scheduled => "time",
        _ => "nothing",
    }
}

/// Returns `true` if the people of the test phase are sent to, and its winner is not chosen.
fn awaits_winner(campaign: &Campaign, definition: &Definition, numbers: &Numbers) -> bool {
    let is_waiting =
        |launch: &Launch| launch.awaits_winner(definition.test.as_ref()) && numbers.tasks_done >= launch.segments;
    campaign.launch.as_ref().is_some_and(is_waiting)
}

/// Returns the warning if the e-mails of a plan are more than campaigns may send within 24 hours.
#[allow(clippy::cast_precision_loss)] // at most a million people
fn quota_warning(mails: u64, quota: Result<Option<MailQuota>, NoQuota>) -> Option<String> {
    let Ok(quota) = quota else {
        return Some("SES does not answer, so it is not known if its quota is large enough.".to_owned());
    };
    let left = quota.and_then(mails_left).filter(|left| mails as f64 > *left)?;
    Some(format!(
        "{mails} people would get an e-mail first. The quota of SES allows campaigns {left:.0} more within 24 hours."
    ))
}

/// Returns what an operator should look at before an approval.
fn warnings(
    numbers: &Numbers,
    definition: &Definition,
    quota: Result<Option<MailQuota>, NoQuota>,
    ends_at: Timestamp,
) -> Vec<String> {
    let tally = &numbers.tally;
    let mut warnings = Vec::new();
    if !numbers.is_complete() {
        return warnings;
    }
    if tally.matched == 0 {
        warnings.push("No recipient matches.".to_owned());
    }
    let skipped = tally.all_skipped();
    if skipped * 100 > tally.matched * MANY_SKIPPED_PERCENT {
        warnings.push(format!("{skipped} of {} people would be skipped.", tally.matched));
    }
    if tally.malformed > 0 {
        warnings.push(format!("{} stored profiles cannot be read and are left out.", tally.malformed));
    }
    warnings.extend(quota_warning(tally.on_channel(Channel::Email), quota));
    if definition.not_after.is_some_and(|not_after| ends_at > not_after) {
        warnings.push("At this rate, not_after passes before all people are sent to.".to_owned());
    }
    warnings
}
