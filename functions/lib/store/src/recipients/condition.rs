//! Conditions on a profile's present state, for writes that must not undo another one.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::Item;
use domain::recipient::{ProfileVersion, Recipient};

/// The state in which a profile is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteIf {
    /// Any.
    Always,
    /// There is one.
    Exists,
    /// There is none.
    Absent,
    /// It has this version.
    Version(ProfileVersion),
}

impl WriteIf {
    /// The condition's expression.
    pub(super) const fn expression(self) -> Option<&'static str> {
        match self {
            Self::Always => None,
            Self::Exists => Some("attribute_exists(pk)"),
            Self::Absent => Some("attribute_not_exists(pk)"),
            Self::Version(_) => Some("revision = :read_revision AND created_at = :read_created"),
        }
    }

    /// The values in it.
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

    /// Whether one write under this condition leads to what is stored.
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
