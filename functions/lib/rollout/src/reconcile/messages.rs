//! Alerts of a scheduled run, each with its figure, its threshold and the service's action; and the guard's reason for
//! the audit.

use jiff::Timestamp;
use platform::counted_noun::counted_noun;

use crate::observation::Observation;
use alerts::checks;
use alerts::figures::in_minutes;
use domain::rollout::Percentage;
use domain::rollout::guard::{
    ErrorRateKind, GuardAction, GuardSettings, GuardVerdict, HoldReason, MeasuredRate, MinuteCounts, Rule, RuleResult,
    Share,
};
use domain::{Alert, AlertKey, Severity};

/// Error rate of both versions, in percent, above which there is a P1 alert.
const ERROR_RATE_PERCENT: u32 = 15;

/// Returns the alerts about the counted figures: an outage, circuit breakers, a provider's fault, and the error rate.
pub fn of_verdict(
    verdict: &GuardVerdict,
    observation: &Observation,
    settings: &GuardSettings,
    now: Timestamp,
) -> Vec<Alert> {
    let outage = checks::outage(&observation.minutes).into_iter();
    let mut alerts: Vec<_> = outage.chain(checks::breakers(&observation.hosts, now)).collect();
    // The rule must hold in as many consecutive evaluations as the guard requires, so one bad minute raises no alert.
    let is_lasting = verdict.state.violated >= settings.evaluations;
    if is_lasting && verdict.action == (GuardAction::Hold { why: HoldReason::ProvidersFault }) {
        let rule = most_severe(verdict);
        let (number, threshold) = rule.map_or_else(Default::default, figures);
        alerts.push(Alert {
            key: AlertKey::ProvidersFault,
            subject: rule.map(subject).unwrap_or_default(),
            severity: Severity::P0,
            title: "a provider fails for version 1 and version 2".to_owned(),
            number,
            threshold,
            done: "rollout unchanged, since going back to version 1 would remove the fallback".to_owned(),
        });
    }
    let rates = rates_of_both(&observation.minutes, settings);
    let too_high = rates.into_iter().filter(|rate| rate.v2.is_above(ERROR_RATE_PERCENT));
    alerts.extend(too_high.map(|rate| of_error_rate(rate, verdict)));
    alerts
}

fn of_error_rate(rate: MeasuredRate, verdict: &GuardVerdict) -> Alert {
    let what = if rate.measure == ErrorRateKind::FirstPushesFailed { "failed first pushes" } else { "error rate" };
    Alert {
        key: AlertKey::ErrorRate,
        subject: rate.measure.subject().to_owned(),
        severity: Severity::P1,
        title: format!("{what} above {ERROR_RATE_PERCENT} %"),
        number: format!("{} of {} {} in {}", percent(rate.v2), rate.v2.whole, kind(rate), in_minutes(rate.minutes)),
        threshold: format!("{ERROR_RATE_PERCENT} %"),
        done: action_about_errors(verdict).to_owned(),
    }
}

/// Returns the subject of an alert about a rule: the push service, or the kind of the error rate.
fn subject(result: &RuleResult) -> String {
    let of_rate = || result.reading.map(|rate| rate.measure.subject().to_owned());
    result.host.clone().or_else(of_rate).unwrap_or_default()
}

/// Returns the action for the error-rate alert. If no rule of the guard holds, or only by a provider's fault, version 1
/// could not have avoided the failures.
fn action_about_errors(verdict: &GuardVerdict) -> &'static str {
    let is_error_rate = |result: &RuleResult| matches!(result.rule, Rule::ErrorRateOff | Rule::ErrorRateStep);
    if verdict.findings.iter().any(|result| result.holds && !result.is_providers_fault && is_error_rate(result)) {
        "the guard evaluates version 2"
    } else {
        "rollout unchanged, since version 1 sends one push and would not have reached these recipients either"
    }
}

