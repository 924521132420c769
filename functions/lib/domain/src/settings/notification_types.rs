//! Types of notification that are in force: the built-in ones with an operator's differences.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::types::TypeOverrides;
use crate::notification_type::DEFAULT_RULES;
use crate::{NotificationType, TypeBudgets, TypeId, TypeRules, TypeState};
use platform::problem::FieldError;

/// Maximum length, in bytes, of an unknown name that is compared with the known names.
const MAX_COMPARED: usize = 64;
/// Maximum number of ids in an error.
const MAX_NAMED: usize = 5;
/// Maximum number of characters in which a suggested name may differ.
const MAX_TYPOS: usize = 2;

/// Extent to which a process has read the catalog: the stored types and templates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CatalogCoverage {
    /// No read succeeded yet. A built-in type may be stored with other rules.
    #[default]
    Unread,
    /// Some definitions could not be read. An unknown name may be that of an existing type.
    Partial,
    /// Every definition is known.
    Complete,
}

/// Every type with the rules that are in force. Its JSON holds only the differences of the settings from the types'
/// definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationTypes {
    all: Vec<NotificationType>,
    overrides: TypeOverrides,
    coverage: CatalogCoverage,
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
        Self { all, overrides, coverage: CatalogCoverage::Complete }
    }

    /// Returns these types with stored definitions instead of the built-in ones. A built-in type without a stored
    /// definition stays. The settings' differences apply to the stored definitions too.
    #[must_use]
    pub fn with_stored(&self, stored: &[NotificationType], coverage: CatalogCoverage) -> Self {
        let is_stored = |id: &TypeId| stored.iter().any(|kind| kind.id == *id);
        let built_in = NotificationType::built_in().into_iter().filter(|kind| !is_stored(&kind.id));
        let mut all: Vec<_> = built_in.chain(stored.iter().cloned()).collect();
        all.iter_mut().for_each(|kind| self.overrides.apply(kind));
        Self { all, overrides: self.overrides.clone(), coverage }
    }

    /// Returns the extent to which the catalog was read.
    #[must_use]
    pub const fn coverage(&self) -> CatalogCoverage {
        self.coverage
    }

    /// Returns `true` if it is certain which rules the type with this name has, or that no type has the name.
    #[must_use]
    pub fn is_certain_of(&self, name: &str) -> bool {
        match self.coverage {
            CatalogCoverage::Unread => false,
            CatalogCoverage::Partial => self.get(name).is_some(),
            CatalogCoverage::Complete => true,
        }
    }

    /// Returns the fields of a type that the settings override.
    #[must_use]
    pub fn overridden_fields(&self, id: &TypeId) -> Vec<&'static str> {
        self.overrides.fields_of(id)
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
    pub fn known(&self, name: &str) -> Result<&NotificationType, UnknownTypeError> {
        self.get(name).ok_or_else(|| self.unknown(name))
    }

    /// Returns the type with this name, for a new notification.
    ///
    /// # Errors
    /// As [`Self::known`]; also if the type is archived.
    pub fn sendable(&self, name: &str) -> Result<&NotificationType, UnknownTypeError> {
        match self.known(name)? {
            archived if archived.rules.state == TypeState::Archived => Err(UnknownTypeError::Archived),
            kind => Ok(kind),
        }
    }

    /// Returns the error for a name that no type has. It names types that are not archived.
    fn unknown(&self, name: &str) -> UnknownTypeError {
        let mut nearest = self.by_distance(name);
        match nearest.first() {
            Some((typos, id)) if *typos <= MAX_TYPOS => UnknownTypeError::Misspelt((*id).clone()),
            _ => {
                let is_all = nearest.len() <= MAX_NAMED;
                nearest.truncate(MAX_NAMED);
                let is_named = |id: &TypeId| nearest.iter().any(|(_, named)| *named == id);
                let ids = self.iter().map(|kind| kind.id.clone()).filter(is_named).collect();
                if is_all { UnknownTypeError::NoneOf(ids) } else { UnknownTypeError::Nearest(ids) }
            }
        }
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
    pub(super) fn check(&self) -> Result<(), FieldError> {
        self.overrides.check()
    }

    /// Returns the ids with their distances from a name, nearest first. Names are compared without case and without
    /// characters other than letters and digits.
    fn by_distance(&self, name: &str) -> Vec<(usize, &TypeId)> {
        let plain =
            |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let given = plain(if name.len() <= MAX_COMPARED { name } else { "" });
        let ids = self.iter().filter(|kind| kind.rules.state != TypeState::Archived).map(|kind| &kind.id);
        let measured = ids.map(|id| match given.as_str() {
            "" => (usize::MAX, id),
            given => (distance(given, &plain(id.as_str())), id),
        });
        let mut measured: Vec<_> = measured.collect();
        // The sort is stable, so ids at the same distance keep their order.
        measured.sort_by_key(|(typos, _)| *typos);
        measured
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
pub enum UnknownTypeError {
    /// The name resembles this id.
    Misspelt(TypeId),
    /// The name resembles none of the ids, which are these.
    NoneOf(Vec<TypeId>),
    /// The name resembles none of the ids; these are the nearest.
    Nearest(Vec<TypeId>),
    /// The type exists, but is archived.
    Archived,
}

impl fmt::Display for UnknownTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misspelt(nearest) => write!(f, "is not a known type; did you mean {nearest}?"),
            Self::NoneOf(ids) => write!(f, "is not a known type, which are {}", listed(ids)),
            Self::Nearest(ids) => write!(f, "is not a known type; the nearest are {}", listed(ids)),
            Self::Archived => f.write_str("is an archived type, to which no new notifications are sent"),
        }
    }
}

