//! What a round says to people: each alert with its number, its threshold and what was done.

use jiff::Timestamp;

use crate::Observed;
use crate::act::Acted;
use alerts::watch;
use domain::rollout::Percentage;
use domain::rollout::guard::{Action, Finding, GuardSettings, Hold, Measure, Minute, Reading, Rule, Share, Verdict};
use domain::{Alert, AlertKey, Severity};

/// An error rate above this is a P1, whoever's it is.
const ERROR_RATE_PERCENT: u32 = 15;

/// What was counted says by itself: that the provider is at fault, that too much fails, or that a push service is not called.
pub fn of_verdict(verdict: &Verdict, observed: &Observed, settings: &GuardSettings, now: Timestamp) -> Vec<Alert> {
    let outage = watch::outage(&observed.minutes).into_iter();
    let mut alerts: Vec<_> = outage.chain(watch::breakers(&observed.hosts, now)).collect();
    // As often in a row as it takes to act: one bad minute wakes nobody.
    let is_lasting = verdict.memory.step >= settings.evaluations;
    if is_lasting && verdict.action == (Action::Hold { why: Hold::ProvidersFault }) {
        let (number, threshold) = worst(verdict).map_or_else(Default::default, figures);
        alerts.push(Alert {
            key: AlertKey::ProvidersFault,
            subject: String::new(),
            severity: Severity::P0,
            title: "a provider fails for version 1 and version 2 alike".to_owned(),
            number,
            threshold,
            done: "nothing: going back to version 1 would take the fallback away".to_owned(),
        });
    }
    if let Some(reading) = over_all(&observed.minutes, settings).filter(|it| it.v2.is_above(ERROR_RATE_PERCENT)) {
        alerts.push(Alert {
            key: AlertKey::ErrorRate,
            subject: String::new(),
            severity: Severity::P1,
            title: format!("more than {ERROR_RATE_PERCENT} % fail"),
            number: format!(
                "{} of {} {} in {}",
                percent(reading.v2),
                reading.v2.whole,
                what(reading),
                in_minutes(reading.minutes)
            ),
            threshold: format!("{ERROR_RATE_PERCENT} %"),
            done: done_about_errors(verdict).to_owned(),
        });
    }
    alerts
}

/// Failures that no rule holds version 2 for are such as version 1 could not have avoided.
fn done_about_errors(verdict: &Verdict) -> &'static str {
    let is_error_rate = |finding: &Finding| matches!(finding.rule, Rule::ErrorRateOff | Rule::ErrorRateStep);
    if verdict.findings.iter().any(|finding| finding.holds && is_error_rate(finding)) {
        "the guard watches version 2"
    } else {
        "nothing: version 1 is one push and would not have reached these people either"
    }
}

/// The worse rate of both versions together.
fn over_all(minutes: &[Minute], settings: &GuardSettings) -> Option<Reading> {
    let together: Vec<_> = minutes.iter().map(|minute| Minute { v2: minute.v1.and(minute.v2), ..*minute }).collect();
    let readings = Measure::TOLD.into_iter().filter_map(|measure| measure.read(&together, 1, settings.step_sample));
    readings.reduce(|worst, other| if other.v2.is_worse_than(worst.v2) { other } else { worst })
}

/// That the guard lowers the percentage.
pub fn of_lowering(verdict: &Verdict, from: Percentage, to_hundredths: u16, enabled: bool) -> Alert {
    let to = Percentage::from_hundredths(to_hundredths).unwrap_or_default();
    let (number, threshold) = worst(verdict).map_or_else(Default::default, figures);
    let off = to == Percentage::ZERO;
    let done = format!("rollout-percentage {from} -> {to}");
    Alert {
        key: AlertKey::GuardActed,
        subject: String::new(),
        severity: if off { Severity::P1 } else { Severity::P2 },
        title: if off { "version 2 is switched off" } else { "version 2 is taken a step down" }.to_owned(),
        number,
        threshold,
        done: if enabled { done } else { format!("nothing, since the guard is disabled; else {done}") },
    }
}

/// What was planned, once it is done: what was not is tried again, and said then.
pub fn of_act(alert: Alert, acted: Option<Acted>) -> Option<Alert> {
    (acted == Some(Acted::Written)).then_some(alert)
}

/// That an operator wrote in the same moment.
pub fn of_overlap() -> Alert {
    Alert {
        key: AlertKey::GuardOverlap,
        subject: String::new(),
        severity: Severity::P1,
        title: "an operator and the guard wrote rollout-percentage at once".to_owned(),
        number: "2 writes".to_owned(),
        threshold: "1 write".to_owned(),
        done: "the operator's value was put back; the guard judges anew from here".to_owned(),
    }
}

/// That a ramp takes a step.
pub fn of_ramp(reason: &str, from: Percentage, to_hundredths: u16) -> Alert {
    let to = Percentage::from_hundredths(to_hundredths).unwrap_or_default();
    ramp_alert(reason.to_owned(), format!("{from} %"), format!("rollout-percentage {from} -> {to}"))
}

/// That a ramp is over.
pub fn of_ramp_end(is_done: bool, at: Percentage) -> Alert {
    let title = if is_done { "the ramp is done" } else { "the ramp was overtaken by another change" };
    ramp_alert(title.to_owned(), format!("{at} %"), "the plan is ended; the percentage stays".to_owned())
}

fn ramp_alert(title: String, number: String, done: String) -> Alert {
    let threshold = "the plan's criteria".to_owned();
    let (key, subject, severity) = (AlertKey::Ramp, String::new(), Severity::P2);
    Alert { key, subject, severity, title, number, threshold, done }
}

/// The verdict in one sentence, for the audit.
pub fn reason(verdict: &Verdict) -> String {
    let (number, threshold) = worst(verdict).map_or_else(Default::default, figures);
    format!("{number}; threshold {threshold}")
}

fn worst(verdict: &Verdict) -> Option<&Finding> {
    verdict.findings.iter().filter(|finding| finding.holds).max_by_key(|finding| finding.severity())
}

fn figures(finding: &Finding) -> (String, String) {
    let threshold = finding.threshold.unwrap_or_default();
    match (finding.rule, finding.reading) {
        (Rule::ErrorRateOff | Rule::ErrorRateStep, Some(reading)) => {
            let Reading { v1, v2, minutes, .. } = reading;
            let number = format!(
                "{} of {} {} in {}; version 1: {} of {}",
                percent(v2),
                v2.whole,
                what(reading),
                in_minutes(minutes),
                percent(v1),
                v1.whole
            );
            (number, format!("{threshold} %"))
        }
        (Rule::BreakerNotClosed, _) => {
            let host = finding.host.as_deref().unwrap_or_default();
            (
                format!("the breaker of {host} has not been CLOSED for {} minutes", finding.value.unwrap_or_default()),
                format!("{threshold} minutes"),
            )
        }
        _ => (
            format!("{} micro-euro in the last hour, since the last change", finding.value.unwrap_or_default()),
            format!("{threshold} micro-euro"),
        ),
    }
}

fn in_minutes(count: usize) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

const fn what(reading: Reading) -> &'static str {
    match reading.measure {
        Measure::EndedBadly => "notifications ended badly",
        Measure::PushEndedBadly => "notifications with a device ended badly",
        Measure::FirstPushesFailed => "first pushes failed",
    }
}

fn percent(share: Share) -> String {
    let hundredths = i128::from(share.part) * 10_000 / i128::from(share.whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}
