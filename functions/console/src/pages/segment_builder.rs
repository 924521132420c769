//! The form of a filter: nested groups whose parts are added and removed by buttons that send the form.

use super::segment_filter::{FilterNode, OPERATORS, TypedCondition, group_kind};
use crate::site::{ApiProblem, Fields};

/// Maximum number of groups and conditions that are read from a form. The API takes 50 conditions.
const MAX_NODES: usize = 200;
/// Maximum depth that is read from a form. The API takes 5 groups around a condition.
const MAX_DEPTH: usize = 12;
/// Position of the outermost group or condition.
const ROOT: &str = "n";

/// Part of the form, in order: the beginning of a group, a condition, or the end of a group.
#[derive(Debug)]
pub struct BuilderRow {
    /// Position, which names the fields.
    pub key: String,
    /// Place in the request, such as `filter.all[1]`, which names the errors.
    pub path: String,
    pub content: RowContent,
    pub errors: Vec<String>,
}

/// Content of a row.
#[derive(Debug)]
pub enum RowContent {
    /// Beginning of a group.
    Open { kind: &'static str, can_add: bool, is_root: bool },
    /// Condition, and its operators with the chosen one marked.
    Leaf { condition: TypedCondition, operators: Vec<(&'static str, &'static str, bool)> },
    /// End of a group.
    Close,
}

/// Returns the filter of a new segment. It selects all recipients.
#[must_use]
pub const fn all_people() -> FilterNode {
    FilterNode::Group("all", Vec::new())
}

/// Reads a filter from a form; `None` if the form has none.
#[must_use]
pub fn of_form(form: &Fields) -> Option<FilterNode> {
    node_of_form(form, ROOT, 0, &mut 0)
}

fn node_of_form(form: &Fields, key: &str, depth: usize, nodes: &mut usize) -> Option<FilterNode> {
    let kind = form.optional(&format!("{key}.kind"))?;
    *nodes += 1;
    if *nodes > MAX_NODES || depth > MAX_DEPTH {
        return None;
    }
    let Some(group) = group_kind(kind) else {
        let text = |name: &str| form.get(&format!("{key}.{name}")).to_owned();
        return Some(FilterNode::Condition(TypedCondition {
            field: text("field"),
            op: text("op"),
            value: text("value"),
        }));
    };
    let parts = (0..).map_while(|place| node_of_form(form, &format!("{key}.{place}"), depth + 1, nodes)).collect();
    Some(FilterNode::Group(group, parts))
}

/// Returns the filter after a button was pressed: `edit` names what to do, `at` the position.
#[must_use]
pub fn edited(mut filter: FilterNode, edit: &str, at: &str) -> FilterNode {
    let places: Option<Vec<usize>> =
        at.strip_prefix(ROOT).and_then(|rest| rest.split('.').skip(1).map(|place| place.parse().ok()).collect());
    let Some(places) = places else { return filter };
    let new = || TypedCondition { field: "attributes.".to_owned(), op: "eq".to_owned(), value: String::new() };
    match (edit, places.split_last()) {
        ("remove", None) => return all_people(),
        ("remove", Some((last, before))) => {
            if let Some(FilterNode::Group(_, parts)) = at_place(&mut filter, before)
                && *last < parts.len()
            {
                parts.remove(*last);
            }
        }
        ("add_condition" | "add_group", _) => {
            if let Some(FilterNode::Group(_, parts)) = at_place(&mut filter, &places) {
                let condition = FilterNode::Condition(new());
                let is_group = edit == "add_group";
                parts.push(if is_group { FilterNode::Group("any", vec![condition]) } else { condition });
            }
        }
        ("wrap", _) => {
            if let Some(node) = at_place(&mut filter, &places) {
                let inner = std::mem::replace(node, all_people());
                *node = FilterNode::Group("all", vec![inner]);
            }
        }
        _ => {}
    }
    filter
}

fn at_place<'a>(filter: &'a mut FilterNode, places: &[usize]) -> Option<&'a mut FilterNode> {
    let Some((first, rest)) = places.split_first() else { return Some(filter) };
    match filter {
        FilterNode::Group(_, parts) => at_place(parts.get_mut(*first)?, rest),
        FilterNode::Condition(_) => None,
    }
}

/// Returns the rows of the form, with the errors of the API at their places.
#[must_use]
pub fn rows(filter: &FilterNode, problem: Option<&ApiProblem>) -> Vec<BuilderRow> {
    let mut rows = Vec::new();
    add_rows(filter, ROOT.to_owned(), "filter".to_owned(), problem, &mut rows);
    rows
}

