//! The minute's round: write down what changed, judge version 2, climb the ramp, act, and say what people should know.
//!
//! A round reads the steward's record, the three parameters, the budgets and the alerts' record once each, and what
//! [`crate::observe`] says; it writes the record. Only a change costs more: SSM's history, an audit record, the parameter, the alerts.

mod says;

use std::time::Duration;

use jiff::Timestamp;

use super::act::Acted;
use super::error::RoundError;
use super::history::Changes;
use super::{Asked, Intent, Observed, Remembered, Steward};
use alerts::{Herald, watch};
use delivery::config::ConfigSnapshot;
use domain::budget::standings;
use domain::rollout::guard::{self, Action, GuardSettings, Hold, Situation, Verdict};
use domain::rollout::ramp::{self, Next, Seen};
use domain::rollout::{ParameterVersion, Percentage};
use domain::settings::Settings;
use domain::{Alert, By, Watched};
use store::{StoreError, Versioned};

/// How long after a first bad evaluation the second one may follow: the schedule itself promises no better than a minute's
/// precision, so that two of its ticks may be almost two minutes apart.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// In words.
    pub done: String,
    /// Whether version 2 looks bad, and another look [`LOOK_AGAIN_AFTER`] should not wait for the next minute.
    pub look_again: bool,
}

/// What stands in SSM, once it is written down.
#[derive(Debug, Clone, Default)]
struct Looked {
    percentage: Option<ParameterVersion>,
    changes: Changes,
    /// The parameters that cannot be used, and why.
    faults: Vec<(&'static str, String)>,
}

/// What is decided by.
struct Facts<'a> {
    live: &'a ConfigSnapshot,
    /// As it stands in SSM; `None` when there is none, or SSM does not say.
    percentage: Option<ParameterVersion>,
    observed: Observed,
    now: Timestamp,
}

/// What is to be written, and what people are told of it if that succeeds.
#[derive(Default)]
struct Planned {
    intent: Option<Intent>,
    alert: Option<Alert>,
}

impl Steward {
    /// One round. `observe` reads what was counted. While SSM does not answer, version 2 is judged and alerts are said all the
    /// same.
    ///
    /// # Errors
    /// When a table or SSM does not answer. Nothing is lost: all of it is done again in a minute.
    pub async fn minute(
        &self,
        herald: &Herald,
        live: &ConfigSnapshot,
        observe: impl AsyncFnOnce(Asked) -> Result<Observed, StoreError>,
        now: Timestamp,
    ) -> Result<Round, RoundError> {
        let read = self.record.read::<Remembered>().await?;
        let mut next = read.value.clone();
        let looked = self.look(&mut next).await;
        let asked =
            Asked { changed_at: next.changed_at, held_since: next.ramp.as_ref().map(|ramp| ramp.holding_since) };
        let observed = observe(asked).await?;
        let Looked { percentage, changes, faults } = looked.clone().unwrap_or_default();
        let facts = Facts { live, percentage, observed, now };
        let verdict = facts.judge(&mut next);
        let mut alerts = says::of_verdict(&verdict, &facts.observed, &live.settings.guard, now);
        alerts.extend(watch::parameters(&faults));
        alerts.extend(self.nearly_spent(&live.settings, now).await);
        if changes.has_ended_ramp {
            alerts.push(says::of_ramp_end(false, facts.in_force()));
        }
        let planned = match changes.owes_since {
            None => facts.plan(&verdict, &mut next),
            Some(_) => Planned::default(),
        };
        next.intent = planned.intent.clone().or(next.intent);
        let Some(saved) = self.save(&read, next).await? else {
            return Ok(Round { done: "another round has this minute".to_owned(), look_again: false });
        };
        let done = self.carry_out(saved, planned, changes, &mut alerts, now).await;
        herald.tell(alerts, now).await;
        looked?;
        let look_again = verdict.action == (Action::Hold { why: Hold::NotTwice });
        Ok(Round { done: done?, look_again })
    }

