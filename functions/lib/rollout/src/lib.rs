//! Controller of the rollout. It records each change of the rollout's parameters in the audit, lets the guard lower the
//! percentage, and lets a ramp raise it.
//!
//! `rollup` calls [`RolloutController::reconcile`] every minute. Operators use `PUT /v1/rollout`, which calls
//! [`RolloutController::execute`]. Both use one record of the control table as their state. Before changing the
//! percentage, a writer stores an [`Intent`] in that record with a conditional write. Only one concurrent writer
//! succeeds.
//!
//! SSM has no conditional write. Therefore the writer reads the parameter again right before its write. The write's
//! description contains an ownership tag, which names the version that the write was meant to follow. After a crash,
//! SSM's history thus shows if an operator wrote in between, and the operator's value is restored.

mod command;
mod error;
mod history;
mod observation;
mod ownership_tag;
mod reconcile;
mod state;
mod write_percentage;

pub use command::{CommandError, RolloutCommand};
pub use error::ReconcileError;
pub use observation::{Observation, ObservationRange, observe};
pub use reconcile::{REEVALUATION_DELAY, ReconcileOutcome};
pub use state::{ControllerState, Intent, RampState};

use aws::SdkConfig;
use aws::parameters::ParameterStore;
use domain::ManagedParameter;
use store::{AuditStore, BudgetStore, RecordStore};

/// Name of the record in the control table.
const RECORD: &str = "rollout#steward";

/// Controller of the rollout's parameters.
#[derive(Debug)]
pub struct RolloutController {
    /// Client of SSM.
    pub parameters: ParameterStore,
    /// Prefix of all parameter names.
    pub prefix: String,
    /// Record with the state.
    pub record: RecordStore,
    /// Audit records.
    pub audit: AuditStore,
    /// Budgets, for the alerts about them.
    pub budgets: BudgetStore,
}

impl RolloutController {
    /// Creates a controller with its own AWS clients. `tables` are the settings table and the control table.
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

    /// Returns the full name of a parameter.
    fn full_name(&self, parameter: ManagedParameter) -> String {
        format!("{}/{parameter}", self.prefix)
    }
}
