//! Pace of campaigns with e-mails: the account's quota of SES, less a part for other mail.

use domain::channel::MailQuota;
use serde::{Deserialize, Serialize};

/// Share of the quota that all campaigns together use. The rest is for other mail of the account.
const CAMPAIGN_SHARE: f64 = 0.7;
/// Share of people with an e-mail from which a campaign waits for the quota of 24 hours. Below it, its few e-mails are tried
/// again later, and its pushes go on. If so many people waited, the campaign would pause itself (`supply_fault`).
const MANY_MAILS: f64 = 0.2;
/// Time for which a worker works on people of a page at a pace, in seconds.
const PAGE_SECONDS: f64 = 20.0;
/// Slowest pace, in people a second.
const SLOWEST: f64 = 0.01;

/// People whom the quota allows a campaign to begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailPace {
    /// People a second.
    pub people_per_second: f64,
    /// People until the quota of 24 hours is used up; `None` if it does not limit the campaign.
    pub people_left: Option<f64>,
}

/// Limit of SES that makes a campaign slower than its own rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MailLimit {
    /// Limit.
    pub by: MailLimitKind,
    /// People a second.
    pub people_per_second: f64,
}

/// Kind of a limit of SES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailLimitKind {
    /// E-mails a second.
    #[serde(rename = "ses_rate")]
    Rate,
    /// E-mails in 24 hours.
    #[serde(rename = "ses_quota")]
    Quota,
}

impl MailPace {
    /// Returns the pace of a campaign that sends an e-mail first to `mails` of its `people`, while so many campaigns send
    /// e-mails. Returns `None` if it sends none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most a million people
    pub fn of(quota: MailQuota, mails: u64, people: u64, campaigns: usize) -> Option<Self> {
        if mails == 0 {
            return None;
        }
        let share = (mails as f64 / people.max(1) as f64).min(1.0);
        let people_for_each = CAMPAIGN_SHARE / campaigns.max(1) as f64 / share;
        let left = quota.left_of_day().filter(|_| share >= MANY_MAILS);
        Some(Self {
            people_per_second: (quota.max_per_second * people_for_each).max(SLOWEST),
            people_left: left.map(|left| left * people_for_each),
        })
    }
}

impl MailLimitKind {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "ses_rate",
            Self::Quota => "ses_quota",
        }
    }
}

/// Returns the e-mails that campaigns may send within the quota of 24 hours; `None` if it has no limit.
#[must_use]
pub fn mails_left(quota: MailQuota) -> Option<f64> {
    quota.left_of_day().map(|left| left * CAMPAIGN_SHARE)
}

/// Returns the time between the begins of two people at a pace, in milliseconds.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to 100,000
pub fn interval_ms(people_per_second: f64) -> u32 {
    (1_000.0 / people_per_second.max(SLOWEST)).ceil() as u32
}

/// Returns the number of people of a page at a pace, of at most `most`.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // at most 20,000
pub fn paced_page(interval_ms: u32, most: i32) -> i32 {
    ((PAGE_SECONDS * 1_000.0 / f64::from(interval_ms.max(1))) as i32).clamp(1, most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const QUOTA: MailQuota = MailQuota { max_per_second: 14.0, max_per_day: Some(1_500.0), sent: 500.0 };

    fn rounded(pace: MailPace) -> (i64, Option<i64>) {
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        let whole = |number: f64| (number * 10.0).round() as i64;
        (whole(pace.people_per_second), pace.people_left.map(whole))
    }

    #[test]
    fn campaigns_share_seven_tenths_of_the_quota_and_pushes_do_not_count() {
        let pace = |mails, people, campaigns| rounded(MailPace::of(QUOTA, mails, people, campaigns).unwrap());
        assert_eq!(pace(100, 100, 1), (98, Some(7_000)));
        assert_eq!(pace(100, 100, 2), (49, Some(3_500)));
        assert_eq!(pace(50, 100, 1), (196, Some(14_000)));
        assert_eq!(pace(10, 100, 1), (980, None), "a few e-mails do not hold the pushes");
        assert_eq!(MailPace::of(QUOTA, 0, 100, 1), None);
        let unlimited = MailQuota { max_per_day: None, ..QUOTA };
        assert_eq!(MailPace::of(unlimited, 1, 1, 1).unwrap().people_left, None);
        let stopped = MailQuota { max_per_second: 0.0, max_per_day: Some(500.0), sent: 500.0 };
        assert!(MailPace::of(stopped, 1, 1, 1).unwrap().people_per_second > 0.0);
    }

    #[test]
    fn a_page_takes_a_part_of_an_invocation() {
        assert_eq!((interval_ms(9.8), interval_ms(0.7), interval_ms(0.0)), (103, 1_429, 100_000));
        assert_eq!((paced_page(103, 100), paced_page(1_429, 100), paced_page(100_000, 100)), (100, 13, 1));
    }
}
