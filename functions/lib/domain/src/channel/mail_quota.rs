//! Quota of the account for e-mail.

/// Quota of e-mails that SES allows the account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailQuota {
    /// E-mails a second.
    pub max_per_second: f64,
    /// E-mails in 24 hours; `None` if the account has no such limit.
    pub max_per_day: Option<f64>,
    /// E-mails of the last 24 hours.
    pub sent: f64,
}

impl MailQuota {
    /// Returns the e-mails that are left of the quota for 24 hours; `None` without a limit.
    #[must_use]
    pub fn left_of_day(self) -> Option<f64> {
        self.max_per_day.map(|most| (most - self.sent).max(0.0))
    }
}
