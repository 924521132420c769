//! Types of notification that are in force: the built-in ones with an operator's differences.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::types::TypeOverrides;
use crate::notification_type::DEFAULT_RULES;
use crate::rollout::strict_json::JsonFault;
use crate::{NotificationType, TypeBudgets, TypeId, TypeRules};

/// Maximum length, in bytes, of an unknown name that is compared with the known names.
const MAX_COMPARED: usize = 64;
/// Maximum number of characters in which a suggested name may differ.
const MAX_TYPOS: usize = 2;

/// Every type with the rules that are in force. Its JSON holds only the differences from the built-in types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationTypes {
    all: Vec<NotificationType>,
    overrides: TypeOverrides,
}

impl Default for NotificationTypes {
    fn default() -> Self {
        Self::with(TypeOverrides::default())
    }
}

impl NotificationTypes {
    /// Applies differences to the built-in types.
    fn with(overrides: TypeOverrides) -> Self {
        let mut all = NotificationType::built_in();
        all.iter_mut().for_each(|kind| overrides.apply(kind));
        Self { all, overrides }
    }

    /// Returns all types.
    pub fn iter(&self) -> impl Iterator<Item = &NotificationType> {
        self.all.iter()
    }

    /// Returns the type with exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&NotificationType> {
        self.iter().find(|kind| kind.id.as_str() == name)
    }

    /// Returns the type with this name, for a name from a caller or an operator.
    ///
    /// # Errors
    /// Names the type that may be meant, or all types. The error never contains the given name.
    pub fn known(&self, name: &str) -> Result<&NotificationType, UnknownType> {
        self.get(name).ok_or_else(|| match self.nearest(name) {
            Some(nearest) => UnknownType::Misspelt(nearest.clone()),
            None => UnknownType::NoneOf(self.iter().map(|kind| kind.id.clone()).collect()),
        })
    }

    /// Returns the rules of a type. If the type was removed, the rules of `DEFAULT` hold, so that its notifications
    /// can end.
    #[must_use]
    pub fn rules_of(&self, id: &TypeId) -> TypeRules {
        let found = self.get(id.as_str()).or_else(|| self.get(NotificationType::DEFAULT));
        found.map_or(DEFAULT_RULES, |kind| kind.rules)
    }

    /// Returns the type's own budgets. A removed type has none.
    #[must_use]
    pub fn budgets_of(&self, id: &TypeId) -> TypeBudgets {
        self.get(id.as_str()).map_or_else(TypeBudgets::default, |kind| kind.budgets)
    }

    /// Checks that every value is within its range.
    pub(super) fn check(&self) -> Result<(), JsonFault> {
        self.overrides.check()
    }

    /// Returns the id nearest to a name, compared without case and without characters other than letters and digits.
    /// The two may differ in at most [`MAX_TYPOS`] characters.
    fn nearest(&self, name: &str) -> Option<&TypeId> {
        let plain =
            |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let given = plain(Some(name).filter(|name| name.len() <= MAX_COMPARED)?);
        let ids = self.iter().map(|kind| &kind.id).filter(|_| !given.is_empty());
        let measured = ids.map(|id| (distance(&given, &plain(id.as_str())), id));
        measured.filter(|(typos, _)| *typos <= MAX_TYPOS).min_by_key(|(typos, _)| *typos).map(|(_, id)| id)
    }
}

impl Serialize for NotificationTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.overrides.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NotificationTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TypeOverrides::deserialize(deserializer).map(Self::with)
    }
}

/// A name that no type has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownType {
    /// The name resembles this id.
    Misspelt(TypeId),
    /// The name resembles none of the ids, which are these.
    NoneOf(Vec<TypeId>),
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misspelt(nearest) => write!(f, "is not a known type; did you mean {nearest}?"),
            Self::NoneOf(ids) => {
                let ids: Vec<_> = ids.iter().map(TypeId::as_str).collect();
                write!(f, "is not a known type, which are {}", ids.join(", "))
            }
        }
    }
}

/// Returns the Levenshtein distance in bytes: the number of single changes, additions or removals from one text to the
/// other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, left) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, right) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_known_one() {
        let types = NotificationTypes::default();
        for (given, nearest) in [
            ("payment_due", Some("PAYMENT_DUE")),
            ("PAYMENT-DUE", Some("PAYMENT_DUE")),
            ("PAYMENT_DUE ", Some("PAYMENT_DUE")),
            ("PaymentDue", Some("PAYMENT_DUE")),
            ("PAYMENT_DEU", Some("PAYMENT_DUE")),
            ("PAYMENTS_DUE", Some("PAYMENT_DUE")),
            ("certificate expiring", Some("CERTIFICATE_EXPIRING")),
            ("defualt", Some("DEFAULT")),
            ("MARKETING", None),
            ("", None),
            ("__", None),
        ] {
            let unknown = types.known(given).unwrap_err();
            let suggested = match &unknown {
                UnknownType::Misspelt(nearest) => Some(nearest.as_str()),
                UnknownType::NoneOf(_) => None,
            };
            assert_eq!(suggested, nearest, "{given:?}");
            assert!(unknown.to_string().starts_with("is not a known type"));
        }
        assert_eq!(types.known("DEFAULT").unwrap().id.as_str(), "DEFAULT");
        assert_eq!(types.get("default"), None);
        let all = types.known("secret").unwrap_err().to_string();
        assert_eq!(all, "is not a known type, which are DEFAULT, CERTIFICATE_EXPIRING, PAYMENT_DUE");
    }

    #[test]
    fn a_removed_type_has_the_rules_of_default_and_no_budget() {
        let text = r#"{"types": {"DEFAULT": {"tries": 2, "day_micros": 7}, "PAYMENT_DUE": {"tries": 9}}}"#;
        let types = Settings::parse(text).unwrap().types;
        let removed = TypeId::parse("REMOVED").unwrap();
        assert_eq!(types.rules_of(&removed), TypeRules { tries: 2, ..DEFAULT_RULES });
        assert_eq!(types.budgets_of(&removed), TypeBudgets::default());
    }
}
