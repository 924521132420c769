//! Configuration that all functions have in common.

use platform::environment::{Environment, EnvironmentError};

use crate::parameters::ParameterStore;
use crate::{AwsConfig, DynamoClient};

/// Variables that every function reads. A function's own configuration adds its own variables.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    /// Name of the deployment: `local`, `staging`, `prod`.
    pub stage: String,
    /// Log level.
    pub log_level: String,
    /// Prefix of all parameter names: `/push-notifications/<stage>`.
    pub parameter_prefix: String,
    /// Settings of the AWS clients.
    pub aws: AwsConfig,
}

/// Names of the tables that the functions for operators read.
#[derive(Debug, Clone)]
pub struct OperatorTables {
    /// Table of the catalog: types, templates, caps, segments and campaigns.
    pub settings: String,
    /// Table with the last valid settings.
    pub control: String,
    /// Table of recipients.
    pub recipients: String,
}

impl OperatorTables {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            settings: environment.required("SETTINGS_TABLE")?,
            control: environment.required("CONTROL_TABLE")?,
            recipients: environment.required("RECIPIENTS_TABLE")?,
        })
    }
}

impl FunctionConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            stage: environment.required("STAGE")?,
            log_level: environment.required("LOG_LEVEL")?,
            parameter_prefix: environment.required("PARAMETER_PREFIX")?,
            aws: crate::config(environment)?,
        })
    }

    /// Creates a client of the tables.
    #[must_use]
    pub fn dynamodb(&self) -> DynamoClient {
        crate::dynamodb(&self.aws)
    }

    /// Creates a client of Parameter Store.
    #[must_use]
    pub fn parameters(&self) -> ParameterStore {
        ParameterStore::new(crate::ssm(&self.aws))
    }
}
