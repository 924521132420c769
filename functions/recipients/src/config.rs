//! Configuration of the function: the Environment block of `RecipientsFunction` in template.yaml.

use aws::SdkConfig;
use domain::channel::push::{ExtraHosts, ExtraOrigins};
use platform::environment::{Environment, EnvironmentError};

/// The environment variables; all are required except the extra origins and hosts.
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
    /// Push services accepted in addition to the known ones.
    pub extra_push_origins: ExtraOrigins,
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
            extra_push_origins: environment
                .read_optional("EXTRA_PUSH_ORIGINS", ExtraOrigins::parse)?
                .unwrap_or_default()
                .with_hosts(environment.read_optional("EXTRA_PUSH_HOSTS", ExtraHosts::parse)?.unwrap_or_default()),
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
        let (_, function) = template.split_once("\n  RecipientsFunction:\n").unwrap();
        let (_, variables) = function.split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        // Lambda itself sets the region and the credentials.
        let names: Vec<_> = lines.map(|line| line.trim().split_once(':').unwrap().0).chain(FROM_LAMBDA).collect();
        assert_eq!(names.len(), 10);
        let value = |name: &str| match name {
            "EXTRA_PUSH_ORIGINS" => "http://127.0.0.1:18082",
            "EXTRA_PUSH_HOSTS" => "push.example.org",
            _ => "x",
        };
        let without = |missing: &str| {
            Environment::given(names.iter().filter(|name| **name != missing).map(|name| (*name, value(name))))
        };
        assert_eq!(Config::read(&without("")).unwrap().extra_push_origins.iter().count(), 1);
        for missing in &names {
            match Config::read(&without(missing)) {
                Ok(config) if *missing == "EXTRA_PUSH_HOSTS" => {
                    assert_eq!(config.extra_push_origins.hosts(), &ExtraHosts::default());
                }
                Ok(config) => {
                    assert_eq!((*missing, config.extra_push_origins.iter().count()), ("EXTRA_PUSH_ORIGINS", 0))
                }
                Err(error) => assert_eq!(error, EnvironmentError::MissingVariable(missing)),
            }
        }
    }
}
