//! Evaluation of the gates before the first attempt, in the order of [`Gate::ALL`], each with its inputs and its reason
//! code.
//!
//! The evaluation is pure. `send` acts on the verdict, and `explain` shows every answer. Both run the same code, but
//! only [`explain_gates`] builds the inputs that it shows.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cap_gate::{cap_inputs, check_caps};
use crate::gate_inputs::GateInputs;
use crate::gate_result::{GateAnswer, GateResult, GateVerdict};
use crate::quiet_gate::{quiet_inputs, release_time};
use domain::TypeState;
use domain::notification::{Gate, Notification, Reason};
use domain::recipient::Recipient;
use domain::rollout::{Version, bucket};

/// Shortest and longest interval between two checks of a notification whose type is paused.
const SHORTEST_PAUSE_CHECK: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE_CHECK: SignedDuration = SignedDuration::from_mins(15);

/// Evaluation of the gates under way.
#[derive(Debug)]
struct Evaluation {
    result: GateResult,
    /// Every evaluated gate in order, including those after a refusal; `None` if no caller reads it.
    trail: Option<Vec<GateAnswer>>,
}

/// Evaluates every gate for `notification`.
#[must_use]
pub fn evaluate_gates(gates: &GateInputs<'_>, notification: &Notification, now: Timestamp) -> GateResult {
    evaluate_all(gates, notification, now, None).result
}

/// Evaluates every gate for `notification`, and returns the answer of each in order, including those after a
/// refusal.
#[must_use]
pub fn explain_gates(
    gates: &GateInputs<'_>,
    notification: &Notification,
    now: Timestamp,
) -> (GateResult, Vec<GateAnswer>) {
    let Evaluation { result, trail } = evaluate_all(gates, notification, now, Some(Vec::new()));
    (result, trail.unwrap_or_default())
}

fn evaluate_all(
    gates: &GateInputs<'_>,
    notification: &Notification,
    now: Timestamp,
    trail: Option<Vec<GateAnswer>>,
) -> Evaluation {
    let version = gates.rollout.decide(notification.to().expose());
    let mut evaluation =
        Evaluation { result: GateResult { version, verdict: GateVerdict::Pass, needs_claim: false }, trail };
    evaluation.note(Gate::Rollout, true, || rollout_inputs(gates, notification, version));
    evaluation.check(Gate::UnknownRecipient, GateVerdict::Skip, gates.recipient.is_some(), || json!({}));
    let Some(recipient) = gates.recipient else {
        return evaluation;
    };
    let kind = notification.type_id().as_str();
    let choices = &recipient.preferences.choices;
    // A recipient may opt out of a critical type, but its notifications are sent all the same.
    let passes = choices.allow_type(notification.type_id(), notification.channels(), &gates.rules);
    evaluation.check(Gate::OptedOut, GateVerdict::Skip, passes, || {
        let refusal = choices.refusal_of_type(notification.type_id(), notification.channels());
        json!({"type": kind, "choice": refusal, "default_opt": gates.rules.default_opt})
    });
    let open = gates.open_channels(notification, recipient, version);
    let inputs = || json!({"channels": open, "suppressed": recipient.suppressed});
    evaluation.check(Gate::NoChannel, GateVerdict::Skip, !open.is_empty(), inputs);
    // A notification past its lifetime is not held again, so that it can expire.
    let may_wait = now < notification.lives_until();
    let is_paused = gates.rules.state == TypeState::Paused && may_wait;
    let until = is_paused.then(|| next_check_of_paused(notification, now));
    let inputs = || json!({"type": kind, "state": gates.rules.state, "next_check": until});
    evaluation.check(Gate::TypePaused, |reason| GateVerdict::Hold(reason, until.unwrap_or(now)), !is_paused, inputs);
    if version == Version::V2 && may_wait {
        check_time_and_caps(gates, &mut evaluation, notification, recipient, now);
    }
    evaluation
}

fn rollout_inputs(gates: &GateInputs<'_>, notification: &Notification, version: Version) -> Value {
    json!({
        "percentage": gates.rollout.percentage.to_string(),
        "bucket": bucket(notification.to().expose()),
        "version": version,
    })
}

fn check_time_and_caps(
    gates: &GateInputs<'_>,
    evaluation: &mut Evaluation,
    notification: &Notification,
    recipient: &Recipient,
    now: Timestamp,
) {
    let until = release_time(gates, notification, recipient, now);
    let hold = |reason| GateVerdict::Hold(reason, until.unwrap_or(now));
    evaluation.check(Gate::QuietHours, hold, until.is_none(), || quiet_inputs(gates, recipient, until));
    let cap = check_caps(gates, notification, recipient, now);
    let passed = cap.verdict == GateVerdict::Pass;
    evaluation.check(Gate::FrequencyCap, |_| cap.verdict, passed, || cap_inputs(gates, notification, recipient, now));
    evaluation.result.needs_claim = cap.needs_claim && evaluation.result.verdict == GateVerdict::Pass;
}

/// Returns the time at which a notification of a paused type evaluates the gates again. The interval grows with the
/// time that the notification has waited, so that a long pause costs few writes.
fn next_check_of_paused(notification: &Notification, now: Timestamp) -> Timestamp {
    let waited = now.duration_since(notification.due_at());
    let interval = (waited / 4).clamp(SHORTEST_PAUSE_CHECK, LONGEST_PAUSE_CHECK);
    now.checked_add(interval).unwrap_or(Timestamp::MAX).min(notification.lives_until())
}

impl Evaluation {
    fn note(&mut self, gate: Gate, passed: bool, inputs: impl FnOnce() -> Value) {
        if let Some(trail) = &mut self.trail {
            trail.push(GateAnswer { gate: gate.as_str(), passed, inputs: inputs() });
        }
    }

    /// Notes the answer of a gate. If it is the first one that does not pass, its refusal is the verdict.
    fn check(
        &mut self,
        gate: Gate,
        refusal: impl FnOnce(Reason) -> GateVerdict,
        passed: bool,
        inputs: impl FnOnce() -> Value,
    ) {
        self.note(gate, passed, inputs);
        if !passed && self.result.verdict == GateVerdict::Pass {
            self.result.verdict = refusal(gate.reason());
        }
    }
}
