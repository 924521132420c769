//! Failure of a round.

use aws::parameters::ParametersUnavailable;
use store::StoreError;

/// Why a round was not finished. The next one makes up for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundError {
    /// A table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SSM.
    #[error(transparent)]
    Parameters(#[from] ParametersUnavailable),
}
