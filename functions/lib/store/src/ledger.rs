//! The store of breakers as their runtime needs it: the control table ([`crate::BreakerStore`]), or a model of it in tests.

use super::StoreError;
use domain::breaker::{Breaker, Host, Report, Stored};

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
