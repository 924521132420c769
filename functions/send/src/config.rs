//! Configuration of the function: the Environment block of `SendFunction` in template.yaml.

use delivery::DispatcherConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables.
#[derive(Debug, Clone)]
pub struct SendConfig {
    /// Name of the deployment: `local`, `staging`, `prod`.
    pub stage: String,
    /// Log level.
    pub log_level: String,
    /// Configuration of the dispatcher.
    pub dispatcher: DispatcherConfig,
}

impl SendConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            stage: environment.required("STAGE")?,
            log_level: environment.required("LOG_LEVEL")?,
            dispatcher: DispatcherConfig::read(environment)?,
        })
    }
}
