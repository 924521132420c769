//! Strict JSON for request bodies (RFC 8259, with I-JSON's rule on duplicate names: RFC 7493, 2.3).
//!
//! A body is read in two steps. [`value`] parses text to a [`Value`]. Text that is not JSON is a 400. Some values are
//! correct JSON, but are not supported: half of a surrogate pair, a number out of range, an integer that would be
//! rounded, a duplicate name, too many levels. They are a 422 with the value's own field. Then [`shaped`] converts the
//! value to a type. It refuses arrays in place of objects, and objects in place of strings. Derived deserializers would
//! accept both.

mod reader;
mod shape;
mod spans;
mod value_errors;

pub use shape::{shaped, typed};

use std::cell::Cell;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::problem::{FieldError, Problem, ProblemKind};

/// Message for a field that is not known at its place.
pub const UNKNOWN_FIELD: &str = "is not a known field";
/// Maximum number of levels of a body, or of one message of a batch.
pub const MAX_DEPTH: usize = 100;

/// Parses `bytes` as a `T`.
///
/// # Errors
/// 400 if the text is not JSON; 422 with the field's name if it does not have the structure of `T`. Neither repeats
/// any of the text.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    shaped(value(bytes)?, "")
}

/// Parses `bytes` as any JSON value.
///
/// # Errors
/// 400 if the text is not JSON; 422 with the path of each value that is not supported.
pub fn value(bytes: &[u8]) -> Result<Value, Problem> {
    let text = text(bytes)?;
    read(text).map_err(|UnreadableError| diagnosis(text))
}

/// Parses an object whose only field `name` is a list. A value that is not supported affects its own element only.
///
/// # Errors
/// 400 if the text is not JSON; 422 if it is not such an object.
pub fn list(bytes: &[u8], name: &str) -> Result<Elements, Problem> {
    let text = text(bytes)?;
    check_syntax(text)?;
    let members = spans::members(text).ok_or_else(|| Problem::invalid_field("body", "must be an object"))?;
    if let Some(other) = members.iter().map(|(name, _)| spans::name(name)).find(|found| found.as_deref() != Some(name))
    {
        return Err(unknown(other));
    }
    elements(&members, name)
}

/// Elements of a list, each with its own problem.
pub type Elements = Vec<Result<Value, Problem>>;

/// Parses an object with the list `name` and other fields. Returns the object of the other fields, and the elements or
/// the problem of the list. A value that is not supported affects its own element only.
///
/// # Errors
/// 400 if the text is not JSON; 422 if it is not an object, or another field is not supported.
pub fn list_among(bytes: &[u8], name: &str) -> Result<(Value, Result<Elements, Problem>), Problem> {
    let text = text(bytes)?;
    check_syntax(text)?;
    let members = spans::members(text).ok_or_else(|| Problem::invalid_field("body", "must be an object"))?;
    let (lists, others): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(found, _)| spans::name(found).as_deref() == Some(name));
    let others: Vec<_> = others.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let others = format!("{{{}}}", others.join(","));
    let others = read(&others).map_err(|UnreadableError| diagnosis(&others))?;
    Ok((others, elements(&lists, name)))
}

/// Returns the elements of the only member, which is the list `name`.
fn elements(members: &[(&str, &str)], name: &str) -> Result<Elements, Problem> {
    let list = match members {
        [] => return Err(Problem::invalid_field(name, "is required")),
        [(_, list)] => *list,
        _ => return Err(Problem::invalid_field(name, value_errors::TWICE)),
    };
    let elements = spans::elements(list).ok_or_else(|| Problem::invalid_field(name, "must be a list"))?;
    Ok(elements.into_iter().map(|text| read(text).map_err(|UnreadableError| diagnosis(text))).collect())
}

fn unknown(name: Option<String>) -> Problem {
    match name {
        Some(name) => Problem::invalid_field(name, UNKNOWN_FIELD),
        None => Problem::invalid_field("body", value_errors::BAD_NAME),
    }
}

/// Error for a value that is not supported, or for text that is not JSON. [`diagnosis`] determines the cause.
struct UnreadableError;

fn read(text: &str) -> Result<Value, UnreadableError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let may_be_rounded = Cell::new(false);
    let reader = reader::Reader::new(MAX_DEPTH, &may_be_rounded);
    let value = reader.read(&mut deserializer).map_err(|_| UnreadableError)?;
    deserializer.end().map_err(|_| UnreadableError)?;
    // The parser does not distinguish the integer 10^23 from the float 1e23; the text does.
    if may_be_rounded.get() && !value_errors::of(text).is_empty() {
        return Err(UnreadableError);
    }
    Ok(value)
}

fn diagnosis(text: &str) -> Problem {
    if let Err(problem) = check_syntax(text) {
        return problem;
    }
    let errors = value_errors::of(text);
    if errors.is_empty() {
        return Problem::invalid(vec![FieldError::new("body", "has a value that cannot be read")]);
    }
    Problem::invalid(errors)
}

/// Replacement that API Gateway writes for each byte that is not UTF-8.
const REPLACED: &[u8] = "\u{fffd}".as_bytes();

/// Returns another encoding that the body seems to have. It is detected by the positions of zero bytes (RFC 4627, 3),
/// by byte order marks and by magic numbers. Both are also detected in the form that API Gateway passes on.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    let mut first = bytes;
    while let Some(rest) = first.strip_prefix(REPLACED) {
        first = rest;
    }
    let zeros = first.iter().take(4).map(|byte| *byte == 0).collect::<Vec<_>>();
    let is_wide = matches!(
        zeros.as_slice(),
        [true, false, true, false] | [false, true, false, true] | [true, true, ..] | [_, true, true, _]
    );
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || is_wide {
        Some("UTF-16 or UTF-32")
    } else if bytes.starts_with(&[0x1F, 0x8B])
        || bytes.strip_prefix(&[0x1F]).is_some_and(|rest| rest.starts_with(REPLACED))
    {
        Some("compressed (gzip)")
    } else if first.len() < bytes.len() {
        Some("in another encoding")
    } else {
        None
    }
}

/// Returns the text of a body: UTF-8 (RFC 8259, 8.1), with or without a byte order mark.
fn text(bytes: &[u8]) -> Result<&str, Problem> {
    let not_json = |detail: String| Problem::new(ProblemKind::NotJson, detail);
    if let Some(encoding) = other_encoding(bytes) {
        return Err(not_json(format!("The body is {encoding}; it must be UTF-8.")));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        not_json(format!("The body is not UTF-8: byte {} does not belong there.", error.valid_up_to() + 1))
    })?;
    if text.trim().is_empty() {
        return Err(not_json("The body is empty.".to_owned()));
    }
    Ok(text)
}

/// Checks the grammar only, at any depth.
fn check_syntax(text: &str) -> Result<(), Problem> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = error.to_string();
        // The parser's messages about grammar never quote the text.
        let why = why.split(" at line ").next().unwrap_or_default();
        Problem::new(ProblemKind::NotJson, format!("Line {line}, column {column}: {why}."))
    })
}

#[cfg(test)]
mod tests;
