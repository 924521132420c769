//! Content of a notification, and its limits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action_button::{self, ActionButton, TextDirection, link_error};
use crate::channel::link::Link;
use crate::language::is_language_tag;
use crate::text;
use platform::private::Private;
use platform::problem::FieldError;
use platform::rfc3339;

/// Content of a message. Its JSON has at most [`Content::MAX_BYTES`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Title; also the subject of the e-mail.
    pub title: Private<String>,
    /// Text.
    pub body: Private<String>,
    /// Target of a click; http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Private<String>>,
    /// Image beside the text; http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Private<String>>,
    /// Data for the page that receives the push. Only the push payload contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Private<Value>>,
    /// Small monochrome image for the status bar, push only; http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<Private<String>>,
    /// Large image below the text, push only; http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Private<String>>,
    /// Buttons, push only.
    #[serde(default, deserialize_with = "action_button::actions", skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionButton>,
    /// Keeps the notification on the screen until it is clicked or dismissed, push only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_interaction: Option<bool>,
    /// Shows the notification without sound and vibration, push only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// Alerts again, or not, when the notification replaces another of its topic, push only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renotify: Option<bool>,
    /// Direction of the text, push only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<TextDirection>,
    /// Language of the text as a BCP 47 tag, push only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<Private<String>>,
    /// Time that the notification is about, push only.
    #[serde(default, deserialize_with = "rfc3339::optional", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
}

impl Content {
    /// Maximum size of a content as JSON, in bytes.
    pub const MAX_BYTES: usize = 4_096;
    /// Maximum number of characters of a title, because the title becomes an e-mail's subject.
    pub const MAX_TITLE_CHARS: usize = 200;

    /// Returns the content as it is stored, shown and sent. Title and body are [cleaned](crate::text), and links are
    /// normalized.
    #[must_use]
    pub fn cleaned(mut self) -> Self {
        self.title = Private::new(text::one_line(self.title.expose()));
        self.body = Private::new(text::lines(self.body.expose()));
        for action in &mut self.actions {
            action.title = Private::new(text::one_line(action.title.expose()));
        }
        let own = [&mut self.url, &mut self.icon, &mut self.badge, &mut self.image];
        let of_actions = self.actions.iter_mut().flat_map(|action| [&mut action.icon, &mut action.url]);
        for link in own.into_iter().chain(of_actions).flatten() {
            if let Ok(normal) = Link::parse(link.expose()) {
                *link = Private::new(normal.as_str().to_owned());
            }
        }
        self
    }

    /// Returns every error of cleaned content, field by field.
    #[must_use]
    pub fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let title = self.title.expose();
        if title.is_empty() || title.chars().count() > Self::MAX_TITLE_CHARS {
            errors.push(FieldError::new("content.title", "must be 1 to 200 characters, not all of them invisible"));
        }
        if self.body.expose().is_empty() {
            errors.push(FieldError::new("content.body", "must not be empty or invisible"));
        }
        for (field, link) in [("content.url", &self.url), ("content.icon", &self.icon)] {
            errors.extend(link.as_ref().and_then(|link| link_error(field, link.expose())));
        }
        for (field, link) in [("content.badge", &self.badge), ("content.image", &self.image)] {
            errors.extend(link.as_ref().and_then(|link| link_error(field, link.expose())));
        }
        errors.extend(action_button::errors(&self.actions));
        if self.lang.as_ref().is_some_and(|tag| !is_language_tag(tag.expose())) {
            errors.push(FieldError::new("content.lang", "must be a language tag such as it or it-IT"));
        }
        if self.timestamp.is_some_and(|time| time < Timestamp::UNIX_EPOCH) {
            errors.push(FieldError::new("content.timestamp", "must not be before 1970"));
        }
        if self.json_bytes() > Self::MAX_BYTES {
            errors.push(FieldError::new("content", "must be at most 4,096 bytes of JSON"));
        }
        errors
    }

    /// Returns the size of the JSON, which is also the stored form, in bytes.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn content(json: &str) -> Content {
        serde_json::from_str(json).unwrap()
    }

    fn fields(content: &Content) -> Vec<String> {
        content.clone().cleaned().errors().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn each_limit_names_its_field() {
        assert!(fields(&content(r#"{"title":"Hi","body":"there","url":"https://example.com/x?y#z"}"#)).is_empty());
        let long = "x".repeat(201);
        let cases = [
            (r#"{"title":"","body":"b"}"#.to_owned(), "content.title"),
            (format!(r#"{{"title":"{long}","body":"b"}}"#), "content.title"),
            (r#"{"title":"a","body":" "}"#.to_owned(), "content.body"),
            (r#"{"title":"a","body":"b","url":"javascript:alert(1)"}"#.to_owned(), "content.url"),
            (r#"{"title":"a","body":"b","icon":"/relative.png"}"#.to_owned(), "content.icon"),
            (format!(r#"{{"title":"a","body":"{}"}}"#, "x".repeat(4_100)), "content"),
        ];
        for (json, field) in cases {
            assert_eq!(fields(&content(&json)), [field]);
        }
    }

    #[test]
    fn a_title_or_body_of_which_nothing_is_visible_is_refused() {
        for blank in [
            r"\u200b",
            r"\u3164",
            r"\ufeff",
            r"\u202e",
            r"\u0000",
            r"\u2800",
            r"\u00ad\u2060",
            r" \u2028\r\n",
            r"\ufe0f",
        ] {
            assert_eq!(fields(&content(&format!(r#"{{"title":"{blank}","body":"b"}}"#))), ["content.title"], "{blank}");
            assert_eq!(fields(&content(&format!(r#"{{"title":"a","body":"{blank}"}}"#))), ["content.body"], "{blank}");
        }
    }

    #[test]
    fn what_is_stored_is_clean() {
        let cleaned = content(
            r#"{"title":"a\r\nBcc: x\u0007","body":"cafe\u0301\u200b\u2028now","url":"https://b\u00fccher.example/a b?n={token}"}"#,
        )
        .cleaned();
        assert!(cleaned.errors().is_empty());
        let json = serde_json::to_string(&cleaned).unwrap();
        assert_eq!(
            json,
            r#"{"title":"a Bcc: x","body":"café\nnow","url":"https://xn--bcher-kva.example/a%20b?n={token}"}"#
        );
        assert_eq!(cleaned.clone().cleaned(), cleaned);
    }

    #[test]
    fn a_number_of_the_callers_is_the_same_after_it_was_stored() {
        for seed in 1..10_000_u32 {
            let number = f64::from(seed).sqrt() * 10_f64.powi((seed % 40) as i32 - 20);
            let first = content(&format!(r#"{{"title":"a","body":"b","data":{{"lat":{number}}}}}"#));
            assert_eq!(content(&serde_json::to_string(&first).unwrap()), first, "{number}");
        }
    }

    #[test]
    fn it_is_never_printed() {
        let shown = format!("{:?}", content(r#"{"title":"secret","body":"secret","data":{"k":"secret"}}"#));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
