//! Comparison of two versions' variables: values that the old version accepted and the new one refuses.

use std::collections::{BTreeMap, BTreeSet};

use crate::variables::{TextFormat, VariableKind, VariableSchema, Variables};

type Properties = BTreeMap<String, VariableSchema>;

/// Object of a schema.
#[derive(Clone, Copy)]
struct Fields<'a> {
    properties: &'a Properties,
    required: &'a BTreeSet<String>,
}

impl<'a> Fields<'a> {
    const fn of(variables: &'a Variables) -> Self {
        Self { properties: variables.properties(), required: variables.required_names() }
    }
}

/// Returns what the new version requires of a message's variables and the old one did not, one text for each variable
/// at any depth: that it is there, that it is of another kind, or that it is left out.
#[must_use]
pub fn breaking_variables(old: &Variables, new: &Variables) -> Vec<String> {
    let mut found = Vec::new();
    compare_fields(Fields::of(old), Fields::of(new), "", &mut found);
    found
}

fn compare_fields(old: Fields<'_>, new: Fields<'_>, path: &str, found: &mut Vec<String>) {
    let names: BTreeSet<&String> = old.properties.keys().chain(new.properties.keys()).collect();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(field) = new.properties.get(name) else {
            found.push(format!("{path} must be left out"));
            continue;
        };
        if must_have(new, name) && !must_have(old, name) {
            found.push(format!("{path} is required"));
        }
        if let Some(known) = old.properties.get(name) {
            compare_kinds(&known.kind, &field.kind, &path, found);
        }
    }
}

fn compare_kinds(old: &VariableKind, new: &VariableKind, path: &str, found: &mut Vec<String>) {
    match (old, new) {
        (
            VariableKind::Object { properties: old, required: old_required },
            VariableKind::Object { properties, required },
        ) => {
            let old = Fields { properties: old, required: old_required };
            compare_fields(old, Fields { properties, required }, path, found);
        }
        (VariableKind::Array(old), VariableKind::Array(new)) => {
            compare_kinds(&old.kind, &new.kind, &format!("{path}[]"), found);
        }
        (VariableKind::Text(old), VariableKind::Text(new)) if new.is_none() || old == new => {}
        (VariableKind::Number, VariableKind::Number) | (VariableKind::Boolean, VariableKind::Boolean) => {}
        (_, new) => found.push(format!("{path} must be {}", kind_name(new))),
    }
}

fn must_have(fields: Fields<'_>, name: &str) -> bool {
    fields.required.contains(name) && fields.properties.get(name).is_none_or(|field| field.default.is_none())
}

const fn kind_name(kind: &VariableKind) -> &'static str {
    match kind {
        VariableKind::Object { .. } => "an object",
        VariableKind::Array(_) => "an array",
        VariableKind::Text(None) => "a string",
        VariableKind::Text(Some(TextFormat::Date)) => "a date",
        VariableKind::Text(Some(TextFormat::DateTime)) => "a time",
        VariableKind::Text(Some(TextFormat::Uri)) => "a URI",
        VariableKind::Text(Some(TextFormat::Money)) => "an amount",
        VariableKind::Number => "a number",
        VariableKind::Boolean => "true or false",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::variables::VariableValues;

    fn breaking(old: &Value, new: &Value) -> Vec<String> {
        breaking_variables(&Variables::parse(old).unwrap(), &Variables::parse(new).unwrap())
    }

    #[test]
    fn a_new_requirement_breaks_at_any_depth_and_an_optional_variable_does_not() {
        let schema = |required: Value, nested: Value, days: Value| {
            let user = json!({"type": "object", "required": nested, "properties": {
                "id": {"type": "string"}, "nick": {"type": "string"}, "zone": {"type": "string", "default": "UTC"}}});
            json!({"required": required, "properties": {
                "a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string", "default": "x"},
                "user": user, "rows": {"type": "array", "items": user}, "days": days}})
        };
        let old = schema(json!(["a"]), json!(["id"]), json!({"type": "string"}));
        let new = schema(json!(["a", "b", "c"]), json!(["id", "nick", "zone"]), json!({"type": "number"}));
        let expected = ["b is required", "days must be a number", "rows[].nick is required", "user.nick is required"];
        assert_eq!(breaking(&old, &new), expected);
        let dated = schema(json!(["a"]), json!(["id"]), json!({"type": "string", "format": "date"}));
        assert_eq!(breaking(&old, &dated), ["days must be a date"]);
        assert_eq!(breaking(&dated, &old), Vec::<String>::new(), "a date is a string");
        let without = json!({"properties": {"a": {"type": "string"}}});
        assert_eq!(
            breaking(&json!({"properties": {"a": {"type": "string"}, "z": {"type": "string"}}}), &without),
            ["z must be left out"]
        );
    }

    fn kinds() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!({"type": "string"})),
            Just(json!({"type": "string", "default": "x"})),
            Just(json!({"type": "string", "format": "date"})),
            Just(json!({"type": "number"})),
            Just(json!({"type": "boolean"})),
        ];
        leaf.prop_recursive(2, 8, 2, |inner| {
            prop_oneof![objects(inner.clone()), inner.prop_map(|items| json!({"type": "array", "items": items})),]
        })
    }

    fn objects(fields: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        let fields = prop::collection::btree_map("[ab]", (fields, any::<bool>()), 0..3);
        fields.prop_map(|fields| {
            let required: Vec<_> = fields.iter().filter(|(_, (_, required))| *required).map(|(name, _)| name).collect();
            let properties: BTreeMap<_, _> = fields.iter().map(|(name, (field, _))| (name, field)).collect();
            json!({"type": "object", "required": required, "properties": properties})
        })
    }

    proptest! {
        #[test]
        fn what_does_not_break_accepts_every_message_of_the_old_version(
            old in objects(kinds()), new in objects(kinds()), with_optional in any::<bool>(),
        ) {
            let [parsed_old, parsed_new] = [&old, &new].map(|schema| Variables::parse(schema).unwrap());
            let values = parsed_old.examples(with_optional);
            let is_accepted = VariableValues::new(&parsed_new, &values).is_ok();
            prop_assert!(is_accepted || !breaking_variables(&parsed_old, &parsed_new).is_empty(), "{values}");
            prop_assert!(breaking_variables(&parsed_old, &parsed_old).is_empty());
        }
    }
}
