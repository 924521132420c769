//! Release of tasks: the tasks that go to the workers now, each with its delay.
//!
//! A worker never requests its own next task. The minute run and the requests of operators release the due tasks. So
//! the rate, the steps and a pause are decided in one place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::mail_pace::MailPace;
use crate::provider_limit::{ProviderLimit, ProviderLimitKind, interval_ms};
use crate::release_batches::{LOST_AFTER, ReleaseBatch, add_batches, was_lost};
use crate::slots::ClosedSlots;
use crate::steps::CampaignStep;
use crate::task::CampaignTask;
use platform::time_limits::PACED_TASK_LIMIT;

/// Time for which one run releases tasks: the interval of the schedule and a reserve.
const RELEASE_WINDOW: SignedDuration = SignedDuration::from_secs(75);
/// Maximum number of tasks of one run.
const MAX_RELEASED: usize = 2_000;
/// Longest delay of a message in SQS, in seconds.
const MAX_DELAY_SECONDS: f64 = 900.0;
/// Minimum number of people of a task in the computation of the pace. A task without expected people takes time as
/// well.
const LEAST_PEOPLE: f64 = 0.1;

/// Tasks released so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskRelease {
    /// Number of released tasks of each slot.
    pub by_slot: Vec<u32>,
    /// Position of the current step.
    pub step: usize,
    /// Time at which the step's tasks were done.
    pub step_done_at: Option<Timestamp>,
    /// Time up to which the released work is spread.
    pub paced_until: Option<Timestamp>,
    /// Time of the last release.
    pub last_at: Option<Timestamp>,
    /// Released tasks that no worker has taken yet, with the times of their messages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<ReleaseBatch>,
    /// `true` after a pause: the workers dropped the messages of tasks that they had not taken.
    pub must_resend: bool,
    /// Time of the last resume whose dropped messages are sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Timestamp>,
    /// Limit of a provider that was below the rate at the last check.
    #[serde(skip_serializing_if = "Option::is_none", alias = "mail_limit")]
    pub provider_limit: Option<ProviderLimit>,
    /// First slots of which every task is done.
    pub closed: ClosedSlots,
}

/// Paces that the providers allow a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProviderPaces {
    /// Pace that the quota of SES allows, if the campaign sends e-mails and SES answers.
    pub mail: Option<MailPace>,
    /// People a second under the rate of SMS, if the campaign sends SMS.
    pub sms: Option<f64>,
}

/// Facts that decide a release.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseInput<'a> {
    /// Number of tasks of a slot.
    pub segments: u32,
    /// Time of each slot.
    pub slots: &'a [Timestamp],
    /// Steps of the rollout.
    pub steps: &'a [CampaignStep],
    /// People a second.
    pub rate_per_second: u32,
    /// Paces that the providers allow.
    pub paces: ProviderPaces,
    /// Time of the last resume.
    pub resumed_at: Option<Timestamp>,
    /// Expected number of people of a task of each slot.
    pub people_per_task: &'a [f64],
    /// Tasks of the open slots that workers have taken, by their numbers.
    pub tasks: &'a BTreeMap<u32, CampaignTask>,
}

/// Result of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleasedTasks {
    /// Numbers of the tasks to send, each with its delay in seconds.
    pub tasks: Vec<(u32, u32)>,
    /// Time between the starts of two people of these tasks, in milliseconds, if a provider's limit is below the rate.
    pub interval_ms: Option<u32>,
    /// State after the release.
    pub release: TaskRelease,
    /// `true` if every task of every slot is done.
    pub is_complete: bool,
}

/// Pace of a release.
struct Pace {
    people_per_second: f64,
    provider_limit: Option<ProviderLimit>,
    interval_ms: Option<u32>,
}

/// A task that may be released.
#[derive(Clone, Copy)]
struct Candidate {
    slot: usize,
    task: u32,
    is_new: bool,
}

impl Pace {
    /// Returns the time that a task with this number of people takes, in seconds.
    fn seconds_of(&self, people: f64) -> f64 {
        let seconds = people.max(LEAST_PEOPLE) / self.people_per_second;
        // At a provider's limit, a worker that cannot complete a task in one invocation releases its lease.
        if self.provider_limit.is_some() { seconds.min(PACED_TASK_LIMIT.as_secs_f64()) } else { seconds }
    }
}

