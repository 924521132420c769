//! The minute's round: write down what changed, judge version 2, climb the ramp, act, and say what people should know.

use jiff::Timestamp;
use serde_json::json;

use super::act::Acted;
use super::{AuditRecord, By, Intent, RampState, Remembered, Steward, Watched};
use crate::alerts::{Alert, Herald};
use crate::parameters::{ParameterVersion, ParametersUnavailable};
use crate::rollout::guard::{self, Action, GuardSettings, HostState, Minute, Situation, Verdict};
use crate::rollout::ramp::{self, Figures, Next, Seen};
use crate::rollout::{Live, Percentage};
use crate::store::{Recorded, StoreError};

mod says;

/// What version 2 does, as it was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Both sides by the minute, oldest first.
    pub minutes: Vec<Minute>,
    /// The push services of version 2.
    pub hosts: Vec<HostState>,
    /// What version 2 cost in the last hour, in micro-euro.
    pub cost_micros: i64,
    /// Version 2 lately.
    pub lately: Figures,
    /// Version 2 since the ramp's criteria have held.
    pub held: Figures,
}

/// Why a minute's round was not finished. The next one makes up for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundError {
    /// A table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SSM.
    #[error(transparent)]
    Parameters(#[from] ParametersUnavailable),
}

impl Steward {
    /// One round. `observe` reads what was counted; it is told since when the ramp's criteria have held. Answers with what was
    /// done, in words.
    ///
    /// # Errors
    /// When a table or SSM does not answer. Nothing is lost: all of it is done again in a minute.
    pub async fn minute(
        &self,
        herald: &Herald,
        live: &Live,
        observe: impl AsyncFnOnce(Option<Timestamp>) -> Result<Observed, StoreError>,
        now: Timestamp,
    ) -> Result<String, RoundError> {
        let read = self.record.read::<Remembered>().await?;
        let mut next = read.value.clone();
        let present = self.parameters.versions(Watched::ALL.map(|one| self.name_of(one)).to_vec()).await?;
        let percentage = present.get(&self.name_of(Watched::RolloutPercentage));
        for parameter in Watched::ALL {
            if let Some(found) = present.get(&self.name_of(parameter)) {
                self.write_down(parameter, found, &mut next).await?;
            }
        }
        let observed = observe(next.ramp.as_ref().map(|ramp| ramp.holding_since)).await?;
        let settings = live.settings.guard;
        let in_force = live.rollout.percentage;
        let budgets = live.settings.budgets.hour_micros;
        let situation = Situation {
            percentage: in_force,
            changed_at: next.changed_at,
            minutes: &observed.minutes,
            hosts: &observed.hosts,
            cost_micros: observed.cost_micros,
            hourly_budget_micros: budgets,
        };
        let verdict = guard::decide(&situation, next.guard, &settings, now);
        (next.guard, next.verdict) = (verdict.memory, serde_json::to_value(&verdict).ok());
        let mut alerts = says::of_verdict(&verdict, &observed, &settings);
        alerts.extend(says::of_parameter(percentage));
        let intent = match percentage {
            Some(percentage) if !next.is_claimed(percentage.version, now) => {
                self.decide(&verdict, percentage, in_force, &observed, &settings, &mut next, &mut alerts, now)
            }
            _ => None,
        };
        let done = self.carry_out(&read, next, intent, &mut alerts, now).await?;
        herald.tell(alerts, now).await;
        Ok(done)
    }

    /// What is to be written now, if anything: the guard's word comes before the ramp's.
    #[allow(clippy::too_many_arguments)] // one round's facts, named where they are read
    fn decide(
        &self,
        verdict: &Verdict,
        percentage: &ParameterVersion,
        in_force: Percentage,
        observed: &Observed,
        settings: &GuardSettings,
        next: &mut Remembered,
        alerts: &mut Vec<Alert>,
        now: Timestamp,
    ) -> Option<Intent> {
        let intent = |to, by, reason: String, numbers| Intent {
            at: now,
            from_version: percentage.version,
            from: Some(in_force.hundredths()),
            to,
            by,
            reason: Some(reason),
            numbers,
        };
        if let Action::Lower { to_hundredths } = verdict.action {
            alerts.push(says::of_lowering(verdict, in_force, to_hundredths, settings.enabled));
            next.ramp = None;
            return settings
                .enabled
                .then(|| intent(to_hundredths, By::Guard, says::reason(verdict), next.verdict.clone()));
        }
        let ramp = next.ramp.as_mut()?;
        let seen = Seen { percentage: in_force, lately: &observed.lately, held: &observed.held };
        let (step, progress) = ramp::advance(&ramp.plan(), &ramp.progress(), seen, now);
        let numbers = serde_json::to_value(&step).ok();
        ramp.last.clone_from(&numbers);
        match step {
            Next::Wait { .. } => {
                ramp.move_to(&progress);
                None
            }
            Next::Raise { to_hundredths, .. } => {
                let reason = format!("step {} of {} of the ramp", progress.step + 1, ramp.steps.len());
                ramp.move_to(&progress);
                alerts.push(says::of_ramp(&reason, in_force, to_hundredths));
                Some(intent(to_hundredths, By::Ramp, reason, numbers))
            }
            Next::Done | Next::Overtaken => {
                alerts.push(says::of_ramp_end(step == Next::Done, in_force));
                next.ramp = None;
                None
            }
        }
    }

