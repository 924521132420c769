//! Hidden values of variables. The audit hides those of every variable. After the launch, an answer hides those of the
//! variables that a template marks as sensitive.

use std::collections::BTreeSet;

use campaign::Campaign;
use domain::CatalogChange;
use serde_json::{Map, Value, json};

/// Text in place of a value.
const MASK: &str = "***";
/// Field of a definition, and of a variant, with the values for all people.
const VARIABLES: &str = "variables";

/// Masks the values of variables in an audit record. The record keeps their names.
pub fn masked(mut change: CatalogChange) -> CatalogChange {
    change.before.values_mut().chain(change.after.values_mut()).for_each(mask);
    change
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Object(variables) if name == VARIABLES => {
                        variables.values_mut().for_each(|value| *value = json!(MASK));
                    }
                    field => mask(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Returns the definition of a campaign as operators see it. After the launch it lacks the values of sensitive
/// variables.
pub fn shown_definition(campaign: &Campaign) -> Map<String, Value> {
    let mut definition = campaign.definition.clone();
    for variables in all_variables(&mut definition) {
        variables.retain(|name, _| !campaign.hides(name));
    }
    definition
}

/// Returns the names of the variables whose values [`shown_definition`] hides.
pub fn hidden(campaign: &Campaign) -> BTreeSet<String> {
    let mut definition = campaign.definition.clone();
    let names = all_variables(&mut definition).into_iter().flat_map(|variables| variables.keys().cloned());
    names.filter(|name| campaign.hides(name)).collect()
}

/// Adds the values that [`shown_definition`] hides to a definition that an operator sent back.
pub fn restore(definition: &mut Map<String, Value>, stored: &Campaign) {
    let mut kept = stored.definition.clone();
    for (variables, kept) in all_variables(definition).into_iter().zip(all_variables(&mut kept)) {
        for (name, value) in kept.iter().filter(|(name, _)| stored.hides(name)) {
            variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Returns the variables of a definition: its own, then those of each variant.
fn all_variables(definition: &mut Map<String, Value>) -> Vec<&mut Map<String, Value>> {
    let (mut own, mut of_variants) = (Vec::new(), Vec::new());
    for (name, value) in definition {
        match (name.as_str(), value) {
            (VARIABLES, Value::Object(variables)) => own.push(variables),
            ("variants", Value::Array(variants)) => {
                let variables = variants.iter_mut().filter_map(|variant| variant.get_mut(VARIABLES)?.as_object_mut());
                of_variants.extend(variables);
            }
            _ => {}
        }
    }
    own.extend(of_variants);
    own
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::Actor;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn an_audit_record_names_the_variables_and_has_none_of_their_values() {
        let row = json!({"title": "A", "definition": {"variables": {"code": "Z9", "list": ["Z9"]},
            "variants": [{"name": "a", "variables": {"code": {"deep": "Z9"}}}]},
            "launch": {"messages": [{"template": {"name": "welcome", "variables": {"code": "Z9"}}}]}});
        let row = row.as_object().unwrap();
        let change = CatalogChange::between(None, Some(row), 1, Actor::Service, Timestamp::UNIX_EPOCH).unwrap();
        let change = json!(masked(change));
        assert!(!change.to_string().contains("Z9"), "{change}");
        assert_eq!(change["after"]["definition"]["variables"], json!({"code": "***", "list": "***"}));
        assert_eq!(change["after"]["title"], "A");
    }
}
