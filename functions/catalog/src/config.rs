//! Configuration of the function: the Environment block of `CatalogFunction` in template.yaml.

use aws::{FunctionConfig, TableNames};
use domain::channel::country::CountryCode;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CatalogConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables.
    pub tables: TableNames,
    /// Country of the sender, to which SMS may go by default.
    pub sender_country: CountryCode,
}

impl CatalogConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            tables: TableNames::read(environment)?,
            sender_country: environment.read("SENDER_COUNTRY", CountryCode::parse)?,
        })
    }
}
