//! Where breakers are kept, as their rules need it: the control table ([`crate::store::BreakerStore`]), or a model of it in
//! tests.

use super::{Breaker, Host, Tally};
use crate::store::StoreError;

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

/// Keeps breakers for all instances. Every write has a condition.
pub trait Ledger {
    /// What is kept of these hosts, read consistently; hosts that could not be read are left out.
    ///
    /// # Errors
    /// When it does not answer.
    fn read(&self, hosts: &[Host]) -> impl Future<Output = Result<Vec<(Host, Stored)>, StoreError>> + Send;

    /// Adds a report to what is kept, and answers with that.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when the breaker is not CLOSED, or was closed after the attempts began.
    fn count(&self, host: &Host, report: &Report) -> impl Future<Output = Result<Stored, StoreError>> + Send;

    /// Stores a transition, and forgets the counts.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when the revision it started from is no longer the stored one.
    fn replace(
        &self,
        host: &Host,
        from: u32,
        next: &Breaker,
        now_ms: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes counts of slots that no window reaches any more.
    ///
    /// # Errors
    /// When it does not answer.
    fn trim(&self, host: &Host, slots: &[i64]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
