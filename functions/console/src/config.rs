//! Configuration of the function: the Environment block of `ConsoleFunction` in template.yaml.

use aws::FunctionConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct ConsoleConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the metrics table, which stores the counters.
    pub metrics_table: String,
    /// Name of the settings table, which stores the audit records.
    pub settings_table: String,
    /// Name of the notifications table, whose index holds due work.
    pub notifications_table: String,
    /// Name of the control table, which stores the last valid rollout, the circuit breakers, and the state of the
    /// rollout.
    pub control_table: String,
}

impl ConsoleConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            metrics_table: environment.required("METRICS_TABLE")?,
            settings_table: environment.required("SETTINGS_TABLE")?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
        })
    }
}
