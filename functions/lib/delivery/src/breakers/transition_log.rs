//! Log lines of the circuit breakers' transitions.

use jiff::Timestamp;

use domain::breaker::{Breaker, Host, Phase};
use platform::alarm::AlarmLine;

/// Logs a stored transition; opening and closing are the begin and the end of an alarm.
pub(super) fn log_transition(host: &Host, from: &Breaker, to: &Breaker, reason: &str) {
    let (channel, provider) = (host.channel, host.provider.as_str());
    match to.phase {
        Phase::Closed { .. } => {
            tracing::info!(recovered = "breaker_open", %channel, provider, "circuit breaker closed");
        }
        Phase::Open { until_ms } if from.is_closed() && to.open_for_ms > 0 => {
            let until = moment(until_ms);
            tracing::warn!(alarm = AlarmLine::BreakerOpen.as_str(), %channel, provider, %until, reason, "circuit breaker opened");
        }
        Phase::Open { until_ms } if from.is_closed() => {
            let until = moment(until_ms);
            tracing::warn!(%channel, provider, %until, reason, "opened circuit breaker on request");
        }
        Phase::Open { until_ms } => {
            let until = moment(until_ms);
            tracing::warn!(%channel, provider, %until, reason, "extended open circuit breaker");
        }
        Phase::HalfOpen { .. } => {}
    }
}

/// Converts milliseconds since the epoch to a time.
pub(super) fn moment(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MAX)
}
