//! Configuration of the function: the Environment block of `RollupFunction` in template.yaml.

use aws::FunctionConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct RollupConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the metrics table, which stores the counters.
    pub metrics_table: String,
    /// Name of the settings table, which stores the audit records.
    pub settings_table: String,
    /// Name of the control table. It stores the last valid rollout, the circuit breakers, and the state of the rollout
    /// and of the alerts.
    pub control_table: String,
    /// ARN of the SNS topic for alerts.
    pub alerts_topic: String,
    /// URL of docs/operations.md, which alerts link to.
    pub runbook_url: String,
}

impl RollupConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            metrics_table: environment.required("METRICS_TABLE")?,
            settings_table: environment.required("SETTINGS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            alerts_topic: environment.required("ALERTS_TOPIC_ARN")?,
            runbook_url: environment.required("RUNBOOK_URL")?,
        })
    }
}
