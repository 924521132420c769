//! Release of tasks: which ones go to the workers now, and with which delay.
//!
//! A worker never asks for its own next task. The schedule of the minute and the requests of operators release what is
//! due, so that the rate, the steps and a pause are decided in one place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::definition::CampaignStep;
use crate::mail_pace::MailPace;
use crate::provider_limit::{ProviderLimit, ProviderLimitKind, interval_ms};
use crate::task::Task;
use platform::time_limits::PACED_TASK_LIMIT;

/// Time for which one run releases tasks: the interval of the schedule and a reserve.
const HORIZON: SignedDuration = SignedDuration::from_secs(75);
/// Time after the last release at which a task that no worker has taken counts as lost.
const LOST_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Maximum number of tasks of one run.
const MAX_RELEASED: usize = 2_000;
/// Longest delay of a message in SQS, in seconds.
const MAX_DELAY_SECONDS: f64 = 900.0;

/// Tasks released so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Release {
    /// Number of tasks released of each slot.
    pub by_slot: Vec<u32>,
    /// Position of the step that is in force.
    pub step: usize,
    /// Time at which the step's tasks were done.
    pub step_done_at: Option<Timestamp>,
    /// Time up to which the released work is spread.
    pub paced_until: Option<Timestamp>,
    /// Time of the last release.
    pub last_at: Option<Timestamp>,
    /// `true` after a pause: the workers dropped the messages of tasks that they had not taken.
    pub must_resend: bool,
    /// Limit of a provider that was below the rate at the last look.
    #[serde(skip_serializing_if = "Option::is_none", alias = "mail_limit")]
    pub provider_limit: Option<ProviderLimit>,
}

/// Paces that the providers allow a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProviderPaces {
    /// Pace that the quota of SES allows, if the campaign sends e-mails and SES answers.
    pub mail: Option<MailPace>,
    /// People a second whom the rate of SMS allows, if the campaign sends SMS.
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
    /// Expected number of people of a task.
    pub people_per_task: f64,
    /// Tasks that a worker has taken, by their numbers.
    pub tasks: &'a BTreeMap<u32, Task>,
}

/// Result of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    /// Numbers of the tasks to send, each with its delay in seconds.
    pub tasks: Vec<(u32, u32)>,
    /// Time between the begins of two people of these tasks, in milliseconds, if a limit of a provider is below the
    /// rate.
    pub interval_ms: Option<u32>,
    /// State after the release.
    pub release: Release,
    /// `true` if every task of every slot is done.
    pub is_complete: bool,
}

/// Pace of a release.
struct Pace {
    people_per_second: f64,
    seconds_per_task: f64,
    provider_limit: Option<ProviderLimit>,
    interval_ms: Option<u32>,
}

impl ReleaseInput<'_> {
    fn is_done(&self, task: u32) -> bool {
        self.tasks.get(&task).is_some_and(|task| task.is_done)
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
        let people_per_task = self.people_per_task.max(1.0);
        let mail = self.paces.mail.map(|mail| (ProviderLimitKind::MailRate, mail.people_per_second));
        let sms = self.paces.sms.map(|people_per_second| (ProviderLimitKind::SmsRate, people_per_second));
        let lower = mail.into_iter().chain(sms).filter(|(_, rate)| *rate < own);
        let Some((by, people_per_second)) = lower.min_by(|(_, one), (_, other)| one.total_cmp(other)) else {
            let seconds_per_task = people_per_task / own;
            return Pace { people_per_second: own, seconds_per_task, provider_limit: None, interval_ms: None };
        };
        Pace {
            people_per_second,
            // A worker that cannot end a task in one invocation gives it back.
            seconds_per_task: (people_per_task / people_per_second).min(PACED_TASK_LIMIT.as_secs_f64()),
            provider_limit: Some(ProviderLimit { by, people_per_second }),
            interval_ms: Some(interval_ms(people_per_second)),
        }
    }

    /// Returns the number of tasks that the quota of SES for 24 hours allows beside those that are worked on.
    fn room_of_quota(&self, release: &Release, lost: &[u32]) -> Option<usize> {
        let people_left = self.paces.mail?.people_left?;
        let released: u32 = release.by_slot.iter().sum();
        let done = self.tasks.values().filter(|task| task.is_done).count();
        let worked_on = usize::try_from(released).unwrap_or(usize::MAX).saturating_sub(done + lost.len());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is not negative")]
        let allowed = (people_left.max(0.0) / self.people_per_task.max(1.0)) as usize;
        Some(allowed.saturating_sub(worked_on))
    }

    fn due_slots(&self, now: Timestamp) -> impl Iterator<Item = (usize, u32)> {
        let due = self.slots.iter().enumerate().filter(move |(_, at)| **at <= now);
        due.map(|(slot, _)| (slot, u32::try_from(slot).unwrap_or(u32::MAX).saturating_mul(self.segments)))
    }
}

