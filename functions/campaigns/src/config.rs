//! Configuration of the function: the Environment block of `CampaignsFunction` in template.yaml.

use aws::FunctionConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CampaignsConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the settings table, which stores campaigns, segments and templates.
    pub settings_table: String,
    /// Name of the control table, which stores the last valid settings.
    pub control_table: String,
    /// Name of the recipients table.
    pub recipients_table: String,
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
            settings_table: environment.required("SETTINGS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            recipients_table: environment.required("RECIPIENTS_TABLE")?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            metrics_table: environment.required("METRICS_TABLE")?,
            tasks_queue_url: environment.required("TASKS_QUEUE_URL")?,
        })
    }
}
