//! Configuration of the function: the Environment block of `CleanupFunction` in template.yaml.

use aws::FunctionConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CleanupConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the recipients table.
    pub recipients_table: String,
    /// Name of the notifications table.
    pub notifications_table: String,
    /// Name of the control table, which stores the cursor, the last valid settings and owners of endpoints.
    pub control_table: String,
    /// Name of the settings table, which stores the markers of erasures.
    pub settings_table: String,
}

impl CleanupConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            recipients_table: environment.required("RECIPIENTS_TABLE")?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            settings_table: environment.required("SETTINGS_TABLE")?,
        })
    }
}
