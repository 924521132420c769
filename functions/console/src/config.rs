//! Configuration of the function: the Environment block of `ConsoleFunction` in template.yaml.

use platform::environment::{Environment, EnvironmentError};

/// The environment variables, all required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name of the deployment: `local`, `staging`, `prod`.
    pub stage: String,
    /// Prefix of all parameter names.
    pub parameter_prefix: String,
    /// The metrics table, which stores the counters.
    pub metrics_table: String,
    /// The settings table, which stores the audit records.
    pub settings_table: String,
    /// The control table, which stores the last valid rollout, the circuit breakers, and the state of the rollout.
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
            metrics_table: environment.required("METRICS_TABLE")?,
            settings_table: environment.required("SETTINGS_TABLE")?,
            control_table: environment.required("CONTROL_TABLE")?,
            log_level: environment.required("LOG_LEVEL")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Returns the variable names in the Environment block of this function in the template.
    fn in_template() -> Vec<&'static str> {
        let template = include_str!("../../../template.yaml");
        let (_, function) = template.split_once("\n  ConsoleFunction:\n").unwrap();
        let (_, variables) = function.split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        lines.filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name).collect()
    }

    #[test]
    fn the_template_gives_exactly_what_is_read() {
        let names = in_template();
        assert_eq!(names.len(), 6);
        let all = || names.iter().map(|name| (*name, "value"));
        assert!(Config::read(&Environment::given(all())).is_ok());
        for missing in &names {
            let error = Config::read(&Environment::given(all().filter(|(name, _)| name != missing))).unwrap_err();
            assert_eq!(error, EnvironmentError::MissingVariable(missing));
        }
    }
}
