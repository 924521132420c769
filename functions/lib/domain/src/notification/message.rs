//! Message of a notification: the content that the caller wrote, or a template with the caller's variables.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Content;
use crate::channel::Channel;
use crate::channel::link::Link;
use platform::private::Private;

/// Name of the variable whose value is the target of a click.
const URL_VARIABLE: &str = "url";

/// Message of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationMessage {
    /// Content that the caller wrote.
    Content(Content),
    /// Template and variables.
    Template(TemplateUse),
}

/// Version of a template with the values of one message. Nothing in it changes after the first attempt, so the message
/// is the same at every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    /// Name of the template.
    pub name: String,
    /// Published version.
    pub version: u32,
    /// Locale and time zone of the recipient at the first attempt; `None` before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<MessageLocale>,
    /// Values by name, as the caller sent them.
    #[serde(default, skip_serializing_if = "no_variables")]
    pub variables: Private<Map<String, Value>>,
    /// Names of the variables that are not shown after sending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

/// Locale and time zone in which a message is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageLocale {
    /// BCP 47 tag.
    pub tag: String,
    /// IANA name.
    pub time_zone: String,
    /// Channels on which the template has no text in the recipient's language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Channel>,
}

impl NotificationMessage {
    /// Returns the content, unless the message has a template.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::Content(content) => Some(content),
            Self::Template(_) => None,
        }
    }

    /// Returns the template, unless the message has a content.
    #[must_use]
    pub const fn template(&self) -> Option<&TemplateUse> {
        match self {
            Self::Content(_) => None,
            Self::Template(template) => Some(template),
        }
    }

    /// Returns the target of a click: the URL of the content, or the variable `url`.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        match self {
            Self::Content(content) => Link::parse(content.url.as_ref()?.expose()).ok(),
            Self::Template(template) => Link::parse(template.variables.expose().get(URL_VARIABLE)?.as_str()?).ok(),
        }
    }
}

impl TemplateUse {
    /// Maximum size of the variables together with the template's name and version, as JSON, in bytes.
    pub const MAX_BYTES: usize = Content::MAX_BYTES;
    /// Message for variables that are larger.
    pub const TOO_LARGE: &'static str = "must be at most 4,096 bytes of JSON, with the template's name";

    /// Returns `true` if a message can have these variables, whatever the name of its template.
    #[must_use]
    pub fn is_sendable(variables: &Map<String, Value>) -> bool {
        let variables = Private::new(variables.clone());
        let used = Self { name: String::new(), version: 1, locale: None, variables, sensitive: Vec::new() };
        used.json_bytes() <= Self::MAX_BYTES
    }

    /// Returns the variables with this link as the target of a click. Variables without a target stay as they are.
    #[must_use]
    pub fn variables_with_link(&self, link: Option<&Link>) -> Private<Map<String, Value>> {
        let mut variables = self.variables.expose().clone();
        if let (Some(link), Some(url)) = (link, variables.get_mut(URL_VARIABLE)) {
            *url = Value::String(link.as_str().to_owned());
        }
        Private::new(variables)
    }

    /// Returns the variables that may be shown after sending.
    #[must_use]
    pub fn shown_variables(&self) -> Map<String, Value> {
        let shown = self.variables.expose().iter().filter(|(name, _)| !self.sensitive.contains(name));
        shown.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Returns the size of the JSON, which is also the stored form, in bytes.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

impl From<Content> for NotificationMessage {
    fn from(content: Content) -> Self {
        Self::Content(content)
    }
}

fn no_variables(variables: &Private<Map<String, Value>>) -> bool {
    variables.expose().is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn template(variables: Value) -> TemplateUse {
        let variables = Private::new(variables.as_object().unwrap().clone());
        TemplateUse { name: "reminder".to_owned(), version: 3, locale: None, variables, sensitive: Vec::new() }
    }

    #[test]
    fn the_target_of_a_click_is_the_variable_url() {
        let link = |variables| {
            let link = NotificationMessage::Template(template(variables)).link();
            link.map(|link| link.as_str().to_owned())
        };
        assert_eq!(link(json!({"url": "https://Example.com/a"})).as_deref(), Some("https://example.com/a"));
        for variables in
            [json!({}), json!({"url": 7}), json!({"url": "javascript:x"}), json!({"link": "https://a.example/"})]
        {
            assert_eq!(link(variables.clone()), None, "{variables}");
        }
    }

    #[test]
    fn a_link_replaces_the_target_alone() {
        let link = Link::parse("https://n.example/v1/clicks/T").unwrap();
        let with_target = template(json!({"url": "https://a.example/", "other": "https://a.example/"}));
        let variables = with_target.variables_with_link(Some(&link));
        assert_eq!(json!(variables.expose()), json!({"url": link.as_str(), "other": "https://a.example/"}));
        assert_eq!(with_target.variables_with_link(None), with_target.variables);
        let without = template(json!({"days": 1}));
        assert_eq!(without.variables_with_link(Some(&link)), without.variables);
    }

    #[test]
    fn sensitive_variables_are_not_shown() {
        let used = TemplateUse { sensitive: vec!["code".to_owned()], ..template(json!({"code": 1, "name": "Ada"})) };
        assert_eq!(Value::Object(used.shown_variables()), json!({"name": "Ada"}));
    }

    #[test]
    fn what_is_stored_reads_back_and_is_never_printed() {
        let mut used = TemplateUse { sensitive: vec!["code".to_owned()], ..template(json!({"name": "secret"})) };
        let italian =
            |fallback| Some(MessageLocale { tag: "it-IT".to_owned(), time_zone: "Europe/Rome".to_owned(), fallback });
        for locale in [None, italian(vec![]), italian(vec![Channel::Sms])] {
            used.locale = locale;
            let stored = serde_json::to_string(&used).unwrap();
            assert_eq!(serde_json::from_str::<TemplateUse>(&stored).unwrap(), used, "{stored}");
            assert!(!format!("{used:?}").contains("secret"));
        }
        let bare = serde_json::to_string(&template(json!({}))).unwrap();
        assert_eq!(bare, r#"{"name":"reminder","version":3}"#);
    }
}
