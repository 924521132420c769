//! One process's view of all circuit breakers, and its writes to the shared table.
//!
//! A check before a call reads memory alone. The table is read at most every 5 s, in parallel with other reads. One
//! read covers all hosts of this process. A new host counts as CLOSED until that read. A process that reports a
//! failure gets the state in the response. If the table does not answer, sending continues. A caller waits for the
//! table for [`TABLE_TIMEOUT`] at most. After a failure, the table is not called for 5 s.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::cache::{BreakerCache, HOLD_OFF_MS};
use super::transition_log::{log_transition, moment};
use domain::breaker::{
    Admission, Breaker, BreakerReport, Failure, Host, RecipientHash, Signal, StoredBreaker, Thresholds,
};
use domain::channel::Answer;
use platform::clock::Clock;
use store::{BreakerRepository, BreakerStore, StoreError};

/// Maximum time for which a caller waits for the table of circuit breakers.
pub const TABLE_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum number of tries for a transition if other processes change the breaker first.
const MAX_WRITE_TRIES: u32 = 3;
/// Age after which the counts of a slot are outside every window. A write removes them once more than `STALE_SLOTS`
/// exist.
const STALE_MS: i64 = 180_000;
const STALE_SLOTS: usize = 32;

/// All circuit breakers, as this process sees them.
#[derive(Debug)]
pub struct Breakers<L = BreakerStore> {
    repository: L,
    table_timeout: Duration,
    clock: Clock,
    always: Vec<Host>,
    cache: Mutex<BreakerCache>,
    reading: tokio::sync::Mutex<()>,
    reporting: tokio::sync::Mutex<()>,
}

/// Answer to a request for a call.
#[derive(Debug)]
pub enum CallDecision {
    /// The call may be made. The caller passes the value to [`Breakers::count`] with the outcome.
    Allowed(CallKind),
    /// No call before this time.
    CircuitOpen(Timestamp),
}

/// Permission under which a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A regular call.
    Regular,
    /// The probe, with the state of the breaker that it stored.
    Probe(Breaker),
}

impl CallKind {
    /// Returns `true` for the probe.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        matches!(self, Self::Probe(_))
    }
}

/// A report to the table.
enum BreakerWrite {
    /// All failures of a host that are not reported yet.
    Failures,
    /// Result of a probe.
    Probe(Breaker, Signal),
    /// Time until which the provider requested no calls, in milliseconds since the epoch.
    RequestedRest(i64),
}

/// Result of a transition.
enum Transition {
    Done,
    /// Another process changed the breaker first; its state has been read.
    Overtaken,
    Unanswered,
}

impl<L: BreakerRepository + Send + Sync> Breakers<L> {
    /// Creates a view over `repository`. The hosts in `always` are read from the first read on.
    pub fn new(repository: L, always: impl IntoIterator<Item = Host>, clock: Clock) -> Self {
        let always = always.into_iter().collect();
        let (cache, reading, reporting) = Default::default();
        Self { repository, table_timeout: TABLE_TIMEOUT, clock, always, cache, reading, reporting }
    }

    /// Replaces [`TABLE_TIMEOUT`], for tests whose table responds in real time.
    #[cfg(test)]
    pub fn with_table_timeout(self, table_timeout: Duration) -> Self {
        Self { table_timeout, ..self }
    }

    /// Reads the changes of other processes, if the last read is too old. It is meant to run in parallel with another
    /// read.
    ///
    /// Never fails, and waits for the table for [`TABLE_TIMEOUT`] at most.
    pub async fn refresh(&self) {
        if self.cache().is_fresh(self.now_ms()) {
            return;
        }
        // While another task reads, this one continues with the known state.
        let Ok(_reading) = self.reading.try_lock() else { return };
        let hosts = self.cache().begin_read(&self.always, self.now_ms());
        self.read(&hosts).await;
    }

