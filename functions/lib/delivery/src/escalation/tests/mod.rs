//! Rules of the escalation policy, by topic: states of the channels, their order, uncertain paid sends, open circuits
//! and rests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod channel_states;
mod circuits;
mod order;
mod uncertain;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{EscalationPolicy, Step};
use domain::breaker::{Host, OpenCircuits};
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status, sample};
use domain::recipient::{Recipient, sample as people};
use domain::rollout::Version;
use domain::{NotificationTypes, OnUncertain, TypeId, TypeRules};

const NONE: &BTreeSet<Channel> = &BTreeSet::new();
const NO_FAULTS: &BTreeMap<Channel, Reason> = &BTreeMap::new();
const NO_OPEN_CIRCUITS: &OpenCircuits = &OpenCircuits::new();

fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn v2(kind: &str) -> Notification {
    let mut notification = sample(kind, start());
    notification.parts_mut().version = Some(Version::V2);
    notification
}

fn rules_of(kind: &str) -> TypeRules {
    NotificationTypes::default().rules_of(&TypeId::parse(kind).unwrap())
}

/// Returns the policy for a type that requires proof of delivery within 4 hours.
fn with_proof(recipient: &Recipient) -> EscalationPolicy<'_> {
    let policy = policy_for(recipient);
    let escalate_after = rules_of("PAYMENT_DUE").escalate_after;
    EscalationPolicy { rules: TypeRules { escalate_after, ..policy.rules }, ..policy }
}

fn policy_for(recipient: &Recipient) -> EscalationPolicy<'_> {
    let rules = rules_of("DEFAULT");
    EscalationPolicy {
        rules,
        recipient: Some(recipient),
        unreachable: NONE,
        unaffordable: NONE,
        not_composable: NO_FAULTS,
        open_circuits: NO_OPEN_CIRCUITS,
        is_killed: false,
        is_superseded: false,
    }
}

fn tried(channel: Channel, device: Option<&str>, outcome: Outcome, at: Timestamp) -> Attempt {
    let provider = channel.provider().to_owned();
    let answer = Answer { outcome, provider, status_code: None, latency_ms: 0, detail: None };
    Attempt::of(channel, device.map(str::to_owned), answer, at, 0)
}

const fn wait(after_ms: u64) -> Outcome {
    Outcome::RetryLater { after_ms: Some(after_ms) }
}

const REFUSED: Outcome = Outcome::Rejected { reason: Rejection::Refused };

fn devices<'a>(step: &Step<'a>) -> Vec<&'a str> {
    match step {
        Step::Push(devices) => devices.iter().map(|device| device.device_id.as_str()).collect(),
        other => panic!("not a push: {other:?}"),
    }
}
