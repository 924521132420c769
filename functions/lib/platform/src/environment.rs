//! Environment variables of a function, which its `Environment` block in the template sets. They are read once, at
//! the start. An error contains the name of the variable.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// Error in a variable, which prevents the start. It contains the variable's name but never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// The variable is not set, or is empty.
    #[error("environment variable {0} is missing")]
    MissingVariable(&'static str),
    /// The function cannot use the variable's value.
    #[error("environment variable {name} is not usable: {why}")]
    BadVariable {
        /// Name of the variable.
        name: &'static str,
        /// Reason for which the value cannot be used.
        why: String,
    },
}

/// Variables of this process, or variables that a test sets.
#[derive(Clone, Debug)]
pub struct Environment(Source);

#[derive(Clone)]
enum Source {
    Process,
    Given { variables: HashMap<String, OsString>, read: Arc<Mutex<BTreeSet<&'static str>>> },
}

// Variables may hold credentials, so `Debug` shows only their source.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Process => "Process",
            Self::Given { .. } => "Given",
        })
    }
}

impl Environment {
    /// Returns the variables of this process.
    pub const fn of_process() -> Self {
        Self(Source::Process)
    }

    /// Returns the given variables only, for tests. Variables of the process are not included.
    pub fn given<N: Into<String>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(Source::Given { variables: pairs.collect(), read: Arc::default() })
    }

    /// Returns the names of all variables that were read so far, for tests; empty for the variables of the process.
    #[must_use]
    pub fn names_read(&self) -> BTreeSet<&'static str> {
        match &self.0 {
            Source::Process => BTreeSet::new(),
            Source::Given { read, .. } => read.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Returns a required variable.
    ///
    /// # Errors
    /// The variable is missing, empty, or not UTF-8.
    pub fn required(&self, name: &'static str) -> Result<String, EnvironmentError> {
        self.optional(name)?.ok_or(EnvironmentError::MissingVariable(name))
    }

    /// Returns an optional variable. Empty counts as missing, because CloudFormation can set a variable to the empty
    /// string but cannot omit it.
    ///
    /// # Errors
    /// The variable is not UTF-8.
    pub fn optional(&self, name: &'static str) -> Result<Option<String>, EnvironmentError> {
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        let value = value.into_string().map_err(|_| bad(name, "it is not UTF-8"))?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    /// Returns a required variable, parsed as `T`.
    ///
    /// # Errors
    /// As [`Environment::required`], and the error of `T`'s parser. That parser must not repeat a secret in its
    /// error.
    pub fn parsed<T>(&self, name: &'static str) -> Result<T, EnvironmentError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.required(name)?.parse().map_err(|error: T::Err| bad(name, error))
    }

    /// Returns a required variable, parsed by a domain type's own parser.
    ///
    /// # Errors
    /// As [`Environment::required`], and the parser's error. The parser must not repeat a secret in its error.
    pub fn read<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, EnvironmentError> {
        parse(&self.required(name)?).map_err(|error| bad(name, error))
    }

    /// Returns an optional variable, parsed by a domain type's own parser.
    ///
    /// # Errors
    /// As [`Environment::optional`], and the parser's error.
    pub fn read_optional<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, EnvironmentError> {
        self.optional(name)?.map(|text| parse(&text).map_err(|error| bad(name, error))).transpose()
    }

    fn raw(&self, name: &'static str) -> Option<OsString> {
        match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Given { variables, read } => {
                read.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                variables.get(name).cloned()
            }
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
        assert_eq!(environment.names_read(), ["CONTROL_TABLE", "OTHER"].into());
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
        // Cargo sets this variable for every test.
        let name = Environment::of_process().required("CARGO_PKG_NAME").unwrap();
        assert_eq!(name, "platform");
    }
}
