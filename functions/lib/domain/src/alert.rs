//! Alerts: severity, kind and content.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Severity of an alert. It decides how soon an operator must react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Minor: react in working hours.
    P2,
    /// An error rate above 15 %, or a fault that will become an outage: react within the hour.
    P1,
    /// An outage, or data that may be lost: react now.
    P0,
}

impl Severity {
    /// Returns `P0`, `P1` or `P2`.
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

/// Kind of an alert. Alerts with the same kind and subject are deduplicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKey {
    /// The guard lowered the percentage.
    GuardActed,
    /// A rule of the guard holds, but version 1 does no better, so the guard keeps the percentage.
    ProvidersFault,
    /// An operator wrote the percentage at the same moment as the guard.
    GuardOverlap,
    /// Too many notifications end badly.
    ErrorRate,
    /// Most notifications reach no recipient.
    Outage,
    /// Calls to a push service are stopped for some time.
    Breaker,
    /// A parameter cannot be read, or its value cannot be parsed.
    Parameter,
    /// A ramp took a step, ended, or was ended by another change of the percentage.
    Ramp,
    /// A budget is nearly or completely spent.
    Budget,
}

impl AlertKey {
    /// All kinds.
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

    /// Name in records and in the key of an incident. The heading of the runbook in docs/operations.md contains the
    /// same name.
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

    /// Returns `true` if the alert is about a state that ends, and `false` if it is about a single event.
    #[must_use]
    pub const fn is_state(self) -> bool {
        !matches!(self, Self::GuardActed | Self::GuardOverlap | Self::Ramp)
    }
}

/// Content of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Kind of the alert.
    pub key: AlertKey,
    /// Parameter, budget, push service or error rate that the alert is about; empty if the kind has only one subject.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Severity.
    pub severity: Severity,
    /// Title in one line.
    pub title: String,
    /// Figure that caused the alert, with its unit and sample.
    pub number: String,
    /// Limit that the figure was compared with.
    pub threshold: String,
    /// Action that the service took.
    pub done: String,
}

impl Alert {
    /// Returns kind and subject as one text. Alerts with the same id are deduplicated, and end together.
    #[must_use]
    pub fn id(&self) -> String {
        let key = self.key.as_str();
        if self.subject.is_empty() { key.to_owned() } else { format!("{key}-{}", self.subject) }
    }
}

/// Returns how often an alert was raised, in words: `raised once`, `raised 3 times`.
#[must_use]
pub fn raised(times: u32) -> String {
    match times {
        1 => "raised once".to_owned(),
        times => format!("raised {times} times"),
    }
}

/// Record of a published alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedAlert {
    /// Time of publication.
    pub at: Timestamp,
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
    /// Number of times that the alert was raised since it began.
    pub times: u32,
    /// `true` if the message reports the end of the alert.
    pub is_over: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_has_a_runbook_where_its_link_leads() {
        let operations = include_str!("../../../../docs/operations.md");
        for key in AlertKey::ALL {
            // GitHub's anchor of a heading is its text in lower case, without the colon, and with hyphens for spaces.
            assert!(operations.contains(&format!("\n#### Alert: {}\n", key.as_str())), "{}", key.as_str());
        }
    }

    #[test]
    fn one_occurrence_is_once() {
        assert_eq!([1, 2, 60].map(raised), ["raised once", "raised 2 times", "raised 60 times"]);
    }

    #[test]
    fn a_key_is_stored_by_the_name_that_people_see() {
        for key in AlertKey::ALL {
            assert_eq!(serde_json::json!(key), key.as_str());
        }
        assert!(Severity::P0 > Severity::P1 && Severity::P1 > Severity::P2);
    }
}
