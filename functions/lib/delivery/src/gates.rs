//! Gates: rules that decide before the first attempt, evaluated in one order, each with its inputs and its reason
//! code.
//!
//! The evaluation is pure. `send` acts on the verdict, and `explain` shows every answer; both call [`Gates::evaluate`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use domain::TypeRules;
use domain::channel::Channel;
use domain::notification::{Notification, Reason, Status};
use domain::recipient::Recipient;
use domain::rollout::{Rollout, Version, bucket};

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
    pub inputs: serde_json::Value,
}

/// Answers of all gates.
#[derive(Debug, Clone, PartialEq)]
pub struct Gated {
    /// The version, recorded on skips too.
    pub version: Version,
    /// Verdict of the first gate that refused, or [`GateVerdict::Pass`].
    pub verdict: GateVerdict,
    /// Every evaluated gate in order, including those after a refusal.
    pub trail: Vec<GateAnswer>,
}

/// Inputs of the gates.
#[derive(Debug, Clone, Copy)]
pub struct Gates<'a> {
    /// Rules of the notification's type that are in force.
    pub rules: TypeRules,
    /// The rollout that is in force.
    pub rollout: &'a Rollout,
    /// The recipient, if known.
    pub recipient: Option<&'a Recipient>,
    /// Channels that cannot reach the recipient whatever is tried.
    pub unreachable: &'a BTreeSet<Channel>,
}

impl Gates<'_> {
    /// Evaluates every gate for `notification`.
    #[must_use]
    pub fn evaluate(&self, notification: &Notification, now: Timestamp) -> Gated {
        let version = self.rollout.decide(notification.to().expose());
        let rollout = GateAnswer {
            gate: "rollout",
            passed: true,
            inputs: serde_json::json!({
                "percentage": self.rollout.percentage.to_string(),
                "bucket": bucket(notification.to().expose()),
                "version": version,
            }),
        };
        let mut gated = Gated { version, verdict: GateVerdict::Pass, trail: vec![rollout] };
        gated.check(GateVerdict::Skip(Reason::UnknownRecipient), self.recipient.is_some(), serde_json::json!({}));
        let Some(recipient) = self.recipient else {
            return gated;
        };
        let kind = notification.type_id().as_str();
        let by = match (recipient.preferences.wants_type(kind), recipient.unsubscribed_types.contains(kind)) {
            (false, _) => Some("preferences"),
            (true, true) => Some("unsubscribe"),
            (true, false) => None,
        };
        gated.check(GateVerdict::Skip(Reason::OptedOut), by.is_none(), serde_json::json!({"type": kind, "by": by}));
        let open = self.open_channels(notification, recipient, version);
        gated.check(
            GateVerdict::Skip(Reason::NoChannel),
            !open.is_empty(),
            serde_json::json!({"channels": open, "suppressed": recipient.suppressed}),
        );
        if version == Version::V2 {
            // A notification past its lifetime is not held again, so that it can expire.
            let may_wait = !self.rules.critical && now < notification.lives_until();
            let until = recipient.quiet_until(now).filter(|_| may_wait);
            let verdict = GateVerdict::Hold(Reason::QuietHours, until.unwrap_or(now));
            gated.check(verdict, until.is_none(), serde_json::json!({"until": until}));
        }
        gated
    }

    /// Returns the channels of this notification that can reach the recipient; for version 1, push alone.
    #[must_use]
    pub fn open_channels(&self, notification: &Notification, recipient: &Recipient, version: Version) -> Vec<Channel> {
        let asked = notification.channels().iter().copied();
        let known = asked.filter(|channel| version == Version::V2 || *channel == Channel::Push);
        known.filter(|channel| recipient.reachable_on(*channel) && !self.unreachable.contains(channel)).collect()
    }
}

impl Gated {
    fn check(&mut self, otherwise: GateVerdict, passed: bool, inputs: serde_json::Value) {
        let gate = match otherwise {
            GateVerdict::Skip(reason) | GateVerdict::Hold(reason, _) => reason.as_str(),
            GateVerdict::Pass => "pass",
        };
        self.trail.push(GateAnswer { gate, passed, inputs });
        if !passed && self.verdict == GateVerdict::Pass {
            self.verdict = otherwise;
        }
    }

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
