//! Filters of segments as forms and in one line: conditions whose values are texts that a person types.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};

/// Maximum length of a filter in one line, in characters.
const LINE_CHARS: usize = 200;

/// Operators with the words of the list and the sign in a line.
pub const OPERATORS: [(&str, &str, &str); 16] = [
    ("eq", "is", "="),
    ("ne", "is there, and is not", "≠"),
    ("in", "is one of", "in"),
    ("not_in", "is there, and is none of", "not in"),
    ("lt", "is below", "<"),
    ("lte", "is at most", "≤"),
    ("gt", "is above", ">"),
    ("gte", "is at least", "≥"),
    ("exists", "is there", "is there"),
    ("missing", "is missing", "is missing"),
    ("contains", "contains", "contains"),
    ("starts_with", "starts with", "starts with"),
    ("before", "is before", "before"),
    ("after", "is after", "after"),
    ("within_last", "is within the last", "within the last"),
    ("not_within_last", "is longer ago than", "longer ago than"),
];

/// Fields that every recipient has, for suggestions.
pub const KNOWN_FIELDS: [&str; 14] = [
    "attributes.",
    "locale",
    "language",
    "time_zone",
    "has.push",
    "has.email",
    "has.sms",
    "devices.count",
    "created_at",
    "last_engaged_at",
    "opted_out_of",
    "bucket",
    "campaign.",
    "segment",
];

/// Filter as a form shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterNode {
    /// `all`, `any` or `not`, and its parts.
    Group(&'static str, Vec<FilterNode>),
    /// Condition.
    Condition(TypedCondition),
}

/// Condition as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedCondition {
    pub field: String,
    pub op: String,
    pub value: String,
}

/// Returns the kind of a group; `None` for any other name.
#[must_use]
pub fn group_kind(name: &str) -> Option<&'static str> {
    ["all", "any", "not"].into_iter().find(|kind| *kind == name)
}

impl FilterNode {
    /// Reads a filter; `None` if a form could not show it without a change.
    #[must_use]
    pub fn of_json(filter: &Value) -> Option<Self> {
        let object = filter.as_object()?;
        if object.contains_key("field") {
            return condition(object).filter(|condition| condition.to_json() == *filter).map(Self::Condition);
        }
        let mut entries = object.iter();
        let (Some((name, part)), None) = (entries.next(), entries.next()) else { return None };
        let kind = group_kind(name)?;
        let parts = match (kind, part) {
            ("not", part) => vec![Self::of_json(part)?],
            (_, Value::Array(parts)) => parts.iter().map(Self::of_json).collect::<Option<_>>()?,
            _ => return None,
        };
        Some(Self::Group(kind, parts))
    }

    /// Returns the filter for the API. A group `not` without a part has null, which the API refuses at its place.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |parts: &[Self]| parts.iter().map(Self::to_json).collect::<Vec<_>>();
        match self {
            Self::Group("not", parts) => json!({"not": parts.first().map_or(Value::Null, Self::to_json)}),
            Self::Group(kind, parts) => Value::Object(Map::from_iter([((*kind).to_owned(), json!(list(parts)))])),
            Self::Condition(condition) => condition.to_json(),
        }
    }
}

impl TypedCondition {
    fn to_json(&self) -> Value {
        let mut condition = json!({"field": self.field, "op": self.op});
        if let Some(value) = value_of(&self.field, &self.op, &self.value) {
            condition["value"] = value;
        }
        condition
    }
}

fn condition(object: &Map<String, Value>) -> Option<TypedCondition> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let (field, op) = (text("field")?, text("op")?);
    let value = object.get("value").map(|value| text_of(&field, &op, value)).unwrap_or_default();
    Some(TypedCondition { field, op, value })
}

/// Returns the value that a typed text means; `None` if there is none. A text that begins as JSON is JSON.
fn value_of(field: &str, op: &str, text: &str) -> Option<Value> {
    let text = text.trim();
    if text.is_empty() || ["exists", "missing"].contains(&op) {
        return None;
    }
    if text.starts_with(['"', '[', '{'])
        && let Ok(value) = serde_json::from_str(text)
    {
        return Some(value);
    }
    if ["in", "not_in"].contains(&op) {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return Some(parts.map(|part| scalar(field, op, part)).collect());
    }
    Some(scalar(field, op, text))
}

fn scalar(field: &str, op: &str, text: &str) -> Value {
    let is_text = ["starts_with", "before", "after", "within_last", "not_within_last"].contains(&op);
    let is_any = field.starts_with("attributes.") && !is_text;
    let number = || serde_json::from_str::<Number>(text).ok().map(Value::Number);
    let flag = || text.parse::<bool>().ok().map(Value::Bool);
    let found = match field {
        "devices.count" => number(),
        _ if field.starts_with("has.") => flag(),
        _ if is_any => number().or_else(flag),
        _ => None,
    };
    found.unwrap_or_else(|| json!(text))
}

/// Returns the text that means a value: as a person would type it, or as JSON if that would mean something else.
fn text_of(field: &str, op: &str, value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let typed = match value {
        Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(", "),
        value => plain(value),
    };
    let means_it = !typed.contains(char::is_control) && value_of(field, op, &typed).as_ref() == Some(value);
    if means_it { typed } else { value.to_string() }
}

/// Returns a filter in one line, cut if it is long.
#[must_use]
pub fn one_line(filter: &Value) -> String {
    let line = line(filter, false);
    if line.chars().count() <= LINE_CHARS {
        return line;
    }
    line.chars().take(LINE_CHARS).chain(['…']).collect()
}

