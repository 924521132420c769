//! State of one breaker and its transitions.
//!
//! ```text
//!            too many failures, or the provider requests a wait
//!   CLOSED ───────────────────────────────────────────────► OPEN ◄──────────┐
//!     ▲                                                      │ the open     │ the probe fails:
//!     │                                                      ▼ period ends  │ twice as long
//!     └────────────────── the probe is answered ───────── HALF_OPEN ────────┘
//!                                                     one probe, leased
//! ```
//!
//! Every transition draws a new revision. It is written on the condition that the stored revision is still the one
//! before it.

use jiff::SignedDuration;

use super::Thresholds;
use crate::channel::{Answer, Outcome};

/// Lease of a probe. It is longer than the longest call, the write of its result and a clock difference of 5 s
/// together.
pub const PROBE_LEASE: SignedDuration = SignedDuration::from_secs(20);

/// State of a breaker. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Calls are allowed.
    Closed {
        /// Time of the transition. Attempts that began well before it do not count.
        since_ms: i64,
    },
    /// No calls are allowed before `until_ms`.
    Open {
        /// Time from which one call is allowed as a probe.
        until_ms: i64,
    },
    /// One probe is in progress.
    HalfOpen {
        /// Time from which another probe is allowed, if no result of this one was stored.
        lease_ms: i64,
    },
}

impl Phase {
    /// Returns the name that explain shows.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// Breaker of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Random value that changes with every transition. 0 means that the breaker never left CLOSED.
    pub revision: u32,
    /// Current state.
    pub phase: Phase,
    /// Open period that the thresholds set last; a failed probe doubles it. 0 when closed, or if only the provider
    /// set the time.
    pub open_for_ms: i64,
    /// Time at which the breaker left CLOSED, in milliseconds since the epoch; `None` when closed.
    pub opened_at_ms: Option<i64>,
}

/// Decision about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The call is allowed.
    Free,
    /// The call is allowed only if the caller obtains the probe's lease.
    IfProbe,
    /// No call is allowed before this time, in milliseconds since the epoch.
    CircuitOpen(i64),
}

/// Result of a call, as far as it concerns the host's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The provider accepted the message.
    Success,
    /// The provider answered, but the answer does not concern its health.
    Answered,
    /// The provider was not called: a check before the call rejected the message.
    NotCalled,
    /// The provider did not answer, or answered "retry later".
    Failure,
    /// The provider asked to wait this long, in milliseconds.
    RetryAfter(u64),
    /// The push service refused this device's messages for now. This says nothing about other devices.
    DeviceLimited,
}

/// Statuses with which a push service limits one device: 429 by RFC 8030, section 8.4, 406 as WNS answers.
const DEVICE_LIMITED: [u16; 2] = [406, 429];

impl Signal {
    /// Derives the signal from a provider's answer.
    #[must_use]
    pub const fn of(answer: &Answer) -> Self {
        match &answer.outcome {
            Outcome::Accepted => Self::Success,
            Outcome::Rejected { .. } if answer.status_code.is_none() => Self::NotCalled,
            Outcome::Gone | Outcome::Rejected { .. } | Outcome::RateLimited { .. } => Self::Answered,
            Outcome::RetryLater { after_ms: Some(after_ms) } => Self::RetryAfter(*after_ms),
            Outcome::RetryLater { after_ms: None } | Outcome::Uncertain => Self::Failure,
        }
    }

    /// Derives the signal from a push service's answer to a probe. Only one device is called, so a time that the
    /// service asks for is that device's, not the host's.
    #[must_use]
    pub fn of_push_probe(answer: &Answer) -> Self {
        match Self::of(answer) {
            Self::RetryAfter(_) | Self::Failure
                if answer.status_code.is_some_and(|code| DEVICE_LIMITED.contains(&code)) =>
            {
                Self::DeviceLimited
            }
            Self::RetryAfter(_) => Self::Failure,
            other => other,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self { revision: 0, phase: Phase::Closed { since_ms: 0 }, open_for_ms: 0, opened_at_ms: None }
    }
}

impl Breaker {
    /// Decides if a call is allowed at `now_ms`.
    #[must_use]
    pub const fn admission(&self, now_ms: i64) -> Admission {
        match self.phase {
            Phase::Closed { .. } => Admission::Free,
            Phase::Open { until_ms: end } | Phase::HalfOpen { lease_ms: end } if end > now_ms => {
                Admission::CircuitOpen(end)
            }
            _ => Admission::IfProbe,
        }
    }

