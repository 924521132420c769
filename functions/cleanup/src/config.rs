//! Configuration of the function: the Environment block of `CleanupFunction` in template.yaml.

use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name of the deployment: `local`, `staging`, `prod`.
    pub stage: String,
    /// Prefix of all parameter names.
    pub parameter_prefix: String,
    /// Name of the recipients table.
    pub recipients_table: String,
    /// Name of the notifications table.
    pub notifications_table: String,
    /// Name of the control table, which stores the cursor and the last valid settings.
    pub control_table: String,
    /// Log level.
    pub log_level: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            stage: environment.required("STAGE")?,
            parameter_prefix: environment.required("PARAMETER_PREFIX")?,
            recipients_table: environment.required("RECIPIENTS_TABLE")?,
            notifications_table: environment.required("NOTIFICATIONS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            log_level: environment.required("LOG_LEVEL")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_template_gives_exactly_what_is_read() {
        let template = include_str!("../../../template.yaml");
        let (_, function) = template.split_once("\n  CleanupFunction:\n").unwrap();
        let (_, variables) = function.split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        let names: Vec<_> = lines.map(|line| line.trim().split_once(':').unwrap().0).collect();
        assert_eq!(names.len(), 6);
        let without =
            |missing: &str| Environment::given(names.iter().filter(|name| **name != missing).map(|name| (*name, "x")));
        assert!(Config::read(&without("")).is_ok());
        for missing in &names {
            assert_eq!(Config::read(&without(missing)), Err(EnvironmentError::MissingVariable(missing)));
        }
    }
}
