//! `GET /v1/campaigns/{id}/progress`: numbers of the plan and of the sending.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CampaignsApi;
use campaign::{Campaign, Definition, Launch, Numbers, Release, State, TaskPass};
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
                let seconds = duration_seconds(&numbers, &definition);
                let samples = match numbers.is_complete() {
                    true => Box::pin(self.samples((id, &definition), plan, &tasks, now)).await?,
                    false => Vec::new(),
                };
                json!({
                    "number": plan.number, "hash": plan.hash, "at": plan.at, "is_complete": numbers.is_complete(),
                    "numbers": numbers, "duration_seconds": seconds, "warnings": warnings(&numbers, &definition, now),
                    "samples": samples,
                })
            }
            None => Value::Null,
        };
        let sending = match &campaign.launch {
            Some(launch) => {
                let tasks = self.campaigns.tasks(id, TaskPass::Send).await?;
                let release = self.campaigns.release(id).await?.map(|read| read.value).unwrap_or_default();
                let numbers = Numbers::of(launch.tasks(), tasks.values());
                let done = numbers.tally.matched - numbers.tally.holdout;
                let left = launch.expected_people.saturating_sub(done);
                json!({
                    "launched_at": launch.at, "expected_people": launch.expected_people, "numbers": numbers,
                    "rate_per_second": definition.rate_per_second, "step": release.step,
                    "limiting_factor": limiting_factor(campaign, &definition, &release, &numbers),
                    "seconds_left": seconds(left, definition.rate_per_second),
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
}

fn seconds(people: u64, rate_per_second: u32) -> u64 {
    people.div_ceil(u64::from(rate_per_second.max(1)))
}

fn duration_seconds(numbers: &Numbers, definition: &Definition) -> u64 {
    let holds: u64 = definition.steps.iter().map(|step| u64::from(step.hold_minutes) * 60).sum();
    let test = definition.test.map_or(0, |test| test.duration.as_secs().unsigned_abs());
    seconds(numbers.tally.matched - numbers.tally.holdout, definition.rate_per_second) + holds + test
}

/// Returns what keeps a campaign from being faster.
fn limiting_factor(campaign: &Campaign, definition: &Definition, release: &Release, numbers: &Numbers) -> &'static str {
    let released: u32 = release.by_slot.iter().sum();
    match campaign.state {
        State::Running if release.step_done_at.is_some() => "rollout_step",
        State::Running if numbers.is_complete() => "nothing",
        State::Running if awaits_winner(campaign, definition, numbers) => "test_phase",
        State::Running if released == numbers.tasks_done && !definition.steps.is_empty() => "rollout_step",
        State::Running if released > numbers.tasks_done + numbers.tasks / 4 => "workers",
        State::Running => "rate",
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

/// Returns what an operator should look at before an approval.
fn warnings(numbers: &Numbers, definition: &Definition, now: Timestamp) -> Vec<String> {
    let tally = &numbers.tally;
    let mut warnings = Vec::new();
    if !numbers.is_complete() {
        return warnings;
    }
    if tally.matched == 0 {
        warnings.push("Nobody matches.".to_owned());
    }
    let skipped = tally.all_skipped();
    if skipped * 100 > tally.matched * MANY_SKIPPED_PERCENT {
        warnings.push(format!("{skipped} of {} people would be skipped.", tally.matched));
    }
    if tally.malformed > 0 {
        warnings.push(format!("{} stored profiles cannot be read and are left out.", tally.malformed));
    }
    let duration = i64::try_from(duration_seconds(numbers, definition)).unwrap_or(i64::MAX);
    let ends_at = now.checked_add(jiff::SignedDuration::from_secs(duration)).unwrap_or(Timestamp::MAX);
    if definition.not_after.is_some_and(|not_after| ends_at > not_after) {
        warnings.push("At this rate, not_after passes before everybody is sent to.".to_owned());
    }
    warnings
}
