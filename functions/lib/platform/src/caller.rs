//! Caller of a request, and the author of a change: the identity that rules compare, and the name that people read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Caller of the API, as the API's authorizer identified it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Token's `client_id`, else `azp`, else `sub`; the subject of a login of the console. Empty on public routes.
    pub id: String,
    /// E-mail address or name of a login of the console, which people read in the audit.
    pub name: Option<String>,
    /// `true` if the id comes from `sub`. It may identify a person then, and is not logged.
    pub is_subject: bool,
    /// Scopes of the token, such as `notifications/send`.
    pub scopes: Vec<String>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("id", &self.in_logs()).field("scopes", &self.scopes).finish()
    }
}

impl Caller {
    /// Returns the text that logs may contain: a client's id, but not a subject's.
    #[must_use]
    pub fn in_logs(&self) -> &str {
        if self.is_subject { "(subject)" } else { &self.id }
    }

    /// Returns `true` if the token has the scope `notifications/<scope>`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held.rsplit('/').next() == Some(scope) && held.starts_with("notifications/"))
    }
}

/// Author of a change through the API or the web console.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Id of the client, or e-mail address or name of a login of the console. It is shown and may change.
    pub name: String,
    /// Subject of a login of the console: the issuer's id of the person, which does not change. `None` for a caller of
    /// the API, and in records of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name may be an e-mail address.
        f.write_str("Author(hidden)")
    }
}

impl Author {
    /// Creates the author of a call whose token has this id.
    #[must_use]
    pub fn of_id(id: impl Into<String>) -> Self {
        Self { name: id.into(), sub: None }
    }

    /// Returns the author of a caller's change.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        match &caller.name {
            Some(name) => Self { name: name.clone(), sub: Some(caller.id.clone()) },
            None => Self::of_id(caller.id.as_str()),
        }
    }

    /// Returns the identity: the subject of a login, or the id of a token.
    #[must_use]
    pub fn id(&self) -> &str {
        self.sub.as_deref().unwrap_or(&self.name)
    }

    /// Returns `true` if both have the same identity. Two logins are compared by their subjects. A record of an earlier
    /// release has only a name, so it is compared by that too.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let has_subjects = self.sub.is_some() && other.sub.is_some();
        self.id() == other.id() || (!has_subjects && self.name == other.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str, sub: &str) -> Author {
        Author { name: name.to_owned(), sub: Some(sub.to_owned()) }
    }

    #[test]
    fn logins_are_compared_by_their_subjects() {
        let ada = login("ada@example.com", "s-1");
        assert!(ada.is_same(&login("ada.new@example.com", "s-1")), "another e-mail address");
        assert!(!ada.is_same(&login("ada@example.com", "s-2")), "another person with this name");
        assert!(ada.is_same(&Author::of_id("s-1")), "the same person with a token for the API");
        assert!(ada.is_same(&Author::of_id("ada@example.com")), "a record of an earlier release");
        assert!(!ada.is_same(&Author::of_id("bob@example.com")) && !Author::of_id("a").is_same(&Author::of_id("b")));
    }

    #[test]
    fn an_author_is_not_printed() {
        assert_eq!(format!("{:?}", login("ada@example.com", "s-1")), "Author(hidden)");
    }

    #[test]
    fn scopes_belong_to_this_api() {
        let scopes = vec!["notifications/ops".into(), "other/send".into()];
        let caller = Caller { scopes, ..Caller::default() };
        assert!(caller.has_scope("ops") && !caller.has_scope("send"));
    }
}
