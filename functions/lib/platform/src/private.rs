//! Personal data as a type: what stands in a [`Private`] can be stored and sent, but never printed.
//!
//! Recipients, addresses, endpoints, tokens, titles and bodies are wrapped at the edge and unwrapped only where they
//! leave for a provider, a table or the caller's own answer. See docs/logging.md.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that no log line, error or panic can show: `Debug` masks it and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the place that sends or stores it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out.
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
