//! Draft of a segment between two requests: the form and the JSON beside it.

use serde_json::{Value, json};

use super::edit_conflict::EditConflict;
use super::segment_builder::{all_people, edited, of_form};
use super::segment_filter::FilterNode;
use crate::site::{ApiProblem, Fields};

/// Draft of a segment, as it was typed.
#[derive(Debug, Default)]
pub struct EditedSegment {
    /// Id of a stored segment; empty for a new one.
    pub id: String,
    pub new_id: String,
    pub title: String,
    pub description: String,
    /// Type whose opt-outs count.
    pub kind: String,
    /// Person of the test.
    pub recipient: String,
    pub if_match: String,
    /// The filter as JSON, as it was typed.
    pub json: String,
    /// The filter as JSON, as the page showed it.
    pub json_was: String,
    /// The filter as a form; `None` if a form cannot show it.
    pub node: Option<FilterNode>,
    /// The filter; `None` if it is not known which one is meant.
    pub filter: Option<Value>,
    pub problem: Option<ApiProblem>,
    /// `true` if the form and the JSON were both changed.
    pub is_ambiguous: bool,
}

impl EditedSegment {
    /// Creates the draft of a new segment, which selects all recipients.
    #[must_use]
    pub fn new() -> Self {
        Self::default().with_filter(all_people().to_json())
    }

    /// Creates a draft with a filter that no segment has, such as that of a campaign.
    #[must_use]
    pub fn of_filter(filter: Value) -> Self {
        Self::default().with_filter(filter)
    }

    /// Reads the filter of a form whose JSON has these names: the field, and the one with what the page showed.
    #[must_use]
    pub fn of_names(form: &Fields, (name, name_was): (&str, &str), edit: &str, at: &str) -> Self {
        let (json, json_was) = (form.raw(name).to_owned(), form.raw(name_was).to_owned());
        let draft = Self { json, json_was, node: of_form(form), ..Self::default() };
        if draft.json.trim().is_empty() && draft.node.is_none() { Self::new() } else { draft.decided(edit, at) }
    }

    /// Reads a stored segment.
    #[must_use]
    pub fn of_stored(stored: &Value, if_match: String) -> Self {
        let text = |name: &str| stored[name].as_str().unwrap_or_default().to_owned();
        let (id, title, description) = (text("id"), text("title"), text("description"));
        Self { id, title, description, if_match, ..Self::default() }.with_filter(stored["filter"].clone())
    }

    /// Reads a form. `edit` names what a button did to the filter, `at` the position.
    #[must_use]
    pub fn of_form(form: &Fields, edit: &str, at: &str) -> Self {
        let text = |name: &str| form.raw(name).to_owned();
        let draft = Self {
            id: form.get("id").to_owned(),
            new_id: form.get("new_id").to_owned(),
            title: form.get("title").to_owned(),
            description: form.get("description").to_owned(),
            kind: form.get("kind").to_owned(),
            recipient: form.get("recipient").to_owned(),
            if_match: form.get("if_match").to_owned(),
            json: text("json"),
            json_was: text("json_was"),
            node: of_form(form),
            ..Self::default()
        };
        draft.decided(edit, at)
    }

    /// Decides which of both counts: the one that was changed.
    fn decided(mut self, edit: &str, at: &str) -> Self {
        let was: Value = serde_json::from_str(&self.json_was).unwrap_or(Value::Null);
        let parsed = serde_json::from_str::<Value>(&self.json);
        let is_json_changed = parsed.as_ref().ok() != Some(&was) && edit != "use_form";
        let of_form = self.node.clone().map(|node| edited(node, edit, at));
        let is_form_changed = of_form.as_ref().is_some_and(|node| node.to_json() != was) && edit != "use_json";
        match (parsed, of_form) {
            (Ok(parsed), Some(_)) if is_json_changed && is_form_changed => {
                let message = "and the form were both changed. Choose below which one counts.";
                self.problem = Some(ApiProblem::field("filter", message));
                self.is_ambiguous = true;
                // Nothing that was typed is lost: the JSON stays in its field, the form as it is.
                self.json = serde_json::to_string_pretty(&parsed).unwrap_or_default();
                self
            }
            (Err(error), _) if is_json_changed => {
                self.problem = Some(ApiProblem::field("filter", &format!("must be JSON: {error}")));
                self.is_ambiguous = self.node.is_some();
                self
            }
            (Ok(parsed), _) if is_json_changed => self.with_filter(parsed),
            (_, Some(node)) => self.with_filter(node.to_json()),
            (Ok(parsed), None) => self.with_filter(parsed),
            (Err(_), None) => self.with_filter(was),
        }
    }

