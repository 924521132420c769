//! Gates: rules that decide before the first attempt, evaluated in one order, each with its inputs and its reason
//! code.
//!
//! The evaluation is pure. `send` acts on the verdict, and `explain` shows every answer. Both run the same code, but
//! only [`Gates::explain`] builds the inputs that it shows.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::ConfigSnapshot;
use domain::caps::CapRules;
use domain::channel::Channel;
use domain::notification::{Notification, Reason, Status};
use domain::recipient::Recipient;
use domain::rollout::{Rollout, Version, bucket};
use domain::settings::Settings;
use domain::{TypeId, TypeRules, TypeState};

/// Shortest and longest interval between two checks of a notification whose type is paused.
const SHORTEST_PAUSE_CHECK: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE_CHECK: SignedDuration = SignedDuration::from_mins(15);

/// Decision of all gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateVerdict {
    /// Send as this version.
    Pass,
    /// End as `skipped`.
    Skip(Reason),
    /// Wait until this time, then evaluate the gates again.
    Hold(Reason, Timestamp),
}

/// Answer of one gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateAnswer {
    /// Name of the gate, which is also its reason code.
    pub gate: &'static str,
    /// `true` if the gate lets the notification pass.
    pub passed: bool,
    /// Inputs of the gate, never an address.
    pub inputs: Value,
}

/// Result of all gates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateResult {
    /// The version, recorded on skips too.
    pub version: Version,
    /// Verdict of the first gate that refused, or [`GateVerdict::Pass`].
    pub verdict: GateVerdict,
    /// `true` if the notification passes once a slot of the frequency caps is claimed for it.
    pub needs_claim: bool,
}

/// Evaluation of the gates under way.
#[derive(Debug)]
struct Evaluation {
    gated: GateResult,
    /// Every evaluated gate in order, including those after a refusal; `None` if no caller reads it.
    trail: Option<Vec<GateAnswer>>,
}

/// Inputs of the gates.
#[derive(Debug, Clone, Copy)]
pub struct Gates<'a> {
    /// Rules of the notification's type that are in force.
    pub rules: TypeRules,
    /// The rollout that is in force.
    pub rollout: &'a Rollout,
    /// Rules of the frequency caps.
    pub caps: &'a CapRules,
    /// Settings, for quiet hours and the time zone of the organisation.
    pub settings: &'a Settings,
    /// The recipient, if known.
    pub recipient: Option<&'a Recipient>,
    /// Channels that cannot reach the recipient whatever is tried.
    pub unreachable: &'a BTreeSet<Channel>,
}

impl<'a> Gates<'a> {
    /// Returns the gates of a notification of this type under the configuration in force.
    #[must_use]
    pub fn new(
        config: &'a ConfigSnapshot,
        type_id: &TypeId,
        recipient: Option<&'a Recipient>,
        unreachable: &'a BTreeSet<Channel>,
    ) -> Self {
        let ConfigSnapshot { rollout, caps, settings, .. } = config;
        Self { rules: settings.types.rules_of(type_id), rollout, caps, settings, recipient, unreachable }
    }

    /// Evaluates every gate for `notification`.
    #[must_use]
    pub fn evaluate(&self, notification: &Notification, now: Timestamp) -> GateResult {
        self.evaluated(notification, now, None).gated
    }

    /// Evaluates every gate for `notification`, and returns the answer of each in order, including those after a
    /// refusal.
    #[must_use]
    pub fn explain(&self, notification: &Notification, now: Timestamp) -> (GateResult, Vec<GateAnswer>) {
        let Evaluation { gated, trail } = self.evaluated(notification, now, Some(Vec::new()));
        (gated, trail.unwrap_or_default())
    }