fn listed(ids: &[TypeId]) -> String {
    ids.iter().map(TypeId::as_str).collect::<Vec<_>>().join(", ")
}

/// Returns the name that a misspelt one resembles most; `None` if it resembles none. Names are compared without case
/// and without characters other than letters and digits.
pub fn resembling<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let given = plain(if given.len() <= MAX_COMPARED { given } else { "" });
    let measured = known.map(|name| (distance(&given, &plain(name)), name));
    measured
        .filter(|(typos, _)| *typos <= MAX_TYPOS && !given.is_empty())
        .min_by_key(|(typos, _)| *typos)
        .map(|(_, name)| name)
}

/// Returns the Levenshtein distance in bytes: the number of single changes, additions or removals from one text to the
/// other.
pub(super) fn distance(one: &str, other: &str) -> usize {
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
                UnknownTypeError::Misspelt(nearest) => Some(nearest.as_str()),
                _ => None,
            };
            assert_eq!(suggested, nearest, "{given:?}");
            assert!(unknown.to_string().starts_with("is not a known type"));
        }
        assert_eq!(types.known("DEFAULT").unwrap().id.as_str(), "DEFAULT");
        assert_eq!(types.get("default"), None);
        let all = types.known("secret").unwrap_err().to_string();
        assert_eq!(all, "is not a known type, which are DEFAULT, CERTIFICATE_EXPIRING, PAYMENT_DUE");
    }

    fn stored(name: &str, state: &str) -> NotificationType {
        let body = serde_json::json!({"title": name, "class": "marketing", "channels": ["push"], "state": state});
        NotificationType::parse(TypeId::parse(name).unwrap(), body).unwrap()
    }

    #[test]
    fn stored_definitions_replace_built_in_ones_and_keep_the_differences_of_the_settings() {
        let settings = Settings::parse(r#"{"types": {"DEFAULT": {"tries": 2}}}"#).unwrap();
        let types = settings
            .types
            .with_stored(&[stored("OFFER", "active"), stored("DEFAULT", "paused")], CatalogCoverage::Complete);
        let names: Vec<_> = types.iter().map(|kind| kind.id.as_str()).collect();
        assert_eq!(names, ["CERTIFICATE_EXPIRING", "PAYMENT_DUE", "OFFER", "DEFAULT"]);
        let default = types.get("DEFAULT").unwrap();
        assert_eq!(
            (default.rules.tries, default.rules.state, default.title.as_str()),
            (2, TypeState::Paused, "DEFAULT")
        );
        assert_eq!(types.overridden_fields(&default.id), ["tries"]);
        assert!(types.is_certain_of("OFFER") && types.is_certain_of("NEWS"));
        let partial = settings.types.with_stored(&[stored("OFFER", "active")], CatalogCoverage::Partial);
        assert!(partial.is_certain_of("OFFER") && !partial.is_certain_of("NEWS"));
        let unread = settings.types.with_stored(&[], CatalogCoverage::Unread);
        assert!(!unread.is_certain_of("DEFAULT"), "the stored definition may differ from the built-in one");
    }

    #[test]
    fn an_archived_type_is_known_and_not_sendable_and_no_error_suggests_it() {
        let many: Vec<_> = ('A'..='I').map(|letter| stored(&format!("{letter}_OFFER"), "active")).collect();
        let stored = [many, vec![stored("OFFER", "archived")]].concat();
        let types = NotificationTypes::default().with_stored(&stored, CatalogCoverage::Complete);
        assert!(types.known("OFFER").is_ok() && types.sendable("A_OFFER").is_ok());
        assert_eq!(types.sendable("OFFER"), Err(UnknownTypeError::Archived));
        let misspelt = types.known("OFFERR").unwrap_err();
        assert!(matches!(&misspelt, UnknownTypeError::Misspelt(id) if id.as_str() != "OFFER"), "{misspelt}");
        let other = types.known("NEWSLETTER_OF_MAY").unwrap_err().to_string();
        assert!(other.starts_with("is not a known type; the nearest are "), "{other}");
        assert_eq!(other.split(", ").count(), MAX_NAMED);
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
