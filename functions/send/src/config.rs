//! Configuration of the function: the Environment block of `SendFunction` in template.yaml.

use delivery::DeliveryConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables.
#[derive(Debug, Clone)]
pub struct SendConfig {
    /// Configuration of the delivery engine, which is all that the function reads.
    pub delivery: DeliveryConfig,
}

impl SendConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { delivery: DeliveryConfig::read(environment)? })
    }
}