/// Decides which tasks are released at `now`.
#[must_use]
pub fn release(input: ReleaseInput<'_>, before: &Release, now: Timestamp) -> Released {
    let mut next = before.clone();
    next.by_slot.resize(input.slots.len(), 0);
    step_forward(input, &mut next, now);
    let lost = lost_tasks(input, &next, now);
    let allowed = input.allowed(next.step);
    let new = input.due_slots(now).flat_map(|(slot, first)| {
        let released = next.by_slot[slot];
        (released..allowed.max(released)).map(move |place| (slot, first + place))
    });
    let candidates: Vec<(Option<usize>, u32)> =
        lost.iter().map(|task| (None, *task)).chain(new.map(|(slot, task)| (Some(slot), task))).collect();
    let pace = input.pace();
    let seconds_per_task = pace.seconds_per_task;
    let start = next.paced_until.unwrap_or(now).max(now);
    let room = (now + HORIZON).duration_since(start).as_secs_f64() / seconds_per_task;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2,000")]
    let room = room.ceil().clamp(0.0, MAX_RELEASED as f64) as usize;
    let allowed = input.room_of_quota(&next, &lost);
    next.provider_limit = match allowed {
        Some(allowed) if allowed < room.min(candidates.len()) => {
            Some(ProviderLimit { by: ProviderLimitKind::MailQuota, people_per_second: pace.people_per_second })
        }
        _ => pace.provider_limit,
    };
    let room = room.min(allowed.unwrap_or(room));
    let offset = start.duration_since(now).as_secs_f64();
    let mut tasks = Vec::new();
    for (place, (slot, task)) in candidates.iter().take(room).enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "at most 2,000")]
        let delay = (offset + seconds_per_task * place as f64).min(MAX_DELAY_SECONDS);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 900")]
        tasks.push((*task, delay as u32));
        if let Some(slot) = slot {
            next.by_slot[*slot] += 1;
        }
    }
    if !tasks.is_empty() {
        #[expect(clippy::cast_precision_loss, reason = "at most 2,000")]
        let spread = SignedDuration::try_from_secs_f64(seconds_per_task * tasks.len() as f64);
        next.paced_until = start.checked_add(spread.unwrap_or(HORIZON)).ok();
        next.last_at = Some(now);
        next.must_resend &= lost.len() > tasks.len();
    } else if lost.is_empty() {
        next.must_resend = false;
    }
    let is_complete = input.due_slots(now).count() == input.slots.len()
        && (0..input.slots.len()).all(|slot| {
            let first = u32::try_from(slot).unwrap_or(u32::MAX).saturating_mul(input.segments);
            (first..first.saturating_add(input.segments)).all(|task| input.is_done(task))
        });
    Released { tasks, interval_ms: pace.interval_ms, release: next, is_complete }
}

