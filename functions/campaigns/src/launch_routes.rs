//! The routes that move a campaign: approve, launch, pause, resume, cancel, retry.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::CampaignsApi;
use super::hidden_values::{hidden, masked};
use super::pinning::{Pinned, kind_of};
use super::resource::{conflict, deleted_list, location, operator_kind, shown};
use super::run_decisions::too_late;
use super::type_changes::check_active;
use campaign::{
    Approval, AtLocal, Campaign, CampaignId, CampaignState, CampaignTotals, Launch, OutcomeName, PauseReason, Plan,
    RetryOf, TaskPass, Timing, last_moment,
};
use domain::channel::Channel;
use domain::notification::Reason;
use domain::{Actor, CatalogChange};
use platform::caller::Author;
use platform::counted_noun::counted_noun;
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use store::{CatalogRow, PEOPLE_PER_PART, StoredCampaign};

/// Maximum number of campaigns that run at once.
const MAX_RUNNING: usize = 20;
/// Maximum age of a plan at the launch, because the launch uses its numbers.
const MAX_PLAN_AGE: SignedDuration = SignedDuration::from_hours(24);
/// Delay of the pass for people who moved to another time zone, after the last slot, in seconds.
const CLOSING_DELAY_SECONDS: i64 = 60;

/// Body of an approval and of a launch.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashRequest {
    /// Hash of the plan that the operator read.
    #[serde(default)]
    hash: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryRequest {
    outcomes: Vec<OutcomeName>,
    #[serde(default)]
    reasons: Vec<Reason>,
    #[serde(default)]
    title: Option<String>,
}

impl CampaignsApi {
    /// Approves the definition that the last plan counted: 200, or 409.
    pub(super) async fn approve(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let asked = hash_request(request)?;
        let (Author { name: by, sub }, kind) = (request.author()?, operator_kind(request));
        let config = self.config_now().await;
        self.change(request, now, async |stored: &mut StoredCampaign| {
            let pinned = self.pinning.pinned(stored, &config, now).await?;
            pinned.definition.check_times(now)?;
            let plan = stored.campaign.plan.as_ref().filter(|plan| plan.hash == pinned.hash);
            let Some(plan) = plan else {
                return Err(stale("There is no plan of what would be sent now. Plan it first."));
            };
            if asked.hash.as_ref().is_some_and(|hash| *hash != pinned.hash) {
                return Err(stale("The hash is that of another plan. Look at the present one."));
            }
            if !self.plan_totals(&stored.id, plan).await?.is_complete() {
                return Err(incomplete_plan(plan, now));
            }
            let (by, sub) = (by.clone().into(), sub.clone());
            stored
                .campaign
                .approve(Approval { hash: pinned.hash, by, sub, kind: Some(kind), at: now })
                .map_err(conflict)
        })
        .await
    }

    /// Launches an approved campaign: 200, or 409 if the approved definition has changed.
    pub(super) async fn launch(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let asked = hash_request(request)?;
        let (by, kind, config) = (request.author()?, operator_kind(request), self.config_now().await);
        let found = self.find(request).await?;
        if found.campaign.state == CampaignState::Approved {
            self.check_running().await?;
        }
        let response = self
            .change(request, now, async |stored: &mut StoredCampaign| {
                let state = stored.campaign.state;
                let approval = stored.campaign.approval.clone().filter(|_| state == CampaignState::Approved);
                let Some(approval) = approval else {
                    return Err(conflict(campaign::StateConflictError { state, action: "launched" }));
                };
                check_active(kind_of(&stored.campaign.parsed()?, &config)?)?;
                let pinned = self.pinning.pinned(stored, &config, now).await?;
                pinned.definition.check_times(now)?;
                let plan = stored.campaign.plan.as_ref().filter(|plan| plan.hash == pinned.hash);
                let is_asked = asked.hash.as_ref().is_none_or(|hash| *hash == pinned.hash);
                let (Some(plan), true, true) = (plan, approval.hash == pinned.hash, is_asked) else {
                    return Err(stale("What was approved has changed since. Plan and approve it again."));
                };
                if config.settings.campaigns.two_people && !approval.is_by_another(&by, kind) {
                    let detail = "The setting campaigns.two_people is on: another person than the approver must launch it, \
                                  or another client if a client approved it.";
                    return Err(Problem::new(ProblemKind::Conflict, detail));
                }
                if let Some(detail) = too_late(&pinned.definition, &Launch { at: now, ..pinned.launch.clone() }, now) {
                    return Err(Problem::new(ProblemKind::TooLate, format!("No message can be sent: {detail}.")));
                }
                let launch = self.launch_of(&stored.id, plan, pinned, now).await?;
                stored.campaign.launch(Launch { by: by.name.clone().into(), ..launch }, now).map_err(conflict)
            })
            .await?;
        self.reconcile_now(request, now).await;
        Ok(response)
    }

