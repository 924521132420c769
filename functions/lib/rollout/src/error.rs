//! Error of a reconciliation.

use aws::parameters::ParameterStoreError;
use store::StoreError;

/// Failed call of a reconciliation. The next scheduled run repeats the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// Call to a table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Call to SSM.
    #[error(transparent)]
    Parameters(#[from] ParameterStoreError),
}