/// Enters the next step once the present one is done and its wait is over.
fn step_forward(input: ReleaseInput<'_>, next: &mut Release, now: Timestamp) {
    while let Some(step) = input.steps.get(next.step) {
        let allowed = input.allowed(next.step);
        let is_done = input.due_slots(now).count() > 0
            && input.due_slots(now).all(|(_, first)| (first..first + allowed).all(|task| input.is_done(task)));
        if !is_done {
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

/// Returns the released tasks that no worker holds and that are not done: given back, or their worker died, or their
/// message was lost or dropped.
fn lost_tasks(input: ReleaseInput<'_>, release: &Release, now: Timestamp) -> Vec<u32> {
    let is_quiet = release.last_at.is_some_and(|at| now.duration_since(at) >= LOST_AFTER);
    let is_lost = |task: &u32| match input.tasks.get(task) {
        Some(task) => !task.is_done && !task.is_held(now),
        None => release.must_resend || is_quiet,
    };
    let released = input.due_slots(now).flat_map(|(slot, first)| first..first + release.by_slot[slot]);
    released.filter(is_lost).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn done() -> Task {
        Task { is_done: true, ..Task::default() }
    }

    fn input<'a>(
        slots: &'a [Timestamp],
        steps: &'a [CampaignStep],
        tasks: &'a BTreeMap<u32, Task>,
    ) -> ReleaseInput<'a> {
        ReleaseInput {
            segments: 100,
            slots,
            steps,
            rate_per_second: 100,
            paces: ProviderPaces::default(),
            people_per_task: 100.0,
            tasks,
        }
    }

    #[test]
    fn tasks_are_released_for_the_next_minute_at_an_even_rate() {
        let (slots, tasks) = ([at(0)], BTreeMap::new());
        let first = release(input(&slots, &[], &tasks), &Release::default(), at(10));
        assert_eq!(first.tasks.len(), 75);
        assert_eq!((first.tasks[0], first.tasks[74]), ((0, 0), (74, 74)));
        let second = release(input(&slots, &[], &tasks), &first.release, at(70));
        assert_eq!((second.tasks[0], second.tasks.len()), ((75, 15), 25), "the rest follows what is spread already");
        assert!(!second.is_complete);
        let tasks: BTreeMap<u32, Task> = (0..100).map(|task| (task, done())).collect();
        let last = release(input(&slots, &[], &tasks), &second.release, at(130));
        assert!(last.is_complete && last.tasks.is_empty());
    }

    #[test]
    fn the_send_rate_of_ses_spreads_the_tasks_and_the_people_of_each() {
        let (slots, tasks) = ([at(0)], BTreeMap::new());
        let mail = |people_per_second, people_left| Some(MailPace { people_per_second, people_left });
        let paces = |mail| ProviderPaces { mail, sms: None };
        let of = |mail| {
            release(ReleaseInput { paces: paces(mail), ..input(&slots, &[], &tasks) }, &Release::default(), at(0))
        };
        let slower = of(mail(10.0, None));
        assert_eq!((slower.tasks.len(), slower.tasks[1], slower.interval_ms), (8, (1, 10), Some(100)));
        assert_eq!(slower.release.provider_limit.map(|limit| limit.by), Some(ProviderLimitKind::MailRate));
        let slowest = of(mail(0.7, None));
        assert_eq!((slowest.tasks.len(), slowest.tasks[1]), (2, (1, 45)), "one worker after the other, none waits");
        let faster = of(mail(200.0, None));
        assert_eq!((faster.tasks.len(), faster.interval_ms, faster.release.provider_limit), (75, None, None));
    }

    #[test]
    fn the_lowest_rate_of_a_provider_is_the_pace() {
        let (slots, tasks) = ([at(0)], BTreeMap::new());
        let of = |mail: Option<f64>, sms| {
            let mail = mail.map(|people_per_second| MailPace { people_per_second, people_left: None });
            let released = release(
                ReleaseInput { paces: ProviderPaces { mail, sms }, ..input(&slots, &[], &tasks) },
                &Release::default(),
                at(0),
            );
            (released.release.provider_limit.map(|limit| limit.by), released.interval_ms)
        };
        assert_eq!(of(None, Some(14.0)), (Some(ProviderLimitKind::SmsRate), Some(72)));
        assert_eq!(of(Some(10.0), Some(14.0)), (Some(ProviderLimitKind::MailRate), Some(100)));
        assert_eq!(of(Some(20.0), Some(14.0)), (Some(ProviderLimitKind::SmsRate), Some(72)));
        assert_eq!(of(None, Some(140.0)), (None, None));
        let before = r#"{"mail_limit": {"by": "ses_quota", "people_per_second": 1.5}}"#;
        let before: Release = serde_json::from_str(before).unwrap();
        assert_eq!(
            before.provider_limit.map(|limit| limit.by),
            Some(ProviderLimitKind::MailQuota),
            "an earlier release"
        );
    }

    #[test]
    fn the_quota_of_ses_for_a_day_holds_tasks_back_with_those_that_are_worked_on() {
        let slots = [at(0)];
        let mut tasks: BTreeMap<u32, Task> = (0..4).map(|task| (task, done())).collect();
        tasks.insert(4, Task { lease_until: Some(at(400)), ..Task::default() });
        tasks.insert(5, Task { claims: 1, ..Task::default() });
        let before = Release { by_slot: vec![6], last_at: Some(at(0)), ..Release::default() };
        let sent = |people_left: f64| {
            let mail = Some(MailPace { people_per_second: 1_000.0, people_left: Some(people_left) });
            let paces = ProviderPaces { mail, sms: None };
            let released = release(ReleaseInput { paces, ..input(&slots, &[], &tasks) }, &before, at(60));
            let by = released.release.provider_limit.map(|limit| limit.by);
            (released.tasks.into_iter().map(|(task, _)| task).collect::<Vec<_>>(), by)
        };
        assert_eq!(
            sent(399.0),
            (vec![5, 6], Some(ProviderLimitKind::MailQuota)),
            "300 people, of whom 100 are worked on"
        );
        assert_eq!(sent(199.0), (vec![], Some(ProviderLimitKind::MailQuota)));
        assert_eq!(sent(0.0), (vec![], Some(ProviderLimitKind::MailQuota)));
        assert_eq!((sent(1e6).0.len(), sent(1e6).1), (75, None));
    }

    #[test]
    fn a_step_waits_for_its_tasks_and_its_hold() {
        let steps = [CampaignStep { percent: 10.0, hold_minutes: 5 }, CampaignStep { percent: 100.0, hold_minutes: 0 }];
        let slots = [at(0)];
        let none = BTreeMap::new();
        let first = release(input(&slots, &steps, &none), &Release::default(), at(0));
        assert_eq!(first.tasks.len(), 10);
        let ten: BTreeMap<u32, Task> = (0..10).map(|task| (task, done())).collect();
        let held = release(input(&slots, &steps, &ten), &first.release, at(60));
        assert_eq!((held.tasks.len(), held.release.step), (0, 0));
        let next = release(input(&slots, &steps, &ten), &held.release, at(360));
        assert_eq!((next.tasks[0], next.release.step), ((10, 0), 1));
    }

    #[test]
    fn what_was_given_back_or_lost_is_released_again() {
        let slots = [at(0)];
        let mut tasks: BTreeMap<u32, Task> = (0..98).map(|task| (task, done())).collect();
        tasks.insert(0, Task { claims: 1, ..Task::default() });
        tasks.insert(1, Task { lease_until: Some(at(400)), ..Task::default() });
        let before = Release { by_slot: vec![100], last_at: Some(at(100)), ..Release::default() };
        let sent = |before: &Release, second| {
            let released = release(input(&slots, &[], &tasks), before, at(second)).tasks;
            released.into_iter().map(|(task, _)| task).collect::<Vec<_>>()
        };
        assert_eq!(sent(&before, 160), [0], "given back");
        assert_eq!(sent(&before, 400), [0, 1, 98, 99], "its worker died; two messages were lost");
        let resumed = Release { must_resend: true, ..before };
        assert_eq!(sent(&resumed, 160), [0, 98, 99], "the messages were dropped during a pause");
    }

    #[test]
    fn a_slot_waits_for_its_time() {
        let (slots, tasks) = ([at(0), at(3_600)], BTreeMap::new());
        let first = release(input(&slots, &[], &tasks), &Release::default(), at(0));
        assert!(first.tasks.iter().all(|(task, _)| *task < 100));
        let tasks: BTreeMap<u32, Task> = (0..100).map(|task| (task, done())).collect();
        let released = Release { by_slot: vec![100, 0], ..Release::default() };
        let before = release(input(&slots, &[], &tasks), &released, at(3_599));
        assert!(before.tasks.is_empty() && !before.is_complete);
        assert_eq!(release(input(&slots, &[], &tasks), &released, at(3_600)).tasks[0], (100, 0));
    }
}