    /// Returns `true` if the breaker is CLOSED.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Returns the breaker after too many failures: OPEN for the first open period.
    #[must_use]
    pub fn opened(&self, thresholds: &Thresholds, now_ms: i64) -> Self {
        let open_ms = thresholds.open_ms(0);
        self.to_open(now_ms + open_ms, open_ms, now_ms)
    }

    /// Returns the breaker after a provider asked to wait until `until_ms`; `None` if that changes nothing. The end
    /// of an open period or of a probe's lease is never moved to an earlier time.
    #[must_use]
    pub fn opened_on_request(&self, until_ms: i64, now_ms: i64) -> Option<Self> {
        match self.phase {
            Phase::Closed { .. } => (until_ms > now_ms).then(|| self.to_open(until_ms, 0, now_ms)),
            Phase::Open { until_ms: end } | Phase::HalfOpen { lease_ms: end } => {
                (until_ms > end).then(|| self.to_open(until_ms, self.open_for_ms, now_ms))
            }
        }
    }

    /// Returns the breaker with a leased probe; `None` if a probe is not allowed at `now_ms`.
    #[must_use]
    pub fn probing(&self, now_ms: i64) -> Option<Self> {
        let lease_ms = now_ms + i64::try_from(PROBE_LEASE.as_millis()).unwrap_or(0);
        let may = self.admission(now_ms) == Admission::IfProbe;
        may.then(|| Self { revision: drawn(self.revision), phase: Phase::HalfOpen { lease_ms }, ..*self })
    }

    /// Returns the breaker after a probe's result.
    #[must_use]
    pub fn probed(&self, signal: Signal, thresholds: &Thresholds, now_ms: i64) -> Self {
        let longer_ms = thresholds.open_ms(self.open_for_ms);
        match signal {
            Signal::Success | Signal::Answered => {
                Self { revision: drawn(self.revision), phase: Phase::Closed { since_ms: now_ms }, ..Self::default() }
            }
            Signal::NotCalled => self.to_open(now_ms, self.open_for_ms, now_ms),
            Signal::Failure => self.to_open(now_ms + longer_ms, longer_ms, now_ms),
            // The host may be well: the next probe, probably of another device, follows after the first open period.
            Signal::DeviceLimited => self.to_open(now_ms + thresholds.open_ms(0), self.open_for_ms, now_ms),
            Signal::RetryAfter(after_ms) => {
                let after_ms = after_ms.min(thresholds.longest_ms());
                self.to_open(now_ms.saturating_add_unsigned(after_ms).max(now_ms + longer_ms), longer_ms, now_ms)
            }
        }
    }

