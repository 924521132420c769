//! Strict parser for JSON that an operator wrote into SSM. Errors contain the position, but never the text. The
//! messages of a standard parser quote the value, which may contain recipient ids.

use serde::de::{DeserializeOwned, IgnoredAny};

use platform::json;
use platform::problem::FieldError;

/// Maximum size of a parameter's value in SSM (advanced tier), in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Message about an object with an unknown field, whose name is not repeated.
pub const HAS_UNKNOWN_FIELD: &str = "has an unknown field";

/// Error in a JSON parameter, with its position and without its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// Larger than SSM allows.
    #[error("it is longer than 8 KB")]
    TooLong,
    /// Not JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
    },
    /// JSON, but with an unknown or duplicate field, or with a value of the wrong type or range.
    #[error("{field} {message}")]
    WrongShape {
        /// Path of the field, such as `sms.per_recipient_per_day`.
        field: String,
        /// Error, such as `is not a known field`.
        message: String,
    },
    /// Unknown name.
    #[error("{sentence}")]
    UnknownName {
        /// Path of the field that holds the name, such as `sms.allowed_countries[0]`.
        field: String,
        /// Error with its position and the name that may be meant. It never contains the given name.
        sentence: String,
    },
}

impl From<FieldError> for StrictJsonError {
    /// Converts the error of a value that is not allowed.
    fn from(FieldError { field, message }: FieldError) -> Self {
        Self::WrongShape { field, message }
    }
}

/// Parses `text` as a `T`.
///
/// # Errors
/// The text is too long, is not JSON, or is not a `T`.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StrictJsonError> {
    if text.len() > MAX_BYTES {
        return Err(StrictJsonError::TooLong);
    }
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| StrictJsonError::NotJson { line: error.line(), column: error.column() })?;
    let value = json::value(text.as_bytes()).map_err(|problem| wrong_shape(problem.errors.into_iter().next()))?;
    json::typed(value, "").map_err(|error| wrong_shape(Some(error)))
}

/// Builds an error with the field's path. The name of an unknown field is free text, so its error contains only the
/// parent's path. An unusual path is replaced by "a field".
fn wrong_shape(error: Option<FieldError>) -> StrictJsonError {
    let is_plain = |field: &str| {
        field.len() <= 100 && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-[]".contains(&byte))
    };
    match error {
        Some(FieldError { field, message }) if message == json::UNKNOWN_FIELD => {
            // A name with a point stands in brackets.
            let parent = field.split_once("[\"").or_else(|| field.rsplit_once('.')).map_or("it", |(parent, _)| parent);
            let parent = if parent.is_empty() { "it" } else { parent }.to_owned();
            StrictJsonError::WrongShape { field: parent, message: HAS_UNKNOWN_FIELD.to_owned() }
        }
        Some(FieldError { field, message }) if field == "body" => {
            StrictJsonError::WrongShape { field: "it".to_owned(), message }
        }
        Some(FieldError { field, message }) if is_plain(&field) => StrictJsonError::WrongShape { field, message },
        _ => StrictJsonError::WrongShape { field: "a field".to_owned(), message: "is not valid".to_owned() },
    }
}
