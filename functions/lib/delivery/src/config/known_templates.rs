//! Templates that a send may name, with the version that is live.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use templates::is_builtin;

/// State of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateState {
    /// Version that is live.
    pub live: Option<u32>,
    /// `true` if no new send may name the template.
    pub is_archived: bool,
}

/// Templates by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownTemplates(BTreeMap<String, TemplateState>);

/// Reason for which a template cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableTemplateError {
    /// No template has this name.
    Unknown,
    /// The template is archived.
    Archived,
    /// No version is live.
    NoLiveVersion,
}

impl TemplateState {
    /// Reads the definition of a stored row.
    pub fn from_stored(definition: &Map<String, Value>) -> Option<Self> {
        let is_archived = definition.get("state")?.as_str()? == "archived";
        let live = match definition.get("live")? {
            Value::Null => None,
            number => Some(u32::try_from(number.as_u64()?).ok()?),
        };
        Some(Self { live, is_archived })
    }
}

impl KnownTemplates {
    /// Returns the state of a template. A built-in template exists without a row.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<TemplateState> {
        let built_in = TemplateState { live: Some(1), is_archived: false };
        self.0.get(name).copied().or_else(|| is_builtin(name).then_some(built_in))
    }

    /// Returns the version for a send whose caller names the template: the given version, or the live one.
    ///
    /// A version that is given may not exist.
    ///
    /// # Errors
    /// If the template cannot be used.
    pub fn version(&self, name: &str, version: Option<u32>) -> Result<u32, UnusableTemplateError> {
        let state = self.get(name).ok_or(UnusableTemplateError::Unknown)?;
        if state.is_archived {
            return Err(UnusableTemplateError::Archived);
        }
        version.or(state.live).ok_or(UnusableTemplateError::NoLiveVersion)
    }

    /// Returns the live version for a send whose type names the template. It may be archived: a type that was accepted
    /// with a template never loses it.
    #[must_use]
    pub fn version_of_type(&self, name: &str) -> Option<u32> {
        self.get(name)?.live
    }
}

impl FromIterator<(String, TemplateState)> for KnownTemplates {
    fn from_iter<I: IntoIterator<Item = (String, TemplateState)>>(templates: I) -> Self {
        Self(templates.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a KnownTemplates {
    type Item = (&'a String, &'a TemplateState);
    type IntoIter = std::collections::btree_map::Iter<'a, String, TemplateState>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for UnusableTemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "is not the name of a template",
            Self::Archived => "is the name of an archived template, which no new message may use",
            Self::NoLiveVersion => "is the name of a template without a live version",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn state(definition: Value) -> Option<TemplateState> {
        TemplateState::from_stored(definition.as_object().unwrap())
    }

    #[test]
    fn a_send_uses_the_given_version_or_the_live_one() {
        let row = |state, live| TemplateState::from_stored(json!({"state": state, "live": live}).as_object().unwrap());
        let rows =
            [("a", row("active", json!(3))), ("b", row("active", Value::Null)), ("c", row("archived", json!(1)))];
        let known: KnownTemplates = rows.into_iter().map(|(name, row)| (name.to_owned(), row.unwrap())).collect();
        assert_eq!((known.version("a", None), known.version("a", Some(9))), (Ok(3), Ok(9)));
        assert_eq!(known.version("b", None), Err(UnusableTemplateError::NoLiveVersion));
        assert_eq!(known.version("b", Some(1)), Ok(1));
        assert_eq!(known.version("c", None), Err(UnusableTemplateError::Archived));
        assert_eq!(known.version_of_type("c"), Some(1));
        assert_eq!(known.version("d", Some(1)), Err(UnusableTemplateError::Unknown));
        assert_eq!(known.version("payment-due", None), Ok(1));
    }

    #[test]
    fn a_row_without_its_fields_is_malformed() {
        assert_eq!(
            state(json!({"state": "active", "live": null})),
            Some(TemplateState { live: None, is_archived: false })
        );
        for invalid in
            [json!({}), json!({"state": "active"}), json!({"state": "active", "live": "3"}), json!({"live": 1})]
        {
            assert_eq!(state(invalid.clone()), None, "{invalid}");
        }
    }
}
