//! Figures of both versions, for the guard and a ramp.
//!
//! They cost at most two queries of the metrics table (the minutes of the last hour), one read of the control table for
//! the circuit breakers, and one more read if a breaker has opened. An active ramp also reads the merged counters of
//! its hold time.

use jiff::{SignedDuration, Timestamp};

use domain::breaker::{Breaker, Host, Phase};
use domain::channel::Channel;
use domain::rollout::guard::{Arm, HostState, MinuteCounts, Share};
use domain::rollout::ramp::RampFigures;
use metrics::arm_metrics::{PushVendor, RolloutArmMetric};
use metrics::counters::{Cohort, Group, NotificationMetric};
use metrics::figures::latency_bins;
use metrics::histogram::quantile;
use metrics::{Bucket, CounterName, Counters, Unit, Window};
use store::metrics::MetricsStore;
use store::{BreakerStore, StoreError};

/// Window of the guard, in minutes.
const GUARD_WINDOW_MINUTES: i64 = 60;
/// Window of the recent figures for a ramp, in minutes, including the present minute.
const RECENT_MINUTES: i64 = 5;
/// Time after the end of a breaker's OPEN or HALF_OPEN period in which the breaker still counts.
const BREAKER_RELEVANT_FOR: SignedDuration = SignedDuration::from_mins(1);

/// Starts of the periods that are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObservationRange {
    /// Time of the last change of the percentage. Version 2's cost is counted from then on.
    pub changed_at: Option<Timestamp>,
    /// Time since which the criteria of an active ramp have held.
    pub holding_since: Option<Timestamp>,
}

/// Figures of both versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// Counts of both versions for each minute of the last hour, oldest first, including minutes without notifications.
    pub minutes: Vec<MinuteCounts>,
    /// Push services that version 2 uses.
    pub hosts: Vec<HostState>,
    /// Cost of version 2 in the last hour, in micro-euro. Only whole minutes since the last change of the percentage
    /// count.
    pub cost_micros: i64,
    /// Version 2's figures of the last five minutes.
    pub recent: RampFigures,
    /// Version 2's figures of the time in which the ramp's criteria have held.
    pub hold_time: RampFigures,
}

/// Reads the figures.
///
/// # Errors
/// A call to a table fails.
pub async fn observe(
    metrics: &MetricsStore,
    breakers: &BreakerStore,
    range: ObservationRange,
    now: Timestamp,
) -> Result<Observation, StoreError> {
    let (minutes, opened) = tokio::try_join!(metrics.minutes(GUARD_WINDOW_MINUTES, now), breakers.opened(now))?;
    let hold_time = match range.holding_since.map(whole_minutes_since) {
        Some(from) if from < Bucket::containing(Unit::Minute, now).end() => {
            metrics.read(Window::since(from, now)).await?
        }
        _ => Counters::default(),
    };
    Ok(Observation::of(&minutes, &hold_time, &opened, range.changed_at, now))
}

/// Returns the first whole minute from a time on. The minute of a change counts for the time before it.
fn whole_minutes_since(at: Timestamp) -> Timestamp {
    let minute = Bucket::containing(Unit::Minute, at);
    if minute.start() == at { at } else { minute.end() }
}

impl Observation {
    /// Computes the figures from the counters of each minute, the counters of the ramp's hold time, and the circuit
    /// breakers that opened recently.
    #[must_use]
    pub fn of(
        minutes: &[(Timestamp, Counters)],
        hold_time: &Counters,
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
        let recent = sum(ago(RECENT_MINUTES).unwrap_or(Timestamp::MIN));
        let hour = sum(Timestamp::MIN);
        let not_closed: Vec<_> = opened.iter().filter_map(|(host, breaker)| not_closed(host, breaker, now)).collect();
        let figures = |counters| RampFigures { breakers_not_closed: not_closed.len(), ..figures(counters) };
        Self {
            minutes: minutes.iter().map(|(begins, counters)| minute(*begins, counters)).collect(),
            hosts: hosts(&hour, &not_closed),
            cost_micros: of_v2(
                &sum(changed_at.map_or(Timestamp::MIN, whole_minutes_since)),
                NotificationMetric::CostMicros,
            ),
            recent: figures(&recent),
            hold_time: figures(hold_time),
        }
    }
}

fn minute(begins: Timestamp, counters: &Counters) -> MinuteCounts {
    MinuteCounts { begins, v1: arm(counters, Cohort::V1), v2: arm(counters, Cohort::V2) }
}

