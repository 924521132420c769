//! Configuration of the function: the Environment block of `RecipientsFunction` in template.yaml.

use aws::FunctionConfig;
use domain::channel::push::{ExtraHosts, ExtraOrigins};
use platform::environment::{Environment, EnvironmentError};

/// The environment variables; all are required except the extra origins and hosts.
#[derive(Debug, Clone)]
pub struct RecipientsConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the recipients table.
    pub recipients_table: String,
    /// Name of the notifications table.
    pub notifications_table: String,
    /// Name of the control table, which stores owners of endpoints, suppressed addresses and counters.
    pub control_table: String,
    /// Name of the settings table, which stores the types and the markers of erasures.
    pub settings_table: String,
    /// Push services accepted in addition to the known ones.
    pub extra_push_origins: ExtraOrigins,
}

impl RecipientsConfig {
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
            extra_push_origins: environment
                .read_optional("EXTRA_PUSH_ORIGINS", ExtraOrigins::parse)?
                .unwrap_or_default()
                .with_hosts(environment.read_optional("EXTRA_PUSH_HOSTS", ExtraHosts::parse)?.unwrap_or_default()),
        })
    }
}
