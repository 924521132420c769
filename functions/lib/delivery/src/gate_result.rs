//! Result of the gates.

use domain::notification::{Notification, Reason, Status};
use domain::rollout::Version;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Decision of all gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateVerdict {
    /// Send now.
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

impl GateResult {
    /// Writes the version and the verdict into the notification.
    pub fn write_into(&self, notification: &mut Notification, now: Timestamp) {
        notification.assign_version(self.version);
        match self.verdict {
            GateVerdict::Pass => {}
            GateVerdict::Skip(reason) => notification.finish(Status::Skipped, Some(reason), now),
            GateVerdict::Hold(reason, until) => notification.hold(reason, until, now),
        }
    }
}
