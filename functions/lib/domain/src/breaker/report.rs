//! What one process reports of a host, and what all of them keep of it.

use super::{Breaker, Tally};

/// What one process saw of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its failures, and what went well beside them.
    pub tally: Tally,
    /// When the first of the failed attempts began, in milliseconds since the epoch.
    pub began_ms: i64,
    /// How many failures there are.
    pub failures: usize,
    /// Until when the host is to be left alone, if several devices were told so.
    pub asked_until_ms: Option<i64>,
    /// When it is told.
    pub at_ms: i64,
}

/// What is kept of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Its breaker.
    pub breaker: Breaker,
    /// What all processes told since it was closed.
    pub tally: Tally,
}
