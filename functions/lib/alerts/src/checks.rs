//! Alerts about counted figures, budgets and parameters, each with its figure and threshold. All functions are pure.

use jiff::Timestamp;
use platform::counted_noun::counted_noun;

use crate::figures::{in_minutes, percent};
use domain::budget::BudgetUsage;
use domain::rollout::guard::{ErrorRateKind, HostState, MinuteCounts};
use domain::{Alert, AlertKey, Severity};

/// Share of notifications that end badly, in percent, above which there is an outage.
const OUTAGE_PERCENT: u32 = 50;
/// Minimum number of notifications before there is an outage.
const OUTAGE_SAMPLE: u32 = 20;
/// Window of the outage check, in minutes.
const OUTAGE_MINUTES: usize = 5;
/// Time after which a circuit breaker that is not CLOSED is reported, in minutes.
const BREAKER_MINUTES: i64 = 3;
/// Share from which a budget is nearly spent, in percent.
const BUDGET_PERCENT: i128 = 80;
/// Maximum number of subjects of one kind with a separate alert.
const MAX_SUBJECTS: usize = 8;

/// Returns an alert if most notifications of both versions end badly. `minutes` is sorted, oldest first, and includes
/// minutes without notifications.
#[must_use]
pub fn outage(minutes: &[MinuteCounts]) -> Option<Alert> {
    let last = minutes.get(minutes.len().saturating_sub(OUTAGE_MINUTES)..).unwrap_or_default();
    let together: Vec<_> = last.iter().map(|minute| MinuteCounts { v2: minute.v1.and(minute.v2), ..*minute }).collect();
    let reading = ErrorRateKind::EndedBadly.read(&together, 1, OUTAGE_SAMPLE)?;
    let (bad, all) = (reading.v2.part, reading.v2.whole);
    reading.v2.is_above(OUTAGE_PERCENT).then(|| Alert {
        key: AlertKey::Outage,
        subject: String::new(),
        severity: Severity::P0,
        title: "most notifications reach no recipient".to_owned(),
        number: format!(
            "{} of {} ended badly in {}",
            percent(bad, all),
            counted_noun(all, "notification", "notifications"),
            in_minutes(reading.minutes)
        ),
        threshold: format!("{OUTAGE_PERCENT} %"),
        done: "retries continue; GET /v1/notifications?status=failed lists what cannot be retried".to_owned(),
    })
}

/// Returns an alert for each push service whose circuit breaker is not CLOSED for some time. Services with the largest
/// share of pushes come first.
#[must_use]
pub fn breakers(hosts: &[HostState], now: Timestamp) -> Vec<Alert> {
    let minutes = |host: &HostState| host.not_closed_since.map(|since| now.duration_since(since).as_mins());
    let long =
        hosts.iter().filter_map(|host| Some((host, minutes(host).filter(|minutes| *minutes >= BREAKER_MINUTES)?)));
    let mut long: Vec<_> = long.collect();
    long.sort_by_key(|(host, _)| (std::cmp::Reverse(host.pushes.part), &host.host));
    let alert = |(host, minutes): (&HostState, i64)| {
        let share = percent(host.pushes.part, host.pushes.whole);
        Alert {
            key: AlertKey::Breaker,
            subject: host.host.clone(),
            severity: Severity::P2,
            title: format!("circuit breaker not CLOSED: {}", host.host),
            number: format!("{}: {minutes} minutes, {share} of version 2's pushes", host.host),
            threshold: format!("{BREAKER_MINUTES} minutes not CLOSED"),
            done: "the host gets only probes; its notifications use the next channel or wait".to_owned(),
        }
    };
    at_most(long.into_iter().map(alert).collect(), "circuit breakers not CLOSED")
}

/// Returns an alert for each budget that is nearly or completely spent. Spent ones come first.
#[must_use]
pub fn budgets(budgets: &[BudgetUsage]) -> Vec<Alert> {
    let is_over = |it: &BudgetUsage, percent: i128| {
        i128::from(it.used_micros) * 100 >= i128::from(it.limit_micros) * percent && it.limit_micros > 0
    };
    let near = budgets.iter().filter(|budget| is_over(budget, BUDGET_PERCENT));
    let mut alerts: Vec<_> = near.map(|budget| of_budget(budget, is_over(budget, 100))).collect();
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    at_most(alerts, "budgets spent or nearly spent")
}

fn of_budget(budget: &BudgetUsage, is_spent: bool) -> Alert {
    let (severity, title, done) = if is_spent {
        (
            Severity::P1,
            "budget spent",
            "notifications that would exceed the budget use the next channel, or end skipped with reason budget",
        )
    } else {
        (Severity::P2, "budget nearly spent", "no automatic action")
    };
    let (share, name) = (percent(budget.used_micros, budget.limit_micros), budget.ceiling.as_str());
    let subject = budget.r#type.as_ref().map_or_else(|| name.to_owned(), |kind| format!("{name} of {kind}"));
    Alert {
        key: AlertKey::Budget,
        severity,
        title: format!("{title}: {subject}"),
        number: format!("{share} of {subject}: {} micro-euro", budget.limit_micros),
        subject,
        threshold: format!("{BUDGET_PERCENT} % is nearly spent, 100 % is spent"),
        done: done.to_owned(),
    }
}

/// Returns an alert for each missing or invalid parameter, given the last part of its name and the reason. The reason
/// does not contain the value.
#[must_use]
pub fn parameters(errors: &[(&str, String)]) -> Vec<Alert> {
    let alert = |(name, why): &(&str, String)| Alert {
        key: AlertKey::Parameter,
        subject: (*name).to_owned(),
        severity: Severity::P2,
        title: format!("invalid parameter: {name}"),
        number: format!("{name}: {why}"),
        threshold: "no missing or invalid parameter".to_owned(),
        done: "the last valid value stays in force".to_owned(),
    };
    errors.iter().map(alert).collect()
}