/// Returns the counts of one version. A confirmation may subtract an acceptance that an earlier minute counted. Both
/// belong to a notification that ended, so `closed` is not affected.
fn arm(counters: &Counters, cohort: Cohort) -> Arm {
    let of = |of| counters.get(&CounterName::Notifications(Group::Version(cohort), of));
    let side = |side| counters.get(&CounterName::RolloutArm(cohort, side));
    let ended_badly =
        of(NotificationMetric::Failed) + of(NotificationMetric::Uncertain) + of(NotificationMetric::Expired);
    Arm {
        closed: of(NotificationMetric::Accepted) + of(NotificationMetric::Delivered) + ended_badly,
        ended_badly,
        push_closed: side(RolloutArmMetric::PushClosed),
        push_ended_badly: side(RolloutArmMetric::PushEndedBadly),
        push_ended_badly_unavailable: side(RolloutArmMetric::PushEndedBadlyUnavailable),
        first_pushes: side(RolloutArmMetric::FirstPushes),
        first_pushes_failed: side(RolloutArmMetric::FirstPushesFailed),
        first_pushes_unavailable: side(RolloutArmMetric::FirstPushesUnavailable),
    }
}

fn of_v2(counters: &Counters, of: NotificationMetric) -> i64 {
    counters.get(&CounterName::Notifications(Group::Version(Cohort::V2), of))
}

fn figures(counters: &Counters) -> RampFigures {
    let Arm { closed, ended_badly, .. } = arm(counters, Cohort::V2);
    let p95_ms = quantile(&latency_bins(counters, Cohort::V2), 0.95);
    RampFigures { closed, reached: closed - ended_badly, ended_badly, p95_ms, breakers_not_closed: 0 }
}

/// Returns the host of a push service whose circuit breaker is not CLOSED, and since when. A breaker whose OPEN or
/// HALF_OPEN time ended more than a minute ago is left out: its host has no traffic, so there is no data.
fn not_closed(host: &Host, breaker: &Breaker, now: Timestamp) -> Option<(String, Timestamp)> {
    let (Phase::Open { until_ms: ends_ms } | Phase::HalfOpen { lease_ms: ends_ms }) = breaker.phase else {
        return None;
    };
    let silent = SignedDuration::from_millis(now.as_millisecond().saturating_sub(ends_ms));
    let since = breaker.opened_at_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok())?;
    (host.channel == Channel::Push && silent <= BREAKER_RELEVANT_FOR).then(|| (host.provider.clone(), since))
}