/// Returns the error rates that alerts report, with both versions counted together.
fn rates_of_both(minutes: &[MinuteCounts], settings: &GuardSettings) -> Vec<MeasuredRate> {
    let both: Vec<_> = minutes.iter().map(|minute| MinuteCounts { v2: minute.v1.and(minute.v2), ..*minute }).collect();
    ErrorRateKind::FOR_ALERTS.into_iter().filter_map(|kind| kind.read(&both, 1, settings.step_sample)).collect()
}

/// Returns the alert that the guard lowers the percentage, or would lower it if it were enabled.
pub fn of_lowering(verdict: &GuardVerdict, from: Percentage, to_hundredths: u16, enabled: bool) -> Alert {
    let to = Percentage::from_hundredths(to_hundredths).unwrap_or_default();
    let (number, threshold) = most_severe(verdict).map_or_else(Default::default, figures);
    let is_off = to == Percentage::ZERO;
    let title = match (is_off, enabled) {
        (true, true) => "version 2 switched off by the guard",
        (false, true) => "version 2 taken one step down by the guard",
        (true, false) => "guard is disabled; version 2 should be switched off",
        (false, false) => "guard is disabled; version 2 should be taken one step down",
    };
    let change = format!("rollout-percentage {from} -> {to}");
    Alert {
        key: AlertKey::GuardActed,
        subject: String::new(),
        severity: if is_off { Severity::P1 } else { Severity::P2 },
        title: title.to_owned(),
        number,
        threshold,
        done: if enabled { change } else { format!("nothing, since the guard is disabled; otherwise {change}") },
    }
}

/// Returns the alert that an operator wrote the percentage at the same moment as the service.
pub fn of_overlap() -> Alert {
    Alert {
        key: AlertKey::GuardOverlap,
        subject: String::new(),
        severity: Severity::P1,
        title: "an operator and the service wrote rollout-percentage at the same time".to_owned(),
        number: "2 writes".to_owned(),
        threshold: "1 write".to_owned(),
        done: "the operator's value was restored; the guard evaluates only later minutes".to_owned(),
    }
}

/// Returns the alert that a ramp takes a step.
pub fn of_ramp(reason: &str, from: Percentage, to_hundredths: u16) -> Alert {
    let to = Percentage::from_hundredths(to_hundredths).unwrap_or_default();
    ramp_alert(reason.to_owned(), format!("{from} %"), format!("rollout-percentage {from} -> {to}"))
}

/// Returns the alert that a ramp has ended.
pub fn of_ramp_end(is_done: bool, at: Percentage) -> Alert {
    let title = if is_done { "ramp completed" } else { "ramp ended by another change of the percentage" };
    ramp_alert(title.to_owned(), format!("{at} %"), "the plan has ended; the percentage stays".to_owned())
}

fn ramp_alert(title: String, number: String, done: String) -> Alert {
    let threshold = "the plan's criteria".to_owned();
    let (key, subject, severity) = (AlertKey::Ramp, String::new(), Severity::P2);
    Alert { key, subject, severity, title, number, threshold, done }
}

/// Returns the guard's reason for the audit: the figure and the threshold of the most severe rule that holds.
pub fn reason(verdict: &GuardVerdict) -> String {
    let (number, threshold) = most_severe(verdict).map_or_else(Default::default, figures);
    format!("{number}; threshold {threshold}")
}

/// Returns the most severe rule that holds. A rule that lowers the percentage comes before a provider's fault.
fn most_severe(verdict: &GuardVerdict) -> Option<&RuleResult> {
    let weight = |result: &&RuleResult| (!result.is_providers_fault, result.severity());
    verdict.findings.iter().filter(|result| result.holds).max_by_key(weight)
}

