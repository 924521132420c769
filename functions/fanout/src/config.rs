//! Configuration of the function: the Environment block of `FanoutFunction` in template.yaml.

use delivery::DeliveryConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables.
#[derive(Debug, Clone)]
pub struct FanoutConfig {
    /// Configuration of the delivery engine. The function reads nothing else.
    pub delivery: DeliveryConfig,
}

impl FanoutConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { delivery: DeliveryConfig::read(environment)? })
    }
}