    /// Returns what a launch pins, with the numbers of its plan.
    ///
    /// # Errors
    /// 409 if the plan is not complete or older than 24 hours. 422 if the campaign lasts too long, or if its local time
    /// has passed in a zone and the campaign has no rule for that.
    async fn launch_of(
        &self,
        id: &CampaignId,
        plan: &Plan,
        Pinned { definition, launch, .. }: Pinned,
        now: Timestamp,
    ) -> Result<Launch, Problem> {
        if is_outdated(plan, now) {
            return Err(stale("The plan is older than 24 hours, so its numbers may be wrong. Plan it again."));
        }
        let totals = self.plan_totals(id, plan).await?;
        if !totals.is_complete() {
            return Err(incomplete_plan(plan, now));
        }
        let (slots, slot_people) = match &definition.timing {
            Timing::AtLocal(local) => local_slots(local, &totals, now)?,
            Timing::Now | Timing::At(_) => (launch.slots.clone(), Vec::new()),
        };
        if slots.last().is_some_and(|last| *last >= last_moment(now)) {
            let message = "must be at most 13 days after the launch, with the test phase: launch it later";
            return Err(Problem::invalid_field(definition.timing.field(), message));
        }
        let expected_people = totals.tally.matched.saturating_sub(totals.tally.holdout);
        let expected_mails = totals.tally.on_channel(Channel::Email);
        let expected_sms = totals.tally.on_channel(Channel::Sms);
        let expected = Launch { expected_people, expected_mails, expected_sms, ..launch };
        Ok(Launch { segments: plan.segments, slots, slot_people, ..expected })
    }

    /// Pauses a campaign: after some seconds, no further person gets a message.
    pub(super) async fn pause(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        self.change(request, now, async |stored: &mut StoredCampaign| {
            stored.campaign.pause(PauseReason::Operator, None).map_err(conflict)
        })
        .await
    }

    /// Resumes a paused campaign for the remaining people.
    pub(super) async fn resume(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let (by, kind) = (request.author()?, operator_kind(request));
        if self.find(request).await?.campaign.state == CampaignState::Paused {
            self.check_running().await?;
        }
        let response = self
            .change(request, now, async |stored: &mut StoredCampaign| {
                let definition = stored.campaign.parsed()?;
                let launch = stored.campaign.launch.as_ref();
                let has_revised = launch.is_some_and(|launch| !launch.is_revised_by_others(&by, kind));
                if has_revised && self.config.current().await.settings.campaigns.two_people {
                    let detail =
                        "The setting campaigns.two_people is on: a person who changed nothing in this pause must resume it, or a client if clients alone changed it.";
                    return Err(Problem::new(ProblemKind::Conflict, detail));
                }
                let late = stored.campaign.launch.as_ref().and_then(|launch| too_late(&definition, launch, now));
                if let (CampaignState::Paused, Some(detail)) = (stored.campaign.state, late)
                    && !self.reconciler.is_complete(stored).await?
                {
                    return Err(Problem::new(ProblemKind::TooLate, format!("No further message can be sent: {detail}.")));
                }
                if stored.campaign.state == CampaignState::Paused {
                    Box::pin(self.accept_type(&mut stored.campaign, &by)).await?;
                }
                let is_guarded = stored.campaign.pause_reason == Some(PauseReason::Guard);
                if let Some(launch) = stored.campaign.launch.clone().filter(|_| is_guarded) {
                    stored.campaign.guarded_from = Some(self.reconciler.guard_counts(&stored.id, &launch, now).await?);
                }
                stored.campaign.resume(now).map_err(conflict)
            })
            .await?;
        self.reconcile_now(request, now).await;
        Ok(response)
    }

