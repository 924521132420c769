//! Parsing of a draft, with every finding.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    EmailPart, MAX_LOCALES, MAX_SOURCE_BYTES, MAX_TITLE_CHARS, MAX_VERSION_BYTES, PartAction, PushPart, SmsPart,
    TemplateDraft, TemplateParts, is_locale, object,
};
use crate::finding::Finding;
use crate::variables::Variables;

/// Writer of the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An editor, by the API.
    Editor,
    /// The service, when it published a version.
    Store,
}

struct DraftParser {
    findings: Vec<Finding>,
    origin: Origin,
}

pub(super) fn draft(json: &Value, origin: Origin) -> Result<TemplateDraft, Vec<Finding>> {
    let mut parser = DraftParser { findings: Vec::new(), origin };
    let Some(fields) = object(json, "body", &mut parser.findings) else { return Err(parser.findings) };
    let known = ["title", "variables", "default_locale", "parts", "sample", "written_at"];
    // The service alone writes the times.
    parser.unknown(fields, "", if origin == Origin::Editor { &known[..5] } else { &known });
    let title = parser.title(fields);
    let variables = fields.get("variables").map_or(Ok(Variables::default()), Variables::parse);
    let variables = variables.map_err(|findings| parser.findings.extend(findings)).unwrap_or_default();
    let parts = parser.parts(fields);
    let default_locale = parser.default_locale(fields, &parts);
    let sample = parser.sample(fields);
    let written_at = fields.get("written_at").and_then(|times| BTreeMap::deserialize(times).ok()).unwrap_or_default();
    let draft = TemplateDraft { title, variables, default_locale, parts, sample, written_at };
    let is_large = serde_json::to_vec(&draft).is_ok_and(|bytes| bytes.len() > MAX_VERSION_BYTES);
    if is_large && origin == Origin::Editor {
        parser.add("parts", "must be at most 256 KiB of JSON together with the variables");
    }
    if parser.findings.is_empty() { Ok(draft) } else { Err(parser.findings) }
}

