//! What a function is told by its Environment block in the template: read once, at the start, and named when it lacks.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;

/// A variable that stops the start. Shows the variable's name and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Not set, or set to nothing.
    #[error("environment variable {0} is missing")]
    MissingVariable(&'static str),
    /// Set to something this function cannot use.
    #[error("environment variable {name} is not usable: {why}")]
    BadVariable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// The variables of this process, or those that a test makes up.
#[derive(Clone, Debug)]
pub struct Environment(Source);

#[derive(Clone)]
enum Source {
    Process,
    Given(HashMap<String, OsString>),
}

// Variables may hold credentials, so a source shows only where it comes from.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Process => "Process",
            Self::Given(_) => "Given",
        })
    }
}

impl Environment {
    /// The variables of this process.
    pub const fn of_process() -> Self {
        Self(Source::Process)
    }

    /// Made-up variables: what a test gives, and nothing of the process.
    pub fn given<N: Into<String>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(Source::Given(pairs.collect()))
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// Missing, empty, or not UTF-8.
    pub fn required(&self, name: &'static str) -> Result<String, EnvironmentError> {
        self.optional(name)?.ok_or(EnvironmentError::MissingVariable(name))
    }

    /// A variable that may be missing. Empty counts as missing: CloudFormation cannot leave a variable out, only empty.
    ///
    /// # Errors
    /// Not UTF-8.
    pub fn optional(&self, name: &'static str) -> Result<Option<String>, EnvironmentError> {
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        let value = value.into_string().map_err(|_| bad(name, "it is not UTF-8"))?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    /// A variable that must be there and parse as `T`.
    ///
    /// # Errors
    /// As [`Environment::required`], and what `T`'s parser says. That parser must not repeat a secret in its error.
    pub fn parsed<T>(&self, name: &'static str) -> Result<T, EnvironmentError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.required(name)?.parse().map_err(|error: T::Err| bad(name, error))
    }

    /// A variable that must be there, read by a domain type's own parser.
    ///
    /// # Errors
    /// As [`Environment::required`], and what the parser says. It must not repeat a secret in its error.
    pub fn read<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, EnvironmentError> {
        parse(&self.required(name)?).map_err(|error| bad(name, error))
    }

    /// The same for a variable that may be missing.
    ///
    /// # Errors
    /// What the parser says.
    pub fn read_optional<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, EnvironmentError> {
        self.optional(name)?.map(|text| parse(&text).map_err(|error| bad(name, error))).transpose()
    }

    fn raw(&self, name: &str) -> Option<OsString> {
        match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Given(pairs) => pairs.get(name).cloned(),
        }
    }
}

fn bad(name: &'static str, why: impl Display) -> EnvironmentError {
    EnvironmentError::BadVariable { name, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_missing_or_empty_variable_stops_the_start_with_its_name() {
        let environment = Environment::given([("CONTROL_TABLE", "")]);
        let missing = Err(EnvironmentError::MissingVariable("CONTROL_TABLE"));
        assert_eq!(environment.required("CONTROL_TABLE"), missing);
        assert_eq!(environment.required("OTHER").unwrap_err().to_string(), "environment variable OTHER is missing");
        assert_eq!(environment.optional("CONTROL_TABLE"), Ok(None));
    }

    #[test]
    fn a_variable_that_does_not_parse_is_named_with_the_reason() {
        let environment = Environment::given([("PORT", "eighty"), ("SHARDS", "16")]);
        let error = environment.parsed::<u16>("PORT").unwrap_err();
        assert_eq!(error.to_string(), "environment variable PORT is not usable: invalid digit found in string");
        assert_eq!(environment.parsed::<u16>("SHARDS"), Ok(16));
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_named_and_not_shown() {
        let environment = Environment::given([("KEY", OsString::from_vec(vec![b's', 0xff]))]);
        assert!(matches!(environment.required("KEY"), Err(EnvironmentError::BadVariable { name: "KEY", .. })));
        assert_eq!(format!("{environment:?}"), "Environment(Given)");
    }

    #[test]
    fn the_process_is_read_when_nothing_is_given() {
        // Cargo sets this one for every test.
        let name = Environment::of_process().required("CARGO_PKG_NAME").unwrap();
        assert_eq!(name, "platform");
    }
}
