//! Buttons of a push, and the parsing of the options that only a push shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use crate::channel::link::Link;
use crate::text::is_line;
use platform::private::Private;
use platform::problem::FieldError;

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

/// Parses buttons; `null` gives an empty list.
pub(super) fn actions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ActionButton>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Returns every error in the buttons of a content, field by field.
pub(super) fn errors(actions: &[ActionButton]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if actions.len() > MAX_ACTIONS {
        errors.push(FieldError::new("content.actions", "must be at most 2: browsers show no more"));
    }
    let mut names = BTreeSet::new();
    for (index, action) in actions.iter().enumerate() {
        let field = format!("content.actions[{index}]");
        errors.extend(action_errors(action, &field));
        if !names.insert(action.action.expose()) {
            errors.push(FieldError::new(format!("{field}.action"), "must differ from the other action's"));
        }
    }
    errors
}

fn action_errors(action: &ActionButton, field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (name, text, most) in
        [("action", &action.action, MAX_ACTION_CHARS), ("title", &action.title, MAX_ACTION_TITLE_CHARS)]
    {
        if !is_line(text.expose(), most) {
            let message = format!("must be 1 to {most} characters in one line, not all of them invisible");
            errors.push(FieldError::new(format!("{field}.{name}"), message));
        }
    }
    for (name, link) in [("icon", &action.icon), ("url", &action.url)] {
        errors.extend(link.as_ref().and_then(|link| link_error(&format!("{field}.{name}"), link.expose())));
    }
    errors
}

/// Returns an error if the field's URL must not be shown to a recipient.
pub(super) fn link_error(field: &str, link: &str) -> Option<FieldError> {
    Link::parse(link).err().map(|error| FieldError::new(field, error.to_string()))
}
