//! The form of the frequency caps: one block of fields for each rule.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::field_difference::FieldDifference;
use crate::site::{ApiProblem, Fields};

/// Maximum number of rules.
const MAX_RULES: usize = 10;
const CLASSES: [&str; 3] = ["critical", "transactional", "marketing"];
const CHANNELS: [&str; 3] = ["push", "email", "sms"];

/// Rule as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedCapRule {
    pub id: String,
    pub max: String,
    pub per: String,
    pub classes: Vec<String>,
    /// Names of types with commas between.
    pub types: String,
    pub channels: Vec<String>,
    pub is_removed: bool,
}

/// Rule as the page shows it.
#[derive(Debug)]
pub struct CapRuleFields {
    /// Place in the request, such as `rules[0]`, which names fields and errors.
    pub path: String,
    pub it: TypedCapRule,
    pub classes: Vec<(&'static str, bool)>,
    pub channels: Vec<(&'static str, bool)>,
    pub errors: Vec<String>,
}

/// Reads the rules of the API.
#[must_use]
pub fn of_caps(caps: &Value) -> Vec<TypedCapRule> {
    let names = |value: &Value| -> Vec<String> {
        let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rule = |rule: &Value| TypedCapRule {
        id: text(&rule["id"]),
        max: text(&rule["max"]),
        per: text(&rule["per"]),
        classes: names(&rule["classes"]),
        types: names(&rule["types"]).join(", "),
        channels: names(&rule["channels"]),
        is_removed: false,
    };
    caps["rules"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(rule).collect()
}

/// Reads the rules of a form. Empty blocks at the end, which every page has, are left out.
#[must_use]
pub fn of_form(form: &Fields) -> Vec<TypedCapRule> {
    let rule = |place: usize| {
        let name = |field: &str| format!("rules[{place}].{field}");
        let text = |field: &str| form.get(&name(field)).to_owned();
        let all = |field: &str| form.all(&name(field)).into_iter().map(str::to_owned).collect();
        TypedCapRule {
            id: text("id"),
            max: text("max"),
            per: text("per"),
            classes: all("classes"),
            types: text("types"),
            channels: all("channels"),
            is_removed: form.is_ticked(&name("remove")),
        }
    };
    let is_there = |place: &usize| form.is_ticked(&format!("rules[{place}].id"));
    let mut rules: Vec<TypedCapRule> = (0..MAX_RULES).take_while(is_there).map(rule).collect();
    while rules.last().is_some_and(|rule| *rule == TypedCapRule::default()) {
        rules.pop();
    }
    rules
}

/// Returns the body of a PUT. A block that is empty or removed is null, which is no rule and keeps the places of
/// others.
#[must_use]
pub fn body(rules: &[TypedCapRule]) -> Value {
    json!({"rules": rules.iter().map(rule_body).collect::<Vec<_>>()})
}

fn rule_body(rule: &TypedCapRule) -> Value {
    if rule.is_removed || (rule.id.is_empty() && rule.max.is_empty() && rule.per.is_empty()) {
        return Value::Null;
    }
    let list = |names: Vec<&str>| if names.is_empty() { Value::Null } else { json!(names) };
    let texts = |names: &[String]| list(names.iter().map(String::as_str).collect());
    json!({
        "id": rule.id,
        "max": rule.max.parse::<i64>().map_or_else(|_| json!(rule.max), Value::from),
        "per": rule.per,
        "classes": texts(&rule.classes),
        "types": list(rule.types.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()),
        "channels": texts(&rule.channels),
    })
}

/// Returns the blocks of the page: the rules, and an empty one for a further rule.
#[must_use]
pub fn fields(rules: &[TypedCapRule], problem: Option<&ApiProblem>) -> Vec<CapRuleFields> {
    let errors = problem.map(|problem| problem.errors.as_slice()).unwrap_or_default();
    let further = (rules.len() < MAX_RULES).then(TypedCapRule::default);
    let all = rules.iter().cloned().chain(further);
    let block = |(place, it): (usize, TypedCapRule)| {
        let path = format!("rules[{place}]");
        let own = errors.iter().filter_map(|(field, message)| {
            let rest = field.strip_prefix(&path)?;
            Some(format!("{} {message}", rest.trim_start_matches('.')))
        });
        let marked = |all: [&'static str; 3], chosen: &[String]| {
            all.map(|name| (name, chosen.iter().any(|own| own == name))).to_vec()
        };
        CapRuleFields {
            errors: own.collect(),
            classes: marked(CLASSES, &it.classes),
            channels: marked(CHANNELS, &it.channels),
            path,
            it,
        }
    };
    all.enumerate().map(block).collect()
}

/// Returns the rules that differ by their ids, in words. An absent rule is a dash.
#[must_use]
pub fn differences(before: &[TypedCapRule], after: &[TypedCapRule]) -> Vec<FieldDifference> {
    let line = |rules: &[TypedCapRule], id: &str| {
        let found = rules.iter().find(|rule| rule.id == id && !rule.is_removed);
        found.map_or_else(|| "–".to_owned(), in_words)
    };
    let ids: BTreeSet<&str> = before.iter().chain(after).map(|rule| rule.id.as_str()).collect();
    let ids = ids.into_iter().filter(|id| !id.is_empty());
    let rows = ids.map(|id| FieldDifference::new(id, line(before, id), line(after, id)));
    rows.filter(|row| row.before != row.after).collect()
}

fn in_words(rule: &TypedCapRule) -> String {
    let of = |label: &str, names: &str| if names.is_empty() { String::new() } else { format!("; {label} {names}") };
    format!(
        "{} per {}{}{}{}",
        rule.max,
        rule.per,
        of("classes", &rule.classes.join(", ")),
        of("types", &rule.types),
        of("channels", &rule.channels.join(", "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_rules_and_a_removed_one_keeps_the_places() {
        let form = Fields::parse(
            b"rules[0].id=day&rules[0].max=2&rules[0].per=day&rules[0].classes=marketing&rules[0].types=A,+B&rules[0].remove=on\
              &rules[1].id=sms&rules[1].max=many&rules[1].per=P31D&rules[1].channels=sms&rules[1].types=\
              &rules[2].id=&rules[2].max=&rules[2].per=",
        );
        let rules = of_form(&form);
        let sms =
            json!({"id": "sms", "max": "many", "per": "P31D", "classes": null, "types": null, "channels": ["sms"]});
        assert_eq!(body(&rules), json!({"rules": [null, sms]}));
        let blocks = fields(&rules, Some(&ApiProblem::field("rules[1].max", "must be a number")));
        assert_eq!((blocks.len(), blocks[1].errors.as_slice()), (3, ["max must be a number".to_owned()].as_slice()));
        assert!(blocks[0].classes[2].1 && !blocks[0].classes[0].1);
    }

    #[test]
    fn differences_are_words() {
        let caps = |max: i64| json!({"rules": [{"id": "day", "max": max, "per": "day", "types": ["A"]}, {"id": "x", "max": 1, "per": "week"}]});
        let (before, mut after) = (of_caps(&caps(2)), of_caps(&caps(3)));
        after[1].is_removed = true;
        let expected = [
            FieldDifference::new("day", "2 per day; types A", "3 per day; types A"),
            FieldDifference::new("x", "1 per week", "–"),
        ];
        assert_eq!(differences(&before, &after), expected);
        assert_eq!(body(&before)["rules"][0]["types"], json!(["A"]));
    }
}
