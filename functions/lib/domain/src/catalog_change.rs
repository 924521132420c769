//! Audit records of the catalog: one for each change of a type.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Actor;

/// Effect of a change on its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// The row was created.
    Created,
    /// The row has a new definition.
    Changed,
    /// The row was removed.
    Removed,
    /// The people whom the row describes were exported. The row itself did not change.
    Exported,
}

/// One change of a row in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogChange {
    /// Time of the change.
    pub at: Timestamp,
    /// Effect.
    pub action: ChangeAction,
    /// Revision of the row after the change; that of the removed row after its removal.
    pub revision: u64,
    /// Author.
    #[serde(flatten)]
    pub by: Actor,
    /// Fields that changed, with their values before the change. Empty for a new row.
    pub before: Map<String, Value>,
    /// Fields that changed, with their values after the change. Empty after a removal.
    pub after: Map<String, Value>,
}

impl CatalogChange {
    /// Returns the record of a change from one definition to another. `None` stands for a row that does not exist.
    /// Returns `None` if the definitions are equal.
    #[must_use]
    pub fn between(
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
        revision: u64,
        by: Actor,
        at: Timestamp,
    ) -> Option<Self> {
        let action = match (old, new) {
            (None, None) => return None,
            (None, Some(_)) => ChangeAction::Created,
            (Some(_), None) => ChangeAction::Removed,
            (Some(old), Some(new)) if old == new => return None,
            (Some(_), Some(_)) => ChangeAction::Changed,
        };
        Some(Self { at, action, revision, by, before: differing(old, new), after: differing(new, old) })
    }

    /// Returns the record of an export of the people whom a row describes.
    #[must_use]
    pub fn exported(revision: u64, by: Actor, at: Timestamp) -> Self {
        Self { at, action: ChangeAction::Exported, revision, by, before: Map::new(), after: Map::new() }
    }
}

/// Returns the fields of `one` whose values differ from those of `other`.
fn differing(one: Option<&Map<String, Value>>, other: Option<&Map<String, Value>>) -> Map<String, Value> {
    let differs = |(field, value): &(&String, &Value)| other.and_then(|other| other.get(*field)) != Some(*value);
    let fields = one.into_iter().flatten().filter(differs);
    fields.map(|(field, value)| (field.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn between(old: Option<&Map<String, Value>>, new: Option<&Map<String, Value>>) -> Option<CatalogChange> {
        CatalogChange::between(old, new, 2, Actor::Service, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_change_holds_the_fields_that_differ() {
        let (old, new) = (object(json!({"title": "A", "tries": 4})), object(json!({"title": "B", "tries": 4})));
        let change = between(Some(&old), Some(&new)).unwrap();
        assert_eq!(
            (change.before.clone(), change.after.clone()),
            (object(json!({"title": "A"})), object(json!({"title": "B"})))
        );
        assert_eq!(
            serde_json::to_value(&change).unwrap(),
            json!({"at": "1970-01-01T00:00:00Z", "action": "changed",
            "revision": 2, "who": "service", "before": {"title": "A"}, "after": {"title": "B"}})
        );
        assert_eq!(between(Some(&old), Some(&old)), None);
        let created = between(None, Some(&new)).unwrap();
        assert_eq!((created.action, created.after), (ChangeAction::Created, new.clone()));
        let removed = between(Some(&old), None).unwrap();
        assert_eq!((removed.action, removed.before, removed.after.is_empty()), (ChangeAction::Removed, old, true));
    }
}
