//! Listed users: recipients that operators named for version 2. Every decision uses the list. It is never shown.

use std::collections::HashSet;

use super::strict_json::{self, StrictJsonError};
use crate::text::is_possible_id;
use platform::private::Private;
use platform::problem::FieldError;

/// Recipient ids of the parameter `rollout-users`. `Debug` masks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedUsers(Private<HashSet<String>>);

impl ListedUsers {
    /// Parses a JSON array of recipient ids, such as `["alice", "bob"]`. `[]` is an empty list. A repeated id has no
    /// effect.
    ///
    /// # Errors
    /// The text is not a JSON array of strings, is longer than SSM allows, or contains an id that no recipient can
    /// have. One such id makes the whole list invalid, because it is a mistake of the operator.
    pub fn parse(text: &str) -> Result<Self, StrictJsonError> {
        let ids: HashSet<String> = strict_json::parse(text)?;
        if !ids.iter().all(|id| is_possible_id(id)) {
            return Err(FieldError::new("an id", "is empty, longer than 128 characters or not printable").into());
        }
        Ok(Self(Private::new(ids)))
    }

    /// Returns `true` if this recipient is listed.
    pub fn contains(&self, recipient_id: &str) -> bool {
        self.0.expose().contains(recipient_id)
    }

    /// Returns the number of listed recipients.
    pub fn len(&self) -> usize {
        self.0.expose().len()
    }

    /// Returns `true` if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_json_array_of_ids_is_read() {
        let users = ListedUsers::parse(" [\"alice\", \"ümlaut-é\",\n\"alice\"]\n").unwrap();
        assert!(users.contains("alice") && users.contains("ümlaut-é") && !users.contains("bob"));
        assert_eq!(users.len(), 2);
        assert!(ListedUsers::parse("[]").unwrap().is_empty());
        assert!(ListedUsers::parse(&format!("[\"{}\"]", "é".repeat(128))).is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        let too_long_id = format!("[\"{}\"]", "a".repeat(129));
        let invalid = [
            "",
            "alice",
            "alice,bob",
            "{}",
            "null",
            "\"alice\"",
            "[alice]",
            "['alice']",
            "[\"alice\",]",
            "[\"alice\"",
            "[\"alice\"] x",
            "[1]",
            "[null]",
            "[[\"alice\"]]",
            "[\"\"]",
            "[\"a\\nb\"]",
            "[\"a\\u0000\"]",
            "[\"\\ufeffalice\"]",
            "[\"\u{feff}alice\"]",
            "[\"a\\u2028b\"]",
            "[\"a\\u2029b\"]",
            &too_long_id,
        ];
        for text in invalid {
            assert!(ListedUsers::parse(text).is_err(), "{text}");
        }
        let too_long = format!("[\"a\"{}]", ",\"b\"".repeat(2048));
        assert_eq!(ListedUsers::parse(&too_long), Err(StrictJsonError::TooLong));
    }

    #[test]
    fn neither_the_list_nor_its_fault_shows_an_id() {
        let users = ListedUsers::parse(r#"["alice"]"#).unwrap();
        assert_eq!(format!("{users:?}"), "ListedUsers(***)");
        let error = ListedUsers::parse(r#"["alice", {"bob": 1}]"#).unwrap_err();
        assert!(matches!(&error, StrictJsonError::WrongShape { field, .. } if field == "[1]"), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("alice") && !shown.contains("bob"));
    }
}
