//! Conditions on the stored profile, for writes that must not overwrite another write.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::Item;
use domain::recipient::{ProfileVersion, Recipient};

/// Condition under which a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteIf {
    /// No condition.
    Always,
    /// The profile exists.
    Exists,
    /// The profile does not exist.
    Absent,
    /// The profile has this version.
    Version(ProfileVersion),
}

impl WriteIf {
    /// Returns the condition's expression.
    pub(super) const fn expression(self) -> Option<&'static str> {
        match self {
            Self::Always => None,
            Self::Exists => Some("attribute_exists(pk)"),
            Self::Absent => Some("attribute_not_exists(pk)"),
            Self::Version(_) => Some("revision = :read_revision AND created_at = :read_created"),
        }
    }

    /// Returns the values of the expression.
    pub(super) fn values(self) -> Item {
        let number = |value: String| AttributeValue::N(value);
        match self {
            Self::Version(ProfileVersion { created_at, revision }) => Item::from([
                (":read_revision".to_owned(), number(revision.to_string())),
                (":read_created".to_owned(), number(created_at.as_millisecond().to_string())),
            ]),
            _ => Item::new(),
        }
    }

    /// Returns true if one write under this condition results in the version of `stored`.
    pub(super) fn is_followed_by(self, stored: &Recipient) -> bool {
        match self {
            Self::Always | Self::Exists => false,
            Self::Absent => stored.revision == 1,
            Self::Version(ProfileVersion { created_at, revision }) => {
                ProfileVersion::of(stored) == ProfileVersion { created_at, revision: revision + 1 }
            }
        }
    }
}