fn line(filter: &Value, is_inner: bool) -> String {
    let group = |parts: &Value, word: &str| {
        let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
        let lines: Vec<_> = parts.iter().map(|part| line(part, parts.len() > 1)).collect();
        let joined = lines.join(word);
        if is_inner && lines.len() > 1 { format!("({joined})") } else { joined }
    };
    match filter.as_object().and_then(|object| object.iter().next()) {
        Some((name, parts)) if name == "all" && parts.as_array().is_some_and(Vec::is_empty) => "everybody".to_owned(),
        Some((name, parts)) if name == "all" => group(parts, " and "),
        Some((name, parts)) if name == "any" => group(parts, " or "),
        Some((name, part)) if name == "not" => format!("not {}", line(part, true)),
        Some(_) => condition_line(filter),
        None => "–".to_owned(),
    }
}

/// Returns a condition in one line.
#[must_use]
pub fn condition_line(condition: &Value) -> String {
    let text = |name: &str| condition[name].as_str().unwrap_or_default();
    let (field, op) = (text("field"), text("op"));
    let sign = OPERATORS.iter().find(|(name, _, _)| *name == op).map_or(op, |(_, _, sign)| sign);
    match condition.get("value") {
        Some(value) => format!("{field} {sign} {}", text_of(field, op, value)),
        None => format!("{field} {sign}"),
    }
}

/// Returns the ids of the segments that a filter names.
#[must_use]
pub fn references(filter: &Value) -> BTreeSet<&str> {
    match filter {
        Value::Array(parts) => parts.iter().flat_map(references).collect(),
        Value::Object(object) if object.get("field").and_then(Value::as_str) == Some("segment") => {
            object.get("value").and_then(Value::as_str).into_iter().collect()
        }
        Value::Object(object) => object.values().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn filter() -> Value {
        json!({"all": [
            {"field": "attributes.plan", "op": "in", "value": ["gold", "silver"]},
            {"any": [{"field": "has.push", "op": "eq", "value": true}, {"field": "devices.count", "op": "gte", "value": 2}]},
            {"not": {"field": "last_engaged_at", "op": "within_last", "value": "P30D"}},
            {"field": "locale", "op": "exists"},
            {"not": {"field": "segment", "op": "eq", "value": "vip"}}]})
    }

    #[test]
    fn a_filter_is_one_line_and_names_its_segments() {
        let line = "attributes.plan in gold, silver and (has.push = true or devices.count ≥ 2) \
            and not last_engaged_at within the last P30D and locale is there and not segment = vip";
        assert_eq!(one_line(&filter()), line);
        assert_eq!(references(&filter()).into_iter().collect::<Vec<_>>(), ["vip"]);
        assert_eq!(one_line(&json!({"all": []})), "everybody");
        assert_eq!(one_line(&json!({"field": "locale", "op": "eq", "value": "x".repeat(900)})).chars().count(), 201);
        assert_eq!(FilterNode::of_json(&filter()).unwrap().to_json(), filter());
    }

    #[test]
    fn a_typed_text_means_what_its_field_takes() {
        for (field, op, text, value) in [
            ("attributes.age", "eq", "5", json!(5)),
            ("attributes.age", "eq", "\"5\"", json!("5")),
            ("attributes.age", "in", "5, six,", json!([5, "six"])),
            ("attributes.zip", "starts_with", "39", json!("39")),
            ("attributes.vip", "eq", "true", json!(true)),
            ("locale", "eq", "5", json!("5")),
            ("locale", "in", "[\"a,b\"]", json!(["a,b"])),
            ("has.email", "eq", "maybe", json!("maybe")),
            ("bucket", "in", "{\"salt\": \"s\", \"from\": 0, \"to\": 5}", json!({"salt": "s", "from": 0, "to": 5})),
            ("locale", "eq", "[broken", json!("[broken")),
        ] {
            assert_eq!(value_of(field, op, text), Some(value), "{field} {op} {text}");
        }
        assert_eq!((value_of("locale", "exists", "x"), value_of("locale", "eq", "  ")), (None, None));
    }

    #[test]
    fn what_a_form_cannot_show_stays_json() {
        for filter in [
            json!(5),
            json!({}),
            json!({"all": [], "any": []}),
            json!({"xor": []}),
            json!({"all": {}}),
            json!({"field": "locale", "op": "exists", "value": true}),
            json!({"field": "locale", "op": "eq", "value": "it", "more": 1}),
        ] {
            assert_eq!(FilterNode::of_json(&filter), None, "{filter}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            ".{0,12}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ];
        prop_oneof![scalar.clone(), prop::collection::vec(scalar, 1..4).prop_map(Value::from)]
    }

    proptest! {
        #[test]
        fn every_condition_survives_the_form(
            field in prop::sample::select(vec!["attributes.a", "locale", "has.push", "devices.count", "created_at", "bucket"]),
            op in prop::sample::select(vec!["eq", "in", "not_in", "lt", "contains", "starts_with"]),
            value in values(),
        ) {
            let takes_list = op == "in" || op == "not_in";
            let value = if takes_list && !value.is_array() { json!([value]) } else { value };
            let condition = json!({"field": field, "op": op, "value": value});
            // A value of another kind than the field's stays JSON; a text never does.
            match FilterNode::of_json(&condition) {
                Some(node) => prop_assert_eq!(node.to_json(), condition),
                None => prop_assert!(!condition["value"].is_string(), "{}", condition),
            }
        }
    }
}
