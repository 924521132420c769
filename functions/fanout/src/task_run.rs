//! Work on the pages of one task.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use campaign::{
    Assigned, AudienceKind, Campaign, CampaignAudience, CampaignDefinition, CampaignId, CampaignTask,
    LOCAL_TIME_PASSED, Launch, PeopleTally, PersonOutcome, TaskPass, UNKNOWN_TYPE, paced_page, spent_for_all_people,
};
use delivery::config::ConfigSnapshot;
use delivery::{Allowance, CONCURRENCY, FirstResult, ResultStorage};
use domain::notification::{Notification, NotificationId, Reason};
use domain::recipient::{Recipient, RecipientKey};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::json;
use store::{MalformedItemError, PEOPLE_PER_PART, PeoplePage, ScanPosition, StoreError};
use templates::CompiledTemplate;
use tokio::time::Instant;

use crate::limits::{SHORTEST_PAGE, WorkerLimits, start_delays, wait_until};
use crate::page_result::{HandledPerson, LocaleAndZone, PageResult, PageSums};
use crate::plan::PlannedSend;
use crate::services::FanoutServices;
use crate::takeover::{ExistingNotifications, count_repeated, existing_of, result_storage, result_storage_of};
use crate::task_people::TaskPeople;

/// Maximum number of profiles of a page. After the death of a worker, at most one page is repeated.
const PAGE_ITEMS: i32 = 100;
/// Maximum number of people that are processed at once: the number of concurrent calls of one provider.
const MAX_CONCURRENT_PEOPLE: usize = CONCURRENCY / 2;

/// Work on one task.
#[derive(Debug)]
pub struct TaskRun<'a> {
    pub services: &'a FanoutServices,
    id: &'a CampaignId,
    pub pass: TaskPass,
    number: u32,
    /// Time between the starts of two people, in milliseconds.
    interval_ms: Option<u32>,
    pub definition: Arc<CampaignDefinition>,
    pub launch: &'a Launch,
    templates: Vec<Option<Arc<CompiledTemplate>>>,
}

/// Facts that all people of a page share.
#[derive(Debug, Clone, Copy)]
struct PageFacts<'a> {
    config: &'a ConfigSnapshot,
    limits: WorkerLimits,
    now: Timestamp,
    /// Way in which each result is stored.
    storage: ResultStorage,
}