impl ReleaseInput<'_> {
    fn is_done(&self, task: u32) -> bool {
        self.tasks.get(&task).is_some_and(|task| task.is_done)
    }

    fn people_of(&self, slot: usize) -> f64 {
        self.people_per_task.get(slot).copied().unwrap_or(0.0)
    }

    fn tasks_of(&self, slot: usize) -> std::ops::Range<u32> {
        let first = u32::try_from(slot).unwrap_or(u32::MAX).saturating_mul(self.segments);
        first..first.saturating_add(self.segments)
    }

    /// Returns the number of tasks of a slot that the step allows.
    fn allowed(&self, step: usize) -> u32 {
        let Some(step) = self.steps.get(step) else { return self.segments };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number of segments")]
        let allowed = (f64::from(self.segments) * step.percent / 100.0).ceil() as u32;
        allowed.min(self.segments)
    }

    /// Returns the pace of the campaign: its own rate, or the lowest rate of a provider if that is lower.
    fn pace(&self) -> Pace {
        let own = f64::from(self.rate_per_second.max(1));
        let mail = self.paces.mail.map(|mail| (ProviderLimitKind::MailRate, mail.people_per_second));
        let sms = self.paces.sms.map(|people_per_second| (ProviderLimitKind::SmsRate, people_per_second));
        let lower = mail.into_iter().chain(sms).filter(|(_, rate)| *rate < own);
        let Some((by, people_per_second)) = lower.min_by(|(_, one), (_, other)| one.total_cmp(other)) else {
            return Pace { people_per_second: own, provider_limit: None, interval_ms: None };
        };
        Pace {
            people_per_second,
            provider_limit: Some(ProviderLimit { by, people_per_second }),
            interval_ms: Some(interval_ms(people_per_second)),
        }
    }

    /// Returns the number of people that the quota of SES for 24 hours leaves, without those of the tasks in progress.
    fn people_of_quota(&self, release: &TaskRelease, lost: &[Candidate]) -> Option<f64> {
        let people_left = self.paces.mail?.people_left?;
        let worked_on = |slot: usize| {
            let done = self.tasks.range(self.tasks_of(slot)).filter(|(_, task)| task.is_done).count();
            let lost = lost.iter().filter(|task| task.slot == slot).count();
            let released = release.by_slot.get(slot).copied().unwrap_or(0);
            let tasks = released.saturating_sub(u32::try_from(done + lost).unwrap_or(u32::MAX));
            f64::from(tasks) * self.people_of(slot)
        };
        Some(people_left - self.open_slots(release).map(worked_on).sum::<f64>())
    }

    /// Returns the slots that are not closed.
    fn open_slots(&self, release: &TaskRelease) -> std::ops::Range<usize> {
        usize::try_from(release.closed.slots).unwrap_or(usize::MAX)..self.slots.len()
    }

    /// Returns the slots that are due and not closed.
    fn due_slots(&self, release: &TaskRelease, now: Timestamp) -> impl Iterator<Item = usize> {
        self.open_slots(release).filter(move |slot| self.slots.get(*slot).is_some_and(|at| *at <= now))
    }
}

/// Tasks that may be released, and the number of people that the quota of SES for 24 hours leaves.
struct Sendable<'a> {
    candidates: &'a [Candidate],
    people_left: Option<f64>,
}

/// Tasks of one release.
struct ChosenTasks {
    /// The tasks, each with its delay in seconds.
    tasks: Vec<(Candidate, u32)>,
    /// Time at which the last task ends at the pace, in seconds from now.
    until_seconds: f64,
    /// Limit of a provider that was below the rate.
    provider_limit: Option<ProviderLimit>,
}

impl Sendable<'_> {
    /// Returns the tasks that start within [`RELEASE_WINDOW`] if each starts at the end of the previous one. The first
    /// task starts after `offset` seconds.
    fn within_window(&self, input: ReleaseInput<'_>, pace: &Pace, offset: f64) -> ChosenTasks {
        let (mut seconds, mut people_left) = (offset, self.people_left);
        let (mut tasks, mut provider_limit) = (Vec::new(), pace.provider_limit);
        for candidate in self.candidates.iter().take(MAX_RELEASED) {
            if seconds >= RELEASE_WINDOW.as_secs_f64() {
                break;
            }
            let people = input.people_of(candidate.slot);
            people_left = people_left.map(|left| left - people);
            if people_left.is_some_and(|left| left < 0.0) {
                let by = ProviderLimitKind::MailQuota;
                provider_limit = Some(ProviderLimit { by, people_per_second: pace.people_per_second });
                break;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 900")]
            tasks.push((*candidate, seconds.min(MAX_DELAY_SECONDS) as u32));
            seconds += pace.seconds_of(people);
        }
        ChosenTasks { tasks, until_seconds: seconds, provider_limit }
    }
}

