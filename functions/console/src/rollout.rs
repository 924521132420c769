//! `GET` and `PUT /v1/rollout`: state and history of the rollout, and changes by operators.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Number, Value};

use super::ConsoleApi;
use super::change_request::ChangeRequest;
use super::metrics::WindowView;
use super::sample_ratio::{ExpectedSplit, SampleRatio};
use domain::rollout::ramp::Criteria;
use domain::rollout::{ParameterVersion, Percentage};
use domain::{Actor, AuditRecord, ManagedParameter};
use metrics::arm_metrics::RolloutArmMetric;
use metrics::counters::Cohort;
use metrics::figures::rate;
use metrics::{CounterName, Counters, Window};
use platform::http::Request;
use platform::preconditions;
use platform::problem::{FieldError, Problem, ProblemKind};
use rollout::{CommandError, ControllerState, RampState, RolloutCommand};

/// Window of the arms, in minutes.
const ARMS_MINUTES: i64 = 60;

/// The response of `GET /v1/rollout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutView {
    /// The percentage.
    pub percentage: Number,
    /// Source of the percentage. `live` is the present parameter, and `last good` is the last valid value. `none` means
    /// 0, because no valid value was ever read.
    pub source: &'static str,
    /// Version of the percentage in force; null if no valid value was ever read.
    pub version: Option<i64>,
    /// Present value of the parameter if it is not valid; null if it is valid or cannot be read.
    pub invalid: Option<InvalidValue>,
    /// Time of the last change, as far as the audit records show.
    pub changed_at: Option<Timestamp>,
    /// Number of listed users, who get version 2 at any percentage above 0.
    pub listed: usize,
    /// Number of notifications of each version in the last hour; null while the metrics cannot be read.
    pub arms: Option<ArmCounts>,
    /// Check of that split against the percentage.
    pub sample_ratio: SampleRatio,
    /// The active plan.
    pub plan: Option<PlanView>,
    /// The guard's last verdict with input, threshold and sample of every rule.
    pub guard: GuardView,
    /// The last changes, newest first.
    pub changes: Vec<AuditRecord>,
}

/// Present value of the parameter that is not valid, and so not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvalidValue {
    /// Version of the parameter; null if the parameter does not exist.
    pub version: Option<i64>,
    /// Reason why the value is not valid, as text that does not contain the value.
    pub reason: String,
}

/// Present value of the parameter.
enum PresentValue {
    Valid(ParameterVersion),
    Invalid(InvalidValue),
    Unreadable,
}

/// Notifications by version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmCounts {
    /// The window of the numbers.
    pub window: WindowView,
    /// Notifications assigned to version 1.
    pub v1: i64,
    /// Notifications assigned to version 2.
    pub v2: i64,
    /// Share of version 2; null without any notification.
    pub v2_share: Option<f64>,
}

/// A plan and its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanView {
    /// The steps of the plan.
    pub steps: Vec<StepView>,
    /// The criteria that must hold.
    pub criteria: Criteria,
    /// The actor who started the plan.
    pub by: Actor,
    /// Time of the start.
    pub started_at: Timestamp,
    /// Number of the present step, from 1.
    pub step: usize,
    /// Time at which the present step began.
    pub step_since: Timestamp,
    /// Time since which the criteria have held without interruption.
    pub holding_since: Timestamp,
    /// Time of the next step if the criteria continue to hold, on enough data.
    pub next_step_at: Option<Timestamp>,
    /// Result of the last evaluation.
    pub last: Option<Value>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    /// The percentage.
    pub percentage: Number,
    /// Minutes for which the criteria must hold on this step.
    pub hold_minutes: u32,
}

/// The guard's last evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardView {
    /// Time of the evaluation; null before the first one.
    pub at: Option<Timestamp>,
    /// The verdict; null before the first evaluation.
    pub verdict: Option<Value>,
}

/// The response of `PUT /v1/rollout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutChange {
    /// The percentage, in force everywhere within 30 s; null if the parameter cannot be read.
    pub percentage: Option<Number>,
    /// The active plan.
    pub plan: Option<PlanView>,
}