impl<'a> TaskRun<'a> {
    /// Loads the data of a task. Returns `None` if this release cannot read the campaign.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn of(
        services: &'a FanoutServices,
        id: &'a CampaignId,
        campaign: &'a Campaign,
        (pass, number): (TaskPass, u32),
        interval_ms: Option<u32>,
    ) -> Result<Option<Self>, StoreError> {
        let launch = match pass {
            TaskPass::Send => campaign.launch.as_ref(),
            TaskPass::Plan(_) => campaign.plan.as_ref().map(|plan| &plan.launch),
            TaskPass::Test(_) => campaign.test.as_ref().map(|test| &test.launch),
        };
        let (Some(launch), Ok(definition)) = (launch, campaign.parsed()) else {
            tracing::error!(campaign = %id, "failed to read stored campaign; its task is not worked on");
            return Ok(None);
        };
        let mut templates = Vec::with_capacity(launch.messages.len());
        for message in &launch.messages {
            templates.push(match &message.template {
                Some(used) => services.engine().templates().get(&used.name, used.version).await?,
                None => None,
            });
        }
        Ok(Some(Self { services, id, pass, number, interval_ms, definition: Arc::new(definition), launch, templates }))
    }

    /// Returns the key of the task.
    pub const fn task(&self) -> (&CampaignId, TaskPass, u32) {
        (self.id, self.pass, self.number)
    }

    /// Returns the time after which no message is sent.
    pub fn sends_until(&self) -> Timestamp {
        match self.pass {
            TaskPass::Send => self.definition.sends_until(self.launch),
            TaskPass::Plan(_) | TaskPass::Test(_) => Timestamp::MAX,
        }
    }

    /// Processes the next page. Returns its numbers and the position after it; `None` if people are left.
    ///
    /// # Errors
    /// If a table does not answer.
    pub async fn page(
        &self,
        people: &TaskPeople<'_>,
        task: &CampaignTask,
        limits: WorkerLimits,
        is_stopped: &AtomicBool,
    ) -> Result<PageResult, StoreError> {
        let engine = self.services.engine();
        if engine.clock().now() + SHORTEST_PAGE >= limits.start_until {
            return Ok(PageResult::default());
        }
        // Checked first: if the type cannot be read, the scan of a page would be useless.
        let config = engine.config().with_types(&[self.definition.kind.as_str()]).await;
        config.check_type(self.definition.kind.as_str())?;
        if self.is_type_changed(&config) {
            return Ok(PageResult::default());
        }
        let read_at = Instant::now();
        let page = self.read(task).await?;
        let (read, malformed) = (page.people.len() as u64, page.malformed as u64);
        let mut tally = PeopleTally { people: read, malformed, ..PeopleTally::default() };
        let storage = self.result_storage(task, people, limits);
        let (selected, existing) = self.select_people((people, storage), page.people, &config, &mut tally).await?;
        let (existing, config, spent) = (&existing, &config, &OnceLock::new());
        let handled =
            self.with_start_times(selected, existing).into_iter().map(|(start, (selected, recipient))| async move {
                let is_over = || is_stopped.load(Ordering::Relaxed) || engine.clock().now() >= limits.start_until;
                wait_until(start, is_over).await;
                if is_over() || spent.get().is_some() {
                    return Ok(None);
                }
                let group = LocaleAndZone::of(&recipient);
                let facts = PageFacts { config, limits, now: engine.clock().now(), storage };
                let handled = self.process_person(people, (selected, recipient), read_at, existing, facts).await?;
                handled.spent.iter().for_each(|ceiling| _ = spent.set(*ceiling));
                Ok::<_, StoreError>((!handled.is_left).then_some((handled, group)))
            });
        let mut handled = futures_util::stream::iter(handled).buffer_unordered(MAX_CONCURRENT_PEOPLE);
        let mut sums = PageSums::new(self.pass, tally);
        while let Some(person) = handled.next().await {
            sums.add(person);
        }
        // Sent messages are stored even if the rest of the page failed.
        engine.stores().notifications().create_many(&sums.to_store).await?;
        sums.result(page.next.map(|next| json!(next)), spent.get().copied())
    }

    /// Returns `true` if the type is not the launched one, or is paused. The reconciler then pauses the campaign.
    fn is_type_changed(&self, config: &ConfigSnapshot) -> bool {
        let kind = config.settings.types.get(self.definition.kind.as_str());
        self.pass == TaskPass::Send && kind.is_some_and(|kind| self.launch.type_conflict(kind).is_some())
    }

    /// Decides how the results of a page are stored. A plan stores none.
    fn result_storage(&self, task: &CampaignTask, people: &TaskPeople<'_>, limits: WorkerLimits) -> ResultStorage {
        match self.pass {
            TaskPass::Plan(_) => ResultStorage::LeftToCaller,
            TaskPass::Test(_) | TaskPass::Send => result_storage(task, people, limits.lease_until),
        }
    }

    /// Returns the people of a page who belong to the task, and the existing notifications. People to whom a dead
    /// worker of this task sent are counted and left out.
    async fn select_people(
        &self,
        (people, storage): (&TaskPeople<'_>, ResultStorage),
        mut page: Vec<Recipient>,
        config: &ConfigSnapshot,
        tally: &mut PeopleTally,
    ) -> Result<(Vec<(Assigned, Recipient)>, ExistingNotifications), StoreError> {
        let notifications = self.services.engine().stores().notifications();
        let mut existing = ExistingNotifications::new();
        if storage == ResultStorage::LeaseFirst {
            existing = existing_of(notifications, people, page.iter()).await?;
            page = count_repeated(people, page, &existing, tally);
        }
        let selected = self.selected(&people.audience, page, config).await?;
        if storage == ResultStorage::Immediate {
            existing = existing_of(notifications, people, selected.iter().map(|(_, recipient)| recipient)).await?;
        }
        Ok((selected, existing))
    }

    /// Adds the earliest start time of each person of a page.
    fn with_start_times(
        &self,
        selected: Vec<(Assigned, Recipient)>,
        existing: &ExistingNotifications,
    ) -> Vec<(Instant, (Assigned, Recipient))> {
        let now = Instant::now();
        let were_handled = selected.iter().map(|(_, recipient)| existing.contains_key(&recipient.key));
        let delays: Vec<_> = start_delays(self.interval_ms, were_handled).collect();
        delays.into_iter().map(|delay| now + delay).zip(selected).collect()
    }

    async fn read(&self, task: &CampaignTask) -> Result<PeoplePage, StoreError> {
        let segment = self.number % self.launch.segments.max(1);
        let recipients = self.services.engine().stores().recipients();
        if let TaskPass::Test(_) = self.pass {
            let keys = self.listed(&self.pass.key(), 0).await?;
            return recipients.people_with_keys(&keys).await;
        }
        if let AudienceKind::Recipients(list) = &self.definition.audience {
            let share = list.share_of(segment, self.launch.segments, PEOPLE_PER_PART);
            let keys = share.of(self.listed(&list.list, share.part).await?);
            return recipients.people_with_keys(&keys).await;
        }
        let after: Option<ScanPosition> = task.after.as_ref().and_then(|at| serde_json::from_value(at.clone()).ok());
        let page_items = self.interval_ms.map_or(PAGE_ITEMS, |interval_ms| paced_page(interval_ms, PAGE_ITEMS));
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        recipients.people(number(segment), number(self.launch.segments), after.as_ref(), Some(page_items)).await
    }

    /// Returns the keys of a part of a list. It exists: a plan stores a list for longer than its campaign can run, and
    /// a test is sent within an hour.
    ///
    /// # Errors
    /// If the table does not answer, or another program deleted the part.
    async fn listed(&self, list: &str, part: u32) -> Result<Vec<RecipientKey>, StoreError> {
        let keys = self.services.campaigns.people(self.id, list, part).await?;
        keys.ok_or(StoreError::Malformed(MalformedItemError("keys")))
    }

    /// Returns the people of the task. Their filters are parsed once for all pages.
    ///
    /// # Errors
    /// If the stored filter cannot be read.
    pub fn people(&self) -> Result<TaskPeople<'_>, StoreError> {
        let audience = CampaignAudience::of_task(self.id, &self.definition, self.launch, (self.pass, self.number));
        let audience = audience.ok_or_else(malformed)?;
        Ok(TaskPeople { audience, templates: &self.templates, hasher: &self.services.hasher, pass: self.pass })
    }

    /// Handles a person at its start time.
    async fn process_person(
        &self,
        people: &TaskPeople<'_>,
        person: (Assigned, Recipient),
        read_at: Instant,
        existing: &ExistingNotifications,
        facts: PageFacts<'_>,
    ) -> Result<HandledPerson, StoreError> {
        match self.recheck_person(&people.audience, person, read_at, facts.config).await? {
            ControlFlow::Continue((selected, recipient)) => {
                Box::pin(self.handle(people, selected, recipient, existing, facts)).await
            }
            ControlFlow::Break(outcome) => Ok(HandledPerson::nothing_sent(outcome)),
        }
    }

    async fn handle(
        &self,
        people: &TaskPeople<'_>,
        selected: Assigned,
        recipient: Recipient,
        existing: &ExistingNotifications,
        facts: PageFacts<'_>,
    ) -> Result<HandledPerson, StoreError> {
        let PageFacts { config, now, .. } = facts;
        let nothing_sent = |outcome| Ok(HandledPerson::nothing_sent(outcome));
        // The slot that sent to a person counts it.
        if existing.contains_key(&recipient.key) {
            return nothing_sent(None);
        }
        let too_late = || nothing_sent(Some(PersonOutcome::Skipped(LOCAL_TIME_PASSED)));
        let (variant_index, later) = match selected {
            Assigned::Holdout => return nothing_sent(Some(PersonOutcome::Holdout)),
            Assigned::TooLate => return too_late(),
            Assigned::AtLocalTime(_, at) if at > self.sends_until() => return too_late(),
            Assigned::AtLocalTime(variant_index, at) => (variant_index, Some(at).filter(|at| *at > now)),
            Assigned::Message(variant_index) => (variant_index, None),
        };
        let variant =
            self.launch.messages.get(variant_index).map(|message| message.variant.clone()).unwrap_or_default();
        let at = if let TaskPass::Plan(_) = self.pass { people.audience.planned_at(&recipient, now) } else { now };
        let Some(notification) = people.notification(&recipient, variant_index, config, at, later.unwrap_or(at)) else {
            return nothing_sent(Some(PersonOutcome::Skipped(UNKNOWN_TYPE)));
        };
        if let TaskPass::Plan(_) = self.pass {
            let template = self.templates.get(variant_index).and_then(Option::as_deref);
            let planned = PlannedSend::of(self.services.engine(), notification, &recipient, template, config, at);
            let outcome = Some(planned.outcome.clone());
            return Ok(HandledPerson { outcome, variant, planned: Some(planned), ..HandledPerson::default() });
        }
        let facts = PageFacts { storage: result_storage_of(&recipient, people, facts.storage), ..facts };
        let sent = match later {
            Some(_) => Box::pin(self.schedule(notification)).await?,
            None => self.send(notification, recipient, facts).await?,
        };
        let Some(FirstResult { notification, is_stored }) = sent else {
            return nothing_sent(Some(PersonOutcome::Erased));
        };
        if !people.audience.is_of_slot(&notification) {
            return nothing_sent(None);
        }
        let (outcome, cost_micros) = (Some(PersonOutcome::of(&notification)), notification.cost_micros());
        let skipped = notification.reason() == Some(Reason::Budget) && self.pass == TaskPass::Send;
        let spent = spent_for_all_people(notification.over_budget().values().copied()).filter(|_| skipped);
        // The person gets the message after the resume.
        if spent.is_some() && !is_stored && notification.attempts().is_empty() {
            return Ok(HandledPerson { spent, is_left: true, ..HandledPerson::default() });
        }
        let to_store = (!is_stored).then_some(notification);
        Ok(HandledPerson { outcome, variant, cost_micros, spent, to_store, ..HandledPerson::default() })
    }

    /// Makes the first attempt. Returns `None` if the person was erased in the meantime.
    async fn send(
        &self,
        notification: Notification,
        recipient: Recipient,
        PageFacts { config, limits, now, storage }: PageFacts<'_>,
    ) -> Result<Option<FirstResult>, StoreError> {
        let engine = self.services.engine();
        let id = notification.id().clone();
        let recipient = engine.with_caps(recipient, config).await;
        let allowance = Allowance { work_until: limits.work_until(now), lease_until: limits.lease_until };
        // Boxed, because its parts are nested more deeply than the compiler's recursion limit allows.
        match Box::pin(engine.start_as(storage, notification, Some(recipient), config, allowance)).await {
            Ok(sent) => Ok(Some(sent)),
            Err(StoreError::ConditionFailed { .. }) => Box::pin(self.stored(&id)).await,
            Err(error) => Err(error),
        }
    }

    /// Stores a notification for later. The cascade function makes its first attempt.
    async fn schedule(&self, notification: Notification) -> Result<Option<FirstResult>, StoreError> {
        match self.services.engine().stores().notifications().create(&notification).await {
            Ok(()) => Ok(Some(FirstResult { notification, is_stored: true })),
            Err(StoreError::ConditionFailed { .. }) => self.stored(notification.id()).await,
            Err(error) => Err(error),
        }
    }

    /// Returns a notification that another worker stored, or that the cascade function continued.
    async fn stored(&self, id: &NotificationId) -> Result<Option<FirstResult>, StoreError> {
        let stored = self.services.engine().stores().notifications().get(id).await?;
        Ok(stored.map(|notification| FirstResult { notification, is_stored: true }))
    }
}

fn malformed() -> StoreError {
    StoreError::Malformed(MalformedItemError("filter"))
}
