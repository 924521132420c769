//! Configuration of the function: the Environment block of `CampaignsFunction` in template.yaml.

use aws::{FunctionConfig, TableNames};
use delivery::config::{ConfigSnapshot, ConfigSource};
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CampaignsConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables.
    pub tables: TableNames,
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
            tables: TableNames::read(environment)?,
            metrics_table: environment.required("METRICS_TABLE")?,
            tasks_queue_url: environment.required("TASKS_QUEUE_URL")?,
        })
    }
}

/// Returns the configuration in force, with the latest types and templates.
pub(super) async fn config_now(source: &ConfigSource) -> ConfigSnapshot {
    source.current().await;
    source.with_new_names().await
}
