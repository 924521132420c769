//! Alerts about what was counted, each with its number and threshold. Pure.

use jiff::Timestamp;

use super::{Alert, AlertKey, Severity};
use crate::budget::Standing;
use crate::rollout::guard::{HostState, Measure, Minute};

/// An outage: more than this share of all notifications ends badly, of at least so many in the last minutes.
const OUTAGE_PERCENT: u32 = 50;
const OUTAGE_SAMPLE: u32 = 20;
const OUTAGE_MINUTES: usize = 5;
/// A breaker that is not CLOSED for so long is no blip.
const BREAKER_MINUTES: i64 = 3;
/// A budget is nearly spent from this share on.
const BUDGET_PERCENT: i128 = 80;

/// Whether most of what both versions send ends badly. `minutes` come oldest first, those without anything too.
#[must_use]
pub fn outage(minutes: &[Minute]) -> Option<Alert> {
    let last = minutes.get(minutes.len().saturating_sub(OUTAGE_MINUTES)..).unwrap_or_default();
    let together: Vec<_> = last.iter().map(|minute| Minute { v2: minute.v1.and(minute.v2), ..*minute }).collect();
    let reading = Measure::EndedBadly.read(&together, 1, OUTAGE_SAMPLE)?;
    let (bad, all) = (reading.v2.part, reading.v2.whole);
    reading.v2.is_above(OUTAGE_PERCENT).then(|| Alert {
        key: AlertKey::Outage,
        severity: Severity::P0,
        title: "most notifications reach nobody".to_owned(),
        number: format!("{} of {all} ended badly in {} minutes", percent(bad, all), reading.minutes),
        threshold: format!("{OUTAGE_PERCENT} %"),
        done: "nothing: what can be tried again is; the rest is listed by GET /v1/notifications?status=failed"
            .to_owned(),
    })
}

/// Push services that version 2 does not call for some time.
#[must_use]
pub fn breakers(hosts: &[HostState], now: Timestamp) -> Option<Alert> {
    let minutes = |host: &HostState| host.not_closed_since.map(|since| now.duration_since(since).as_mins());
    let long =
        hosts.iter().filter_map(|host| Some((host, minutes(host).filter(|minutes| *minutes >= BREAKER_MINUTES)?)));
    let told: Vec<_> = long
        .map(|(host, minutes)| {
            let share = percent(host.pushes.part, host.pushes.whole);
            format!("{} for {minutes} minutes, with {share} of version 2's pushes", host.host)
        })
        .collect();
    (!told.is_empty()).then(|| Alert {
        key: AlertKey::Breaker,
        severity: Severity::P2,
        title: "a push service is not called".to_owned(),
        number: told.join("; "),
        threshold: format!("{BREAKER_MINUTES} minutes not CLOSED"),
        done: "its messages go over the next channel, or wait; it is probed".to_owned(),
    })
}

/// Budgets that are nearly or wholly spent, in one alert.
#[must_use]
pub fn budgets(budgets: &[Standing]) -> Option<Alert> {
    let is_over = |it: &Standing, percent: i128| {
        i128::from(it.used_micros) * 100 >= i128::from(it.limit_micros) * percent && it.limit_micros > 0
    };
    let near: Vec<_> = budgets.iter().filter(|budget| is_over(budget, BUDGET_PERCENT)).collect();
    let is_spent = near.iter().any(|budget| is_over(budget, 100));
    let told = |it: &&Standing| {
        let (share, name) = (percent(it.used_micros, it.limit_micros), it.ceiling.as_str());
        let of_type = it.r#type.map(|kind| format!(" of {kind}")).unwrap_or_default();
        format!("{share} of {name}{of_type}, {} micro-euro", it.limit_micros)
    };
    let (severity, title, done) = if is_spent {
        (
            Severity::P1,
            "a budget is spent",
            "what costs more goes over the next channel, or ends skipped, reason budget",
        )
    } else {
        (Severity::P2, "a budget is nearly spent", "nothing yet")
    };
    (!near.is_empty()).then(|| Alert {
        key: AlertKey::Budget,
        severity,
        title: title.to_owned(),
        number: near.iter().map(told).collect::<Vec<_>>().join("; "),
        threshold: format!("{BUDGET_PERCENT} %; 100 % is spent"),
        done: done.to_owned(),
    })
}

