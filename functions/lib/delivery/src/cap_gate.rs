//! Gate of the frequency caps: the decision about one notification, and the claim of its slot.
//!
//! The claim is stored before the first attempt. A crash after it leaves one slot too few, never one message too many.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gate_inputs::GateInputs;
use crate::gate_result::GateVerdict;
use crate::quiet_gate::release_time;
use domain::caps::{CapCheck, CapDecision, CapSubject, CapUsage};
use domain::channel::Channel;
use domain::notification::{Notification, Reason};
use domain::recipient::Recipient;
use domain::rollout::Version;
use domain::{CapMode, OnCap};
use store::{CapClaimResult, RecipientsStore, StoreError};

/// Answer of the gate.
pub(crate) struct CapAnswer {
    /// Verdict, on the claims that were read with the recipient.
    pub verdict: GateVerdict,
    /// `true` if the notification needs a claim, which is not stored yet.
    pub needs_claim: bool,
}

/// Evaluates the caps at `now` on the claims that were read with the recipient.
pub(crate) fn check_caps(
    gates: &GateInputs<'_>,
    notification: &Notification,
    recipient: &Recipient,
    now: Timestamp,
) -> CapAnswer {
    let decision = decide_cap(gates, notification, recipient, &recipient.caps, now);
    let verdict = match &decision {
        CapDecision::Full { frees_at, .. } => when_full(gates, notification, recipient, *frees_at),
        _ => GateVerdict::Pass,
    };
    CapAnswer { verdict, needs_claim: matches!(decision, CapDecision::Claimed(_)) }
}

/// Returns the inputs of the gate, for `explain`.
pub(crate) fn cap_inputs(
    gates: &GateInputs<'_>,
    notification: &Notification,
    recipient: &Recipient,
    now: Timestamp,
) -> Value {
    let open = gates.open_channels(notification, recipient, Version::V2);
    let local = gates.local_zone(recipient);
    let check = CapCheck { rules: gates.caps, subject: subject(gates, notification, &open), zone: &local.zone };
    json!({
        "mode": gates.rules.cap,
        "rules": check.uses(&recipient.caps, now),
        "time_zone": local.time_zone,
        "time_zone_source": local.time_zone_source,
    })
}

/// Claims the slot of a notification that passed all gates. Returns the final verdict and the stored claims, if
/// they are known.
pub(crate) async fn claim_slot(
    gates: &GateInputs<'_>,
    recipients: &RecipientsStore,
    notification: &Notification,
    recipient: &Recipient,
    retry_at: Timestamp,
    now: Timestamp,
) -> Result<(GateVerdict, Option<CapUsage>), StoreError> {
    let decide = |usage: &CapUsage| decide_cap(gates, notification, recipient, usage, now);
    Ok(match recipients.claim_cap(&recipient.key, &recipient.caps, decide).await? {
        CapClaimResult::Stored(usage) => (GateVerdict::Pass, Some(usage)),
        CapClaimResult::Decided(CapDecision::Full { frees_at, .. }, usage) => {
            (when_full(gates, notification, recipient, frees_at), Some(usage))
        }
        CapClaimResult::Decided(_, usage) => (GateVerdict::Pass, Some(usage)),
        CapClaimResult::Contended if gates.rules.cap == CapMode::CountOnly => {
            let notification = notification.id();
            tracing::warn!(%notification, "failed to count a notification for the frequency caps; sending it");
            (GateVerdict::Pass, None)
        }
        CapClaimResult::Contended => (GateVerdict::Hold(Reason::FrequencyCap, retry_at), None),
    })
}

fn decide_cap(
    gates: &GateInputs<'_>,
    notification: &Notification,
    recipient: &Recipient,
    usage: &CapUsage,
    now: Timestamp,
) -> CapDecision {
    if gates.caps.iter().next().is_none() {
        return CapDecision::NotCounted;
    }
    let open = gates.open_channels(notification, recipient, Version::V2);
    let zone = &gates.local_zone(recipient).zone;
    let check = CapCheck { rules: gates.caps, subject: subject(gates, notification, &open), zone };
    check.decide(usage, notification.id().cap_tag(), now)
}

fn subject<'a>(gates: &GateInputs<'_>, notification: &'a Notification, channels: &'a [Channel]) -> CapSubject<'a> {
    CapSubject { mode: gates.rules.cap, class: gates.rules.class, type_id: notification.type_id(), channels }
}

/// Returns the verdict if the slot frees at `frees_at`: a hold until then, or until the quiet hours at that time
/// end. A notification whose lifetime ends first is skipped.
fn when_full(
    gates: &GateInputs<'_>,
    notification: &Notification,
    recipient: &Recipient,
    frees_at: Timestamp,
) -> GateVerdict {
    let until = release_time(gates, notification, recipient, frees_at).unwrap_or(frees_at);
    if gates.rules.on_cap == OnCap::Hold && until < notification.lives_until() {
        GateVerdict::Hold(Reason::FrequencyCap, until)
    } else {
        GateVerdict::Skip(Reason::FrequencyCap)
    }
}
