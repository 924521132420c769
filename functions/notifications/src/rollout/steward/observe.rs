//! What was counted of both versions, for the guard and a ramp to judge by.
//!
//! Two queries of the metrics table at most (the minutes of the last hour), one read of the control table for the breakers and
//! one more when there are any that opened; while a ramp is under way also what its hold time was merged into.

use jiff::{SignedDuration, Timestamp};

use crate::breaker::{Breaker, Host, Phase};
use crate::channels::Channel;
use crate::rollout::guard::{Arm, HostState, Minute, Share};
use crate::rollout::ramp::Figures;
use crate::rollup::counters::{Cohort, CounterName, Counters, Group, Of};
use crate::rollup::figures::latency_bins;
use crate::rollup::histogram::quantile;
use crate::rollup::sides::{PushService, Side};
use crate::rollup::{Bucket, Unit, Window};
use crate::store::metrics::MetricsStore;
use crate::store::{BreakerStore, StoreError};

/// How far back the guard looks at most.
const HOUR: i64 = 60;
/// How many minutes, the present one included, say whether version 2 is well now.
const LATELY: i64 = 5;
/// How long after its time is over a breaker that nobody called says anything: without traffic there is no data.
const SAYS_ANYTHING: SignedDuration = SignedDuration::from_mins(1);

/// From when on things count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// When the percentage was last changed: what version 2 cost before is not held against it.
    pub changed_at: Option<Timestamp>,
    /// Since when the ramp's criteria have held, if there is one.
    pub held_since: Option<Timestamp>,
}

/// What version 2 does, as it was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Both sides by the minute for the last hour, oldest first, those without anything too.
    pub minutes: Vec<Minute>,
    /// The push services of version 2.
    pub hosts: Vec<HostState>,
    /// What version 2 cost in the last hour, in micro-euro, in whole minutes since the percentage was last changed.
    pub cost_micros: i64,
    /// Version 2 in the last five minutes.
    pub lately: Figures,
    /// Version 2 since the ramp's criteria have held.
    pub held: Figures,
}

/// Reads it.
///
/// # Errors
/// When a table does not answer.
pub async fn observe(
    metrics: &MetricsStore,
    breakers: &BreakerStore,
    asked: Asked,
    now: Timestamp,
) -> Result<Observed, StoreError> {
    let (minutes, opened) = tokio::try_join!(metrics.minutes(HOUR, now), breakers.opened(now))?;
    let held = match asked.held_since.map(whole_minutes_since) {
        Some(from) if from < Bucket::containing(Unit::Minute, now).end() => {
            metrics.read(Window::since(from, now)).await?
        }
        _ => Counters::default(),
    };
    Ok(Observed::of(&minutes, &held, &opened, asked.changed_at, now))
}

/// The minute in which it began belongs to what was before.
fn whole_minutes_since(at: Timestamp) -> Timestamp {
    let minute = Bucket::containing(Unit::Minute, at);
    if minute.start() == at { at } else { minute.end() }
}

impl Observed {
    /// From the counters of each minute, those since the ramp's criteria have held, and the breakers that opened lately.
    #[must_use]
    pub fn of(
        minutes: &[(Timestamp, Counters)],
        held: &Counters,
        opened: &[(Host, Breaker)],
        changed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let sum = |from: Timestamp| {
            let mut sum = Counters::default();
            minutes.iter().filter(|(begins, _)| *begins >= from).for_each(|(_, counters)| sum.merge(counters));
            sum
        };
        let ago =
            |minutes| Bucket::containing(Unit::Minute, now).end().saturating_sub(SignedDuration::from_mins(minutes));
        let lately = sum(ago(LATELY).unwrap_or(Timestamp::MIN));
        let hour = sum(Timestamp::MIN);
        let not_closed: Vec<_> = opened.iter().filter_map(|(host, breaker)| not_closed(host, breaker, now)).collect();
        let figures = |counters| Figures { breakers_not_closed: not_closed.len(), ..figures(counters) };
        Self {
            minutes: minutes.iter().map(|(begins, counters)| minute(*begins, counters)).collect(),
            hosts: hosts(&hour, &not_closed),
            cost_micros: of_v2(&sum(changed_at.map_or(Timestamp::MIN, whole_minutes_since)), Of::CostMicros),
            lately: figures(&lately),
            held: figures(held),
        }
    }
}

fn minute(begins: Timestamp, counters: &Counters) -> Minute {
    Minute { begins, v1: arm(counters, Cohort::V1), v2: arm(counters, Cohort::V2) }
}

/// As counted: a minute may hold a confirmation that takes an acceptance of an earlier one back, and both are of one that ended.
fn arm(counters: &Counters, cohort: Cohort) -> Arm {
    let of = |of| counters.get(&CounterName::Notifications(Group::Version(cohort), of));
    let side = |side| counters.get(&CounterName::Side(cohort, side));
    let ended_badly = of(Of::Failed) + of(Of::Uncertain) + of(Of::Expired);
    Arm {
        closed: of(Of::Accepted) + of(Of::Delivered) + ended_badly,
        ended_badly,
        first_pushes: side(Side::FirstPushes),
        first_pushes_failed: side(Side::FirstPushesFailed),
    }
}

fn of_v2(counters: &Counters, of: Of) -> i64 {
    counters.get(&CounterName::Notifications(Group::Version(Cohort::V2), of))
}

fn figures(counters: &Counters) -> Figures {
    let Arm { closed, ended_badly, .. } = arm(counters, Cohort::V2);
    let p95_ms = quantile(&latency_bins(counters, Cohort::V2), 0.95);
    Figures { closed, reached: closed - ended_badly, ended_badly, p95_ms, breakers_not_closed: 0 }
}

/// A push service's breaker that is not CLOSED, and since when.
fn not_closed(host: &Host, breaker: &Breaker, now: Timestamp) -> Option<(String, Timestamp)> {
    let (Phase::Open { until_ms: ends_ms } | Phase::HalfOpen { lease_ms: ends_ms }) = breaker.phase else {
        return None;
    };
    let silent = SignedDuration::from_millis(now.as_millisecond().saturating_sub(ends_ms));
    let since = breaker.opened_at_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok())?;
    (host.channel == Channel::Push && silent <= SAYS_ANYTHING).then(|| (host.provider.clone(), since))
}

/// Pushes are counted by who runs the service, so each of its hosts is taken to carry all of them.
fn hosts(hour: &Counters, not_closed: &[(String, Timestamp)]) -> Vec<HostState> {
    let pushes = |service| hour.get(&CounterName::Side(Cohort::V2, Side::PushesTo(service))).max(0);
    let whole = PushService::ALL.into_iter().map(pushes).sum();
    let share = |service| Share { part: pushes(service), whole };
    let all = PushService::ALL.into_iter().filter(|service| pushes(*service) > 0);
    let well = all.map(|service| HostState {
        host: service.as_str().to_owned(),
        pushes: share(service),
        not_closed_since: None,
    });
    let ill = not_closed.iter().map(|(host, since)| HostState {
        host: host.clone(),
        pushes: share(PushService::of_host(host)),
        not_closed_since: Some(*since),
    });
    well.chain(ill).collect()
}
