//! Slots: the times at which tasks of a campaign begin, the people of each slot, and the slots that are done.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::assignment::ALL_BP;
use crate::definition::CampaignDefinition;
use crate::local_time::{AtLocal, Timing};
use crate::model::Launch;
use crate::tally::PeopleTally;
use crate::task::CampaignTask;
use crate::test_phase::TestPhase;
use crate::totals::CampaignTotals;
use domain::notification::MAX_CAMPAIGN_AGE;

/// Time before the end of [`MAX_CAMPAIGN_AGE`] at which a campaign stops, so that receipts of its last messages are
/// accepted.
const AGE_RESERVE: SignedDuration = SignedDuration::from_hours(24);

/// First slots of a launched campaign whose tasks are all done. They no longer change. So their numbers are stored as a
/// sum, and their tasks are not read again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClosedSlots {
    /// Number of slots.
    pub slots: u32,
    /// Numbers of their people.
    pub tally: PeopleTally,
}

impl ClosedSlots {
    /// Returns the number of the first task that the sum does not contain.
    #[must_use]
    pub const fn first_open_task(&self, launch: &Launch) -> u32 {
        self.slots.saturating_mul(launch.segments)
    }

    /// Adds the slots of which every task is done.
    pub fn close(&mut self, launch: &Launch, tasks: &BTreeMap<u32, CampaignTask>) {
        let all = u32::try_from(launch.slots.len()).unwrap_or(u32::MAX);
        while self.slots < all {
            let first = self.first_open_task(launch);
            let of_slot = || tasks.range(first..first.saturating_add(launch.segments)).map(|(_, task)| task);
            if of_slot().filter(|task| task.is_done).count() < launch.segments as usize {
                return;
            }
            of_slot().for_each(|task| self.tally.merge(&task.tally));
            self.slots += 1;
        }
    }

    /// Returns the numbers of a launched campaign. `open` are the taken tasks from
    /// [`first_open_task`](Self::first_open_task) on.
    #[must_use]
    pub fn totals<'a>(&self, launch: &Launch, open: impl IntoIterator<Item = &'a CampaignTask>) -> CampaignTotals {
        let mut totals = CampaignTotals::of(launch.tasks(), open);
        totals.tasks_done += self.first_open_task(launch);
        totals.tally.merge(&self.tally);
        totals.balanced = totals.tally.is_balanced();
        totals
    }
}

impl AtLocal {
    /// Returns the times at which the people of these zones get their messages, each with the number of its people.
    #[must_use]
    pub fn slots(&self, people_by_zone: &BTreeMap<String, u64>, launched_at: Timestamp) -> BTreeMap<Timestamp, u64> {
        let mut slots = BTreeMap::new();
        for (zone, people) in people_by_zone {
            if let Some(at) = self.slot(Some(zone.as_str()), launched_at) {
                *slots.entry(at).or_default() += people;
            }
        }
        slots
    }
}

/// Returns the time after which a campaign with this launch sends no message: 13 days later.
#[must_use]
pub fn last_moment(launched_at: Timestamp) -> Timestamp {
    launched_at.checked_add(MAX_CAMPAIGN_AGE - AGE_RESERVE).unwrap_or(Timestamp::MAX)
}

impl CampaignDefinition {
    /// Returns the time after which no message is sent: `not_after`, or the last moment of the launch.
    #[must_use]
    pub fn sends_until(&self, launch: &Launch) -> Timestamp {
        let last = last_moment(launch.at);
        self.not_after.map_or(last, |not_after| not_after.min(last))
    }

    /// Returns the times at which a plan's people get their messages after a launch at `now`, each with the number of
    /// its people.
    fn planned_slots(&self, plan: &PeopleTally, now: Timestamp) -> BTreeMap<Timestamp, u64> {
        match &self.timing {
            Timing::AtLocal(local) => local.slots(&plan.by_time_zone, now),
            Timing::At(at) => BTreeMap::from([((*at).max(now), plan.matched)]),
            Timing::Now => BTreeMap::from([(now, plan.matched)]),
        }
    }

    /// Returns the first time at which one of a plan's people gets a message after a launch at `now`.
    #[must_use]
    pub fn begins_at(&self, plan: &PeopleTally, now: Timestamp) -> Timestamp {
        self.planned_slots(plan, now).first_key_value().map_or(now, |(at, _)| *at)
    }

