//! Names of alarm lines: log lines with the field `alarm`, which require an operator. infra/alarms.yaml counts them,
//! and docs/operations.md has the action for each.

/// Name of an alarm line: the value of its field `alarm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum AlarmLine {
    /// A parameter is missing or invalid; its last valid version stays in force.
    RolloutUnreadable,
    /// A row of the catalog, or of a campaign, is malformed; a last valid definition stays in force.
    CatalogMalformed,
    /// SSM does not respond; the newest valid versions that the process has stay in force.
    RolloutUnavailable,
    /// A secret is missing or malformed; the process ends.
    StartFailed,
    /// SSM does not return the secrets; the call is retried.
    StartDelayed,
    /// A request was aborted shortly before the function's time-out.
    RequestTooSlow,
    /// AWS rejects the process's credentials.
    CredentialsExpired,
    /// A provider refuses the service: key, clock, identity, account or sandbox.
    ChannelConfig,
    /// Too many calls of a provider failed.
    BreakerOpen,
    /// A stream record cannot be counted.
    PoisonRecord,
    /// A provider reports a message that this stage did not send.
    FeedbackUnknown,
    /// A report of SES or SNS cannot be parsed.
    FeedbackMalformed,
    /// A destination did not accept an alert; the delivery is retried.
    AlertNotPublished,
    /// A table refused a call; a retry does not help.
    StoreRefused,
}

impl AlarmLine {
    /// Returns the value of the field `alarm`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