impl ConsoleApi {
    pub(super) async fn rollout(&self, request: &Request, now: Timestamp) -> Result<RolloutView, Problem> {
        request.only_parameters(&["limit"])?;
        let limit = request.limit()?;
        let window = Window::last(ARMS_MINUTES, now);
        let (present, record, changes, counters) = tokio::join!(
            self.present(),
            self.controller.record.read::<ControllerState>(),
            self.controller.audit.last(limit),
            self.read(window)
        );
        let (record, changes) = (record?.value, changes?);
        // A rollout is changed, and a plan is stopped, while the metrics cannot be read too.
        let counters = counters.ok();
        let (valid, invalid) = match present {
            PresentValue::Valid(found) => (Some(found), None),
            PresentValue::Invalid(invalid) => (None, Some(invalid)),
            PresentValue::Unreadable => (None, None),
        };
        let expected = self.expected_split_of(valid.as_ref()).await;
        let sample_ratio = match &counters {
            Some(counters) => self.ratio(&expected, window, counters, now).await.ok(),
            None => None,
        };
        let (source, version) = match (valid, self.config.valid_texts().percentage) {
            (Some(found), _) => ("live", Some(found.version)),
            (None, Some(text)) => ("last good", Some(text.key.version)),
            (None, None) => ("none", None),
        };
        Ok(RolloutView {
            percentage: number(expected.percentage),
            source,
            version,
            invalid,
            changed_at: record.changed_at,
            listed: expected.listed,
            arms: counters.map(|counters| ArmCounts::new(window, &counters)),
            sample_ratio: sample_ratio.unwrap_or_else(|| SampleRatio::unread(&expected)),
            plan: record.ramp.as_ref().map(PlanView::new),
            guard: GuardView::new(record),
            changes,
        })
    }

    /// Makes the requested change. A refused request changes nothing.
    pub(super) async fn change_rollout(&self, request: &Request, now: Timestamp) -> Result<RolloutChange, Problem> {
        request.only_parameters(&[])?;
        let by = Actor::Api(request.author()?);
        let ChangeRequest { command, reason } = ChangeRequest::of(request)?;
        let set = match &command {
            RolloutCommand::Percentage(percentage) => Some(*percentage),
            RolloutCommand::Ramp(steps, _) => steps.first().map(|step| step.percentage),
            RolloutCommand::NoRamp => None,
        };
        let done = self.controller.execute(command, by, reason, now).await.map_err(refused)?;
        let caller = request.caller.in_logs();
        tracing::info!(caller, percentage = set.map(|set| set.to_string()), "changed rollout");
        let percentage = match set {
            Some(set) => Some(set),
            None => self.present().await.percentage(),
        };
        Ok(RolloutChange { percentage: percentage.map(number), plan: done.ramp.as_ref().map(PlanView::new) })
    }

    /// Reads the present value of the parameter, without any cache.
    async fn present(&self) -> PresentValue {
        let name = format!("{}/{}", self.controller.prefix, ManagedParameter::RolloutPercentage);
        let found = match self.controller.parameters.versions(vec![name.clone()]).await {
            Ok(mut found) => found.remove(&name),
            Err(error) => {
                tracing::warn!(%error, "failed to read rollout-percentage");
                return PresentValue::Unreadable;
            }
        };
        let version = found.as_ref().map(|found| found.version);
        let text = found.as_ref().map(|found| found.value.expose().as_str());
        match (ManagedParameter::RolloutPercentage.invalid_reason(text), found) {
            (None, Some(found)) => PresentValue::Valid(found),
            (reason, _) => PresentValue::Invalid(InvalidValue { version, reason: reason.unwrap_or_default() }),
        }
    }

    /// Returns the split that the given parameter leads to; without one, that of the values in force.
    async fn expected_split_of(&self, present: Option<&ParameterVersion>) -> ExpectedSplit {
        let rollout = match present {
            Some(_) => self.config.current().await.rollout,
            // Reads again: a value cached while the parameter was readable may be older than the one other processes
            // now fall back to.
            None => self.config.refresh().await.rollout,
        };
        let mut texts = self.config.valid_texts();
        let mut percentage = rollout.percentage;
        if let Some(present) = present {
            percentage = present.value.expose().parse().unwrap_or(percentage);
            texts.percentage = Some(present.clone().into());
        }
        ExpectedSplit { percentage, listed: rollout.users.len(), unchanged_since: self.unchanged_since(&texts).await }
    }
}

impl PresentValue {
    fn percentage(&self) -> Option<Percentage> {
        match self {
            Self::Valid(found) => found.value.expose().parse().ok(),
            Self::Invalid(_) | Self::Unreadable => None,
        }
    }
}

