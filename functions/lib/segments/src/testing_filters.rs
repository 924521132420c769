//! Filters of the property tests: combinations of conditions, and their naive evaluation.

use proptest::prelude::*;
use serde_json::{Value, json};

/// Combines conditions with `all`, `any` and `not`.
pub fn filters_of(leaves: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaves.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// Evaluates a filter whose conditions `leaf` evaluates.
pub fn evaluate(filter: &Value, leaf: &dyn Fn(&Value) -> bool) -> bool {
    let parts = |name: &str| filter[name].as_array().into_iter().flatten().map(|part| evaluate(part, leaf));
    if filter.get("all").is_some() {
        return parts("all").all(|one| one);
    }
    if filter.get("any").is_some() {
        return parts("any").any(|one| one);
    }
    match filter.get("not") {
        Some(part) => !evaluate(part, leaf),
        None => leaf(filter),
    }
}
