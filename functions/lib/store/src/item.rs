//! Reader and writer for the attributes of a DynamoDB item.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

/// An item in the SDK's representation.
pub type Item = HashMap<String, AttributeValue>;

/// An item with an attribute that this version did not write so. The error names the attribute, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the item's attribute `{0}` is missing or not of the expected form")]
pub struct MalformedItemError(pub &'static str);

/// Builds an item. An absent value produces no attribute.
///
/// Direct calls write it as it is: the map of the SDK would cost an allocation for each name.
#[derive(Debug, Default)]
pub struct ItemWriter(Vec<(Cow<'static, str>, AttributeValue)>);

impl ItemWriter {
    /// Starts an item with room for this number of attributes.
    #[must_use]
    pub fn with_capacity(attributes: usize) -> Self {
        Self(Vec::with_capacity(attributes))
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &'static str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    /// Adds a text if the value is present.
    #[must_use]
    pub fn maybe_text(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds an integer.
    #[must_use]
    pub fn number(self, name: &'static str, value: impl Into<i128>) -> Self {
        let value = value.into();
        // Digits of 64 bits are faster to write than those of 128.
        let digits = i64::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string());
        self.with(name, AttributeValue::N(digits))
    }

    /// Adds an integer if the value is present.
    #[must_use]
    pub fn maybe_number(self, name: &'static str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    /// Adds an integer unless it is 0. An absent attribute means 0.
    #[must_use]
    pub fn number_unless_zero(self, name: &'static str, value: i64) -> Self {
        self.maybe_number(name, (value != 0).then_some(value))
    }

    /// Adds a time in milliseconds since the epoch.
    #[must_use]
    pub fn time(self, name: &'static str, value: Timestamp) -> Self {
        self.number(name, value.as_millisecond())
    }

    /// Adds a time if the value is present.
    #[must_use]
    pub fn maybe_time(self, name: &'static str, value: Option<Timestamp>) -> Self {
        match value {
            Some(value) => self.time(name, value),
            None => self,
        }
    }

    /// Returns the item in the SDK's representation.
    #[must_use]
    pub fn finish(self) -> Item {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()
    }

    /// Returns all attributes, in the order in which they were added.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        debug_assert!(self.0.iter().all(|(known, _)| known != name), "{name} is added once");
        self.0.push((Cow::Borrowed(name), value));
        self
    }
}

impl From<Item> for ItemWriter {
    fn from(item: Item) -> Self {
        Self(item.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
    }
}

/// An item that can be read, in the SDK's representation or another one.
pub trait ReadItem {
    /// Value of an attribute.
    type Value: ReadValue<Item = Self>;

    /// Returns the value of an attribute.
    fn value(&self, name: &str) -> Option<&Self::Value>;

    /// Returns all attributes, in any order.
    fn entries(&self) -> impl Iterator<Item = (&str, &Self::Value)>;
}

/// The value of an attribute that can be read. Each method returns `None` if the value is of another type.
pub trait ReadValue {
    /// The representation of items.
    type Item: ReadItem<Value = Self>;

    /// Returns a text.
    fn as_text(&self) -> Option<&str>;

    /// Returns the digits of a number.
    fn as_digits(&self) -> Option<&str>;

    /// Returns a map.
    fn as_item(&self) -> Option<&Self::Item>;

    /// Returns the texts of a set.
    fn as_texts(&self) -> Option<Vec<&str>>;
}

impl ReadItem for Item {
    type Value = AttributeValue;

    fn value(&self, name: &str) -> Option<&AttributeValue> {
        self.get(name)
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl ReadValue for AttributeValue {
    type Item = Item;

    fn as_text(&self) -> Option<&str> {
        if let Self::S(text) = self { Some(text) } else { None }
    }

    fn as_digits(&self) -> Option<&str> {
        if let Self::N(digits) = self { Some(digits) } else { None }
    }

    fn as_item(&self) -> Option<&Item> {
        if let Self::M(item) = self { Some(item) } else { None }
    }

    fn as_texts(&self) -> Option<Vec<&str>> {
        if let Self::Ss(texts) = self { Some(texts.iter().map(String::as_str).collect()) } else { None }
    }
}

/// Reads the attributes of an item.
#[derive(Debug)]
pub struct ItemReader<'a, I = Item>(pub &'a I);

impl<I> Clone for ItemReader<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for ItemReader<'_, I> {}

impl<'a, I: ReadItem> ItemReader<'a, I> {
    /// Returns a required text.
    ///
    /// # Errors
    /// If the attribute is missing or has another type.
    pub fn text(self, name: &'static str) -> Result<&'a str, MalformedItemError> {
        self.maybe_text(name)?.ok_or(MalformedItemError(name))
    }

    /// Returns an optional text.
    ///
    /// # Errors
    /// If the attribute has another type or form.
    pub fn maybe_text(self, name: &'static str) -> Result<Option<&'a str>, MalformedItemError> {
        self.0.value(name).map(|value| value.as_text().ok_or(MalformedItemError(name))).transpose()
    }

    /// Returns an optional integer.
    ///
    /// # Errors
    /// If the attribute has another type or form.
    pub fn maybe_number(self, name: &'static str) -> Result<Option<i64>, MalformedItemError> {
        let digits = self.0.value(name).map(|value| value.as_digits().ok_or(MalformedItemError(name))).transpose()?;
        digits.map(|digits| digits.parse().map_err(|_| MalformedItemError(name))).transpose()
    }

    /// Returns a required time.
    ///
    /// # Errors
    /// If the attribute is missing or has another type.
    pub fn time(self, name: &'static str) -> Result<Timestamp, MalformedItemError> {
        self.maybe_time(name)?.ok_or(MalformedItemError(name))
    }

    /// Returns an optional time.
    ///
    /// # Errors
    /// If the attribute has another type or form.
    pub fn maybe_time(self, name: &'static str) -> Result<Option<Timestamp>, MalformedItemError> {
        let millis = self.maybe_number(name)?;
        millis.map(|millis| Timestamp::from_millisecond(millis).map_err(|_| MalformedItemError(name))).transpose()
    }

    /// Returns a value from an optional JSON text.
    ///
    /// # Errors
    /// If the attribute has another type or the JSON has another shape.
    pub fn maybe_json<T: serde::de::DeserializeOwned>(
        self,
        name: &'static str,
    ) -> Result<Option<T>, MalformedItemError> {
        let text = self.maybe_text(name)?;
        text.map(|text| serde_json::from_str(text).map_err(|_| MalformedItemError(name))).transpose()
    }
}
