//! What the function is told: the Environment block of `SendFunction` in template.yaml.

use delivery::DispatcherConfig;
use platform::environment::{Environment, EnvironmentError};

/// The variables.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which deployment this is: `local`, `staging`, `prod`.
    pub stage: String,
    /// How much is logged.
    pub log_level: String,
    /// What sending needs.
    pub dispatcher: DispatcherConfig,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or not usable.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            stage: environment.required("STAGE")?,
            log_level: environment.required("LOG_LEVEL")?,
            dispatcher: DispatcherConfig::read(environment)?,
        })
    }
}