/// Parameters that cannot be used: the last part of each name, and what is wrong, without the text.
#[must_use]
pub fn parameters(faults: &[(&str, String)]) -> Option<Alert> {
    let told = |(name, why): &(&str, String)| format!("{name}: {why}");
    (!faults.is_empty()).then(|| Alert {
        key: AlertKey::Parameter,
        severity: Severity::P2,
        title: "a parameter cannot be used".to_owned(),
        number: faults.iter().map(told).collect::<Vec<_>>().join("; "),
        threshold: "0 parameters that are missing or junk".to_owned(),
        done: "the last good value stays in force".to_owned(),
    })
}

/// A share in percent with two decimals, without floating point.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::budget::Ceiling;
    use crate::rollout::guard::{Arm, Share};

    fn minute(ended_badly: i64, closed: i64) -> Minute {
        let v1 = Arm { closed: closed / 2, ended_badly: ended_badly / 2, ..Arm::default() };
        let v2 = Arm { closed: closed - v1.closed, ended_badly: ended_badly - v1.ended_badly, ..Arm::default() };
        Minute { begins: Timestamp::UNIX_EPOCH, v1, v2 }
    }

    #[test]
    fn an_outage_is_more_than_half_of_a_sample_of_both_versions_lately() {
        let found = |bad, all| outage(&[minute(bad, all)]).map(|alert| (alert.severity, alert.number));
        assert_eq!(found(10, 20), None);
        assert_eq!(found(11, 20), Some((Severity::P0, "55.00 % of 20 ended badly in 1 minutes".to_owned())));
        assert_eq!(found(19, 19), None, "too few");
        assert_eq!(outage(&[]), None);
        let mut minutes = vec![minute(100, 100)];
        minutes.extend([minute(0, 0); 4]);
        assert!(outage(&minutes).is_some());
        minutes.push(minute(0, 0));
        assert_eq!(outage(&minutes), None, "that was more than five minutes ago");
    }

    #[test]
    fn a_breaker_is_told_of_once_it_is_no_blip() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let host = |seconds: Option<i64>| HostState {
            host: "fcm.googleapis.com".to_owned(),
            pushes: Share { part: 3, whole: 4 },
            not_closed_since: seconds.map(|seconds| Timestamp::from_second(1_800_000_000 - seconds).unwrap()),
        };
        assert_eq!(breakers(&[host(None), host(Some(179))], now), None);
        let alert = breakers(&[host(None), host(Some(180))], now).unwrap();
        assert_eq!(alert.number, "fcm.googleapis.com for 3 minutes, with 75.00 % of version 2's pushes");
    }

    #[test]
    fn a_budget_is_told_of_at_80_percent_and_again_when_it_is_spent() {
        let (ceiling, limit_micros, remaining_micros) = (Ceiling::TypeDay, 1_000, 0);
        let resets_at = "2026-11-24T00:00:00Z".parse().unwrap();
        let day = |used_micros| Standing {
            ceiling,
            r#type: Some("PAYMENT_DUE"),
            limit_micros,
            used_micros,
            remaining_micros,
            resets_at,
        };
        let found = |spent| {
            budgets(&[Standing { limit_micros: 0, ..day(5) }, day(spent)]).map(|alert| (alert.severity, alert.number))
        };
        assert_eq!(found(799), None);
        assert_eq!(found(800), Some((Severity::P2, "80.00 % of type_day of PAYMENT_DUE, 1000 micro-euro".to_owned())));
        assert_eq!(found(999).unwrap().0, Severity::P2);
        assert_eq!(
            found(1_000),
            Some((Severity::P1, "100.00 % of type_day of PAYMENT_DUE, 1000 micro-euro".to_owned()))
        );
    }

    #[test]
    fn a_parameter_that_cannot_be_used_is_named_with_its_fault() {
        assert_eq!(parameters(&[]), None);
        let alert = parameters(&[("rollout-percentage", "it is above 100".to_owned())]).unwrap();
        assert_eq!((alert.severity, alert.number.as_str()), (Severity::P2, "rollout-percentage: it is above 100"));
    }
}
