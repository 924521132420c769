//! Options of a push payload: images, buttons, and how the browser presents the notification.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{ActionButton, Content, TextDirection};
use platform::private::Private;

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
        content(options).unwrap().errors().into_iter().map(|error| error.field).collect()
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
        assert_eq!(content.errors(), []);
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
            assert_eq!(content.errors(), []);
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
