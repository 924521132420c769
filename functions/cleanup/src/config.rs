//! Configuration of the function: the Environment block of `CleanupFunction` in template.yaml.

use aws::{FunctionConfig, TableNames};
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CleanupConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables.
    pub tables: TableNames,
}

impl CleanupConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { function: FunctionConfig::read(environment)?, tables: TableNames::read(environment)? })
    }
}
