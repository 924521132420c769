//! Admission of a call to a provider: first a slot of the bulkhead, then the circuit breaker.

use jiff::Timestamp;

use crate::breakers::{Breakers, Bulkhead, BulkheadSlot, CallDecision, CallKind};
use domain::breaker::{Host, RecipientHash, Thresholds};
use domain::channel::Answer;

/// Limits of this process for calls to providers, by host.
#[derive(Debug)]
pub(crate) struct AdmissionControl {
    breakers: Breakers,
    bulkhead: Bulkhead,
}

/// Permission for the calls to one host. Holds a slot of the bulkhead until it is dropped.
#[derive(Debug)]
pub(crate) struct CallPermit {
    host: Host,
    kind: CallKind,
    _slot: BulkheadSlot,
}

/// Reason why a host is not called.
#[derive(Debug)]
pub(crate) enum NotAdmitted {
    /// All slots of the host are taken, and the host is slow.
    AtCapacity,
    /// The circuit of this host is open until this time.
    CircuitOpen(Host, Timestamp),
}

impl CallPermit {
    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// Returns `true` if the permit is for one call, which tests if the provider works again.
    pub(crate) const fn is_probe(&self) -> bool {
        self.kind.is_probe()
    }
}

impl AdmissionControl {
    pub(crate) const fn new(breakers: Breakers, bulkhead: Bulkhead) -> Self {
        Self { breakers, bulkhead }
    }

    pub(crate) const fn breakers(&self) -> &Breakers {
        &self.breakers
    }

    /// Requests the permission to call `host`. Every permit is either [reported](Self::report) or
    /// [released](Self::release).
    pub(crate) async fn admit(&self, host: Host) -> Result<CallPermit, NotAdmitted> {
        let Some(slot) = self.bulkhead.enter(&host).await else { return Err(NotAdmitted::AtCapacity) };
        match self.breakers.enter(&host).await {
            CallDecision::Allowed(kind) => Ok(CallPermit { host, kind, _slot: slot }),
            CallDecision::CircuitOpen(until) => Err(NotAdmitted::CircuitOpen(host, until)),
        }
    }

    /// Requests the permission to call `host` even if its circuit is open.
    pub(crate) async fn admit_without_breaker(&self, host: Host) -> Result<CallPermit, NotAdmitted> {
        let Some(slot) = self.bulkhead.enter(&host).await else { return Err(NotAdmitted::AtCapacity) };
        Ok(CallPermit { host, kind: CallKind::Regular, _slot: slot })
    }

    /// Counts the result of a call that began at `began`. `recipient` is that of a push.
    pub(crate) async fn report(
        &self,
        permit: &CallPermit,
        recipient: Option<RecipientHash>,
        answer: &Answer,
        began: Timestamp,
        thresholds: &Thresholds,
    ) {
        self.breakers.count(&permit.host, recipient, permit.kind, answer, began, thresholds).await;
    }

    /// Returns a permit whose call was not made. If the call was the probe, the next call can be the probe.
    pub(crate) async fn release(&self, permit: &CallPermit, thresholds: &Thresholds) {
        self.breakers.give_back(&permit.host, permit.kind, thresholds).await;
    }
}
