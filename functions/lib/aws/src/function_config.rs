//! Configuration that all functions have in common.

use platform::environment::{Environment, EnvironmentError};

use crate::clients;
use crate::config::AwsConfig;
use crate::dynamo::DynamoClient;
use crate::parameters::ParameterStore;

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

/// Names of the tables, without that of the metrics.
#[derive(Debug, Clone)]
pub struct TableNames {
    /// Table of recipients.
    pub recipients: String,
    /// Table of notifications.
    pub notifications: String,
    /// Table of claims and records of the functions, such as owners of endpoints, counters and the last valid settings.
    pub control: String,
    /// Table of what operators change (types, templates, caps, segments, campaigns), with audit records and the markers
    /// of erasures.
    pub settings: String,
}

impl TableNames {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            recipients: environment.required("RECIPIENTS_TABLE")?,
            notifications: environment.required("NOTIFICATIONS_TABLE")?,
            control: environment.required("CONTROL_TABLE")?,
            settings: environment.required("SETTINGS_TABLE")?,
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
            aws: clients::config(environment)?,
        })
    }

    /// Creates a client of the tables.
    #[must_use]
    pub fn dynamodb(&self) -> DynamoClient {
        clients::dynamodb(&self.aws)
    }

    /// Creates a client of Parameter Store.
    #[must_use]
    pub fn parameters(&self) -> ParameterStore {
        ParameterStore::new(clients::ssm(&self.aws))
    }
}
