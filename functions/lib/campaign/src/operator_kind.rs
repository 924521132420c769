//! Kinds of operators. One human may have a login and the token of a client.

use serde::{Deserialize, Serialize};

/// Kind of the identity with which an operator acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorKind {
    /// A person, who logged in.
    Person,
    /// A client of the API, whose token several people may have.
    Client,
}

impl OperatorKind {
    /// Returns the kind of a caller. `is_subject` is `true` if the token names no client.
    #[must_use]
    pub const fn of(is_subject: bool) -> Self {
        if is_subject { Self::Person } else { Self::Client }
    }
}