/// Limits the alerts to [`MAX_SUBJECTS`], and merges the others into one alert with their highest severity.
fn at_most(mut alerts: Vec<Alert>, title: &str) -> Vec<Alert> {
    let rest = alerts.split_off(alerts.len().min(MAX_SUBJECTS));
    let worst = rest.iter().max_by_key(|alert| alert.severity).cloned();
    alerts.extend(worst.map(|worst| Alert {
        subject: "others".to_owned(),
        title: format!("{} more {title}", rest.len()),
        number: rest.iter().map(|alert| alert.number.as_str()).take(MAX_SUBJECTS).collect::<Vec<_>>().join("; "),
        ..worst
    }));
    alerts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::TypeId;
    use domain::budget::Ceiling;
    use domain::rollout::guard::{Arm, Share};

    fn minute(ended_badly: i64, closed: i64) -> MinuteCounts {
        let v1 = Arm { closed: closed / 2, ended_badly: ended_badly / 2, ..Arm::default() };
        let v2 = Arm { closed: closed - v1.closed, ended_badly: ended_badly - v1.ended_badly, ..Arm::default() };
        MinuteCounts { begins: Timestamp::UNIX_EPOCH, v1, v2 }
    }

    #[test]
    fn an_outage_is_more_than_half_of_a_recent_sample_of_both_versions() {
        let found = |bad, all| outage(&[minute(bad, all)]).map(|alert| (alert.severity, alert.number));
        assert_eq!(found(10, 20), None);
        assert_eq!(
            found(11, 20),
            Some((Severity::P0, "55.00 % of 20 notifications ended badly in 1 minute".to_owned()))
        );
        assert_eq!(found(19, 19), None, "too few");
        assert_eq!(outage(&[]), None);
        let mut minutes = vec![minute(100, 100)];
        minutes.extend([minute(0, 0); 4]);
        assert!(outage(&minutes).is_some());
        minutes.push(minute(0, 0));
        assert_eq!(outage(&minutes), None, "that was more than five minutes ago");
    }

    #[test]
    fn a_breaker_is_reported_after_three_minutes() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let host = |seconds: Option<i64>| HostState {
            host: "fcm.googleapis.com".to_owned(),
            pushes: Share { part: 3, whole: 4 },
            not_closed_since: seconds.map(|seconds| Timestamp::from_second(1_800_000_000 - seconds).unwrap()),
        };
        assert_eq!(breakers(&[host(None), host(Some(179))], now), []);
        let alerts = breakers(&[host(None), host(Some(180))], now);
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].number, "fcm.googleapis.com: 3 minutes, 75.00 % of version 2's pushes");
        assert_eq!(alerts[0].id(), "breaker-fcm.googleapis.com");
    }

    #[test]
    fn each_push_service_has_an_alert_up_to_a_maximum() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let host = |number: i64| HostState {
            host: format!("p{number}.example.com"),
            pushes: Share { part: number, whole: 100 },
            not_closed_since: Timestamp::from_second(1_799_990_000).ok(),
        };
        let hosts: Vec<_> = (0..30).map(host).collect();
        let alerts = breakers(&hosts, now);
        let ids: std::collections::BTreeSet<_> = alerts.iter().map(Alert::id).collect();
        assert_eq!((alerts.len(), ids.len()), (MAX_SUBJECTS + 1, MAX_SUBJECTS + 1));
        assert_eq!((alerts[0].subject.as_str(), alerts[8].subject.as_str()), ("p29.example.com", "others"));
        assert_eq!(alerts[8].title, "22 more circuit breakers not CLOSED");
    }

    #[test]
    fn a_budget_is_reported_at_80_percent_and_again_when_it_is_spent() {
        let (ceiling, limit_micros, remaining_micros) = (Ceiling::TypeDay, 1_000, 0);
        let resets_at = "2026-11-24T00:00:00Z".parse().unwrap();
        let day = |used_micros| BudgetUsage {
            ceiling,
            r#type: TypeId::parse("PAYMENT_DUE"),
            limit_micros,
            used_micros,
            remaining_micros,
            resets_at,
        };
        let found = |spent| {
            let alerts = budgets(&[BudgetUsage { limit_micros: 0, ..day(5) }, day(spent)]);
            alerts.into_iter().map(|alert| (alert.severity, alert.number)).collect::<Vec<_>>()
        };
        assert_eq!(found(799), []);
        assert_eq!(found(800), [(Severity::P2, "80.00 % of type_day of PAYMENT_DUE: 1000 micro-euro".to_owned())]);
        assert_eq!(found(999)[0].0, Severity::P2);
        assert_eq!(found(1_000), [(Severity::P1, "100.00 % of type_day of PAYMENT_DUE: 1000 micro-euro".to_owned())]);
        let month = BudgetUsage { ceiling: Ceiling::Month, r#type: None, ..day(1_000) };
        let both: Vec<_> = budgets(&[day(800), month]).iter().map(Alert::id).collect();
        assert_eq!(both, ["budget-month", "budget-type_day of PAYMENT_DUE"]);
    }

    #[test]
    fn an_invalid_parameter_is_reported_with_its_reason() {
        assert_eq!(parameters(&[]), []);
        let errors = [("rollout-percentage", "it is above 100".to_owned()), ("settings", "it is empty".to_owned())];
        let alerts = parameters(&errors);
        assert_eq!(
            (alerts[0].severity, alerts[0].number.as_str()),
            (Severity::P2, "rollout-percentage: it is above 100")
        );
        assert_eq!(alerts[1].title, "invalid parameter: settings");
    }
}
