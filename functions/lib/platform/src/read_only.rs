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

    /// Removes the fields with these names from a member of the body too. They are named by their paths, such as
    /// `preferences.choices`.
    #[must_use]
    pub fn with_fields_of(mut self, member: &str, names: &[&str], body: &mut Value) -> Self {
        if let Some(Value::Object(members)) = body.get_mut(member) {
            let found = names.iter().filter_map(|name| members.remove_entry(*name));
            self.0.extend(found.map(|(name, value)| (format!("{member}.{name}"), value)));
        }
        self
    }

    /// Returns the fields without those of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let is_kept = |(name, _): &(&String, &Value)| !names.contains(&name.as_str());
        Self(self.0.iter().filter(is_kept).map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Returns `true` if the body has none of the fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares the fields with the stored values. A field without a stored value is not compared.
    ///
    /// # Errors
    /// 422 with each field that differs.
    pub fn check(&self, stored: &[(&str, Value)]) -> Result<(), Problem> {
        let value_of = |name: &str| stored.iter().find(|(own, _)| *own == name).map(|(_, value)| value);
        let errors = self.differing(|name, given| value_of(name).is_none_or(|value| is_same(given, value)));
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    /// Returns one error for each field for which `is_stored` does not accept the given value.
    pub fn differing(&self, is_stored: impl Fn(&str, &Value) -> bool) -> Vec<FieldError> {
        let message = "is read-only and differs from the stored value: leave it out";
        let differing = self.0.iter().filter(|(path, given)| !is_stored(path, given));
        differing.map(|(path, _)| FieldError::new(path, message)).collect()
    }
}

/// Returns `true` for equal values, and for two forms of one time.
#[must_use]
pub fn is_same(given: &Value, stored: &Value) -> bool {
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

    #[test]
    fn fields_of_a_member_are_named_by_their_paths() {
        let mut body = json!({"id": "a", "preferences": {"choices": [1], "language": "it"}, "other": {"choices": 2}});
        let fields = ReadOnlyFields::take(&["id"], &mut body).with_fields_of("preferences", &["choices"], &mut body);
        assert_eq!(body, json!({"preferences": {"language": "it"}, "other": {"choices": 2}}));
        let paths = |fields: &ReadOnlyFields| -> Vec<String> {
            fields.differing(|_, _| false).into_iter().map(|error| error.field).collect()
        };
        assert_eq!(paths(&fields), ["id", "preferences.choices"]);
        assert_eq!(paths(&fields.without(&["id"])), ["preferences.choices"]);
        assert!(fields.differing(|path, given| path == "id" || *given == json!([1])).is_empty());
    }
}
