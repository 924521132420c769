//! Pace of campaigns with e-mails: the account's quota of SES, less a part for other mail.

use domain::channel::MailQuota;

use crate::provider_limit::{CAMPAIGN_SHARE, SLOWEST, people_for_each, share_of};

/// Share of people with an e-mail from which a campaign waits for the quota of 24 hours. Below it, the few e-mails are
/// retried later, and the pushes continue. If this share of people waited, the campaign would pause itself
/// (`dependency_failure`).
const MANY_MAILS: f64 = 0.2;

/// People whom the campaign may start under the quota.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailPace {
    /// People a second.
    pub people_per_second: f64,
    /// People until the quota of 24 hours is used up; `None` if it does not limit the campaign.
    pub people_left: Option<f64>,
}

impl MailPace {
    /// Returns the pace of a campaign that sends an e-mail first to `mails` of its `people`. `campaigns` is the number
    /// of campaigns that send e-mails. Returns `None` if this one sends none.
    #[must_use]
    pub fn of(quota: MailQuota, mails: u64, people: u64, campaigns: usize) -> Option<Self> {
        let people_for_each = people_for_each(mails, people, campaigns)?;
        let left = quota.left_of_day().filter(|_| share_of(mails, people) >= MANY_MAILS);
        Some(Self {
            people_per_second: (quota.max_per_second * people_for_each).max(SLOWEST),
            people_left: left.map(|left| left * people_for_each),
        })
    }
}

/// Returns the e-mails that campaigns may send within the quota of 24 hours; `None` if it has no limit.
#[must_use]
pub fn mails_left(quota: MailQuota) -> Option<f64> {
    quota.left_of_day().map(|left| left * CAMPAIGN_SHARE)
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
}