    /// Reads these hosts now, for [`TABLE_TIMEOUT`] at most.
    pub fn read<'a>(&'a self, hosts: &'a [Host]) -> BoxFuture<'a, ()> {
        Box::pin(self.read_now(hosts))
    }

    async fn read_now(&self, hosts: &[Host]) {
        let before = self.cache().updates;
        let read = self.within_timeout(self.repository_call(self.repository.read(hosts))).await;
        let now_ms = self.now_ms();
        for (host, stored) in read.and_then(Result::ok).into_iter().flatten() {
            let mut cache = self.cache();
            if cache.entry(&host, now_ms).updates <= before {
                cache.update(&host, stored.breaker, now_ms);
            }
        }
    }

    /// Returns the breaker as last read or written by this process.
    pub fn known(&self, host: &Host) -> Breaker {
        *self.cache().entry(host, self.now_ms()).memory.known()
    }

    /// Returns the time until which this host must not be called, from the memory of this process.
    pub fn open_until(&self, host: &Host) -> Option<Timestamp> {
        let now_ms = self.now_ms();
        match self.cache().entry(host, now_ms).memory.admission(now_ms) {
            Admission::CircuitOpen(until_ms) => Some(moment(until_ms)),
            Admission::Free | Admission::IfProbe => None,
        }
    }

    /// Requests a call now. Writes only for a probe.
    pub async fn enter(&self, host: &Host) -> CallDecision {
        for _ in 0..MAX_WRITE_TRIES {
            let (now_ms, known) = (self.now_ms(), self.known(host));
            let admission = self.cache().entry(host, now_ms).memory.admission(now_ms);
            match admission {
                Admission::Free => return CallDecision::Allowed(CallKind::Regular),
                Admission::CircuitOpen(until_ms) => return CallDecision::CircuitOpen(moment(until_ms)),
                Admission::IfProbe => {}
            }
            let Some(probing) = known.probing(now_ms) else { continue };
            match self.within_timeout(self.replace(host, &known, &probing)).await {
                Some(Transition::Done) => return CallDecision::Allowed(CallKind::Probe(probing)),
                Some(Transition::Overtaken) => {}
                // Without the table, the one prober cannot be determined; every call is made.
                Some(Transition::Unanswered) | None => return CallDecision::Allowed(CallKind::Regular),
            }
        }
        CallDecision::CircuitOpen(moment(self.now_ms() + 1_000))
    }

    /// Counts the result of a call. Writes only on failures and after probes, and never fails.
    ///
    /// `recipient` is that of a push. A `Retry-After` concerns the device alone until devices of several recipients get
    /// one. The `Retry-After` of SES and SNS, which are counted without a recipient, concerns the whole provider.
    pub async fn count(
        &self,
        host: &Host,
        recipient: Option<RecipientHash>,
        kind: CallKind,
        answer: &Answer,
        began: Timestamp,
        thresholds: &Thresholds,
    ) {
        let now_ms = self.now_ms();
        let until_ms = |after_ms: u64| now_ms.saturating_add_unsigned(after_ms.min(thresholds.longest_ms()));
        let retry_after_until_ms = match (kind, Signal::of(answer)) {
            (CallKind::Probe(held), signal) => {
                let signal = if recipient.is_some() { Signal::of_push_probe(answer) } else { signal };
                self.within_timeout(self.write_boxed(BreakerWrite::Probe(held, signal), host, thresholds)).await;
                return;
            }
            (CallKind::Regular, Signal::Success) => return self.cache().entry(host, now_ms).memory.succeeded(now_ms),
            (CallKind::Regular, Signal::Answered | Signal::NotCalled) => return,
            (CallKind::Regular, Signal::RetryAfter(after_ms)) if recipient.is_none() => {
                self.within_timeout(self.write_boxed(
                    BreakerWrite::RequestedRest(until_ms(after_ms)),
                    host,
                    thresholds,
                ))
                .await;
                return;
            }
            (CallKind::Regular, Signal::RetryAfter(after_ms)) => Some(until_ms(after_ms)),
            (CallKind::Regular, Signal::Failure | Signal::DeviceLimited) => None,
        };
        let failure = Failure { began_ms: began.as_millisecond(), ended_ms: now_ms, recipient, retry_after_until_ms };
        self.cache().entry(host, now_ms).memory.failed(failure);
        self.within_timeout(self.write_boxed(BreakerWrite::Failures, host, thresholds)).await;
    }