    /// Claims the minute by the record's condition, then acts.
    async fn carry_out(
        &self,
        read: &Recorded<Remembered>,
        mut next: Remembered,
        intent: Option<Intent>,
        alerts: &mut Vec<Alert>,
        now: Timestamp,
    ) -> Result<String, RoundError> {
        if let Some(intent) = &intent {
            next.intent = Some(intent.clone());
        }
        match self.record.replace(read, &next).await {
            Err(StoreError::ConditionFailed { .. }) => {
                alerts.clear();
                return Ok("another round has this minute".to_owned());
            }
            other => other?,
        }
        let Some(intent) = intent else { return Ok("the rollout stays as it is".to_owned()) };
        let done = match self.act(&intent).await? {
            Acted::Written(version) => {
                self.audit.add(&intent.written(version, now)).await?;
                format!("the rollout is {} now", Percentage::from_hundredths(intent.to).unwrap_or_default())
            }
            Acted::Overtaken => "an operator changed the rollout first".to_owned(),
            Acted::PutBack(_) => {
                alerts.push(says::of_overlap());
                "an operator's value was put back".to_owned()
            }
        };
        tracing::info!(done, "the rollout was looked after");
        Ok(done)
    }

    /// Writes down each version of a parameter that is not yet. What a round or a caller intended is theirs, the rest is an
    /// operator's.
    async fn write_down(
        &self,
        parameter: Watched,
        present: &ParameterVersion,
        next: &mut Remembered,
    ) -> Result<(), RoundError> {
        let seen = next.seen.get(&parameter).copied();
        if seen.is_some_and(|seen| seen >= present.version) {
            return Ok(());
        }
        // The version before the first unseen one tells what was there before.
        let after = seen.map_or(0, |seen| seen - 1);
        let history = self.parameters.history(&self.name_of(parameter), after).await?;
        for (place, found) in
            history.iter().enumerate().filter(|(_, found)| seen.is_none_or(|seen| found.version > seen))
        {
            let before = place.checked_sub(1).and_then(|before| history.get(before)).map(|before| &before.value);
            let plain = AuditRecord::of_history(parameter, found, before);
            let intended = next.intent.as_ref().filter(|_| parameter == Watched::RolloutPercentage);
            let intended = intended.map(|intent| intent.written(intent.from_version + 1, plain.at));
            let record = match intended {
                Some(intended) if intended.version == found.version && intended.new == plain.new => intended,
                _ => plain,
            };
            if parameter == Watched::RolloutPercentage {
                next.changed_at = Some(record.at);
                // Whoever moves the percentage but the ramp itself ends it.
                if !matches!(record.by, By::Ramp) && next.ramp.as_ref().is_some_and(|ramp| is_later(ramp, &record)) {
                    next.ramp = None;
                }
            }
            self.audit.add(&record).await?;
        }
        if parameter == Watched::RolloutPercentage
            && next.intent.as_ref().is_some_and(|intent| intent.from_version < present.version)
        {
            next.intent = None;
        }
        next.seen.insert(parameter, present.version);
        Ok(())
    }
}

/// Whether a change came after a ramp's own beginning, whose first step may itself be a change.
fn is_later(ramp: &RampState, record: &AuditRecord) -> bool {
    let of_this_ramp = record.numbers.as_ref().is_some_and(|numbers| numbers == &json!({"ramp": ramp.started_at}));
    record.at > ramp.started_at && !of_this_ramp
}