/// Returns the figure and the threshold of a rule, as text.
fn figures(result: &RuleResult) -> (String, String) {
    let threshold = result.threshold.unwrap_or_default();
    match (result.rule, result.reading) {
        (Rule::ErrorRateOff | Rule::ErrorRateStep, Some(rate)) => {
            let MeasuredRate { v1, v2, minutes, .. } = rate;
            let number = format!(
                "{} of {} {} in {}; version 1: {} of {}",
                percent(v2),
                v2.whole,
                kind(rate),
                in_minutes(minutes),
                percent(v1),
                v1.whole
            );
            (number, format!("{threshold} %"))
        }
        (Rule::BreakerNotClosed, _) => {
            let (host, minutes) = (result.host.as_deref().unwrap_or_default(), result.value.unwrap_or_default());
            let [minutes, threshold] = [minutes, threshold].map(|it| counted_noun(it, "minute", "minutes"));
            (format!("circuit breaker of {host} not CLOSED for {minutes}"), threshold)
        }
        _ => {
            let cost = result.value.unwrap_or_default();
            let number = format!("{cost} micro-euro in the last hour, counted since the last change");
            (number, format!("{threshold} micro-euro"))
        }
    }
}

const fn kind(rate: MeasuredRate) -> &'static str {
    match rate.measure {
        ErrorRateKind::EndedBadly => "notifications ended badly",
        ErrorRateKind::PushEndedBadly => "notifications with a device ended badly",
        ErrorRateKind::FirstPushesFailed => "first pushes failed",
    }
}

fn percent(share: Share) -> String {
    alerts::figures::percent(share.part, share.whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::rollout::guard::{Arm, GuardState};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T10:10:20Z".parse().unwrap()
    }

    /// A rule that holds although version 1 does no better.
    fn fault(rule: Rule, host: Option<&str>, reading: Option<MeasuredRate>) -> RuleResult {
        let (holds, has_data, is_providers_fault) = (true, true, true);
        let (value, threshold, needed_sample) = (Some(11), Some(10), None);
        let host = host.map(str::to_owned);
        RuleResult { rule, holds, has_data, is_providers_fault, reading, value, threshold, needed_sample, host }
    }

    fn alerts(findings: Vec<RuleResult>, v2: Arm) -> Vec<String> {
        let (settings, state) = (GuardSettings::default(), GuardState { violated: u32::MAX, ..GuardState::default() });
        let action = GuardAction::Hold { why: HoldReason::ProvidersFault };
        let minutes = vec![MinuteCounts { begins: now(), v1: Arm::default(), v2 }];
        let observation = Observation { minutes, ..Observation::default() };
        let found = of_verdict(&GuardVerdict { action, findings, state }, &observation, &settings, now());
        found.into_iter().map(|alert| alert.id()).filter(|id| id != "outage").collect()
    }

    #[test]
    fn a_fault_of_each_push_service_is_an_alert_of_its_own() {
        let (mozilla, apple) = ("updates.push.services.mozilla.com", "web.push.apple.com");
        for host in [mozilla, apple] {
            let findings = vec![fault(Rule::BreakerNotClosed, Some(host), None)];
            assert_eq!(alerts(findings, Arm::default()), [format!("providers-fault-{host}")]);
        }
        let (v2, v1) = (Share { part: 60, whole: 100 }, Share { part: 55, whole: 100 });
        let rate = MeasuredRate { measure: ErrorRateKind::PushEndedBadly, v2, v2_unavailable: 0, v1, minutes: 1 };
        let findings = vec![fault(Rule::ErrorRateOff, None, Some(rate))];
        assert_eq!(alerts(findings, Arm::default()), ["providers-fault-push-ended-badly"]);
    }

    #[test]
    fn each_error_rate_is_an_alert_of_its_own() {
        let ended = Arm { closed: 1_000, ended_badly: 200, first_pushes: 1_000, ..Arm::default() };
        let pushed = Arm { first_pushes_failed: 200, ended_badly: 0, ..ended };
        let errors = |arm| alerts(vec![fault(Rule::CostOverrun, None, None)], arm).split_off(1);
        assert_eq!(errors(ended), ["error-rate-ended-badly"]);
        assert_eq!(errors(pushed), ["error-rate-first-pushes-failed"]);
        let both = Arm { first_pushes_failed: 200, ..ended };
        assert_eq!(errors(both), ["error-rate-ended-badly", "error-rate-first-pushes-failed"]);
        assert_eq!(errors(Arm { ended_badly: 150, ..ended }), [""; 0], "15 % are not above 15 %");
    }
}
