//! Configuration of the function: the Environment block of `RecipientsFunction` in template.yaml.

use aws::{FunctionConfig, TableNames};
use domain::channel::push::ExtraOrigins;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables; all are required except the extra origins and hosts.
#[derive(Debug, Clone)]
pub struct RecipientsConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables.
    pub tables: TableNames,
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
            tables: TableNames::read(environment)?,
            extra_push_origins: ExtraOrigins::read(environment)?,
        })
    }
}