/// Decides which tasks are released at `now`.
#[must_use]
pub fn release(input: ReleaseInput<'_>, before: &TaskRelease, now: Timestamp) -> ReleasedTasks {
    let mut next = before.clone();
    next.by_slot.resize(next.by_slot.len().max(input.slots.len()), 0);
    if input.resumed_at != next.resumed_at {
        (next.resumed_at, next.must_resend, next.paced_until) = (input.resumed_at, true, None);
    }
    step_forward(input, &mut next, now);
    let lost = lost_tasks(input, &next, now);
    let candidates = candidates(input, &next, &lost, now);
    let pace = input.pace();
    let start = next.paced_until.unwrap_or(now).max(now);
    let offset = start.duration_since(now).as_secs_f64();
    let sendable = Sendable { candidates: &candidates, people_left: input.people_of_quota(&next, &lost) };
    let chosen = sendable.within_window(input, &pace, offset);
    next.provider_limit = chosen.provider_limit;
    for (candidate, _) in &chosen.tasks {
        next.by_slot[candidate.slot] += u32::from(candidate.is_new);
    }
    if !chosen.tasks.is_empty() {
        let spread = SignedDuration::try_from_secs_f64(chosen.until_seconds - offset);
        next.paced_until = start.checked_add(spread.unwrap_or(RELEASE_WINDOW)).ok();
        next.last_at = Some(now);
        next.must_resend &= lost.len() > chosen.tasks.len();
    } else if lost.is_empty() {
        next.must_resend = false;
    }
    let first_open = next.closed.slots.saturating_mul(input.segments);
    let is_untaken = |task: u32| task >= first_open && !input.tasks.contains_key(&task);
    let released = chosen.tasks.iter().map(|(candidate, delay_seconds)| (candidate.task, *delay_seconds));
    add_batches(&mut next.batches, released, is_untaken, now);
    let is_complete = input.slots.iter().all(|at| *at <= now)
        && input.open_slots(&next).all(|slot| input.tasks_of(slot).all(|task| input.is_done(task)));
    let tasks = chosen.tasks.iter().map(|(candidate, delay_seconds)| (candidate.task, *delay_seconds)).collect();
    ReleasedTasks { tasks, interval_ms: pace.interval_ms, release: next, is_complete }
}

/// Returns the position of the step that is over at `now`; `None` if no step is. A release enters the next step.
#[must_use]
pub fn finished_step(input: ReleaseInput<'_>, before: &TaskRelease, now: Timestamp) -> Option<usize> {
    let mut next = before.clone();
    step_forward(input, &mut next, now);
    (before.step < next.step && next.step < input.steps.len()).then_some(before.step)
}

/// Returns the tasks that may be released: first the lost ones, then those that the step allows of each due slot.
fn candidates(input: ReleaseInput<'_>, next: &TaskRelease, lost: &[Candidate], now: Timestamp) -> Vec<Candidate> {
    let allowed = input.allowed(next.step);
    let new = input.due_slots(next, now).flat_map(|slot| {
        let released = next.by_slot[slot];
        let first = input.tasks_of(slot).start;
        (released..allowed.max(released)).map(move |place| Candidate { slot, task: first + place, is_new: true })
    });
    lost.iter().copied().chain(new).collect()
}

/// Enters the next step once the current one is done in the first slot, and its wait is over.
fn step_forward(input: ReleaseInput<'_>, next: &mut TaskRelease, now: Timestamp) {
    while let Some(step) = input.steps.get(next.step) {
        let allowed = usize::try_from(input.allowed(next.step)).unwrap_or(usize::MAX);
        // By local time, the results of the first slot decide. Later slots do not delay a step again.
        let has_begun = input.slots.first().is_some_and(|at| *at <= now);
        let is_done = next.closed.slots > 0 || input.tasks_of(0).take(allowed).all(|task| input.is_done(task));
        if !(has_begun && is_done) {
            next.step_done_at = None;
            return;
        }
        let done_at = *next.step_done_at.get_or_insert(now);
        if now.duration_since(done_at) < SignedDuration::from_mins(step.hold_minutes.into()) {
            return;
        }
        next.step += 1;
        next.step_done_at = None;
    }
}

/// Returns the released tasks that are not done and that no worker holds. Their worker gave them back or died, or their
/// message was lost or dropped.
fn lost_tasks(input: ReleaseInput<'_>, release: &TaskRelease, now: Timestamp) -> Vec<Candidate> {
    // An earlier release of the service stored no batches.
    let is_quiet = || release.last_at.is_some_and(|at| now.duration_since(at) >= LOST_AFTER);
    let is_lost = |&number: &u32| match input.tasks.get(&number) {
        Some(task) => !task.is_done && !task.is_leased(now),
        None => release.must_resend || was_lost(&release.batches, number, now).unwrap_or_else(is_quiet),
    };
    let released_of = |slot: usize| {
        let released = usize::try_from(release.by_slot[slot]).unwrap_or(usize::MAX);
        let lost = input.tasks_of(slot).take(released).filter(is_lost);
        lost.map(move |task| Candidate { slot, task, is_new: false }).collect::<Vec<_>>()
    };
    input.due_slots(release, now).flat_map(released_of).collect()
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
