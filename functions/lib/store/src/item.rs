//! Reading and writing the attributes of an item, one line each.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

/// An item as the SDK holds it.
pub type Item = HashMap<String, AttributeValue>;

/// An item whose attributes are not what this version wrote: named by attribute, never by value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the item's attribute `{0}` is missing or not of the expected form")]
pub struct Malformed(pub &'static str);

/// Builds an item; absent values leave no attribute.
#[derive(Debug, Default)]
pub struct ItemWriter(Item);

impl ItemWriter {
    /// A text.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(value.into()));
        self
    }

    /// A text, when there is one.
    #[must_use]
    pub fn maybe_text(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: impl Into<i128>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(value.into().to_string()));
        self
    }

    /// A whole number, when there is one.
    #[must_use]
    pub fn maybe_number(self, name: &'static str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    /// A whole number that is 0 when it is not there.
    #[must_use]
    pub fn number_unless_zero(self, name: &'static str, value: i64) -> Self {
        self.maybe_number(name, (value != 0).then_some(value))
    }

    /// A time, in milliseconds since the epoch.
    #[must_use]
    pub fn time(self, name: &'static str, value: Timestamp) -> Self {
        self.number(name, value.as_millisecond())
    }

    /// A time, when there is one.
    #[must_use]
    pub fn maybe_time(self, name: &'static str, value: Option<Timestamp>) -> Self {
        match value {
            Some(value) => self.time(name, value),
            None => self,
        }
    }

    /// The item.
    #[must_use]
    pub fn finish(self) -> Item {
        self.0
    }
}

/// Reads an item.
#[derive(Debug, Clone, Copy)]
pub struct ItemReader<'a>(pub &'a Item);

impl<'a> ItemReader<'a> {
    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn text(self, name: &'static str) -> Result<&'a str, Malformed> {
        self.maybe_text(name)?.ok_or(Malformed(name))
    }

    /// A text that may be there.
    ///
    /// # Errors
    /// When the attribute is something else.
    pub fn maybe_text(self, name: &'static str) -> Result<Option<&'a str>, Malformed> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(Malformed(name)),
        }
    }

    /// A whole number that may be there.
    ///
    /// # Errors
    /// When the attribute is something else.
    pub fn maybe_number(self, name: &'static str) -> Result<Option<i64>, Malformed> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => digits.parse().map(Some).map_err(|_| Malformed(name)),
            Some(_) => Err(Malformed(name)),
        }
    }

    /// A time that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn time(self, name: &'static str) -> Result<Timestamp, Malformed> {
        self.maybe_time(name)?.ok_or(Malformed(name))
    }

    /// A time that may be there.
    ///
    /// # Errors
    /// When the attribute is something else.
    pub fn maybe_time(self, name: &'static str) -> Result<Option<Timestamp>, Malformed> {
        let millis = self.maybe_number(name)?;
        millis.map(|millis| Timestamp::from_millisecond(millis).map_err(|_| Malformed(name))).transpose()
    }

    /// JSON in a text that may be there.
    ///
    /// # Errors
    /// When the attribute is something else or the JSON has another shape.
    pub fn maybe_json<T: serde::de::DeserializeOwned>(self, name: &'static str) -> Result<Option<T>, Malformed> {
        let text = self.maybe_text(name)?;
        text.map(|text| serde_json::from_str(text).map_err(|_| Malformed(name))).transpose()
    }
}
