//! Name of a template.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Maximum length of a name.
const MAX_BYTES: usize = 64;

/// Immutable name of a template: `^[a-z][a-z0-9_-]{0,63}$`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateName(String);

/// Text that is not a template's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of a-z, 0-9, _ and -, and begin with a letter")]
pub struct TemplateNameError;

impl TemplateName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`TemplateNameError`].
    pub fn parse(text: &str) -> Result<Self, TemplateNameError> {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let is_name = begins && text.len() <= MAX_BYTES && text.bytes().all(is_inner);
        if is_name { Ok(Self(text.to_owned())) } else { Err(TemplateNameError) }
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TemplateName {
    type Error = TemplateNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_and_begins_with_a_letter() {
        let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
        for name in ["a", "certificate-expiring", "x_1", &longest] {
            assert_eq!(TemplateName::parse(name).as_ref().map(TemplateName::as_str), Ok(name));
        }
        for name in ["", "A", "1a", "-a", "a b", "à", "a.b", &too_long] {
            assert_eq!(TemplateName::parse(name), Err(TemplateNameError), "{name}");
        }
    }
}