    /// Keeps all processes from calling this host until `until`. A time in the past changes nothing.
    ///
    /// It is meant for facts about a host that do not come from the answer to a call.
    pub async fn rest(&self, host: &Host, until: Timestamp) {
        self.within_timeout(Box::pin(self.open_on_request(host, until.as_millisecond()))).await;
    }

    /// Counts a call that was not made. If the call was the probe, the next call can be the probe.
    pub async fn give_back(&self, host: &Host, kind: CallKind, thresholds: &Thresholds) {
        if let CallKind::Probe(held) = kind {
            self.within_timeout(self.write_boxed(BreakerWrite::Probe(held, Signal::NotCalled), host, thresholds)).await;
        }
    }

    /// Reports to the table. The future is boxed, because it is rare and too large to be part of every send's state.
    fn write_boxed<'a>(&'a self, told: BreakerWrite, host: &'a Host, thresholds: &'a Thresholds) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match told {
                BreakerWrite::Failures => self.report(host, thresholds).await,
                BreakerWrite::Probe(held, signal) => self.probed(host, &held, signal, thresholds).await,
                BreakerWrite::RequestedRest(until_ms) => self.open_on_request(host, until_ms).await,
            }
        })
    }

    async fn probed(&self, host: &Host, held: &Breaker, signal: Signal, thresholds: &Thresholds) {
        let next = held.probed(signal, thresholds, self.now_ms());
        if matches!(self.replace(host, held, &next).await, Transition::Done) {
            log_transition(host, held, &next, "a probe");
        }
    }

    async fn open_on_request(&self, host: &Host, until_ms: i64) {
        for _ in 0..MAX_WRITE_TRIES {
            let known = self.known(host);
            let Some(next) = known.opened_on_request(until_ms, self.now_ms()) else { return };
            match self.replace(host, &known, &next).await {
                Transition::Done => return log_transition(host, &known, &next, "the provider asked for it"),
                Transition::Overtaken => {}
                Transition::Unanswered => {
                    // Without the table, at least this process makes no call until then.
                    return self.cache().entry(host, self.now_ms()).memory.block_until(until_ms);
                }
            }
        }
    }

    /// Reports the failures of a host, one report at a time. Failures counted meanwhile go into the next report.
    ///
    /// A failure is kept in memory until it is stored, even if this future is dropped.
    async fn report(&self, host: &Host, thresholds: &Thresholds) {
        let _reporting = self.reporting.lock().await;
        for _ in 0..MAX_WRITE_TRIES {
            let now_ms = self.now_ms();
            let report = self.cache().entry(host, now_ms).memory.report(now_ms);
            let Some(report) = report else { return };
            match self.repository_call(self.repository.count(host, &report)).await {
                Ok(stored) => {
                    self.cache().entry(host, now_ms).memory.remove_reported(&report);
                    return self.open_if_needed(host, &stored, &report, thresholds).await;
                }
                Err(Some(StoreError::ConditionFailed { .. })) => self.reread(host).await,
                Err(_) => return,
            }
        }
    }

    /// Opens the breaker if the reports of all processes require it.
    async fn open_if_needed(
        &self,
        host: &Host,
        stored: &StoredBreaker,
        report: &BreakerReport,
        thresholds: &Thresholds,
    ) {
        let now_ms = self.now_ms();
        {
            let mut cache = self.cache();
            cache.update(host, stored.breaker, now_ms);
            cache.entry(host, now_ms).memory.update_recipient_limit(stored, now_ms);
        }
        if let Some((next, why)) = opening(stored, report, thresholds, now_ms) {
            if matches!(self.replace(host, &stored.breaker, &next).await, Transition::Done) {
                log_transition(host, &stored.breaker, &next, why);
            }
            return;
        }
        let stale = stored.tally.ended_by(now_ms - STALE_MS);
        if stale.len() > STALE_SLOTS {
            let _ = self.repository_call(self.repository.trim(host, &stale)).await;
        }
    }

    /// Replaces the breaker with a conditional write. Boxed, because several other futures contain it.
    fn replace<'a>(&'a self, host: &'a Host, from: &'a Breaker, next: &'a Breaker) -> BoxFuture<'a, Transition> {
        Box::pin(self.replace_now(host, from, next))
    }

    async fn replace_now(&self, host: &Host, from: &Breaker, next: &Breaker) -> Transition {
        let now_ms = self.now_ms();
        match self.repository_call(self.repository.replace(host, from.revision, next, now_ms)).await {
            Ok(()) => {
                self.cache().update(host, *next, now_ms);
                Transition::Done
            }
            Err(Some(StoreError::ConditionFailed { .. })) => {
                self.reread(host).await;
                // The answer to an earlier try of this same write was lost.
                if self.known(host).revision == next.revision { Transition::Done } else { Transition::Overtaken }
            }
            Err(_) => Transition::Unanswered,
        }
    }

    fn reread<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, ()> {
        Box::pin(self.reread_unboxed(host))
    }

    async fn reread_unboxed(&self, host: &Host) {
        if let Ok(found) = self.repository_call(self.repository.read(std::slice::from_ref(host))).await {
            for (host, stored) in found {
                self.cache().update(&host, stored.breaker, self.now_ms());
            }
        }
    }

    /// Makes one call of the table. Returns `Err(None)` without a call during the hold-off after a failure.
    async fn repository_call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Option<StoreError>> {
        if (1..=HOLD_OFF_MS).contains(&(self.cache().down_until_ms - self.now_ms())) {
            return Err(None);
        }
        call.await.map_err(|error| {
            if !error.is_condition_failed() {
                self.hold_off(&error.to_string());
            }
            Some(error)
        })
    }

    async fn within_timeout<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let done = tokio::time::timeout(self.table_timeout, work).await;
        if done.is_err() {
            self.hold_off("no answer in 500 ms");
        }
        done.ok()
    }

    fn hold_off(&self, error: &str) {
        let now_ms = self.now_ms();
        let mut cache = self.cache();
        if cache.down_until_ms <= now_ms {
            tracing::warn!(error, "failed to read circuit breakers; sending continues without them");
        }
        cache.down_until_ms = now_ms + HOLD_OFF_MS;
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn cache(&self) -> MutexGuard<'_, BreakerCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the next state of a CLOSED breaker and the reason, given all reports; `None` if the state does not change.
fn opening(
    stored: &StoredBreaker,
    report: &BreakerReport,
    thresholds: &Thresholds,
    now_ms: i64,
) -> Option<(Breaker, &'static str)> {
    let requested_until = report.retry_after_until_ms.filter(|_| stored.tally.requests_pause(thresholds, now_ms));
    if stored.tally.is_bad(thresholds, now_ms) {
        let opened = stored.breaker.opened(thresholds, now_ms);
        let longer = requested_until.and_then(|until_ms| opened.opened_on_request(until_ms, now_ms));
        return Some((longer.unwrap_or(opened), "too many failures"));
    }
    Some((
        stored.breaker.opened_on_request(requested_until?, now_ms)?,
        "the push service sent Retry-After for devices of several recipients",
    ))
}

#[cfg(test)]
#[path = "circuit_breakers_tests/mod.rs"]
mod tests;
