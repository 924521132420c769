//! Draft of a template as the editor's forms have it: one text of one locale and channel at a time.

use serde_json::{Map, Value, json};

use super::campaign_fields::text;
use crate::site::{ApiProblem, Fields};

/// Channels of a template, in the order in which they are tried.
pub const CHANNELS: [&str; 3] = ["push", "email", "sms"];
/// Buttons of a push.
const BUTTONS: usize = 2;

/// Input of a text: name, label, `line`, `text` or `code`, and whether a text must have it.
type Input = (&'static str, &'static str, &'static str, bool);

const PUSH: [Input; 5] = [
    ("title", "Title", "line", true),
    ("body", "Text", "text", true),
    ("url", "Link", "line", false),
    ("icon", "Icon: address of an image", "line", false),
    ("image", "Large image: its address", "line", false),
];
const BUTTON: [Input; 3] =
    [("action", "name for the page", "line", true), ("title", "label", "line", true), ("url", "link", "line", false)];
const EMAIL: [Input; 5] = [
    ("subject", "Subject", "line", true),
    ("preheader", "Preheader: text beside the subject", "line", false),
    ("html", "HTML, or MJML below", "code", false),
    ("mjml", "MJML, from which the HTML is made", "code", false),
    ("text", "Plain text", "code", true),
];
const SMS: [Input; 1] = [("text", "Text", "code", true)];

/// Part of the template that the page edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateTab {
    /// `text`, `about` or `versions`.
    pub view: &'static str,
    /// Locale of the text.
    pub locale: String,
    /// Channel of the text.
    pub channel: &'static str,
}

/// Input of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateInput {
    /// Path in the draft.
    pub path: String,
    /// Name in the form.
    pub name: String,
    /// Label.
    pub label: String,
    /// Value.
    pub value: String,
    /// `line`, `text` or `code`.
    pub kind: &'static str,
}

impl TemplateTab {
    /// Returns the part that an address or a form names.
    #[must_use]
    pub fn named(fields: &Fields, draft: &Value) -> Self {
        let view = ["about", "versions"].into_iter().find(|view| *view == fields.get("view")).unwrap_or("text");
        let default = draft["default_locale"].as_str().unwrap_or("en");
        let channel = CHANNELS.into_iter().find(|channel| *channel == fields.get("channel"));
        let locale = fields.optional("locale").unwrap_or(default).to_owned();
        let first = CHANNELS.into_iter().find(|channel| !draft["parts"][&locale][*channel].is_null());
        Self { view, channel: channel.or(first).unwrap_or("push"), locale }
    }

    /// Returns the inputs with the values of a draft.
    #[must_use]
    pub fn inputs(&self, draft: &Value) -> Vec<TemplateInput> {
        if self.view != "text" {
            let input = |name: &str, label: &str, kind| TemplateInput {
                path: name.to_owned(),
                name: format!("part.{name}"),
                label: label.to_owned(),
                value: text(&draft[name]),
                kind,
            };
            return vec![
                input("title", "Title, for operators", "line"),
                input("default_locale", "Default locale: of recipients whose own locale has no text", "line"),
                input("variables", "Variables: a JSON Schema of an object", "code"),
                input("sample", "Sample data of previews and tests: a JSON object; empty for the examples", "code"),
            ];
        }
        let part = &draft["parts"][&self.locale][self.channel];
        let input = |below: &str, value: &Value, (name, label, kind, _): &Input| TemplateInput {
            path: format!("parts.{}.{}.{below}{name}", self.locale, self.channel),
            name: format!("part.{below}{name}"),
            label: (*label).to_owned(),
            value: text(&value[*name]),
            kind,
        };
        let mut inputs: Vec<_> = inputs_of(self.channel).iter().map(|it| input("", part, it)).collect();
        if self.channel == "push" {
            for place in 0..BUTTONS {
                let button = &part["actions"][place];
                let below = format!("actions[{place}].");
                inputs.extend(BUTTON.iter().map(|it| {
                    let input = input(&below, button, it);
                    TemplateInput { label: format!("Button {}: {}", place + 1, input.label), ..input }
                }));
            }
        }
        inputs
    }

    /// Returns the inputs with what was typed.
    #[must_use]
    pub fn typed(&self, form: &Fields) -> Vec<TemplateInput> {
        let mut inputs = self.inputs(&Value::Null);
        for input in &mut inputs {
            input.value = form.raw(&input.name).to_owned();
        }
        inputs
    }

