//! JSON that a person typed into SSM: refused with the place of the fault, and never with what stood there, since a
//! parser's own message quotes the value and the value may name people.

use serde::de::{DeserializeOwned, IgnoredAny};

use platform::json;
use platform::problem::FieldError;

/// The largest value that SSM holds (advanced tier).
const MAX_BYTES: usize = 8 * 1024;

/// What is wrong with a JSON parameter, and where, without its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Larger than SSM allows.
    #[error("it is longer than 8 KB")]
    TooLong,
    /// Not JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON, but an unknown or duplicate field, or a value of the wrong type or range.
    #[error("{field} {message}")]
    WrongShape {
        /// The field's path, such as `sms.per_recipient_per_day`.
        field: String,
        /// The fault, such as `is not a known field`.
        message: String,
    },
    /// The right shape with a value that makes no sense.
    #[error("{0}")]
    OutOfRange(&'static str),
    /// A name that is not known, where it stands and the one that may be meant. The text is this crate's own.
    #[error("{0}")]
    UnknownName(String),
}

/// Reads `text` as a `T`.
///
/// # Errors
/// Too long, not JSON, or not a `T`.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonFault> {
    if text.len() > MAX_BYTES {
        return Err(JsonFault::TooLong);
    }
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| JsonFault::NotJson { line: error.line(), column: error.column() })?;
    let value = json::value(text.as_bytes()).map_err(|problem| wrong_shape(problem.errors.into_iter().next()))?;
    json::typed(value, "").map_err(|error| wrong_shape(Some(error)))
}

/// Names the field, unless its name is free text, which may be anything.
fn wrong_shape(error: Option<FieldError>) -> JsonFault {
    let is_plain = |field: &str| {
        field.len() <= 100 && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-[]".contains(&byte))
    };
    match error {
        Some(FieldError { field, message }) if message == json::UNKNOWN_FIELD => {
            let parent = field.rsplit_once('.').map_or("it", |(parent, _)| parent).to_owned();
            JsonFault::WrongShape { field: parent, message: "has an unknown field".to_owned() }
        }
        Some(FieldError { field, message }) if field == "body" => {
            JsonFault::WrongShape { field: "it".to_owned(), message }
        }
        Some(FieldError { field, message }) if is_plain(&field) => JsonFault::WrongShape { field, message },
        _ => JsonFault::WrongShape { field: "a field".to_owned(), message: "is not valid".to_owned() },
    }
}
