//! Fields of a content that only a push shows: images, buttons, and how the browser presents the notification.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Content;
use super::content::link_error;
use crate::language::is_language_tag;
use crate::text::one_line;
use platform::private::Private;
use platform::problem::FieldError;
use platform::rfc3339;

/// Maximum number of buttons: browsers show no more (`Notification.maxActions`).
const MAX_ACTIONS: usize = 2;
/// Maximum number of characters of a button's name.
const MAX_ACTION_CHARS: usize = 64;
/// Maximum number of characters of a button's label.
const MAX_ACTION_TITLE_CHARS: usize = 100;

/// Button of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionButton {
    /// Name of the button for the page and the service worker.
    pub action: Private<String>,
    /// Label.
    pub title: Private<String>,
    /// Image beside the label; http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Private<String>>,
    /// Target of a click on the button; the content's own URL when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Private<String>>,
}

/// Direction in which title and body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextDirection {
    /// Chosen by the browser.
    Auto,
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

/// Options as the push payload carries them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PushOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    badge: Option<Private<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Private<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<ActionButton>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_interaction: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renotify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<TextDirection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<Private<String>>,
    #[serde(serialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
}

impl PushOptions {
    /// Returns the options of a content. `link` converts the URL of a button to the URL in the payload.
    pub fn new(content: &Content, link: impl Fn(&Private<String>) -> Private<String>) -> Self {
        let action = |one: &ActionButton| ActionButton { url: one.url.as_ref().map(&link), ..one.clone() };
        Self {
            badge: content.badge.clone(),
            image: content.image.clone(),
            actions: content.actions.iter().map(action).collect(),
            require_interaction: content.require_interaction,
            silent: content.silent,
            renotify: content.renotify,
            dir: content.dir,
            lang: content.lang.clone(),
            timestamp: content.timestamp,
        }
    }
}

/// Serializes a time as milliseconds since 1970, as browsers require.
#[expect(clippy::ref_option, reason = "serde's signature")]
fn milliseconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Timestamp::as_millisecond).serialize(serializer)
}

/// Parses a time. The error does not contain the text.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| rfc3339::parse(&text).map_err(de::Error::custom)).transpose()
}

/// Parses buttons; `null` gives an empty list.
pub(super) fn actions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ActionButton>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Returns every error in the options of a content, field by field.
pub(super) fn errors(content: &Content) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (field, link) in [("content.badge", &content.badge), ("content.image", &content.image)] {
        errors.extend(link.as_ref().and_then(|link| link_error(field, link.expose())));
    }
    if content.actions.len() > MAX_ACTIONS {
        errors.push(FieldError::new("content.actions", "must be at most 2: browsers show no more"));
    }
    let mut names = BTreeSet::new();
    for (index, action) in content.actions.iter().enumerate() {
        let field = format!("content.actions[{index}]");
        errors.extend(action_errors(action, &field));
        if !names.insert(action.action.expose()) {
            errors.push(FieldError::new(format!("{field}.action"), "must differ from the other action's"));
        }
    }
    if content.lang.as_ref().is_some_and(|tag| !is_language_tag(tag.expose())) {
        errors.push(FieldError::new("content.lang", "must be a language tag such as it or it-IT"));
    }
    if content.timestamp.is_some_and(|time| time < Timestamp::UNIX_EPOCH) {
        errors.push(FieldError::new("content.timestamp", "must not be before 1970"));
    }
    errors
}

