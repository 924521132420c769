//! Configuration of the function: the Environment block of `CampaignsFunction` in template.yaml.

use aws::{FunctionConfig, OperatorTables};
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CampaignsConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables that it shares with other functions for operators.
    pub tables: OperatorTables,
    /// Name of the notifications table.
    pub notifications_table: String,
    /// Name of the metrics table.
    pub metrics_table: String,
    /// URL of the queue of tasks.
    pub tasks_queue_url: String,
}

impl CampaignsConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            tables: OperatorTables::read(environment)?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            metrics_table: environment.required("METRICS_TABLE")?,
            tasks_queue_url: environment.required("TASKS_QUEUE_URL")?,
        })
    }
}