    fn with_filter(mut self, filter: Value) -> Self {
        self.json = serde_json::to_string_pretty(&filter).unwrap_or_default();
        self.json_was.clone_from(&self.json);
        self.node = FilterNode::of_json(&filter);
        self.filter = Some(filter);
        self
    }

    /// Returns the id that a write names.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.id.is_empty() { &self.new_id } else { &self.id }
    }

    /// Returns the body of a PUT.
    #[must_use]
    pub fn body(&self) -> Value {
        let description = Some(self.description.as_str()).filter(|text| !text.is_empty());
        json!({"title": self.title, "description": description, "filter": self.filter})
    }

    /// Returns the fields in which a stored segment differs.
    #[must_use]
    pub fn conflicts(&self, stored: &Self) -> Vec<EditConflict> {
        let rows = [
            ("Title", &stored.title, &self.title),
            ("Description", &stored.description, &self.description),
            ("Filter", &stored.json, &self.json),
        ];
        let differing = rows.into_iter().filter(|(_, stored, typed)| stored != typed);
        let conflict = |(label, stored, typed): (&str, &String, &String)| EditConflict {
            field: label.to_owned(),
            stored: stored.clone(),
            typed: typed.clone(),
        };
        differing.map(conflict).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FORM: &str = "n.kind=condition&n.field=locale&n.op=eq&n.value=";

    fn draft(value: &str, json: &str, was: &str, edit: &str) -> EditedSegment {
        let text = format!("{FORM}{value}&json={json}&json_was={was}");
        EditedSegment::of_form(&Fields::parse(text.as_bytes()), edit, "n")
    }

    fn locale(value: &str) -> String {
        format!("{{\"field\": \"locale\", \"op\": \"eq\", \"value\": \"{value}\"}}")
    }

    fn chosen(draft: &EditedSegment) -> &str {
        draft.filter.as_ref().and_then(|filter| filter["value"].as_str()).unwrap_or("undecided")
    }

    #[test]
    fn what_was_changed_counts_and_both_are_asked_about() {
        let was = locale("it");
        let indented = "%7B%22field%22%3A%22locale%22%2C%0D%0A+%22op%22%3A%22eq%22%2C%22value%22%3A%22it%22%7D";
        assert_eq!(chosen(&draft("it", indented, &was, "")), "it", "line ends are no change");
        assert_eq!(chosen(&draft("de", &was, &was, "")), "de");
        assert_eq!(chosen(&draft("it", &locale("fr"), &was, "")), "fr");
        let both = draft("de", &locale("fr"), &was, "");
        assert_eq!((chosen(&both), both.is_ambiguous), ("undecided", true));
        assert!(both.json.contains("fr") && both.node.is_some());
        assert_eq!(chosen(&draft("de", &locale("fr"), &was, "use_form")), "de");
        assert_eq!(chosen(&draft("de", &locale("fr"), &was, "use_json")), "fr");
    }

    #[test]
    fn broken_json_is_kept_and_named() {
        let was = locale("it");
        let broken = draft("it", "%7Bbroken", &was, "");
        assert_eq!((broken.json.as_str(), broken.filter.is_none()), ("{broken", true));
        assert_eq!(broken.problem.unwrap().errors[0].0, "filter");
        assert_eq!(chosen(&draft("it", "%7Bbroken", &was, "use_form")), "it", "the form can replace it");
    }
}
