//! Alarm for a provider that refuses this service's own configuration.

use domain::channel::{Answer, Channel, Outcome, Rejection};
use platform::alarm::AlarmLine;

/// Logs an alarm line if the provider refused the keys, the identity or the account of this service.
pub(crate) fn alarm_on_misconfiguration(channel: Channel, answer: &Answer) {
    if answer.outcome == (Outcome::Rejected { reason: Rejection::Config }) {
        tracing::error!(
            alarm = AlarmLine::ChannelConfig.as_str(),
            %channel,
            provider = answer.provider,
            status_code = answer.status_code,
            detail = answer.detail,
            "provider refused this service's configuration; check keys, clock, identity and account"
        );
    }
}