    /// Returns the draft with the part that the form has.
    ///
    /// # Errors
    /// The variables are no JSON.
    pub fn merged(&self, draft: &Value, form: &Fields) -> Result<Value, ApiProblem> {
        let mut draft = draft.clone();
        if self.view == "about" {
            draft["title"] = json!(form.get("part.title"));
            draft["default_locale"] = json!(form.get("part.default_locale"));
            let variables = form.optional("part.variables").unwrap_or("{}");
            draft["variables"] = serde_json::from_str(variables)
                .map_err(|error| ApiProblem::field("variables", &format!("must be JSON: {error}")))?;
            match form.optional("part.sample") {
                Some(sample) => {
                    draft["sample"] = serde_json::from_str(sample)
                        .map_err(|error| ApiProblem::field("sample", &format!("must be JSON: {error}")))?;
                }
                None => _ = draft.as_object_mut().map(|draft| draft.remove("sample")),
            }
            return Ok(draft);
        }
        let mut part = members(form, "", inputs_of(self.channel));
        if self.channel == "push" {
            let buttons = (0..BUTTONS).map(|place| members(form, &format!("actions[{place}]."), &BUTTON));
            let used = buttons.filter(|button| button.values().any(|value| value != ""));
            let used: Vec<_> = used.map(Value::Object).collect();
            if !used.is_empty() {
                part.insert("actions".to_owned(), Value::Array(used));
            }
        }
        draft["parts"][&self.locale][self.channel] = Value::Object(part);
        Ok(draft)
    }

    /// Returns the draft without the text of this locale and channel.
    #[must_use]
    pub fn removed(&self, draft: &Value) -> Value {
        let mut draft = draft.clone();
        let Some(parts) = draft["parts"].as_object_mut() else { return draft };
        if let Some(part) = parts.get_mut(&self.locale).and_then(Value::as_object_mut) {
            part.remove(self.channel);
            if part.is_empty() {
                parts.remove(&self.locale);
            }
        }
        draft
    }
}

fn inputs_of(channel: &str) -> &'static [Input] {
    match channel {
        "push" => &PUSH,
        "email" => &EMAIL,
        _ => &SMS,
    }
}

/// Returns the members of a text. A browser sends line ends as CR and LF.
fn members(form: &Fields, below: &str, inputs: &[Input]) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, _, _, is_required) in inputs {
        let value = form.raw(&format!("part.{below}{name}")).replace("\r\n", "\n");
        if *is_required || !value.is_empty() {
            members.insert((*name).to_owned(), json!(value));
        }
    }
    members
}

/// Returns a draft without any text. Its default locale is that of the first text.
#[must_use]
pub fn new_draft(name: &str, locale: Option<&str>) -> Value {
    json!({"title": name, "default_locale": locale.unwrap_or("en"), "variables": {}, "parts": {}})
}

/// Returns the value at a path such as `parts.it.push.actions[0].title`.
#[must_use]
pub fn value_at<'a>(draft: &'a Value, path: &str) -> &'a Value {
    let mut value = draft;
    for member in path.split('.') {
        let (name, places) = member.split_once('[').map_or((member, ""), |(name, places)| (name, places));
        value = &value[name];
        if let Ok(place) = places.trim_end_matches(']').parse::<usize>() {
            value = &value[place];
        }
    }
    value
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn draft() -> Value {
        json!({"title": "Welcome", "default_locale": "en", "variables": {}, "sample": {"name": "Bob"}, "parts": {
            "en": {"push": {"title": "Hi", "body": "a\nb", "actions": [{"action": "x", "title": "X"}]}, "sms": {"text": "Hi"}},
            "it": {"email": {"subject": "Ciao", "mjml": "<mjml/>", "text": "Ciao"}}}})
    }

    fn tab(view: &'static str, locale: &str, channel: &'static str) -> TemplateTab {
        TemplateTab { view, locale: locale.to_owned(), channel }
    }

    #[test]
    fn a_form_that_is_sent_back_unchanged_changes_nothing() {
        for tab in [
            tab("text", "en", "push"),
            tab("text", "en", "sms"),
            tab("text", "it", "email"),
            tab("about", "en", "push"),
        ] {
            let inputs = tab.inputs(&draft());
            let form: Vec<_> = inputs
                .iter()
                .map(|it| {
                    format!(
                        "{}={}",
                        crate::site::encoded(&it.name),
                        crate::site::encoded(&it.value.replace('\n', "\r\n"))
                    )
                })
                .collect();
            let form = Fields::parse(form.join("&").as_bytes());
            assert_eq!(tab.merged(&draft(), &form).unwrap(), draft(), "{tab:?}");
        }
    }

    #[test]
    fn a_text_is_added_and_removed() {
        let form = Fields::parse(b"part.text=Hallo");
        let added = tab("text", "de", "sms").merged(&draft(), &form).unwrap();
        assert_eq!(added["parts"]["de"], json!({"sms": {"text": "Hallo"}}));
        assert_eq!(tab("text", "de", "sms").removed(&added), draft());
        assert_eq!(value_at(&draft(), "parts.en.push.actions[0].title"), "X");
        let broken = Fields::parse(b"part.variables=%7B");
        assert_eq!(tab("about", "en", "push").merged(&draft(), &broken).unwrap_err().errors[0].0, "variables");
    }
}