fn action_errors(action: &ActionButton, field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (name, text, most) in
        [("action", &action.action, MAX_ACTION_CHARS), ("title", &action.title, MAX_ACTION_TITLE_CHARS)]
    {
        let text = text.expose();
        let is_cut_up = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let is_line = !one_line(text).is_empty() && text.chars().count() <= most && !text.chars().any(is_cut_up);
        if !is_line {
            let message = format!("must be 1 to {most} characters in one line, not all of them invisible");
            errors.push(FieldError::new(format!("{field}.{name}"), message));
        }
    }
    for (name, link) in [("icon", &action.icon), ("url", &action.url)] {
        errors.extend(link.as_ref().and_then(|link| link_error(&format!("{field}.{name}"), link.expose())));
    }
    errors
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn content(options: &Value) -> Result<Content, serde_json::Error> {
        let mut json = json!({"title": "Hi", "body": "there"});
        json.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        serde_json::from_value(json)
    }

    fn fields(options: &Value) -> Vec<String> {
        errors(&content(options).unwrap()).into_iter().map(|error| error.field).collect()
    }

    fn whole() -> Value {
        json!({
            "badge": "https://shop.example/badge.png", "image": "https://shop.example/7.jpg",
            "actions": [
                {"action": "track", "title": "Track", "icon": "https://shop.example/t.png", "url": "https://shop.example/t"},
                {"action": "later", "title": "Später"},
            ],
            "require_interaction": true, "silent": false, "renotify": true, "dir": "rtl", "lang": "ar-EG",
            "timestamp": "2026-11-28T12:00:00.250+01:00",
        })
    }

    #[test]
    fn every_option_is_kept_and_reaches_the_payload_in_its_own_form() {
        let content = content(&whole()).unwrap();
        assert_eq!(errors(&content), []);
        let stored = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&stored).unwrap(), content);
        let options = PushOptions::new(&content, |url| format!("{}?n=T", url.expose()).into());
        let mut expected = whole();
        expected["timestamp"] = json!(1_795_863_600_250_i64);
        expected["actions"][0]["url"] = json!("https://shop.example/t?n=T");
        assert_eq!(serde_json::to_value(options).unwrap(), expected);
    }

    #[test]
    fn none_of_them_is_required_and_null_is_none() {
        let mut nulls = whole();
        nulls.as_object_mut().unwrap().values_mut().for_each(|value| *value = Value::Null);
        for options in [json!({}), nulls, json!({"actions": []})] {
            let content = content(&options).unwrap();
            assert_eq!(errors(&content), []);
            assert_eq!(serde_json::to_value(&content).unwrap(), json!({"title": "Hi", "body": "there"}));
            let options = PushOptions::new(&content, Private::clone);
            assert_eq!(options, PushOptions::default());
            assert_eq!(serde_json::to_value(options).unwrap(), json!({}));
        }
    }

    #[test]
    fn each_limit_names_its_field() {
        let action = |changes: Value| {
            let mut action = json!({"action": "a", "title": "A"});
            action.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            action
        };
        let second = |changes: Value| json!({"actions": [action(json!({"action": "first"})), action(changes)]});
        let cases = [
            (json!({"badge": "/badge.png"}), "content.badge"),
            (json!({"image": "data:image/png;base64,AA"}), "content.image"),
            (
                json!({"actions": [{"action": "a", "title": "A"}, {"action": "b", "title": "B"}, {"action": "c", "title": "C"}]}),
                "content.actions",
            ),
            (second(json!({"action": "first"})), "content.actions[1].action"),
            (second(json!({"action": ""})), "content.actions[1].action"),
            (second(json!({"action": "x".repeat(65)})), "content.actions[1].action"),
            (second(json!({"action": "\u{200b}"})), "content.actions[1].action"),
            (second(json!({"action": "\u{3164}"})), "content.actions[1].action"),
            (second(json!({"action": "a\u{2028}b"})), "content.actions[1].action"),
            (second(json!({"title": " "})), "content.actions[1].title"),
            (second(json!({"title": "a\nb"})), "content.actions[1].title"),
            (second(json!({"title": "x".repeat(101)})), "content.actions[1].title"),
            (second(json!({"icon": "icon.png"})), "content.actions[1].icon"),
            (second(json!({"url": "javascript:alert(1)"})), "content.actions[1].url"),
            (json!({"lang": "it_IT"}), "content.lang"),
            (json!({"lang": ""}), "content.lang"),
            (json!({"timestamp": "1969-12-31T23:59:59Z"}), "content.timestamp"),
        ];
        for (options, field) in cases {
            assert_eq!(fields(&options), [field], "{options}");
        }
    }

    #[test]
    fn unknown_values_and_members_are_refused() {
        for options in [
            json!({"dir": "up"}),
            json!({"dir": "LTR"}),
            json!({"silent": "yes"}),
            json!({"renotify": 1}),
            json!({"require_interaction": "true"}),
            json!({"requireInteraction": true}),
            json!({"timestamp": 1_790_000_000_000_i64}),
            json!({"timestamp": "yesterday"}),
            json!({"actions": {"action": "a", "title": "A"}}),
            json!({"actions": [{"action": "a"}]}),
            json!({"actions": [{"action": "a", "title": "A", "type": "text"}]}),
            json!({"vibrate": [200]}),
        ] {
            assert!(content(&options).is_err(), "{options}");
        }
    }

    #[test]
    fn no_text_of_them_is_printed() {
        let mut secret = whole();
        secret["actions"][0]["title"] = json!("secret");
        let content = content(&secret).unwrap();
        let shown = format!("{content:?} {:?}", PushOptions::new(&content, Private::clone));
        assert!(!shown.contains("secret") && !shown.contains("shop") && !shown.contains("ar-EG"), "{shown}");
    }
}
