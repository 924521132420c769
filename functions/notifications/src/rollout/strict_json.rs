//! JSON that a person typed into SSM: refused with the place of the fault, and never with what stood there, since a
//! parser's own message quotes the value and the value may name people.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

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
    /// JSON, but an unknown field or a value of the wrong type or range.
    #[error("it has an unknown field or a value of the wrong kind (line {line}, column {column})")]
    WrongShape {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
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
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => JsonFault::WrongShape { line, column },
            Category::Io | Category::Syntax | Category::Eof => JsonFault::NotJson { line, column },
        }
    })
}
