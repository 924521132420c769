//! Type for personal data: a [`Private`] value can be stored and sent, but not printed.
//!
//! Recipients, addresses, endpoints, tokens, titles and bodies are wrapped where they enter the service. They are
//! unwrapped only for a provider, a table or the caller's own response. See docs/logging.md.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Value that no log line, error or panic shows: `Debug` masks it, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value, for sending or storing.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        let address = Private::new("ada@example.com".to_owned());
        assert_eq!(format!("{address:?}"), "***");
        assert_eq!(address.expose(), "ada@example.com");
    }
}
