//! Quota of the account for e-mail.

/// What SES allows the account to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailQuota {
    /// E-mails a second.
    pub max_per_second: f64,
    /// E-mails that are left of the quota for 24 hours; `None` if the account has no such limit.
    pub left_of_day: Option<f64>,
}
