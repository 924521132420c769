//! Model of a template: what editors write, parsed strictly.

use std::collections::BTreeMap;

use domain::language::is_language_tag;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::finding::Finding;
use crate::variables::Variables;

mod draft_state;
mod parse;

pub use draft_state::TextPlace;

/// Maximum number of locales.
pub const MAX_LOCALES: usize = 50;
/// Maximum size of one source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 * 1_024;
/// Maximum size of a draft or version as JSON, in bytes.
pub const MAX_VERSION_BYTES: usize = 256 * 1_024;
/// Maximum number of characters of a template's title.
const MAX_TITLE_CHARS: usize = 100;

/// Sources of a template, as editors write them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateDraft {
    /// Title for editors and operators.
    pub title: String,
    /// Declared variables.
    pub variables: Variables,
    /// Locale of the recipients whose own locale has no part.
    pub default_locale: String,
    /// Parts by locale.
    pub parts: BTreeMap<String, TemplateParts>,
    /// Values of previews and test sends. A version has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Map<String, Value>>,
    /// Times at which texts were written or reviewed, by their names such as `it.push`. Stored with a draft; an editor
    /// does not write them, and a version has none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub written_at: BTreeMap<String, Timestamp>,
}

/// Sources of one locale.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TemplateParts {
    /// Push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<PushPart>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailPart>,
    /// SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsPart>,
}

/// Sources of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushPart {
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Target of a click.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Image beside the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Large image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<PartAction>,
}

/// Sources of a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartAction {
    /// Name of the button for the page; no source.
    pub action: String,
    /// Label.
    pub title: String,
    /// Target of a click.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Sources of an e-mail. A draft has `html` or `mjml`; a version that was written as MJML also has the HTML made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmailPart {
    /// Subject.
    pub subject: String,
    /// Text that mail programs show beside the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preheader: Option<String>,
    /// HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// MJML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mjml: Option<String>,
    /// Text part.
    pub text: String,
}

/// Source of an SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmsPart {
    /// Text.
    pub text: String,
}

impl TemplateDraft {
    /// Parses what an editor wrote: an e-mail has either `html` or `mjml`.
    ///
    /// # Errors
    /// Returns every finding with its JSON path.
    pub fn parse(json: &Value) -> Result<Self, Vec<Finding>> {
        parse::draft(json, parse::Origin::Editor)
    }

    /// Parses a stored draft or version, whose e-mail may have MJML together with the HTML made of it.
    ///
    /// # Errors
    /// Returns every finding with its JSON path.
    pub fn parse_stored(json: &Value) -> Result<Self, Vec<Finding>> {
        parse::draft(json, parse::Origin::Store)
    }
}

/// Returns a JSON object, or a finding.
fn object<'a>(json: &'a Value, path: &str, findings: &mut Vec<Finding>) -> Option<&'a Map<String, Value>> {
    let object = json.as_object();
    if object.is_none() {
        findings.push(Finding::new(path, "must be an object"));
    }
    object
}

/// Returns `true` if the text is a locale's tag.
fn is_locale(tag: &str) -> bool {
    is_language_tag(tag)
}
