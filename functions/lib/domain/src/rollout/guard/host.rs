//! State of a push service, as input of the guard and of alerts.

use jiff::Timestamp;

use super::figures::Share;

/// State of a push service that version 2 uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// Host.
    pub host: String,
    /// Share of version 2's pushes in the last hour.
    pub pushes: Share,
    /// Time since which the circuit breaker is not CLOSED; `None` while it is CLOSED.
    pub not_closed_since: Option<Timestamp>,
}
