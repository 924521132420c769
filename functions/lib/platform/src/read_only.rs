//! Read-only fields of a request's body: GET returns them, and no request changes them. They are ignored if they equal
//! the stored values, so that a response of GET can be sent back.

use serde_json::{Map, Value};

use crate::problem::{FieldError, Problem};
use crate::rfc3339;

/// Read-only fields that a body contains.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOnlyFields(Map<String, Value>);

impl ReadOnlyFields {
    /// Removes the fields with these names from a body that is an object, and returns them.
    pub fn take(names: &[&str], body: &mut Value) -> Self {
        let Value::Object(members) = body else { return Self::default() };
        Self(names.iter().filter_map(|name| members.remove_entry(*name)).collect())
    }

    /// Compares the fields with the stored values. A field without a stored value is not compared.
    ///
    /// # Errors
    /// 422 with each field that differs.
    pub fn check(&self, stored: &[(&str, Value)]) -> Result<(), Problem> {
        let differs = |(name, value): &&(&str, Value)| self.0.get(*name).is_some_and(|given| !is_same(given, value));
        let message = "is read-only and differs from the stored value: leave it out";
        let errors: Vec<_> = stored.iter().filter(differs).map(|(name, _)| FieldError::new(*name, message)).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

/// Returns `true` for equal values, and for two forms of one time.
fn is_same(given: &Value, stored: &Value) -> bool {
    let time = |value: &Value| rfc3339::parse(value.as_str()?).ok();
    given == stored || time(given).is_some_and(|given| Some(given) == time(stored))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_fields_are_ignored_and_others_are_refused_by_name() {
        let mut body = json!({"id": "a", "revision": 3, "created_at": "2026-11-30T10:00:00.000Z", "title": "A"});
        let fields = ReadOnlyFields::take(&["id", "revision", "created_at", "hash"], &mut body);
        assert_eq!(body, json!({"title": "A"}));
        let stored = |revision| {
            [("id", json!("a")), ("revision", json!(revision)), ("created_at", json!("2026-11-30T10:00:00Z"))]
        };
        fields.check(&stored(3)).unwrap();
        let refused = fields.check(&stored(4)).unwrap_err();
        assert_eq!(refused.errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["revision"]);
        assert_eq!(ReadOnlyFields::take(&["id"], &mut json!([])), ReadOnlyFields::default());
    }
}