    /// Ends a campaign. Sent messages stay sent.
    pub(super) async fn cancel(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        self.change(request, now, async |stored: &mut StoredCampaign| stored.campaign.cancel(now).map_err(conflict))
            .await
    }

    /// Creates a draft for people whose notification of this campaign ended in one of the named ways: 201.
    pub(super) async fn retry(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let by = request.author()?;
        let RetryRequest { outcomes, reasons, title } = request.json()?;
        let found = self.find(request).await?;
        if found.campaign.launch.is_none() {
            return Err(conflict(campaign::StateConflictError { state: found.campaign.state, action: "retried" }));
        }
        self.check_open().await?;
        let mut definition = found.campaign.definition.clone();
        // The people with a notification were not held out.
        for name in ["send_at", "at_local", "not_after", "rollout", "test", "holdout_percent"] {
            definition.remove(name);
        }
        // The notification shows that the person was selected. The person may no longer match the filter.
        let selected = ["segment", "filter"].map(|name| definition.remove(name));
        if selected.iter().any(Option::is_some) {
            definition.insert("filter".to_owned(), json!({"all": []}));
        }
        let shown_title = title.unwrap_or_else(|| format!("Retry of {}", found.id));
        let retry_of = RetryOf { campaign: found.id.clone(), outcomes, reasons };
        retry_of.check().map_err(|error| Problem::invalid(vec![error]))?;
        if let Some(message) = found.campaign.conflict_with_retry(&retry_of, now) {
            return Err(Problem::invalid_field("outcomes", message));
        }
        definition.insert("title".to_owned(), json!(shown_title));
        definition.insert("retry_of".to_owned(), json!(retry_of));
        campaign::CampaignDefinition::parse(Value::Object(definition.clone()))?;
        let draft = Campaign::draft(definition, by.name.clone().into());
        let campaign = Campaign { hidden_variables: hidden(&found.campaign), ..draft };
        let row = CatalogRow::revised(StoredCampaign::definition(&campaign)?, None, now);
        let new = StoredCampaign { id: CampaignId::random(now), campaign, row };
        if let Some(list) = found.campaign.definition.get("recipients") {
            self.copy_people(&found.id, &new.id, list, now).await?;
        }
        let change = CatalogChange::between(None, Some(&new.row.definition), new.row.revision, Actor::Api(by), now);
        let Some(change) = change.map(masked) else { return Err(Problem::unavailable(1)) };
        if !self.campaigns.create(&new, &change, None, now).await? {
            return Err(Problem::unavailable(1));
        }
        let response = Response::json(201, &shown(&new)).with_header("Location", location(&new.id));
        Ok(response.with_entity_tag(&new.row.entity_tag()))
    }

    async fn copy_people(
        &self,
        from: &CampaignId,
        to: &CampaignId,
        list: &Value,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let list: campaign::RecipientList =
            serde_json::from_value(list.clone()).map_err(|_| Problem::not_found("list of recipients"))?;
        let keys = self.campaigns.all_people(from, &list.list, list.parts(PEOPLE_PER_PART)).await?;
        let keys = keys.ok_or_else(|| deleted_list("Create a campaign with the list instead."))?;
        Ok(self.campaigns.save_people(to, &list.list, &keys, now).await?)
    }

