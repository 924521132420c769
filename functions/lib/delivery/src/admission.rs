//! Admission of a call to a provider: first a slot of the bulkhead, then the circuit breaker. Calls to a paid provider
//! also wait while the account's rate is exceeded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::breakers::{Breakers, Bulkhead, BulkheadSlot, CallDecision, CallKind};
use domain::breaker::{Host, RecipientHash, Thresholds};
use domain::channel::Answer;

/// Limits of this process for calls to providers, by host.
#[derive(Debug)]
pub(crate) struct AdmissionControl {
    breakers: Breakers,
    bulkhead: Bulkhead,
    /// Paid providers that refused the account's rate, each with the end of this process's pause.
    rate_pauses: Mutex<HashMap<Host, Timestamp>>,
}

/// Permission for the calls to one host. Holds a slot of the bulkhead until it is dropped.
#[derive(Debug)]
pub(crate) struct CallPermit {
    host: Host,
    kind: CallKind,
    _slot: BulkheadSlot,
}

/// Pause after a provider refused the account's rate. The rates of SES and SNS are those of one second.
const RATE_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Longest pause that an answer can ask for.
const LONGEST_RATE_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Reason why a host is not called.
#[derive(Debug)]
pub(crate) enum AdmissionError {
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
    pub(crate) fn new(breakers: Breakers, bulkhead: Bulkhead) -> Self {
        Self { breakers, bulkhead, rate_pauses: Mutex::default() }
    }

    pub(crate) const fn breakers(&self) -> &Breakers {
        &self.breakers
    }

    /// Requests the permission to call `host`. Every permit is either [reported](Self::report) or
    /// [released](Self::release).
    pub(crate) async fn admit(&self, host: Host) -> Result<CallPermit, AdmissionError> {
        let Some(slot) = self.bulkhead.enter(&host).await else { return Err(AdmissionError::AtCapacity) };
        match self.breakers.enter(&host).await {
            CallDecision::Allowed(kind) => Ok(CallPermit { host, kind, _slot: slot }),
            CallDecision::CircuitOpen(until) => Err(AdmissionError::CircuitOpen(host, until)),
        }
    }

    /// Returns the end of this process's pause for a paid provider that refused the account's rate, while it lasts.
    pub(crate) fn rate_pause(&self, host: &Host, now: Timestamp) -> Option<Timestamp> {
        self.rate_pauses().get(host).copied().filter(|until| *until > now)
    }

    /// Pauses this process's calls to a provider that refused the account's rate. `after_ms` is the wait that the
    /// answer asks for. Returns the end of the pause.
    pub(crate) fn pause_for_rate(
        &self,
        answer: &Answer,
        after_ms: Option<u64>,
        host: &Host,
        now: Timestamp,
    ) -> Timestamp {
        let asked = SignedDuration::from_millis(after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0));
        let until = now.checked_add(asked.clamp(RATE_PAUSE, LONGEST_RATE_PAUSE)).unwrap_or(now);
        // Calls that were made together are refused together: one line is enough.
        if self.rate_pauses().insert(host.clone(), until).is_none_or(|before| before <= now) {
            let code = answer.detail.as_deref();
            tracing::warn!(
                provider = answer.provider,
                code,
                "provider refused the account's sending rate; messages wait"
            );
        }
        until
    }

    fn rate_pauses(&self) -> MutexGuard<'_, HashMap<Host, Timestamp>> {
        self.rate_pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests the permission to call `host` even if its circuit is open.
    pub(crate) async fn admit_without_breaker(&self, host: Host) -> Result<CallPermit, AdmissionError> {
        let Some(slot) = self.bulkhead.enter(&host).await else { return Err(AdmissionError::AtCapacity) };
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
