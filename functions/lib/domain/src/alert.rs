//! One alert.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad it is, and so who is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Minor: look at it in working hours.
    P2,
    /// An error rate above 15 %, or something that will become an outage: within the hour.
    P1,
    /// An outage, or data that may be lost: now.
    P0,
}

impl Severity {
    /// `P0`, `P1`, `P2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of an alert. Alerts of one kind and subject fold into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKey {
    /// The guard lowered the percentage.
    GuardActed,
    /// The guard would act, but version 1 does no better.
    ProvidersFault,
    /// An operator wrote the percentage in the moment in which the guard did.
    GuardOverlap,
    /// Too many notifications end badly.
    ErrorRate,
    /// Most of what is sent reaches nobody.
    Outage,
    /// A push service is not called for some time.
    Breaker,
    /// A parameter cannot be read, or is junk.
    Parameter,
    /// A ramp took a step, ended, or was overtaken.
    Ramp,
    /// A budget is nearly or wholly spent.
    Budget,
}

impl AlertKey {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GuardActed,
        Self::ProvidersFault,
        Self::GuardOverlap,
        Self::ErrorRate,
        Self::Outage,
        Self::Breaker,
        Self::Parameter,
        Self::Ramp,
        Self::Budget,
    ];

    /// The name in records, in the key of an incident, and of the section in docs/operations.md.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuardActed => "guard-acted",
            Self::ProvidersFault => "providers-fault",
            Self::GuardOverlap => "guard-overlap",
            Self::ErrorRate => "error-rate",
            Self::Outage => "outage",
            Self::Breaker => "breaker",
            Self::Parameter => "parameter",
            Self::Ramp => "ramp",
            Self::Budget => "budget",
        }
    }

    /// Whether it tells of a state that ends, and not of something that happened.
    #[must_use]
    pub const fn is_state(self) -> bool {
        !matches!(self, Self::GuardActed | Self::GuardOverlap | Self::Ramp)
    }
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub key: AlertKey,
    /// Which of several: the parameter, the budget, the push service; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The number that made it necessary, with its unit and sample.
    pub number: String,
    /// What it was compared with.
    pub threshold: String,
    /// What the service did about it.
    pub done: String,
}

impl Alert {
    /// The kind and the subject: alerts with the same one fold into one, and end as one.
    #[must_use]
    pub fn id(&self) -> String {
        let key = self.key.as_str();
        if self.subject.is_empty() { key.to_owned() } else { format!("{key}-{}", self.subject) }
    }
}

/// That an alert was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub alert: Alert,
    /// How often it was raised since it began.
    pub times: u32,
    /// Whether it was that this is over.
    pub is_over: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_has_a_runbook_where_its_link_leads() {
        let operations = include_str!("../../../../docs/operations.md");
        for key in AlertKey::ALL {
            // The anchor of a heading is its text in small letters, without the colon, with hyphens for spaces.
            assert!(operations.contains(&format!("\n#### Alert: {}\n", key.as_str())), "{}", key.as_str());
        }
    }

    #[test]
    fn a_key_is_stored_by_the_name_that_people_see() {
        for key in AlertKey::ALL {
            assert_eq!(serde_json::json!(key), key.as_str());
        }
        assert!(Severity::P0 > Severity::P1 && Severity::P1 > Severity::P2);
    }
}
