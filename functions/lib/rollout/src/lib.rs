//! Keeps the rollout's parameters: sees every change of them, lets the guard take away and a ramp add, and writes down who
//! did what and why.
//!
//! Every minute `rollup` calls [`Steward::minute`]; ops come through `PUT /v1/rollout` to [`Steward::set`]. What both
//! remember is one record of the control table. Whoever would act puts its [`Intent`] there first, on the condition that
//! nobody wrote since it was read: of two at once one acts. SSM itself knows no condition, so the parameter is read
//! again right before it is written. What the service writes bears a `mark` in its description that names the version it was
//! to follow on: SSM's own history then tells, after any crash, whether an operator came in between, and their value is put
//! back.

mod act;
mod error;
mod history;
mod mark;
mod memory;
mod minute;
pub mod observe;
mod set;

pub use error::RoundError;
pub use memory::{Intent, RampState, Remembered};
pub use minute::{LOOK_AGAIN_AFTER, Round};
pub use observe::{Asked, Observed, observe};
pub use set::{SetProblem, Wanted};

use aws::SdkConfig;
use aws::parameters::ParameterStore;
use store::{AuditStore, BudgetStore, RecordStore};

/// The record's name in the control table.
const RECORD: &str = "rollout#steward";

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
    /// How the budgets stand, to say when one is nearly spent.
    pub budgets: BudgetStore,
}

impl Steward {
    /// With clients of its own; `tables` are the settings table and the control table.
    #[must_use]
    pub fn new(sdk: &SdkConfig, prefix: &str, tables: (&str, &str)) -> Self {
        let (dynamodb, (settings, control)) = (aws::dynamodb(sdk), tables);
        Self {
            parameters: ParameterStore::new(aws::ssm(sdk)),
            prefix: prefix.to_owned(),
            record: RecordStore::new(dynamodb.clone(), control, RECORD),
            audit: AuditStore::new(dynamodb.clone(), settings),
            budgets: BudgetStore::new(dynamodb, control),
        }
    }
}