    /// Only writes down what changed: an operator's change need not wait for the minute.
    ///
    /// # Errors
    /// When a table or SSM does not answer; the minute makes up for it.
    pub async fn note(&self) -> Result<&'static str, RoundError> {
        // What is remembered stays as it is: the minute must see the change too, to end a ramp or to give a value back.
        let before = self.record.read::<Remembered>().await?.value;
        let mut next = before.clone();
        self.look(&mut next).await?;
        Ok(if next.seen == before.seen { "nothing changed" } else { "a change is written down" })
    }

    /// The percentage as it stands now, once everything up to there is written down.
    async fn look(&self, next: &mut Remembered) -> Result<Looked, RoundError> {
        let mut present = self.parameters.versions(Watched::ALL.map(|one| self.name_of(one)).to_vec()).await?;
        let mut looked = Looked::default();
        for parameter in Watched::ALL {
            let found = present.get(&self.name_of(parameter));
            let fault = parameter.fault(found.map(|found| found.value.expose().as_str()));
            looked.faults.extend(fault.map(|why| (parameter.as_str(), why)));
            let Some(found) = found else { continue };
            let changes = self.write_down(parameter, found.version, next).await?;
            if parameter == Watched::RolloutPercentage {
                looked.changes = changes;
            }
        }
        looked.percentage = present.remove(&self.name_of(Watched::RolloutPercentage));
        Ok(looked)
    }

    /// Says nothing where the budgets cannot be read: sending stops at them all the same.
    async fn nearly_spent(&self, settings: &Settings, now: Timestamp) -> Vec<Alert> {
        let used = self.budgets.used(now).await;
        let used = used.map_err(|error| tracing::warn!(%error, "the budgets cannot be read")).ok();
        used.map(|used| watch::budgets(&standings(settings, settings.types.iter().map(|kind| &kind.id), &used, now)))
            .unwrap_or_default()
    }

    /// Claims the minute by the record's condition; `None` when another round was faster.
    async fn save(
        &self,
        read: &Versioned<Remembered>,
        next: Remembered,
    ) -> Result<Option<Versioned<Remembered>>, StoreError> {
        match self.record.replace(read, next).await {
            Ok(saved) => Ok(Some(saved)),
            Err(StoreError::ConditionFailed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn carry_out(
        &self,
        saved: Versioned<Remembered>,
        planned: Planned,
        changes: Changes,
        alerts: &mut Vec<Alert>,
        now: Timestamp,
    ) -> Result<String, RoundError> {
        if let Some(from) = changes.owes_since {
            alerts.push(says::of_overlap());
            self.put_back(from, now).await?;
            return Ok("an operator's value was put back".to_owned());
        }
        let Some(intent) = planned.intent else {
            alerts.extend(planned.alert);
            return Ok("the rollout stays as it is".to_owned());
        };
        let acted = self.act(&intent).await;
        alerts.extend(planned.alert.and_then(|alert| says::of_act(alert, acted.as_ref().ok().copied())));
        let done = match acted? {
            Acted::Written => format!("the rollout is {} now", percentage_of(intent.to)),
            Acted::Overtaken => "an operator changed the rollout first".to_owned(),
            Acted::PutBack => {
                alerts.push(says::of_overlap());
                "an operator's value was put back".to_owned()
            }
        };
        tracing::info!(done, "the rollout was looked after");
        self.note_own(saved, intent.from_version + 1).await?;
        Ok(done)
    }

    /// Writes the own change down at once. Where that fails, the next round does it.
    pub(super) async fn note_own(&self, saved: Versioned<Remembered>, version: i64) -> Result<(), RoundError> {
        let mut next = saved.value.clone();
        self.write_down(Watched::RolloutPercentage, version, &mut next).await?;
        self.save(&saved, next).await?;
        Ok(())
    }
}

impl Facts<'_> {
    /// What everybody goes by: the value in SSM, and while that is junk or not to be had the last good one.
    fn in_force(&self) -> Percentage {
        let present = self.percentage.as_ref().and_then(|found| found.value.expose().parse().ok());
        present.unwrap_or(self.live.rollout.percentage)
    }

    fn settings(&self) -> &GuardSettings {
        &self.live.settings.guard
    }

    fn judge(&self, next: &mut Remembered) -> Verdict {
        let situation = Situation {
            percentage: self.in_force(),
            changed_at: next.changed_at,
            minutes: &self.observed.minutes,
            hosts: &self.observed.hosts,
            cost_micros: self.observed.cost_micros,
            hourly_budget_micros: self.live.settings.budgets.hour_micros,
        };
        let verdict = guard::decide(&situation, next.guard, self.settings(), self.now);
        (next.guard, next.verdict) = (verdict.memory, serde_json::to_value(&verdict).ok());
        verdict
    }

    /// What is to be written now, if anything: the guard's word comes before the ramp's.
    fn plan(&self, verdict: &Verdict, next: &mut Remembered) -> Planned {
        match &self.percentage {
            Some(present) if !next.is_claimed(present.version, self.now) => match verdict.action {
                Action::Lower { to_hundredths } => self.lower(verdict, to_hundredths, present, next),
                Action::Hold { .. } => self.climb(present, next),
            },
            _ => Planned::default(),
        }
    }

    /// Junk in the parameter is written over too: the last good value is in force meanwhile, and it is bad.
    fn lower(&self, verdict: &Verdict, to: u16, present: &ParameterVersion, next: &mut Remembered) -> Planned {
        let alert = Some(says::of_lowering(verdict, self.in_force(), to, self.settings().enabled));
        next.ramp = None;
        let intent = self.settings().enabled.then(|| {
            let numbers = next.verdict.clone();
            Intent { numbers, ..self.intent(present, to, By::Guard, says::reason(verdict)) }
        });
        Planned { intent, alert }
    }

    fn climb(&self, present: &ParameterVersion, next: &mut Remembered) -> Planned {
        // While a version is not written down, whose it is is not known, and with it whether the ramp goes on.
        let is_known = next.seen.get(&Watched::RolloutPercentage) == Some(&present.version);
        let Some(ramp) = next.ramp.as_mut().filter(|_| is_known) else { return Planned::default() };
        let seen = Seen { percentage: self.in_force(), lately: &self.observed.lately, held: &self.observed.held };
        let (step, progress) = ramp::advance(&ramp.plan(), &ramp.progress(), seen, self.now);
        ramp.last = serde_json::to_value(&step).ok();
        match step {
            Next::Wait { .. } => {
                ramp.move_to(&progress);
                Planned::default()
            }
            // Where the ramp stands moves when the version is written down, so that what was not written is tried again.
            Next::Raise { to_hundredths, .. } => {
                let reason = format!("step {} of {} of the ramp", progress.step + 1, ramp.steps.len());
                let alert = Some(says::of_ramp(&reason, self.in_force(), to_hundredths));
                let numbers = ramp.last.clone();
                let intent = Intent { numbers, ..self.intent(present, to_hundredths, By::Ramp, reason) };
                Planned { intent: Some(intent), alert }
            }
            Next::Done | Next::Overtaken => {
                let alert = Some(says::of_ramp_end(step == Next::Done, self.in_force()));
                next.ramp = None;
                Planned { intent: None, alert }
            }
        }
    }

    fn intent(&self, present: &ParameterVersion, to: u16, by: By, reason: String) -> Intent {
        let from = Some(self.in_force().hundredths());
        let from_version = present.version;
        Intent { at: self.now, from_version, from, to, by, reason: Some(reason), numbers: None }
    }
}

fn percentage_of(hundredths: u16) -> Percentage {
    Percentage::from_hundredths(hundredths).unwrap_or_default()
}
