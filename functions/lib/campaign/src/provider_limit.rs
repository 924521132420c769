//! Pace of campaigns with paid messages: the rates of the account's providers, less a part for other messages.

use platform::time_limits::PACED_PAGE_LIMIT;
use serde::{Deserialize, Serialize};

/// Share of a provider's rate or quota that all campaigns together use. The rest is for other messages of the account.
pub(crate) const CAMPAIGN_SHARE: f64 = 0.7;
/// Slowest pace, in people a second.
pub(crate) const SLOWEST: f64 = 0.01;

/// Limit of a provider that makes a campaign slower than its own rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProviderLimit {
    /// Limit.
    pub by: ProviderLimitKind,
    /// People a second.
    pub people_per_second: f64,
}

/// Kind of a provider's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderLimitKind {
    /// E-mails a second.
    #[serde(rename = "ses_rate")]
    MailRate,
    /// E-mails in 24 hours.
    #[serde(rename = "ses_quota")]
    MailQuota,
    /// SMS a second.
    #[serde(rename = "sns_rate")]
    SmsRate,
}

impl ProviderLimitKind {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MailRate => "ses_rate",
            Self::MailQuota => "ses_quota",
            Self::SmsRate => "sns_rate",
        }
    }
}

/// Returns the people a second of a campaign that sends an SMS first to `sms` of its `people`. `campaigns` is the
/// number of campaigns that send SMS. Returns `None` if this one sends none.
#[must_use]
pub fn sms_pace(max_per_second: u32, sms: u64, people: u64, campaigns: usize) -> Option<f64> {
    let people_for_each = people_for_each(sms, people, campaigns)?;
    Some((f64::from(max_per_second) * people_for_each).max(SLOWEST))
}

/// Returns the number of people for each message that a provider accepts from the account; `None` without messages.
#[allow(clippy::cast_precision_loss)] // at most a million people
pub(crate) fn people_for_each(messages: u64, people: u64, campaigns: usize) -> Option<f64> {
    (messages > 0).then(|| CAMPAIGN_SHARE / campaigns.max(1) as f64 / share_of(messages, people))
}

/// Returns the share of people who get one of these messages.
#[allow(clippy::cast_precision_loss)] // at most a million people
pub(crate) fn share_of(messages: u64, people: u64) -> f64 {
    (messages as f64 / people.max(1) as f64).min(1.0)
}

/// Returns the time between the starts of two people at a pace, in milliseconds.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to 100,000
pub fn interval_ms(people_per_second: f64) -> u32 {
    (1_000.0 / people_per_second.max(SLOWEST)).ceil() as u32
}

/// Returns the number of people of a page at a pace, at most `most`.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // at most 20,000
pub fn paced_page(interval_ms: u32, most: i32) -> i32 {
    ((PACED_PAGE_LIMIT.as_secs_f64() * 1_000.0 / f64::from(interval_ms.max(1))) as i32).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campaigns_share_seven_tenths_of_the_rate_of_sms_and_pushes_do_not_count() {
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        let pace = |sms, people, campaigns| sms_pace(20, sms, people, campaigns).map(|pace| pace.round() as i64);
        assert_eq!((pace(100, 100, 1), pace(100, 100, 2), pace(10, 100, 1)), (Some(14), Some(7), Some(140)));
        assert_eq!((pace(0, 100, 1), pace(1, 0, 0)), (None, Some(14)));
    }

    #[test]
    fn a_page_takes_a_part_of_an_invocation() {
        assert_eq!((interval_ms(9.8), interval_ms(0.7), interval_ms(0.0)), (103, 1_429, 100_000));
        assert_eq!((paced_page(103, 100), paced_page(1_429, 100), paced_page(100_000, 100)), (100, 13, 1));
    }
}
