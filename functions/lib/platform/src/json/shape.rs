//! Conversion of a JSON value to a type. Structs require objects, and enums require strings.

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::{Error, Value};

use crate::problem::{FieldError, Problem};

/// Converts a JSON value to a `T`. Errors name the field below `prefix`.
///
/// # Errors
/// 422 with the field's name.
pub fn shaped<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, Problem> {
    typed(value, prefix).map_err(|error| Problem::invalid(vec![error]))
}

/// Converts a JSON value to a `T`. The error names the field below `prefix`.
pub fn typed<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        let field = match (prefix, path.as_str()) {
            ("", ".") => "body".to_owned(),
            ("", path) => path.to_owned(),
            (prefix, ".") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}.{path}"),
        };
        field_error(&field, &error.into_inner().to_string())
    })
}

/// Deserializer for a value. A struct requires an object, and an enum requires a string. A whole number may also be
/// written as `5.0` or `5e3`: JSON has one kind of number, and some languages write every number with a point.
#[derive(Debug)]
struct Strict(Value);

/// Largest whole number up to which every float is exact, 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl Strict {
    fn whole(self) -> Self {
        match self.0.as_f64() {
            Some(number) if self.0.is_f64() && number.fract() == 0.0 && number.abs() <= MAX_EXACT => {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and within bounds")]
                let whole = number as i64;
                Self(whole.into())
            }
            _ => self,
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl IntoDeserializer<'_, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.whole().deserialize_any(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Error;

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(values) => {
                let mut list = SeqDeserializer::new(values.into_iter().map(Strict));
                let value = visitor.visit_seq(&mut list)?;
                list.end()?;
                Ok(value)
            }
            Value::Object(members) => {
                let mut members = MapDeserializer::new(members.into_iter().map(|(name, value)| (name, Strict(value))));
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(Error::invalid_type(self.unexpected(), &"an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(Error::invalid_type(self.unexpected(), &"a string")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// Translates the names of Rust types for callers of a JSON API.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number, not below 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other => other,
    }
}

/// Converts serde's message without the value in it, because serde quotes the invalid text, which may be personal.
fn field_error(field: &str, message: &str) -> FieldError {
    let name = || message.split('`').nth(1).unwrap_or_default();
    let parent = if field == "body" { String::new() } else { format!("{field}.") };
    if message.starts_with("unknown field") {
        // If the format reports it, the path of an unknown field ends at the field itself, otherwise at its parent.
        let parent = field.strip_suffix(name()).filter(|_| !name().is_empty()).unwrap_or(&parent);
        let path = match parent.trim_end_matches('.') {
            // With a point in the name, its parent would not be known from the path.
            parent if name().contains('.') => format!("{parent}[{:?}]", name()),
            _ => format!("{parent}{}", name()),
        };
        FieldError::new(path, super::UNKNOWN_FIELD)
    } else if message.starts_with("missing field") {
        FieldError::new(format!("{parent}{}", name()), "is required")
    } else if let Some((_, expected)) = message.rsplit_once(", expected ") {
        // The last occurrence is used, because the value before it may contain these words too.
        FieldError::new(field, format!("must be {}", in_json_words(expected)))
    } else if message.starts_with("must ") {
        FieldError::new(field, message)
    } else {
        FieldError::new(field, "is not valid")
    }
}
