//! Finding: an error in a template, with its place.

use std::fmt;

use platform::problem::FieldError;
use serde::Serialize;

/// Error in a template. The message never repeats a variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// JSON path, such as `parts.it.email.subject`.
    pub path: String,
    /// Place inside the source at the path, if the finding has one.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Requirement that is not met.
    pub message: String,
}

/// Place inside a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Finding {
    /// Creates a finding without a place inside a source.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), place: None, message: message.into() }
    }

    /// Sets the place.
    #[must_use]
    pub const fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

impl Place {
    /// Returns the place of a byte of a source.
    #[must_use]
    pub fn of_offset(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }

    /// Returns the byte of a source at the place; its end if the source is shorter.
    #[must_use]
    pub fn offset_in(self, source: &str) -> usize {
        let before: usize = source.split_inclusive('\n').take(self.line.saturating_sub(1)).map(str::len).sum();
        let line = source.get(before..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = line.char_indices().nth(self.column.saturating_sub(1));
        before + column.map_or(line.len(), |(offset, _)| offset)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl From<Finding> for FieldError {
    fn from(finding: Finding) -> Self {
        match finding.place {
            Some(place) => Self::new(finding.path, format!("{place}: {}", finding.message)),
            None => Self::new(finding.path, finding.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        for (offset, line, column) in [(0, 1, 1), (2, 1, 2), (4, 2, 1), (5, 2, 2), (99, 2, 3)] {
            assert_eq!(Place::of_offset("èb\ncd", offset), Place { line, column }, "{offset}");
        }
    }

    #[test]
    fn the_byte_of_a_place_has_that_place() {
        let source = "èb\ncd\n";
        for offset in [0, 2, 3, 4, 5, 6, 7] {
            assert_eq!(Place::of_offset(source, offset).offset_in(source), offset, "{offset}");
        }
        assert_eq!(Place { line: 9, column: 9 }.offset_in(source), source.len());
    }

    #[test]
    fn a_problem_names_line_and_column() {
        let finding = Finding::new("parts.it.sms.text", "unknown filter").at(Some(Place { line: 3, column: 7 }));
        let expected = FieldError::new("parts.it.sms.text", "line 3, column 7: unknown filter");
        assert_eq!(FieldError::from(finding), expected);
    }
}
