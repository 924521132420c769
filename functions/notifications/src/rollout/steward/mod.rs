//! Keeps the rollout's parameters: sees every change of them, lets the guard take away and a ramp add, and writes down who
//! did what and why.
//!
//! Every minute `rollup` calls [`Steward::minute`]; ops come through `PUT /v1/rollout` to [`Steward::set`]. What both
//! remember is one record of the control table. Whoever would act puts its [`Intent`] there first, on the condition that
//! nobody wrote since it was read: of two at once one acts. SSM itself knows no condition, so the parameter is read
//! again right before it is written, and its version afterwards tells whether an operator came in between: then the
//! operator's value is put back.

mod act;
mod audit;
mod memory;
mod minute;
mod set;

pub use audit::{AuditRecord, By, Watched};
pub use memory::{Intent, RampState, Remembered};
pub use minute::Observed;
pub use set::{SetProblem, Wanted};

use crate::parameters::ParameterStore;
use crate::store::{AuditStore, RecordStore};

/// Keeps the rollout's parameters.
#[derive(Debug)]
pub struct Steward {
    /// SSM.
    pub parameters: ParameterStore,
    /// What the parameters' names begin with.
    pub prefix: String,
    /// What is remembered from minute to minute.
    pub record: RecordStore,
    /// Who did what and why.
    pub audit: AuditStore,
}
