//! Configuration of the function: the Environment block of `CatalogFunction` in template.yaml.

use aws::FunctionConfig;
use domain::channel::country::CountryCode;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct CatalogConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Name of the settings table, which stores the catalog and its audit records.
    pub settings_table: String,
    /// Name of the control table, which stores the last valid settings.
    pub control_table: String,
    /// Name of the recipients table, whose people segments count.
    pub recipients_table: String,
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
            settings_table: environment.required("SETTINGS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            recipients_table: environment.required("RECIPIENTS_TABLE")?,
            sender_country: environment.read("SENDER_COUNTRY", CountryCode::parse)?,
        })
    }
}