pub(super) fn refused(problem: CommandError) -> Problem {
    match problem {
        CommandError::Plan(problems) => {
            Problem::invalid(problems.into_iter().map(|it| FieldError::new(it.field, it.message)).collect())
        }
        CommandError::Busy => Problem::new(
            ProblemKind::Conflict,
            "Another change of the rollout is in progress or was just made, and this one was not applied. Read GET /v1/rollout, then retry.",
        ),
        CommandError::Superseded => preconditions::failed(),
        CommandError::Missing => {
            Problem::new(ProblemKind::Conflict, "The parameter does not exist; `make init` creates it.")
        }
        CommandError::Reconcile(error) => {
            tracing::error!(%error, "failed to change a parameter");
            Problem::unavailable(2)
        }
    }
}

/// Returns a percentage as a JSON number: `10`, `12.5`.
fn number(percentage: Percentage) -> Number {
    percentage.to_string().parse().unwrap_or_else(|_| Number::from(0))
}

impl ArmCounts {
    fn new(window: Window, counters: &Counters) -> Self {
        let assigned = |cohort| counters.get(&CounterName::RolloutArm(cohort, RolloutArmMetric::Assigned)).max(0);
        let (v1, v2) = (assigned(Cohort::V1), assigned(Cohort::V2));
        Self { window: window.into(), v1, v2, v2_share: rate(v2, v1 + v2) }
    }
}

impl PlanView {
    fn new(ramp: &RampState) -> Self {
        let plan = ramp.plan();
        let hold_minutes = plan.steps.get(ramp.step).map(|step| step.hold_minutes);
        let has_next = ramp.step + 1 < plan.steps.len();
        let hold = hold_minutes.filter(|_| has_next).map(|minutes| SignedDuration::from_mins(i64::from(minutes)));
        let step = |step: &domain::rollout::ramp::RampStep| StepView {
            percentage: number(step.percentage),
            hold_minutes: step.hold_minutes,
        };
        Self {
            steps: plan.steps.iter().map(step).collect(),
            criteria: plan.criteria,
            by: ramp.by.clone(),
            started_at: ramp.started_at,
            step: ramp.step + 1,
            step_since: ramp.step_since,
            holding_since: ramp.holding_since,
            next_step_at: hold.and_then(|hold| ramp.holding_since.checked_add(hold).ok()),
            last: ramp.last.clone(),
        }
    }
}

impl GuardView {
    fn new(record: ControllerState) -> Self {
        let at = Some(record.guard.evaluated_at_ms).filter(|at_ms| *at_ms > 0);
        Self { at: at.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok()), verdict: record.verdict }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::rollout::ramp::{RampPlan, RampStep};
    use platform::caller::Author;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_percentage_reads_as_a_plain_number() {
        for (text, json) in [("0", "0"), ("10", "10"), ("12.5", "12.5"), ("33.33", "33.33"), ("100.00", "100")] {
            assert_eq!(number(text.parse().unwrap()).to_string(), json);
        }
    }

    #[test]
    fn a_plan_shows_its_step_and_the_time_of_the_next() {
        let steps = [("10", 60), ("50", 30)]
            .map(|(percentage, hold_minutes)| RampStep { percentage: percentage.parse().unwrap(), hold_minutes });
        let plan = RampPlan { steps: steps.to_vec(), criteria: Criteria::default() };
        let began = at("2026-11-23T10:00:00Z");
        let mut ramp = RampState::start(&plan, Actor::Api(Author::of_id("ops")), began);
        let view = serde_json::to_value(PlanView::new(&ramp)).unwrap();
        assert_eq!((&view["step"], &view["next_step_at"]), (&1.into(), &"2026-11-23T11:00:00Z".into()));
        assert_eq!(view["steps"][1], serde_json::json!({"percentage": 50, "hold_minutes": 30}));
        assert_eq!(view["by"], serde_json::json!({"who": "api", "name": "ops"}));
        ramp.step = 1;
        assert_eq!(PlanView::new(&ramp).next_step_at, None, "the last step has no next one");
    }

    #[test]
    fn a_refusal_names_the_fields_of_a_plan() {
        let plan = vec![domain::rollout::ramp::PlanError {
            field: "plan.steps".to_owned(),
            message: "must have 1 to 10 steps",
        }];
        let problem = refused(CommandError::Plan(plan));
        assert_eq!((problem.kind, problem.errors[0].field.as_str()), (ProblemKind::Invalid, "plan.steps"));
        assert_eq!(refused(CommandError::Busy).kind, ProblemKind::Conflict);
        assert_eq!(refused(CommandError::Missing).kind, ProblemKind::Conflict);
    }
}
