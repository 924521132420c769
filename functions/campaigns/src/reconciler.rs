//! The reconciler: moves campaigns forward and releases their tasks, every minute and after each request of an
//! operator.

use std::collections::BTreeMap;
use std::sync::Arc;

use campaign::{
    Campaign, CampaignDefinition, CampaignId, CampaignState, CampaignTask, CampaignTotals, DependencyFacts,
    GuardCounts, Launch, MailPace, PassRun, PauseReason, ProviderPaces, ReleaseInput, TaskMessage, TaskPass,
    TaskRelease, WorkerMessage, dependency_failure, needs_breakers, release, sms_pace,
};
use domain::Actor;
use domain::MAX_TTL_SECONDS;
use domain::channel::{Channel, MailQuota};
use jiff::Timestamp;
use platform::problem::Problem;
use store::metrics::MetricsStore;
use store::{BreakerStore, CampaignStore, NotificationsStore, StoreError, StoredCampaign, Versioned};

use super::campaign_change::change_by;
use super::config::{CampaignsConfig, config_now};
use super::run_decisions::{criteria_violation, is_open, must_pause, outcome_counts, winner};
use super::variants::{Variants, window_since};
use aws::queue::{Queue, QueueMessage};
use aws::{DynamoClient, MailQuotaReader};
use delivery::config::ConfigSource;
use metrics::figures::Figures;

/// Facts about a running campaign.
#[derive(Clone, Copy)]
struct RunningFacts<'a> {
    definition: &'a CampaignDefinition,
    totals: &'a CampaignTotals,
    tasks: &'a BTreeMap<u32, CampaignTask>,
    figures: &'a Variants,
}

/// Moves campaigns forward.
#[derive(Debug)]
pub struct CampaignReconciler {
    pub(super) campaigns: CampaignStore,
    pub(super) notifications: NotificationsStore,
    metrics: MetricsStore,
    breakers: BreakerStore,
    /// Settings, types and templates, shared with the API.
    pub(super) config: Arc<ConfigSource>,
    mail_quota: MailQuotaReader,
    queue: Queue,
}

