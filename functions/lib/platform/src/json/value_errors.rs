//! Search for values that are correct JSON but are not supported.

use std::collections::HashSet;

use super::{MAX_DEPTH, spans};
use crate::problem::FieldError;

/// Message for a name that appears twice in its object.
pub(super) const TWICE: &str = "must not appear twice";
/// Message for a name with half of a surrogate pair.
pub(super) const BAD_NAME: &str = "has a field whose name is not valid Unicode";
const HALF_A_PAIR: &str = "must not contain half of a surrogate pair (\\ud800 to \\udfff by itself)";
const OUT_OF_RANGE: &str = "is a number out of range";
const ROUNDED: &str = "is a number out of range: an integer this large would be rounded; send it as a string";

/// Maximum number of errors in one response.
const MAX_ERRORS: usize = 20;
/// Maximum number of names and indices in a path. A longer path is cut, so that the error stays readable.
const PATH_PARTS: usize = 6;

/// Returns an error with the path of each value in `text` that is not supported.
pub(super) fn of(text: &str) -> Vec<FieldError> {
    let mut search = ValueSearch { errors: Vec::new() };
    search.search(text.trim(), &mut Vec::new());
    search.errors
}

struct ValueSearch {
    errors: Vec<FieldError>,
}

impl ValueSearch {
    fn search(&mut self, text: &str, path: &mut Vec<String>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        match text.as_bytes().first() {
            Some(b'{' | b'[') if path.len() >= MAX_DEPTH => {
                self.add(path, format!("is nested too deep: at most {MAX_DEPTH} levels are read"));
            }
            Some(b'{') => self.search_members(text, path),
            Some(b'[') => self.search_elements(text, path),
            Some(b'"') if spans::name(text).is_none() => self.add(path, HALF_A_PAIR),
            Some(b'-' | b'0'..=b'9') => match serde_json::from_str::<f64>(text) {
                Err(_) => self.add(path, OUT_OF_RANGE),
                Ok(nearest) if is_rounded(text, nearest) => self.add(path, ROUNDED),
                Ok(_) => {}
            },
            _ => {}
        }
    }

    fn search_members(&mut self, text: &str, path: &mut Vec<String>) {
        let mut seen = HashSet::new();
        for (name, value) in spans::members(text).unwrap_or_default() {
            let Some(name) = spans::name(name) else {
                self.add(path, BAD_NAME);
                continue;
            };
            path.push(name.clone());
            if seen.insert(name) {
                self.search(value, path);
            } else {
                self.add(path, TWICE);
            }
            path.pop();
        }
    }

    fn search_elements(&mut self, text: &str, path: &mut Vec<String>) {
        for (index, value) in spans::elements(text).unwrap_or_default().into_iter().enumerate() {
            path.push(format!("[{index}]"));
            self.search(value, path);
            path.pop();
        }
    }

    fn add(&mut self, path: &[String], message: impl Into<String>) {
        let mut field = String::new();
        for part in path.iter().take(PATH_PARTS) {
            if !field.is_empty() && !part.starts_with('[') {
                field.push('.');
            }
            field.push_str(part);
        }
        let field = if field.is_empty() { "body".to_owned() } else { field };
        let error = FieldError::new(field, message);
        if !self.errors.contains(&error) && self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }
}

/// Returns `true` if a number is written as an integer that neither an integer of 64 bits nor `nearest` holds exactly.
fn is_rounded(text: &str, nearest: f64) -> bool {
    let is_integer = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let is_held = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    is_integer && !is_held && format!("{nearest:.0}") != text
}