    fn to_open(self, until_ms: i64, open_for_ms: i64, now_ms: i64) -> Self {
        Self {
            revision: drawn(self.revision),
            phase: Phase::Open { until_ms },
            open_for_ms,
            opened_at_ms: Some(self.opened_at_ms.unwrap_or(now_ms)),
        }
    }
}

fn drawn(last: u32) -> u32 {
    platform::random::new_revision(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::channel::Rejection;

    const USUAL: Thresholds = Thresholds {
        min_attempts: 20,
        failure_percent: 50,
        window_seconds: 60,
        open_seconds: 30,
        max_open_seconds: 300,
    };

    fn open_until(breaker: &Breaker) -> i64 {
        match breaker.phase {
            Phase::Open { until_ms } => until_ms,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn it_opens_for_30_seconds_then_lets_one_probe_through() {
        let open = Breaker::default().opened(&USUAL, 1_000);
        assert_eq!((open.admission(30_999), open.probing(30_999)), (Admission::CircuitOpen(31_000), None));
        assert_eq!(open.admission(31_000), Admission::IfProbe);
        let half = open.probing(31_000).unwrap();
        assert_eq!((half.admission(31_001), half.probing(50_999)), (Admission::CircuitOpen(51_000), None));
        assert!(half.probing(51_000).is_some(), "a dead prober's lease runs out");
        assert_eq!(half.opened_at_ms, Some(1_000));
    }

    #[test]
    fn an_answer_to_the_probe_closes_it_and_forgets_how_long_it_was_open() {
        for signal in [Signal::Success, Signal::Answered] {
            let half = Breaker::default().opened(&USUAL, 0).probing(30_000).unwrap();
            let closed = half.probed(signal, &USUAL, 30_100);
            assert_eq!((closed.phase, closed.open_for_ms), (Phase::Closed { since_ms: 30_100 }, 0));
            assert_eq!((closed.opened_at_ms, closed.admission(30_100)), (None, Admission::Free));
        }
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_5_minutes() {
        let (mut breaker, mut now_ms, mut times) = (Breaker::default().opened(&USUAL, 0), 0, Vec::new());
        for _ in 0..5 {
            times.push(open_until(&breaker) - now_ms);
            now_ms = open_until(&breaker);
            breaker = breaker.probing(now_ms).unwrap().probed(Signal::Failure, &USUAL, now_ms);
        }
        assert_eq!(times, [30_000, 60_000, 120_000, 240_000, 300_000]);
        assert_eq!(breaker.opened_at_ms, Some(0));
    }

    #[test]
    fn retry_after_opens_it_until_then_and_is_never_shortened() {
        let asked = Breaker::default().opened_on_request(121_000, 1_000).unwrap();
        assert_eq!((open_until(&asked), asked.open_for_ms), (121_000, 0));
        assert_eq!(asked.opened_on_request(120_000, 1_000), None);
        assert_eq!(open_until(&asked.opened_on_request(130_000, 1_000).unwrap()), 130_000);
        let half = asked.probing(121_000).unwrap();
        assert_eq!(half.opened_on_request(122_000, 121_000), None, "nobody else comes while the probe is out");
        assert_eq!(open_until(&half.probed(Signal::Failure, &USUAL, 122_000)), 152_000);
        assert_eq!(open_until(&half.probed(Signal::RetryAfter(90_000), &USUAL, 122_000)), 212_000);
        let long = half.probed(Signal::RetryAfter(3_600_000), &USUAL, 122_000);
        assert_eq!(open_until(&long), 422_000, "a probe goes out well before an hour is over");
        assert_eq!(Breaker::default().opened_on_request(1_000, 1_000), None);
    }

    #[test]
    fn one_devices_limit_neither_doubles_the_time_nor_sets_it() {
        let mut breaker = Breaker::default().opened(&USUAL, 0);
        for _ in 0..3 {
            let now_ms = open_until(&breaker);
            breaker = breaker.probing(now_ms).unwrap().probed(Signal::DeviceLimited, &USUAL, now_ms);
            assert_eq!((open_until(&breaker), breaker.open_for_ms), (now_ms + 30_000, 30_000));
        }
    }

    #[test]
    fn a_probe_of_a_push_service_never_waits_as_long_as_one_device_must() {
        let later = |after_ms| Outcome::RetryLater { after_ms };
        for (outcome, status_code, signal) in [
            (later(Some(3_600_000)), Some(429), Signal::DeviceLimited),
            (later(None), Some(429), Signal::DeviceLimited),
            (later(None), Some(406), Signal::DeviceLimited),
            (later(Some(3_600_000)), Some(503), Signal::Failure),
            (later(None), None, Signal::Failure),
            (Outcome::Gone, Some(410), Signal::Answered),
            (Outcome::Accepted, Some(201), Signal::Success),
        ] {
            let answer = Answer { outcome, provider: "push".into(), status_code, latency_ms: 0, detail: None };
            assert_eq!(Signal::of_push_probe(&answer), signal, "{outcome:?} {status_code:?}");
        }
    }

    #[test]
    fn a_probe_that_was_not_made_leaves_room_for_the_next() {
        let half = Breaker::default().opened(&USUAL, 0).probing(30_000).unwrap();
        let back = half.probed(Signal::NotCalled, &USUAL, 30_500);
        assert_eq!((back.admission(30_500), back.open_for_ms), (Admission::IfProbe, 30_000));
    }

    #[test]
    fn each_transition_has_a_revision_of_its_own() {
        let open = Breaker::default().opened(&USUAL, 0);
        let half = open.probing(30_000).unwrap();
        let closed = half.probed(Signal::Success, &USUAL, 30_000);
        let drawn = [0, open.revision, half.revision, closed.revision];
        assert!((1..4).all(|place| !drawn[..place].contains(&drawn[place])), "{drawn:?}");
    }

    #[test]
    fn outcomes_speak_of_the_host_or_do_not() {
        let later = |after_ms| Outcome::RetryLater { after_ms };
        let rejected = Outcome::Rejected { reason: Rejection::Config };
        for (outcome, status_code, signal) in [
            (Outcome::Accepted, Some(201), Signal::Success),
            (Outcome::Gone, Some(410), Signal::Answered),
            (rejected, Some(403), Signal::Answered),
            (rejected, None, Signal::NotCalled),
            (later(None), Some(503), Signal::Failure),
            (later(None), None, Signal::Failure),
            (later(Some(7)), Some(429), Signal::RetryAfter(7)),
            (Outcome::RateLimited { after_ms: Some(7) }, Some(400), Signal::Answered),
            (Outcome::Uncertain, None, Signal::Failure),
        ] {
            let answer = Answer { outcome, provider: "ses".into(), status_code, latency_ms: 0, detail: None };
            assert_eq!(Signal::of(&answer), signal, "{outcome:?}");
        }
    }
}
