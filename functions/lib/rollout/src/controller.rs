//! The controller: its clients and its record. The other modules implement its operations.

use aws::AwsConfig;
use aws::parameters::ParameterStore;
use domain::ManagedParameter;
use store::{AuditStore, BudgetStore, RecordStore};

/// Name of the record in the control table.
// Stored name; kept for compatibility.
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
    pub fn new(sdk: &AwsConfig, prefix: &str, tables: (&str, &str)) -> Self {
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
    pub(super) fn full_name(&self, parameter: ManagedParameter) -> String {
        format!("{}/{parameter}", self.prefix)
    }
}
