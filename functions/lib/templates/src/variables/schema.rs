//! Schema of variables: a subset of JSON Schema.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Text in place of a sensitive one.
const MASK: &str = "***";

/// Variables that a template declares: an object schema, kept as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Variables {
    source: Value,
    properties: BTreeMap<String, VariableSchema>,
    required: BTreeSet<String>,
}

/// Schema of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSchema {
    /// Type of the value.
    pub kind: VariableKind,
    /// Value that is used if the message has none.
    pub default: Option<Value>,
    /// Value for previews and checks.
    pub example: Option<Value>,
    /// `true` if neither the API nor the console shows the value after sending.
    pub is_sensitive: bool,
}

/// Type of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableKind {
    /// Object with declared properties.
    Object {
        /// Schemas by name.
        properties: BTreeMap<String, VariableSchema>,
        /// Names of the properties that the object must have.
        required: BTreeSet<String>,
    },
    /// List of values of one type.
    Array(Box<VariableSchema>),
    /// Text.
    Text(Option<TextFormat>),
    /// Number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// Format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum TextFormat {
    /// Calendar date such as `2026-11-30`.
    Date,
    /// RFC 3339 time with an offset.
    DateTime,
    /// `http`, `https` or `mailto` URI.
    Uri,
    /// Amount and currency, such as `1234.50 EUR`.
    Money,
}

impl Default for Variables {
    fn default() -> Self {
        Self { source: json!({}), properties: BTreeMap::new(), required: BTreeSet::new() }
    }
}

impl Variables {
    /// Creates the variables of a parsed schema.
    pub(super) const fn new(
        source: Value,
        properties: BTreeMap<String, VariableSchema>,
        required: BTreeSet<String>,
    ) -> Self {
        Self { source, properties, required }
    }

    /// Returns the declared variables by name.
    #[must_use]
    pub const fn properties(&self) -> &BTreeMap<String, VariableSchema> {
        &self.properties
    }

    /// Returns the names that `required` lists, those with a default too.
    pub(crate) const fn required_names(&self) -> &BTreeSet<String> {
        &self.required
    }

    /// Returns `true` if every message must have the variable, defaults aside.
    pub(super) fn is_required(&self, name: &str) -> bool {
        self.required.contains(name)
    }

    /// Returns values for checks and previews: the examples, and the defaults where there is no example. Optional
    /// variables are left out unless `with_optional` is set.
    #[must_use]
    pub fn examples(&self, with_optional: bool) -> Value {
        object_example(&self.properties, &self.required, with_optional).into()
    }

    /// Returns the values of a message without the sensitive ones, for texts that are shown after sending. A text
    /// becomes asterisks, and any other sensitive value becomes the example of the schema.
    #[must_use]
    pub fn masked(&self, given: &Map<String, Value>) -> Map<String, Value> {
        masked_object(&self.properties, given)
    }

    /// Returns the names of the variables whose values, or parts of them, are sensitive.
    pub fn sensitive(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().filter(|(_, field)| field.has_sensitive()).map(|(name, _)| name.as_str())
    }
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl VariableSchema {
    fn has_sensitive(&self) -> bool {
        self.is_sensitive
            || match &self.kind {
                VariableKind::Object { properties, .. } => properties.values().any(Self::has_sensitive),
                VariableKind::Array(items) => items.has_sensitive(),
                _ => false,
            }
    }

    fn masked(&self, given: &Value) -> Value {
        match (&self.kind, given) {
            (VariableKind::Text(None), _) if self.is_sensitive => json!(MASK),
            _ if self.is_sensitive => self.example(true),
            (VariableKind::Object { properties, .. }, Value::Object(given)) => masked_object(properties, given).into(),
            (VariableKind::Array(items), Value::Array(given)) => given.iter().map(|item| items.masked(item)).collect(),
            _ => given.clone(),
        }
    }

    /// Returns the example, or one that fits the type.
    fn example(&self, with_optional: bool) -> Value {
        if let VariableKind::Object { properties, required } = &self.kind
            && (self.example.is_none() || !with_optional)
        {
            return object_example(properties, required, with_optional).into();
        }
        if let Some(value) = self.example.as_ref().or(self.default.as_ref()) {
            return value.clone();
        }
        match &self.kind {
            VariableKind::Array(items) => json!([items.example(with_optional)]),
            VariableKind::Object { properties, required } => object_example(properties, required, with_optional).into(),
            VariableKind::Text(None) => json!("Text"),
            VariableKind::Text(Some(TextFormat::Date)) => json!("2026-11-30"),
            VariableKind::Text(Some(TextFormat::DateTime)) => json!("2026-11-30T17:05:00Z"),
            VariableKind::Text(Some(TextFormat::Uri)) => json!("https://example.com/"),
            VariableKind::Text(Some(TextFormat::Money)) => json!("1234.50 EUR"),
            VariableKind::Number => json!(3),
            VariableKind::Boolean => json!(true),
        }
    }
}

fn masked_object(properties: &BTreeMap<String, VariableSchema>, given: &Map<String, Value>) -> Map<String, Value> {
    let masked = |(name, value): (&String, &Value)| {
        let masked = properties.get(name).map_or_else(|| value.clone(), |field| field.masked(value));
        (name.clone(), masked)
    };
    given.iter().map(masked).collect()
}

fn object_example(
    properties: &BTreeMap<String, VariableSchema>,
    required: &BTreeSet<String>,
    with_optional: bool,
) -> Map<String, Value> {
    let is_in = |name: &String| with_optional || required.contains(name);
    let fields = properties.iter().filter(|(name, _)| is_in(name));
    fields.map(|(name, field)| (name.clone(), field.example(with_optional))).collect()
}