impl CampaignReconciler {
    /// Creates the reconciler.
    pub(super) fn new(config: &CampaignsConfig, dynamodb: DynamoClient, source: Arc<ConfigSource>) -> Self {
        let CampaignsConfig { function, tables, .. } = config;
        Self {
            campaigns: CampaignStore::new(dynamodb.clone(), tables.settings.as_str()),
            notifications: NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str()),
            metrics: MetricsStore::new(dynamodb.clone(), config.metrics_table.as_str()),
            breakers: BreakerStore::new(dynamodb, tables.control.as_str()),
            config: source,
            mail_quota: MailQuotaReader::new(&function.aws),
            queue: Queue::new(&function.aws, config.tasks_queue_url.as_str()),
        }
    }

    /// Moves every campaign forward. The failure of one does not stop the others.
    ///
    /// # Errors
    /// If the list of open campaigns cannot be read.
    pub async fn reconcile_all(&self, now: Timestamp) -> Result<String, StoreError> {
        let open = self.campaigns.open().await?;
        let mut failed = 0;
        for id in &open {
            // Boxed, because the parts of a run are nested deeply.
            if let Err(problem) = Box::pin(self.reconcile(id, now)).await {
                failed += 1;
                tracing::warn!(campaign = %id, error = problem.detail, "failed to move a campaign forward");
            }
        }
        if !open.is_empty()
            && let Err(problem) = self.drain_due(now).await
        {
            tracing::warn!(error = problem.detail, "failed to request the drain of due notifications");
        }
        Ok(format!("moved {} open campaigns forward, {failed} failed", open.len()))
    }

    /// Moves one campaign forward.
    ///
    /// # Errors
    /// If a table or the queue does not answer.
    pub(super) async fn reconcile(&self, id: &CampaignId, now: Timestamp) -> Result<(), Problem> {
        let Some(stored) = self.campaigns.get(id).await? else { return Ok(()) };
        let stored = self.begin_if_due(stored, now).await?;
        self.resend_lost(id, &stored.campaign, now).await?;
        if !matches!(stored.campaign.state, CampaignState::Running | CampaignState::Finishing)
            || !stored.campaign.is_check_due(now)
        {
            return Ok(());
        }
        let campaign = &stored.campaign;
        let (Some(launch), definition) = (&campaign.launch, campaign.parsed()?) else { return Ok(()) };
        let (read, tasks) = self.open_tasks(id, launch).await?;
        let closed = read.as_ref().map(|read| read.value.closed.clone()).unwrap_or_default();
        let totals = closed.totals(launch, tasks.values());
        let figures = self.figures(id, launch, now).await?;
        if campaign.state == CampaignState::Running {
            let facts = RunningFacts { definition: &definition, totals: &totals, tasks: &tasks, figures: &figures };
            if !Box::pin(self.run(id, campaign, facts, read, now)).await? {
                return Ok(());
            }
        }
        let is_open = is_open(&totals.tally, &figures);
        let lifetime = self.default_lifetime_seconds(&definition).await;
        if campaign.clone().finish(is_open, lifetime, now) {
            self.transition(id, now, |campaign| _ = campaign.finish(is_open, lifetime, now)).await?;
        }
        Ok(())
    }

    /// Pauses a running campaign, or releases its tasks. Returns `true` if every task of every slot is done.
    async fn run(
        &self,
        id: &CampaignId,
        campaign: &Campaign,
        RunningFacts { definition, totals, tasks, figures }: RunningFacts<'_>,
        read: Option<Versioned<TaskRelease>>,
        now: Timestamp,
    ) -> Result<bool, Problem> {
        let Some(launch) = &campaign.launch else { return Ok(false) };
        let all_counts = GuardCounts::of(&totals.tally, outcome_counts(figures));
        let counts = campaign.guarded_from.map_or(all_counts, |before| all_counts.since(before));
        let pause = match must_pause(definition, launch, totals, (counts, is_open(&totals.tally, figures)), now) {
            None if !totals.is_complete() => match self.type_conflict(launch, definition).await {
                None => self.dependency_failure(campaign, definition, totals, tasks, now).await?,
                conflict => conflict,
            },
            pause => pause,
        };
        if let Some(pause) = pause {
            return self.pause_automatically(id, pause, now, |_| {}).await.map(|()| false);
        }
        let decided = match winner(definition, launch, totals, figures, now) {
            Some((variant_index, detail)) => {
                let choose = |campaign: &mut Campaign| campaign.choose_winner(variant_index, detail.clone(), now);
                self.transition(id, now, choose).await?.campaign.launch
            }
            None => None,
        };
        let launch = decided.as_ref().unwrap_or(launch);
        let release = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
        let slots = launch.releasable_slots(definition, &release.closed, tasks);
        let input = ReleaseInput {
            segments: launch.segments,
            slots,
            steps: &definition.steps,
            rate_per_second: definition.rate_per_second,
            paces: self.provider_paces(launch, totals, now).await?,
            resumed_at: campaign.resumed_at,
            people_per_task: &launch.people_per_task(definition.test.as_ref()),
            tasks,
        };
        if let Some((step, violation)) = criteria_violation(definition, campaign, input, &release, &all_counts, now) {
            let mark_step = |campaign: &mut Campaign| campaign.failed_step = Some(step);
            return self.pause_automatically(id, (PauseReason::Guard, violation), now, mark_step).await.map(|()| false);
        }
        let is_complete = self.release_tasks((id, launch), read, input, now).await?;
        Ok(is_complete && slots.len() == launch.slots.len())
    }

    /// Pauses a campaign without an operator.
    async fn pause_automatically(
        &self,
        id: &CampaignId,
        (reason, detail): (PauseReason, String),
        now: Timestamp,
        change: impl Fn(&mut Campaign),
    ) -> Result<(), Problem> {
        tracing::warn!(campaign = %id, reason = reason.as_str(), detail, "began to pause a campaign");
        let pause = |campaign: &mut Campaign| {
            if campaign.pause(reason, Some(detail.clone())).is_ok() {
                change(campaign);
            }
        };
        self.transition(id, now, pause).await.map(drop)
    }

    /// Returns the counts of a campaign that guards compare.
    ///
    /// # Errors
    /// If a table does not answer.
    pub(super) async fn guard_counts(
        &self,
        id: &CampaignId,
        launch: &Launch,
        now: Timestamp,
    ) -> Result<GuardCounts, Problem> {
        let (read, tasks) = self.open_tasks(id, launch).await?;
        let closed = read.map(|read| read.value.closed).unwrap_or_default();
        let totals = closed.totals(launch, tasks.values());
        Ok(GuardCounts::of(&totals.tally, outcome_counts(&self.figures(id, launch, now).await?)))
    }

    /// Returns `true` if every task of a launched campaign is done.
    ///
    /// # Errors
    /// If a table does not answer.
    pub(super) async fn is_complete(
        &self,
        StoredCampaign { id, campaign, .. }: &StoredCampaign,
    ) -> Result<bool, Problem> {
        let Some(launch) = &campaign.launch else { return Ok(false) };
        let (read, tasks) = self.open_tasks(id, launch).await?;
        let closed = read.map(|read| read.value.closed).unwrap_or_default();
        Ok(closed.totals(launch, tasks.values()).is_complete())
    }

    /// Returns the release of a launched campaign, and the tasks of its open slots that workers have taken.
    async fn open_tasks(
        &self,
        id: &CampaignId,
        launch: &Launch,
    ) -> Result<(Option<Versioned<TaskRelease>>, BTreeMap<u32, CampaignTask>), Problem> {
        let read = self.campaigns.release(id).await?;
        let first = read.as_ref().map_or(0, |read| read.value.closed.first_open_task(launch));
        let tasks = self.campaigns.tasks_from(id, TaskPass::Send, first).await?;
        Ok((read, tasks))
    }

    /// Returns the lifetime of messages of the campaign's type that have none of their own.
    async fn default_lifetime_seconds(&self, definition: &CampaignDefinition) -> i64 {
        let config = self.config.with_types(&[definition.kind.as_str()]).await;
        let kind = config.settings.types.get(definition.kind.as_str());
        kind.map_or(i64::from(MAX_TTL_SECONDS), |kind| i64::from(kind.default_ttl_seconds))
    }

    /// Begins a scheduled campaign whose time has come. If its type can no longer be sent, it fails.
    async fn begin_if_due(&self, stored: StoredCampaign, now: Timestamp) -> Result<StoredCampaign, Problem> {
        if !stored.campaign.clone().begin(now) {
            return Ok(stored);
        }
        let unusable = self.unusable_type(&stored.campaign).await?;
        let begin = |campaign: &mut Campaign| match &unusable {
            Some(detail) => _ = campaign.fail(detail.clone(), now),
            None => _ = campaign.begin(now),
        };
        self.transition(&stored.id, now, begin).await
    }

    /// Returns the explanation if the type of a campaign can no longer be sent. While the types cannot be read, it can.
    async fn unusable_type(&self, campaign: &Campaign) -> Result<Option<String>, Problem> {
        let (definition, config) = (campaign.parsed()?, config_now(&self.config).await);
        let types = &config.settings.types;
        let kind = types.sendable(definition.kind.as_str());
        Ok(kind
            .err()
            .filter(|_| types.is_certain_of(definition.kind.as_str()))
            .map(|unknown| format!("type {unknown}")))
    }

    /// Returns the outcomes of the notifications of a campaign by variant, as far as rollup has counted them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(super) async fn figures(&self, id: &CampaignId, launch: &Launch, now: Timestamp) -> Result<Variants, Problem> {
        let Some(window) = window_since(launch, now) else { return Ok(Variants::new()) };
        let counters = self.metrics.read(window).await?;
        Ok(Figures::of_campaign(&counters, id.as_str()))
    }

    /// Returns the reason for a pause if a budget is spent or a provider does not respond. The breakers are read only
    /// while people wait for a later attempt.
    async fn dependency_failure(
        &self,
        campaign: &Campaign,
        definition: &CampaignDefinition,
        totals: &CampaignTotals,
        tasks: &BTreeMap<u32, CampaignTask>,
        now: Timestamp,
    ) -> Result<Option<(PauseReason, String)>, Problem> {
        let breakers = match needs_breakers(&totals.tally) {
            true => self.breakers.opened(now).await?,
            false => Vec::new(),
        };
        let config = self.config.with_types(&[definition.kind.as_str()]).await;
        let kind = config.settings.types.get(definition.kind.as_str());
        let launched_at = campaign.launch.as_ref().map(|launch| launch.at);
        let facts = DependencyFacts {
            channels: kind.map_or(&Channel::ALL[..], |kind| &kind.channels),
            breakers: &breakers,
            runs_since: campaign.resumed_at.or(launched_at).unwrap_or(now),
            min_people: definition.guards.min_people,
        };
        Ok(dependency_failure(facts, &totals.tally, tasks.values(), now))
    }

    /// Returns the paces that the providers allow a campaign: SES with e-mails, while SES responds, and SNS with SMS.
    /// All running campaigns with such messages share a provider's rate.
    async fn provider_paces(
        &self,
        launch: &Launch,
        totals: &CampaignTotals,
        now: Timestamp,
    ) -> Result<ProviderPaces, Problem> {
        if totals.is_complete() || launch.expected_mails + launch.expected_sms == 0 {
            return Ok(ProviderPaces::default());
        }
        let quota = if launch.expected_mails > 0 { self.mail_quota.current(now).await } else { None };
        let sms_per_second = self.config.current().await.settings.sms.max_per_second;
        let open = self.campaigns.open_campaigns().await?;
        let running = open.iter().filter(|stored| stored.campaign.state == CampaignState::Running);
        let running: Vec<_> = running.filter_map(|stored| stored.campaign.launch.as_ref()).collect();
        let count = |sends: fn(&Launch) -> bool| running.iter().filter(|launch| sends(launch)).count();
        let (email_campaigns, sms_campaigns) = (count(|it| it.expected_mails > 0), count(|it| it.expected_sms > 0));
        let people = launch.expected_people;
        let mail = quota.and_then(|quota| MailPace::of(quota, launch.expected_mails, people, email_campaigns));
        let sms = sms_pace(sms_per_second, launch.expected_sms, people, sms_campaigns);
        Ok(ProviderPaces { mail, sms })
    }

    /// Returns the quota of SES; `None` while SES does not respond.
    pub(super) async fn mail_quota(&self, now: Timestamp) -> Option<MailQuota> {
        self.mail_quota.current(now).await
    }

    /// Releases the tasks that are due. Returns `true` if every task of the slots is done.
    async fn release_tasks(
        &self,
        (id, launch): (&CampaignId, &Launch),
        read: Option<Versioned<TaskRelease>>,
        input: ReleaseInput<'_>,
        now: Timestamp,
    ) -> Result<bool, Problem> {
        let before = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
        let mut next = release(input, &before, now);
        next.release.closed.close(launch, input.tasks);
        if next.release != before {
            // Stored first: so two runs do not release twice, and a task whose message is lost is released again.
            if !self.campaigns.save_release(id, read.as_ref(), next.release, now).await? {
                return Ok(false);
            }
            let (pass, interval_ms) = (TaskPass::Send, next.interval_ms);
            let message = |task| TaskMessage { campaign: id.clone(), pass, task, interval_ms };
            self.enqueue(next.tasks.iter().map(|(task, delay)| (message(*task), *delay))).await?;
        }
        Ok(next.is_complete)
    }

    /// Sends the messages of a plan's and of a test's tasks again if no worker holds the task. Its message was lost, or
    /// workers gave the task back too often.
    async fn resend_lost(&self, id: &CampaignId, campaign: &Campaign, now: Timestamp) -> Result<(), Problem> {
        for (pass, of_pass) in campaign.open_passes(now) {
            let read = self.campaigns.pass_run(id, pass).await?;
            if !read.as_ref().map(|read| read.value.clone()).unwrap_or_default().is_due(of_pass, now) {
                continue;
            }
            let tasks = self.campaigns.tasks(id, pass).await?;
            let (run, lost) = PassRun::check(of_pass, &tasks, now);
            if self.campaigns.save_pass_run((id, pass), read.as_ref(), run, now).await? {
                let message = |task| TaskMessage { campaign: id.clone(), pass, task, interval_ms: None };
                self.enqueue(lost.into_iter().map(|task| (message(task), 0))).await?;
            }
        }
        Ok(())
    }

    /// Sends messages to the workers, each with its delay in seconds.
    pub(super) async fn enqueue(&self, messages: impl Iterator<Item = (TaskMessage, u32)>) -> Result<(), Problem> {
        self.send(messages.map(|(task, delay_seconds)| (WorkerMessage::Task(task), delay_seconds))).await
    }

    pub(super) async fn send(&self, messages: impl Iterator<Item = (WorkerMessage, u32)>) -> Result<(), Problem> {
        let message = |(message, delay_seconds): (WorkerMessage, u32)| {
            Some(QueueMessage { body: serde_json::to_string(&message).ok()?, delay_seconds })
        };
        let messages: Vec<_> = messages.filter_map(message).collect();
        self.queue.send(&messages).await.map_err(|error| {
            tracing::error!(%error, "failed to release tasks; the schedule releases them again");
            Problem::service_unavailable()
        })
    }

    async fn transition(
        &self,
        id: &CampaignId,
        now: Timestamp,
        act: impl Fn(&mut Campaign),
    ) -> Result<StoredCampaign, Problem> {
        change_by(&self.campaigns, id, Actor::Service, now, async |stored: &mut StoredCampaign| {
            act(&mut stored.campaign);
            Ok(())
        })
        .await
    }
}
