//! What was counted of both versions, for the guard and a ramp to judge by.
//!
//! Two queries of the metrics table at most (the minutes of the last hour), one read of the control table for the breakers and
//! one more when there are any that opened; while a ramp is under way also what its hold time was merged into.

use jiff::{SignedDuration, Timestamp};

use domain::breaker::{Breaker, Host, Phase};
use domain::channel::Channel;
use domain::rollout::guard::{Arm, HostState, Minute, Share};
use domain::rollout::ramp::Figures;
use metrics::arm_metrics::{PushVendor, RolloutArmMetric};
use metrics::counters::{Cohort, Group, NotificationMetric};
use metrics::figures::latency_bins;
use metrics::histogram::quantile;
use metrics::{Bucket, CounterName, Counters, Unit, Window};
use store::metrics::MetricsStore;
use store::{BreakerStore, StoreError};

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
            cost_micros: of_v2(
                &sum(changed_at.map_or(Timestamp::MIN, whole_minutes_since)),
                NotificationMetric::CostMicros,
            ),
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
    let side = |side| counters.get(&CounterName::RolloutArm(cohort, side));
    let ended_badly =
        of(NotificationMetric::Failed) + of(NotificationMetric::Uncertain) + of(NotificationMetric::Expired);
    Arm {
        closed: of(NotificationMetric::Accepted) + of(NotificationMetric::Delivered) + ended_badly,
        ended_badly,
        push_closed: side(RolloutArmMetric::PushClosed),
        push_ended_badly: side(RolloutArmMetric::PushEndedBadly),
        first_pushes: side(RolloutArmMetric::FirstPushes),
        first_pushes_failed: side(RolloutArmMetric::FirstPushesFailed),
    }
}

fn of_v2(counters: &Counters, of: NotificationMetric) -> i64 {
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
    let pushes = |service| hour.get(&CounterName::RolloutArm(Cohort::V2, RolloutArmMetric::PushesTo(service))).max(0);
    let whole = PushVendor::ALL.into_iter().map(pushes).sum();
    let share = |service| Share { part: pushes(service), whole };
    let all = PushVendor::ALL.into_iter().filter(|service| pushes(*service) > 0);
    let well = all.map(|service| HostState {
        host: service.as_str().to_owned(),
        pushes: share(service),
        not_closed_since: None,
    });
    let ill = not_closed.iter().map(|(host, since)| HostState {
        host: host.clone(),
        pushes: share(PushVendor::of_host(host)),
        not_closed_since: Some(*since),
    });
    well.chain(ill).collect()
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

    /// What is observed of these minutes, each by the time it began.
    fn observed(minutes: &[(&str, &[(&str, i64)])], changed_at: Option<&str>) -> Observed {
        let minutes: Vec<_> = minutes.iter().map(|(begins, pairs)| (at(begins), counters(pairs))).collect();
        Observed::of(&minutes, &Counters::default(), &[], changed_at.map(at), now())
    }

    #[test]
    fn a_minute_has_both_rates_of_both_sides() {
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
            ("side/v2/push_closed", 18),
            ("side/v2/push_ended_badly", 4),
        ];
        let minute = observed(&[("10:10:00", all)], None).minutes[0];
        assert_eq!(minute.v1, Arm { closed: 8, ended_badly: 1, ..Arm::default() });
        let v2 = Arm { closed: 21, ended_badly: 6, ..Arm::default() };
        let v2 = Arm { push_closed: 18, push_ended_badly: 4, first_pushes: 20, first_pushes_failed: 6, ..v2 };
        assert_eq!(minute.v2, v2);
    }

    #[test]
    fn a_confirmation_ends_nothing_a_second_time() {
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
    fn lately_are_the_last_five_minutes_and_their_quantile_is_of_all_their_latencies() {
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
        let lately = Observed::of(&minutes, &Counters::default(), &[], None, now()).lately;
        assert_eq!((lately.closed, lately.reached), (100, 100));
        assert!(
            lately.p95_ms.is_some_and(|p95_ms| (98..=102).contains(&p95_ms)),
            "an average would be 2,050: {lately:?}"
        );
    }

    #[test]
    fn a_push_services_breaker_counts_while_somebody_calls_it_with_the_share_of_who_runs_it() {
        let pushes: &[(&str, i64)] = &[("side/v2/pushes/google", 75), ("side/v2/pushes/other", 25)];
        let minutes = [(at("10:00:00"), counters(pushes))];
        let breaker =
            |phase| Breaker { revision: 1, phase, open_for_ms: 1, opened_at_ms: Some(at("09:59:00").as_millisecond()) };
        let hosts = |host: &Host, phase| {
            let opened = [(host.clone(), breaker(phase))];
            let seen = Observed::of(&minutes, &Counters::default(), &opened, None, now());
            let ill = seen.hosts.iter().filter(|host| host.not_closed_since.is_some());
            (ill.map(|host| (host.pushes.part, host.pushes.whole)).collect::<Vec<_>>(), seen.lately.breakers_not_closed)
        };
        let (google, ses) = (Host::push("fcm.googleapis.com"), Host::paid(Channel::Email));
        let open = |until| Phase::Open { until_ms: at(until).as_millisecond() };
        assert_eq!(hosts(&google, open("10:12:00")), (vec![(75, 100)], 1));
        assert_eq!(hosts(&Host::push("push.example.com"), open("10:09:20")), (vec![(25, 100)], 1));
        assert_eq!(hosts(&google, Phase::HalfOpen { lease_ms: now().as_millisecond() }), (vec![(75, 100)], 1));
        assert_eq!(hosts(&google, open("10:09:19")), (vec![], 0), "nobody called it for a minute");
        assert_eq!(hosts(&google, Phase::Closed { since_ms: 0 }), (vec![], 0));
        assert_eq!(hosts(&ses, open("10:12:00")), (vec![], 0));
    }

    #[test]
    fn the_minute_of_a_change_belongs_to_what_was_before() {
        assert_eq!(whole_minutes_since(at("10:08:00")), at("10:08:00"));
        assert_eq!(whole_minutes_since(at("10:08:00.001")), at("10:09:00"));
    }
}
