//! Interface between circuit breakers at run time and their storage: the control table ([`crate::BreakerStore`]), or a
//! model of it in tests.

use super::StoreError;
use domain::breaker::{Breaker, BreakerReport, Host, StoredBreaker};

/// Storage of circuit breakers, shared by all instances. Every write is conditional.
pub trait BreakerRepository {
    /// Returns the stored breakers of these hosts, with a consistent read. Hosts that could not be read are left out.
    ///
    /// # Errors
    /// If the call fails.
    fn read(&self, hosts: &[Host]) -> impl Future<Output = Result<Vec<(Host, StoredBreaker)>, StoreError>> + Send;

    /// Adds a report to the stored counts, and returns the breaker with the sums.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if the breaker is not CLOSED, or closed after the attempts began.
    fn count(
        &self,
        host: &Host,
        report: &BreakerReport,
    ) -> impl Future<Output = Result<StoredBreaker, StoreError>> + Send;

    /// Stores a transition and deletes the counts.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if the stored revision is no longer `from`.
    fn replace(
        &self,
        host: &Host,
        from: u32,
        next: &Breaker,
        now_ms: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the counts of slots that are older than every window.
    ///
    /// # Errors
    /// If the call fails.
    fn trim(&self, host: &Host, slots: &[i64]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