fn add_rows(node: &FilterNode, key: String, path: String, problem: Option<&ApiProblem>, rows: &mut Vec<BuilderRow>) {
    let all = problem.map(|problem| problem.errors.as_slice()).unwrap_or_default();
    match node {
        FilterNode::Condition(condition) => {
            let of_condition =
                |field: &String| field.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            let errors = all.iter().filter(|(field, _)| of_condition(field));
            let errors =
                errors.map(|(field, message)| format!("{}: {message}", &field[path.len()..].trim_start_matches('.')));
            let operators = OPERATORS.iter().map(|(op, label, _)| (*op, *label, *op == condition.op)).collect();
            let content = RowContent::Leaf { condition: condition.clone(), operators };
            rows.push(BuilderRow { errors: errors.collect(), key, path, content });
        }
        FilterNode::Group(kind, parts) => {
            let own = format!("{path}.{kind}");
            let errors =
                all.iter().filter(|(field, _)| *field == own || *field == path).map(|(_, message)| message.clone());
            let can_add = *kind != "not" || parts.is_empty();
            let content = RowContent::Open { kind, can_add, is_root: key == ROOT };
            rows.push(BuilderRow { errors: errors.collect(), key: key.clone(), path: path.clone(), content });
            for (place, part) in parts.iter().enumerate() {
                let below = if *kind == "not" && place == 0 { own.clone() } else { format!("{own}[{place}]") };
                add_rows(part, format!("{key}.{place}"), below, problem, rows);
            }
            rows.push(BuilderRow { errors: Vec::new(), key, path, content: RowContent::Close });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn form(text: &str) -> FilterNode {
        of_form(&Fields::parse(text.as_bytes())).unwrap()
    }

    fn nested() -> FilterNode {
        form(
            "n.kind=all&n.0.kind=condition&n.0.field=locale&n.0.op=eq&n.0.value=it\
             &n.1.kind=not&n.1.0.kind=any&n.1.0.0.kind=condition&n.1.0.0.field=has.sms&n.1.0.0.op=eq&n.1.0.0.value=true",
        )
    }

    #[test]
    fn a_form_becomes_a_filter_and_buttons_change_it() {
        let sms = json!({"field": "has.sms", "op": "eq", "value": true});
        let it = json!({"field": "locale", "op": "eq", "value": "it"});
        assert_eq!(nested().to_json(), json!({"all": [it, {"not": {"any": [sms]}}]}));
        let new = json!({"field": "attributes.", "op": "eq"});
        for (edit, at, expected) in [
            ("add_condition", "n", json!({"all": [it, {"not": {"any": [sms]}}, new]})),
            ("add_group", "n.1.0", json!({"all": [it, {"not": {"any": [sms, {"any": [new]}]}}]})),
            ("remove", "n.0", json!({"all": [{"not": {"any": [sms]}}]})),
            ("remove", "n", json!({"all": []})),
            ("wrap", "n.0", json!({"all": [{"all": [it]}, {"not": {"any": [sms]}}]})),
            ("remove", "n.7", nested().to_json()),
            ("remove", "n.0.0", nested().to_json()),
            ("add_condition", "n.0", nested().to_json()),
            ("explode", "n.0", nested().to_json()),
            ("remove", "n.x", nested().to_json()),
        ] {
            assert_eq!(edited(nested(), edit, at).to_json(), expected, "{edit} {at}");
        }
    }

    #[test]
    fn a_hostile_form_is_cut() {
        assert_eq!(of_form(&Fields::default()), None);
        let deep: Vec<String> = (0..100).map(|depth| format!("n{}.kind=not", ".0".repeat(depth))).collect();
        let mut node = &form(&deep.join("&"));
        let mut depth = 0;
        while let FilterNode::Group(_, parts) = node
            && let Some(inner) = parts.first()
        {
            (node, depth) = (inner, depth + 1);
        }
        assert_eq!(depth, MAX_DEPTH);
    }

    #[test]
    fn errors_stand_at_their_places() {
        let mut problem = ApiProblem::field("filter.all[0].value", "must be a text");
        problem.errors.push(("filter.all[1].not.any".to_owned(), "must have a part".to_owned()));
        let rows = rows(&nested(), Some(&problem));
        let errors: Vec<_> =
            rows.iter().flat_map(|row| row.errors.iter().map(|error| (row.path.as_str(), error.as_str()))).collect();
        assert_eq!(errors, [("filter.all[0]", "value: must be a text"), ("filter.all[1].not", "must have a part")]);
        assert_eq!(rows.len(), 8);
    }
}
