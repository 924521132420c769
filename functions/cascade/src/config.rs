//! Configuration of the function: the Environment block of `CascadeFunction` in template.yaml.

use delivery::DispatcherConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables.
#[derive(Debug, Clone)]
pub struct CascadeConfig {
    /// Configuration of the dispatcher, which is all that the function reads.
    pub dispatcher: DispatcherConfig,
}

impl CascadeConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { dispatcher: DispatcherConfig::read(environment)? })
    }
}
