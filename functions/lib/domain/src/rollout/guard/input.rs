//! Input of an evaluation of the guard.

use jiff::Timestamp;

use super::figures::MinuteCounts;
use super::host::HostState;
use crate::rollout::Percentage;

/// Input of an evaluation.
#[derive(Debug, Clone, Copy)]
pub struct GuardInput<'a> {
    /// Percentage in force.
    pub percentage: Percentage,
    /// Time of the last change of the percentage by any author; `None` if it is not known.
    pub changed_at: Option<Timestamp>,
    /// Figures of each minute, oldest first, including the present minute.
    pub minutes: &'a [MinuteCounts],
    /// Push services that version 2 uses.
    pub hosts: &'a [HostState],
    /// Version 2's cost in the last hour, in micro-euro.
    pub cost_micros: i64,
    /// Budget of version 2 for one hour, in micro-euro, if there is one.
    pub hourly_budget_micros: Option<u64>,
}