    /// Returns the time at which every person of a plan has a result, at this rate and after a launch at `now`. `waits`
    /// is the duration of the campaign's own waits.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most a million people
    pub fn ends_at(
        &self,
        plan: &PeopleTally,
        people_per_second: f64,
        waits: SignedDuration,
        now: Timestamp,
    ) -> Timestamp {
        let sent_to = plan.matched.saturating_sub(plan.holdout) as f64 / plan.matched.max(1) as f64;
        let slots = self.planned_slots(plan, now).into_iter().map(|(at, people)| (at, people as f64 * sent_to));
        end_of(slots, people_per_second, waits, now)
    }
}

/// Returns the time at which the people of all slots have their messages, at this rate. `waits` is the duration of the
/// campaign's own waits after the begin of the first slot. Later slots do not wait.
fn end_of(
    slots: impl Iterator<Item = (Timestamp, f64)>,
    people_per_second: f64,
    waits: SignedDuration,
    now: Timestamp,
) -> Timestamp {
    let after = |at: Timestamp, time| at.checked_add(time).unwrap_or(Timestamp::MAX);
    let (end, _) = slots.fold((now, waits), |(end, waits), (at, people)| {
        let time = SignedDuration::try_from_secs_f64(people / people_per_second).unwrap_or(SignedDuration::MAX);
        (after(after(end.max(at), time), waits), SignedDuration::ZERO)
    });
    end
}

impl Launch {
    /// Returns the expected number of people of one task of each slot. The pass for people who moved expects no one.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most a million people
    pub fn people_per_task(&self, test: Option<&TestPhase>) -> Vec<f64> {
        let people = self.expected_people as f64;
        let planned = self.slot_people.iter().sum::<u64>().max(1) as f64;
        let of_slot = |slot: usize| match test {
            Some(test) => {
                let tested = f64::from(test.share_bp) / f64::from(ALL_BP);
                people * if slot == 0 { tested } else { 1.0 - tested }
            }
            // A launch of an earlier release, or one time for all people.
            None if self.slot_people.is_empty() => people / self.slots.len().saturating_sub(1).max(1) as f64,
            None => people * self.slot_people.get(slot).map_or(0.0, |of_slot| *of_slot as f64 / planned),
        };
        (0..self.slots.len()).map(|slot| of_slot(slot) / f64::from(self.segments.max(1))).collect()
    }

    /// Returns the time at which the remaining people have their messages, at this rate. `waits` is the duration of the
    /// campaign's own waits from now on.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most a million people
    pub fn ends_at(
        &self,
        test: Option<&TestPhase>,
        left: u64,
        people_per_second: f64,
        waits: SignedDuration,
        now: Timestamp,
    ) -> Timestamp {
        let of_slots = self.people_per_task(test).into_iter().map(|of_task| of_task * f64::from(self.segments));
        let later: Vec<_> = self.slots.iter().copied().zip(of_slots).filter(|(at, _)| *at > now).collect();
        let due = (left as f64 - later.iter().map(|(_, people)| people).sum::<f64>()).max(0.0);
        end_of([(now, due)].into_iter().chain(later), people_per_second, waits, now)
    }

    /// Returns `true` if every person whose local time has come has a result, and other people wait for their time.
    #[must_use]
    pub fn waits_for_local_time(&self, definition: &CampaignDefinition, tasks_done: u32, now: Timestamp) -> bool {
        let due = self.slots.iter().filter(|at| **at <= now).count();
        let due_tasks = u32::try_from(due).unwrap_or(u32::MAX).saturating_mul(self.segments);
        matches!(definition.timing, Timing::AtLocal(_)) && due < self.slots.len() && tasks_done >= due_tasks
    }

    /// Returns the slots whose tasks may be released. People after a test phase wait for its winner. The pass for
    /// people who moved waits until every other task is done. Only then is it certain which people have a message.
    #[must_use]
    pub fn releasable_slots(
        &self,
        definition: &CampaignDefinition,
        closed: &ClosedSlots,
        tasks: &BTreeMap<u32, CampaignTask>,
    ) -> &[Timestamp] {
        let before_last = self.slots.len().saturating_sub(1);
        let releasable = if self.awaits_winner(definition.test.as_ref()) {
            1
        } else if matches!(definition.timing, Timing::AtLocal(_)) {
            let first = closed.first_open_task(self);
            let end = u32::try_from(before_last).unwrap_or(u32::MAX).saturating_mul(self.segments).max(first);
            let done = tasks.range(first..end).filter(|(_, task)| task.is_done).count();
            if done < (end - first) as usize { before_last } else { self.slots.len() }
        } else {
            self.slots.len()
        };
        self.slots.get(..releasable).unwrap_or(&self.slots)
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
