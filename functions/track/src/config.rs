//! Configuration of the function: the Environment block of `TrackFunction` in template.yaml.

use aws::SdkConfig;
use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the deployment: `local`, `staging`, `prod`.
    pub stage: String,
    /// Prefix of all parameter names.
    pub parameter_prefix: String,
    /// Name of the recipients table.
    pub recipients_table: String,
    /// Name of the notifications table.
    pub notifications_table: String,
    /// Name of the control table.
    pub control_table: String,
    /// Log level.
    pub log_level: String,
    /// Settings of the AWS clients.
    pub aws: SdkConfig,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            stage: environment.required("STAGE")?,
            parameter_prefix: environment.required("PARAMETER_PREFIX")?,
            recipients_table: environment.required("RECIPIENTS_TABLE")?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            log_level: environment.required("LOG_LEVEL")?,
            aws: aws::config(environment)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FROM_LAMBDA: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

    #[test]
    fn the_template_gives_exactly_what_is_read() {
        let template = include_str!("../../../template.yaml");
        let (_, function) = template.split_once("\n  TrackFunction:\n").unwrap();
        let (_, variables) = function.split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        // Lambda itself sets the region and the credentials.
        let names: Vec<_> = lines.map(|line| line.trim().split_once(':').unwrap().0).chain(FROM_LAMBDA).collect();
        assert_eq!(names.len(), 9);
        let without =
            |missing: &str| Environment::given(names.iter().filter(|name| **name != missing).map(|name| (*name, "x")));
        assert!(Config::read(&without("")).is_ok());
        for missing in &names {
            let error = Config::read(&without(missing)).unwrap_err();
            assert_eq!(error, EnvironmentError::MissingVariable(missing));
        }
    }
}