impl DraftParser {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.findings.push(Finding::new(path, message));
    }

    fn unknown(&mut self, fields: &Map<String, Value>, path: &str, known: &[&str]) {
        let separator = if path.is_empty() { "" } else { "." };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.add(
                format!("{path}{separator}{name}"),
                format!("is not a field; the fields here are {}", known.join(", ")),
            );
        }
    }

    fn title(&mut self, fields: &Map<String, Value>) -> String {
        let title = fields.get("title").and_then(Value::as_str).map(domain::text::one_line).unwrap_or_default();
        if title.is_empty() || title.chars().count() > MAX_TITLE_CHARS {
            self.add("title", "must be 1 to 100 characters, not all of them invisible");
        }
        title
    }

    fn sample(&mut self, fields: &Map<String, Value>) -> Option<Map<String, Value>> {
        let sample = fields.get("sample").filter(|sample| !sample.is_null())?;
        object(sample, "sample", &mut self.findings).cloned()
    }

    fn default_locale(&mut self, fields: &Map<String, Value>, parts: &BTreeMap<String, TemplateParts>) -> String {
        let locale = fields.get("default_locale").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !parts.contains_key(&locale) {
            self.add("default_locale", "must be one of the locales in parts");
        }
        locale
    }

    fn parts(&mut self, fields: &Map<String, Value>) -> BTreeMap<String, TemplateParts> {
        let Some(parts) = fields.get("parts") else {
            self.add("parts", "is required");
            return BTreeMap::new();
        };
        let Some(parts) = object(parts, "parts", &mut self.findings) else { return BTreeMap::new() };
        if parts.is_empty() || parts.len() > MAX_LOCALES {
            self.add("parts", "must have 1 to 50 locales");
        }
        let mut found: BTreeMap<String, TemplateParts> = BTreeMap::new();
        for (locale, sources) in parts {
            let path = format!("parts.{locale}");
            if !is_locale(locale) {
                self.add(path.as_str(), "must be named by a language tag such as it or it-IT");
            }
            if found.keys().any(|other| other.eq_ignore_ascii_case(locale)) {
                self.add(path.as_str(), "must differ from the other locales in more than letter case");
            }
            let sources = self.locale(sources, &path);
            found.insert(locale.clone(), sources);
        }
        found
    }

    fn locale(&mut self, json: &Value, path: &str) -> TemplateParts {
        let Some(fields) = object(json, path, &mut self.findings) else { return TemplateParts::default() };
        self.unknown(fields, path, &["push", "email", "sms"]);
        if fields.is_empty() {
            self.add(path, "must have push, email or sms");
        }
        TemplateParts {
            push: fields.get("push").and_then(|json| self.push(json, &format!("{path}.push"))),
            email: fields.get("email").and_then(|json| self.email(json, &format!("{path}.email"))),
            sms: fields.get("sms").and_then(|json| self.sms(json, &format!("{path}.sms"))),
        }
    }

    fn push(&mut self, json: &Value, path: &str) -> Option<PushPart> {
        let fields = object(json, path, &mut self.findings)?;
        self.unknown(fields, path, &["title", "body", "url", "icon", "image", "actions"]);
        let part = PushPart {
            title: self.required(fields, path, "title"),
            body: self.required(fields, path, "body"),
            url: self.source(fields, path, "url"),
            icon: self.source(fields, path, "icon"),
            image: self.source(fields, path, "image"),
            actions: self.actions(fields.get("actions"), &format!("{path}.actions")),
        };
        Some(part)
    }

    fn actions(&mut self, json: Option<&Value>, path: &str) -> Vec<PartAction> {
        let items = match json {
            None => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= 2 => items,
            Some(_) => {
                self.add(path, "must be a list of at most 2 actions");
                return Vec::new();
            }
        };
        let mut actions = Vec::new();
        for (index, json) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some(fields) = object(json, &path, &mut self.findings) {
                self.unknown(fields, &path, &["action", "title", "url"]);
                actions.push(PartAction {
                    action: self.required(fields, &path, "action"),
                    title: self.required(fields, &path, "title"),
                    url: self.source(fields, &path, "url"),
                });
            }
        }
        actions
    }

    fn email(&mut self, json: &Value, path: &str) -> Option<EmailPart> {
        let fields = object(json, path, &mut self.findings)?;
        self.unknown(fields, path, &["subject", "preheader", "html", "mjml", "text"]);
        let part = EmailPart {
            subject: self.required(fields, path, "subject"),
            preheader: self.source(fields, path, "preheader"),
            html: self.source(fields, path, "html"),
            mjml: self.source(fields, path, "mjml"),
            text: self.required(fields, path, "text"),
        };
        let is_one = match self.origin {
            Origin::Editor => part.html.is_some() != part.mjml.is_some(),
            Origin::Store => part.html.is_some() || part.mjml.is_some(),
        };
        if !is_one {
            self.add(path, "must have either html or mjml");
        }
        Some(part)
    }

    fn sms(&mut self, json: &Value, path: &str) -> Option<SmsPart> {
        let fields = object(json, path, &mut self.findings)?;
        self.unknown(fields, path, &["text"]);
        Some(SmsPart { text: self.required(fields, path, "text") })
    }

    fn required(&mut self, fields: &Map<String, Value>, path: &str, name: &str) -> String {
        let source = self.source(fields, path, name);
        if source.as_ref().map_or(!fields.contains_key(name), String::is_empty) {
            self.add(format!("{path}.{name}"), "is required and must not be empty");
        }
        source.unwrap_or_default()
    }

    fn source(&mut self, fields: &Map<String, Value>, path: &str, name: &str) -> Option<String> {
        let path = format!("{path}.{name}");
        let value = fields.get(name)?;
        let Some(source) = value.as_str() else {
            self.add(path, "must be a string");
            return None;
        };
        // HTML that the service made of MJML is larger than its source, and within the limit of an e-mail.
        if source.len() > MAX_SOURCE_BYTES && self.origin == Origin::Editor {
            self.add(path, "must be at most 64 KiB");
            return None;
        }
        let is_hidden = |c: char| (c.is_control() && !"\n\r\t".contains(c)) || ('\u{fdd0}'..='\u{fdef}').contains(&c);
        if let Some(offset) = source.find(is_hidden) {
            let place = crate::finding::Place::of_offset(source, offset);
            self.findings.push(Finding::new(path, "must not contain control characters").at(Some(place)));
            return None;
        }
        Some(source.to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({
            "title": "Welcome", "default_locale": "en",
            "variables": {"required": ["name"], "properties": {"name": {"type": "string"}}},
            "parts": {"en": {
                "push": {"title": "Hi", "body": "{{ name }}", "actions": [{"action": "open", "title": "Open"}]},
                "email": {"subject": "Hi", "html": "<p>{{ name }}</p>", "text": "{{ name }}"},
                "sms": {"text": "{{ name }}"},
            }},
        })
    }

    fn paths(json: &Value) -> Vec<String> {
        TemplateDraft::parse(json).err().into_iter().flatten().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_draft_is_written_as_it_was_read() {
        let draft = TemplateDraft::parse(&sample()).unwrap();
        assert_eq!(serde_json::to_value(&draft).unwrap(), sample());
    }

    #[test]
    fn every_error_is_found_with_its_path() {
        let changes: [(&str, Value, &str); 14] = [
            ("/title", json!(" "), "title"),
            ("/default_locale", json!("it"), "default_locale"),
            ("/parts", json!([]), "parts"),
            ("/parts", json!({}), "parts"),
            ("/parts/en", json!({}), "parts.en"),
            ("/parts/en/push/title", json!(""), "parts.en.push.title"),
            ("/parts/en/push/body", json!(5), "parts.en.push.body"),
            ("/parts/en/push/actions", json!([1, 2, 3]), "parts.en.push.actions"),
            ("/parts/en/push/actions/0/action", json!(null), "parts.en.push.actions[0].action"),
            ("/parts/en/email", json!({"subject": "a", "text": "b"}), "parts.en.email"),
            ("/parts/en/email/html", json!("x".repeat(65_537)), "parts.en.email.html"),
            ("/parts/en/sms", json!({"text": "a", "from": "b"}), "parts.en.sms.from"),
            ("/parts/en/sms/text", json!("a\nb\u{7}"), "parts.en.sms.text"),
            ("/variables", json!(5), "variables"),
        ];
        for (pointer, value, path) in changes {
            let mut json = sample();
            *json.pointer_mut(pointer).unwrap() = value;
            assert!(paths(&json).iter().any(|found| found == path), "{pointer}: {:?}", paths(&json));
        }
        let with = |name: &str, value: Value| {
            let mut json = sample();
            json[name] = value;
            paths(&json)
        };
        assert_eq!(with("sample", json!([1])), ["sample"]);
        assert_eq!(with("written_at", json!({"en.push": "2026-11-23T10:00:00Z"})), ["written_at"]);
        assert_eq!(paths(&json!(5)), ["body"]);
        let mut twice = sample();
        twice["parts"]["EN"] = twice["parts"]["en"].clone();
        assert!(paths(&twice).iter().any(|path| path.starts_with("parts.")));
    }

    #[test]
    fn only_a_stored_version_has_mjml_and_the_html_made_of_it() {
        let mut json = sample();
        json["parts"]["en"]["email"]["mjml"] = json!("<mjml></mjml>");
        assert_eq!(paths(&json), ["parts.en.email"]);
        assert!(TemplateDraft::parse_stored(&json).is_ok());
    }
}