    fn evaluated(&self, notification: &Notification, now: Timestamp, trail: Option<Vec<GateAnswer>>) -> Evaluation {
        let version = self.rollout.decide(notification.to().expose());
        let mut gated =
            Evaluation { gated: GateResult { version, verdict: GateVerdict::Pass, needs_claim: false }, trail };
        gated.note("rollout", true, || self.rollout_inputs(notification, version));
        gated.check(GateVerdict::Skip(Reason::UnknownRecipient), self.recipient.is_some(), || json!({}));
        let Some(recipient) = self.recipient else {
            return gated;
        };
        let kind = notification.type_id().as_str();
        let choices = &recipient.preferences.choices;
        // A recipient may opt out of a critical type, but its notifications are sent all the same.
        let passes = choices.allow_type(notification.type_id(), notification.channels(), &self.rules);
        gated.check(GateVerdict::Skip(Reason::OptedOut), passes, || {
            let refusal = choices.refusal_of_type(notification.type_id(), notification.channels());
            json!({"type": kind, "choice": refusal, "default_opt": self.rules.default_opt})
        });
        let open = self.open_channels(notification, recipient, version);
        gated.check(
            GateVerdict::Skip(Reason::NoChannel),
            !open.is_empty(),
            || json!({"channels": open, "suppressed": recipient.suppressed}),
        );
        // A notification past its lifetime is not held again, so that it can expire.
        let may_wait = now < notification.lives_until();
        if self.rules.state == TypeState::Paused && may_wait {
            let next_check = next_check_of_paused(notification, now);
            let inputs = || json!({"type": kind, "next_check": next_check});
            gated.check(GateVerdict::Hold(Reason::TypePaused, next_check), false, inputs);
        }
        if version == Version::V2 && may_wait {
            self.check_time_and_caps(&mut gated, notification, recipient, now);
        }
        gated
    }

    fn rollout_inputs(&self, notification: &Notification, version: Version) -> Value {
        json!({
            "percentage": self.rollout.percentage.to_string(),
            "bucket": bucket(notification.to().expose()),
            "version": version,
        })
    }

    fn check_time_and_caps(
        &self,
        gated: &mut Evaluation,
        notification: &Notification,
        recipient: &Recipient,
        now: Timestamp,
    ) {
        let until = self.quiet_until(notification, recipient, now);
        let verdict = GateVerdict::Hold(Reason::QuietHours, until.unwrap_or(now));
        gated.check(verdict, until.is_none(), || self.quiet_inputs(recipient, until));
        let cap = self.check_caps(notification, recipient, now);
        let (passed, refusal) = match cap.verdict {
            GateVerdict::Pass => (true, GateVerdict::Skip(Reason::FrequencyCap)),
            refusal => (false, refusal),
        };
        gated.check(refusal, passed, || self.cap_inputs(notification, recipient, now));
        gated.gated.needs_claim = cap.needs_claim && gated.gated.verdict == GateVerdict::Pass;
    }

    /// Returns the channels of this notification that can reach the recipient; for version 1, push alone.
    #[must_use]
    pub fn open_channels(&self, notification: &Notification, recipient: &Recipient, version: Version) -> Vec<Channel> {
        let asked = notification.channels().iter().copied();
        let known = asked.filter(|channel| version == Version::V2 || *channel == Channel::Push);
        let kind = notification.type_id();
        let is_open = |channel: &Channel| recipient.reachable_on(*channel, kind, &self.rules);
        known.filter(|channel| is_open(channel) && !self.unreachable.contains(channel)).collect()
    }
}

/// Returns the time at which a notification of a paused type evaluates the gates again. The interval grows with the
/// time that the notification has waited, so that a long pause costs few writes.
fn next_check_of_paused(notification: &Notification, now: Timestamp) -> Timestamp {
    let waited = now.duration_since(notification.due_at());
    let interval = (waited / 4).clamp(SHORTEST_PAUSE_CHECK, LONGEST_PAUSE_CHECK);
    now.checked_add(interval).unwrap_or(Timestamp::MAX).min(notification.lives_until())
}

impl Evaluation {
    fn note(&mut self, gate: &'static str, passed: bool, inputs: impl FnOnce() -> Value) {
        if let Some(trail) = &mut self.trail {
            trail.push(GateAnswer { gate, passed, inputs: inputs() });
        }
    }

    fn check(&mut self, otherwise: GateVerdict, passed: bool, inputs: impl FnOnce() -> Value) {
        let gate = match otherwise {
            GateVerdict::Skip(reason) | GateVerdict::Hold(reason, _) => reason.as_str(),
            GateVerdict::Pass => "pass",
        };
        self.note(gate, passed, inputs);
        if !passed && self.gated.verdict == GateVerdict::Pass {
            self.gated.verdict = otherwise;
        }
    }
}

impl GateResult {
    /// Writes the decision into the notification. Returns `true` if the notification can be sent now.
    pub fn apply(&self, notification: &mut Notification, now: Timestamp) -> bool {
        notification.assign_version(self.version);
        match self.verdict {
            GateVerdict::Pass => true,
            GateVerdict::Skip(reason) => {
                notification.finish(Status::Skipped, Some(reason), now);
                false
            }
            GateVerdict::Hold(reason, until) => {
                notification.hold(reason, until, now);
                false
            }
        }
    }
}