/// Returns the push services. Hosts that are counted together get the share of all of them.
fn hosts(hour: &Counters, not_closed: &[(String, Timestamp)]) -> Vec<HostState> {
    let pushes = |service| hour.get(&CounterName::RolloutArm(Cohort::V2, RolloutArmMetric::PushesTo(service))).max(0);
    let whole = PushVendor::all().map(pushes).sum();
    let share = |service| Share { part: pushes(service), whole };
    let all = PushVendor::all().filter(|service| pushes(*service) > 0);
    let known = all.map(|service| HostState { host: service.name(), pushes: share(service), not_closed_since: None });
    let not_closed_hosts = not_closed.iter().map(|(host, since)| HostState {
        host: host.clone(),
        pushes: share(PushVendor::of_host(host)),
        not_closed_since: Some(*since),
    });
    known.chain(not_closed_hosts).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::histogram::bin_of;
    use metrics::sample::counters;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-24T{time}Z").parse().unwrap()
    }

    fn now() -> Timestamp {
        at("10:10:20")
    }

    /// Returns the figures of these minutes, each given with the time at which it begins.
    fn observed(minutes: &[(&str, &[(&str, i64)])], changed_at: Option<&str>) -> Observation {
        let minutes: Vec<_> = minutes.iter().map(|(begins, pairs)| (at(begins), counters(pairs))).collect();
        Observation::of(&minutes, &Counters::default(), &[], changed_at.map(at), now())
    }

    #[test]
    fn a_minute_has_both_rates_of_both_versions() {
        let all: &[(&str, i64)] = &[
            ("version/v1/accepted", 7),
            ("version/v1/failed", 1),
            ("version/v2/accepted", 10),
            ("version/v2/delivered", 5),
            ("version/v2/failed", 1),
            ("version/v2/uncertain", 2),
            ("version/v2/expired", 3),
            ("version/v2/skipped/opted_out", 9),
            ("version/v2/cancelled", 4),
            ("side/v2/first_pushes", 20),
            ("side/v2/first_pushes_failed", 6),
            ("side/v2/first_pushes_unavailable", 5),
            ("side/v2/push_closed", 18),
            ("side/v2/push_ended_badly", 4),
            ("side/v2/push_ended_badly_unavailable", 3),
        ];
        let minute = observed(&[("10:10:00", all)], None).minutes[0];
        assert_eq!(minute.v1, Arm { closed: 8, ended_badly: 1, ..Arm::default() });
        let v2 = Arm { closed: 21, ended_badly: 6, ..Arm::default() };
        let v2 = Arm { push_closed: 18, push_ended_badly: 4, push_ended_badly_unavailable: 3, ..v2 };
        let v2 = Arm { first_pushes: 20, first_pushes_failed: 6, first_pushes_unavailable: 5, ..v2 };
        assert_eq!(minute.v2, v2);
    }

    #[test]
    fn a_confirmation_closes_no_notification_a_second_time() {
        let confirmed: &[(&str, i64)] = &[("version/v2/accepted", -10), ("version/v2/delivered", 10)];
        assert_eq!(observed(&[("10:10:00", confirmed)], None).minutes[0].v2, Arm::default());
    }

    #[test]
    fn cost_counts_in_whole_minutes_since_the_last_change() {
        let paid: &[(&str, i64)] = &[("version/v2/cost_micros", 100), ("version/v1/cost_micros", 7)];
        let minutes = [("10:07:00", paid), ("10:08:00", paid), ("10:09:00", paid)];
        let cost = |changed_at| observed(&minutes, changed_at).cost_micros;
        assert_eq!((cost(None), cost(Some("10:08:00")), cost(Some("10:08:01"))), (300, 200, 100));
    }

    #[test]
    fn the_recent_quantile_is_of_all_latencies_of_five_minutes() {
        let with = |latency_ms: u64, count| {
            vec![(format!("version/v2/lat/{}", bin_of(latency_ms)), count), ("version/v2/accepted".to_owned(), count)]
        };
        let minutes: Vec<_> = [("10:05:00", 9_000, 50), ("10:06:00", 100, 96), ("10:10:00", 4_000, 4)]
            .into_iter()
            .map(|(begins, latency_ms, count)| {
                let mut sum = Counters::default();
                with(latency_ms, count).into_iter().for_each(|(name, count)| sum.add(name.parse().unwrap(), count));
                (at(begins), sum)
            })
            .collect();
        let recent = Observation::of(&minutes, &Counters::default(), &[], None, now()).recent;
        assert_eq!((recent.closed, recent.reached), (100, 100));
        assert!(
            recent.p95_ms.is_some_and(|p95_ms| (98..=102).contains(&p95_ms)),
            "an average would be 2,050: {recent:?}"
        );
    }

    #[test]
    fn a_push_services_breaker_counts_while_it_has_traffic() {
        let to_other = format!("side/v2/pushes/{}", PushVendor::of_host("push.example.com").name());
        let pushes: &[(&str, i64)] =
            &[("side/v2/pushes/google", 70), ("side/v2/pushes/google-other", 5), (&to_other, 25)];
        let minutes = [(at("10:00:00"), counters(pushes))];
        let breaker =
            |phase| Breaker { revision: 1, phase, open_for_ms: 1, opened_at_ms: Some(at("09:59:00").as_millisecond()) };
        let hosts = |host: &Host, phase| {
            let opened = [(host.clone(), breaker(phase))];
            let seen = Observation::of(&minutes, &Counters::default(), &opened, None, now());
            let not_closed_hosts = seen.hosts.iter().filter(|host| host.not_closed_since.is_some());
            (
                not_closed_hosts.map(|host| (host.pushes.part, host.pushes.whole)).collect::<Vec<_>>(),
                seen.recent.breakers_not_closed,
            )
        };
        let (google, ses) = (Host::push("fcm.googleapis.com"), Host::paid(Channel::Email));
        let open = |until| Phase::Open { until_ms: at(until).as_millisecond() };
        assert_eq!(hosts(&google, open("10:12:00")), (vec![(70, 100)], 1));
        assert_eq!(
            hosts(&Host::push("jmt17.google.com"), open("10:12:00")),
            (vec![(5, 100)], 1),
            "not of its neighbour"
        );
        assert_eq!(
            hosts(&Host::push("push.example.org"), open("10:12:00")),
            (vec![(0, 100)], 1),
            "an extra host of its own"
        );
        assert_eq!(hosts(&Host::push("push.example.com"), open("10:09:20")), (vec![(25, 100)], 1));
        assert_eq!(hosts(&google, Phase::HalfOpen { lease_ms: now().as_millisecond() }), (vec![(70, 100)], 1));
        assert_eq!(hosts(&google, open("10:09:19")), (vec![], 0), "no call for a minute");
        assert_eq!(hosts(&google, Phase::Closed { since_ms: 0 }), (vec![], 0));
        assert_eq!(hosts(&ses, open("10:12:00")), (vec![], 0));
    }

    #[test]
    fn the_minute_of_a_change_counts_for_the_time_before() {
        assert_eq!(whole_minutes_since(at("10:08:00")), at("10:08:00"));
        assert_eq!(whole_minutes_since(at("10:08:00.001")), at("10:09:00"));
    }
}
