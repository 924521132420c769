//! The gates: asked once per notification, in one order, each with its inputs and its reason code.
//!
//! Pure: `send` acts on the verdict, `explain` shows the whole trail, and both call this.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use domain::channel::Channel;
use domain::notification::{Notification, Reason, Status};
use domain::recipient::Recipient;
use domain::rollout::{Rollout, Version, bucket};

/// What the gates decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on, as this version.
    Pass,
    /// End as `skipped`.
    Skip(Reason),
    /// Wait, and ask again then.
    Hold(Reason, Timestamp),
}

/// One gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateAnswer {
    /// The gate's name, which is also its reason code.
    pub gate: &'static str,
    /// Whether it lets the notification through.
    pub passed: bool,
    /// What it looked at; never an address.
    pub inputs: serde_json::Value,
}

/// What all gates said.
#[derive(Debug, Clone, PartialEq)]
pub struct Gated {
    /// The version, recorded on skips too.
    pub version: Version,
    /// The first "no", or a pass.
    pub verdict: Verdict,
    /// Every gate in order, those behind a "no" included.
    pub trail: Vec<GateAnswer>,
}

/// What the gates look at.
#[derive(Debug, Clone, Copy)]
pub struct Gates<'a> {
    /// The live rollout.
    pub rollout: &'a Rollout,
    /// The recipient, when known.
    pub recipient: Option<&'a Recipient>,
    /// Channels that can't reach them whatever is tried.
    pub impossible: &'a BTreeSet<Channel>,
}

impl Gates<'_> {
    /// Asks every gate about `notification`.
    #[must_use]
    pub fn ask(&self, notification: &Notification, now: Timestamp) -> Gated {
        let version = self.rollout.decide(notification.to.expose());
        let rollout = GateAnswer {
            gate: "rollout",
            passed: true,
            inputs: serde_json::json!({
                "percentage": self.rollout.percentage.to_string(),
                "bucket": bucket(notification.to.expose()),
                "version": version,
            }),
        };
        let mut gated = Gated { version, verdict: Verdict::Pass, trail: vec![rollout] };
        gated.check(Verdict::Skip(Reason::UnknownRecipient), self.recipient.is_some(), serde_json::json!({}));
        let Some(recipient) = self.recipient else {
            return gated;
        };
        let kind = notification.kind.name;
        let by = match (recipient.preferences.wants_type(kind), recipient.unsubscribed_types.contains(kind)) {
            (false, _) => Some("preferences"),
            (true, true) => Some("unsubscribe"),
            (true, false) => None,
        };
        gated.check(Verdict::Skip(Reason::OptedOut), by.is_none(), serde_json::json!({"type": kind, "by": by}));
        let open = self.open_channels(notification, recipient, version);
        gated.check(
            Verdict::Skip(Reason::NoChannel),
            !open.is_empty(),
            serde_json::json!({"channels": open, "suppressed": recipient.suppressed}),
        );
        if version == Version::V2 {
            // What a hold outlived is not held again: it goes on to expire.
            let may_wait = !notification.kind.critical && now < notification.lives_until;
            let until = recipient.quiet_until(now).filter(|_| may_wait);
            let verdict = Verdict::Hold(Reason::QuietHours, until.unwrap_or(now));
            gated.check(verdict, until.is_none(), serde_json::json!({"until": until}));
        }
        gated
    }

    /// The channels of this notification that can reach the recipient; version 1 knows push alone.
    #[must_use]
    pub fn open_channels(&self, notification: &Notification, recipient: &Recipient, version: Version) -> Vec<Channel> {
        let asked = notification.channels.iter().copied();
        let known = asked.filter(|channel| version == Version::V2 || *channel == Channel::Push);
        known.filter(|channel| recipient.reachable_on(*channel) && !self.impossible.contains(channel)).collect()
    }
}

impl Gated {
    fn check(&mut self, otherwise: Verdict, passed: bool, inputs: serde_json::Value) {
        let gate = match otherwise {
            Verdict::Skip(reason) | Verdict::Hold(reason, _) => reason.as_str(),
            Verdict::Pass => "pass",
        };
        self.trail.push(GateAnswer { gate, passed, inputs });
        if !passed && self.verdict == Verdict::Pass {
            self.verdict = otherwise;
        }
    }

    /// Writes the decision into the notification; `true` when it may go on at once.
    pub fn apply(&self, notification: &mut Notification, now: Timestamp) -> bool {
        notification.version = Some(self.version);
        match self.verdict {
            Verdict::Pass => true,
            Verdict::Skip(reason) => {
                notification.finish(Status::Skipped, Some(reason), now);
                false
            }
            Verdict::Hold(reason, until) => {
                notification.hold(reason, until, now);
                false
            }
        }
    }
}