    /// Moves the campaign of the path forward at once. If that fails, the schedule does it within a minute.
    async fn reconcile_now(&self, request: &Request, now: Timestamp) {
        let Some(id) = CampaignId::parse(request.path("id")) else { return };
        if let Err(problem) = Box::pin(self.reconciler.reconcile(&id, now)).await {
            tracing::warn!(campaign = %id, error = problem.detail, "failed to release tasks at once");
        }
    }

    /// Checks that another campaign may run. A scheduled one counts, because it begins by itself.
    ///
    /// # Errors
    /// 409 if 20 campaigns run or are scheduled.
    async fn check_running(&self) -> Result<(), Problem> {
        let open = self.campaigns.open_campaigns().await?;
        let runs = |stored: &&StoredCampaign| {
            matches!(stored.campaign.state, CampaignState::Running | CampaignState::Scheduled)
        };
        if open.iter().filter(runs).count() < MAX_RUNNING {
            return Ok(());
        }
        let detail = "20 campaigns are running or scheduled, the maximum. Wait until one is finished, or cancel one.";
        Err(Problem::new(ProblemKind::Conflict, detail).retry_after(60))
    }

    /// Returns the numbers of a plan.
    pub(super) async fn plan_totals(&self, id: &CampaignId, plan: &Plan) -> Result<CampaignTotals, Problem> {
        let tasks = self.campaigns.tasks(id, TaskPass::Plan(plan.number)).await?;
        Ok(CampaignTotals::of(plan.segments, tasks.values()))
    }
}

fn hash_request(request: &Request) -> Result<HashRequest, Problem> {
    if request.body.expose().is_empty() { Ok(HashRequest::default()) } else { request.json() }
}

/// Returns `true` if a launch refuses a plan because of its age.
fn is_outdated(plan: &Plan, now: Timestamp) -> bool {
    now.duration_since(plan.at) > MAX_PLAN_AGE
}

/// Returns the problem of a plan that is not complete. An outdated one may never be: its tasks ended or were deleted.
fn incomplete_plan(plan: &Plan, now: Timestamp) -> Problem {
    if is_outdated(plan, now) {
        return stale("The plan is older than 24 hours and not complete. Plan it again.");
    }
    Problem::new(ProblemKind::Conflict, "The plan is not complete yet. Retry later.").retry_after(2)
}

fn stale(detail: &str) -> Problem {
    Problem::new(ProblemKind::ApprovalStale, detail)
}

/// Returns the times at which the people of the planned zones get their messages, then the time of the pass for people
/// who moved. Each time but the last has the number of its people.
///
/// # Errors
/// 422 if the local time has passed in a zone and the campaign has no rule for that.
fn local_slots(
    local: &AtLocal,
    totals: &CampaignTotals,
    now: Timestamp,
) -> Result<(Vec<Timestamp>, Vec<u64>), Problem> {
    let zones = &totals.tally.by_time_zone;
    let passed = zones.iter().filter(|(zone, _)| local.instant(Some(zone.as_str())) < now);
    let passed: Vec<_> =
        passed.map(|(zone, people)| format!("{zone} ({})", counted_noun(*people, "person", "people"))).collect();
    if local.if_passed.is_none() && !passed.is_empty() {
        let message = format!("must be given, because the time has passed in: {}", passed.join(", "));
        return Err(Problem::invalid_field("at_local.if_passed", message));
    }
    let slots = local.slots(zones, now);
    let last = slots.keys().last().copied().unwrap_or(now);
    let closing = last.checked_add(SignedDuration::from_secs(CLOSING_DELAY_SECONDS)).unwrap_or(last);
    Ok((slots.keys().copied().chain([closing]).collect(), slots.into_values().collect()))
}
