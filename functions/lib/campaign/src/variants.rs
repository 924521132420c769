//! Messages of a campaign: one, or several variants, of which each person gets one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::assignment::ALL_BP;
use domain::notification::Content;
use platform::private::Private;
use platform::problem::FieldError;

const VARIANTS: std::ops::RangeInclusive<usize> = 2..=5;

/// One message of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Name; empty if there are no variants.
    pub name: String,
    /// Share of the people in basis points.
    pub weight_bp: u32,
    /// Message.
    pub message: CampaignMessage,
}

/// Content or template of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum CampaignMessage {
    /// Content.
    Content(Box<Content>),
    /// Template with the values for all people, and the names of the attributes with each person's own values.
    Template {
        /// Template.
        template: CampaignTemplate,
        /// Values by variable.
        variables: Private<Map<String, Value>>,
        /// Attributes of the recipient by variable.
        from_attributes: BTreeMap<String, String>,
    },
}

/// Name of a template, with a version if it is not the live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignTemplate {
    /// Name.
    pub name: String,
    /// Published version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// A variant in the format of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantBody {
    name: String,
    weight_bp: u32,
    content: Option<Content>,
    template: Option<CampaignTemplate>,
    variables: Option<Private<Map<String, Value>>>,
}

/// Fields of a definition that define the messages.
#[derive(Debug, Clone, Copy)]
pub struct MessageFields<'a> {
    pub content: Option<&'a Content>,
    pub template: Option<&'a CampaignTemplate>,
    pub variables: Option<&'a Private<Map<String, Value>>>,
    pub variables_from: Option<&'a BTreeMap<String, String>>,
    pub variants: Option<&'a Vec<VariantBody>>,
}

impl Variant {
    /// Returns the name of the template, if the message has one.
    pub fn template(&self) -> Option<&str> {
        match &self.message {
            CampaignMessage::Template { template, .. } => Some(&template.name),
            CampaignMessage::Content(_) => None,
        }
    }
}

/// Reads the messages of a campaign.
pub fn variants(body: &MessageFields<'_>, errors: &mut Vec<FieldError>) -> Vec<Variant> {
    let given = (body.content, body.template);
    let shared = body.variables.cloned().unwrap_or_default();
    let Some(variants) = body.variants else {
        let has_variables = body.variables.is_some() || body.variables_from.is_some();
        let message = message(given, has_variables, &shared, body.variables_from, "", errors);
        return message
            .map(|message| Variant { name: String::new(), weight_bp: ALL_BP, message })
            .into_iter()
            .collect();
    };
    if given != (None, None) {
        errors.push(FieldError::new("variants", "must be absent if content or template is given"));
    }
    if !VARIANTS.contains(&variants.len()) {
        errors.push(FieldError::new("variants", "must be 2 to 5 variants"));
    }
    let total: u64 = variants.iter().map(|variant| u64::from(variant.weight_bp)).sum();
    if total != u64::from(ALL_BP) {
        let message = format!("must have weights that add up to 10,000 basis points; they add up to {total}");
        errors.push(FieldError::new("variants", message));
    }
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let path = format!("variants[{index}].");
        if !is_variant_name(&variant.name) || !names.insert(variant.name.as_str()) {
            let message = "must be 1 to 16 small letters, digits and hyphens, and differ from the other names";
            errors.push(FieldError::new(format!("{path}name"), message));
        }
        let mut variables = shared.expose().clone();
        variables.extend(variant.variables.clone().unwrap_or_default().into_exposed());
        let given = (variant.content.as_ref(), variant.template.as_ref());
        let has_variables = variant.variables.is_some();
        let from = body.variables_from;
        if let Some(message) = message(given, has_variables, &Private::new(variables), from, &path, errors) {
            found.push(Variant { name: variant.name.clone(), weight_bp: variant.weight_bp, message });
        }
    }
    found
}

fn is_variant_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=16).contains(&name.len()) && name.bytes().all(is_allowed)
}

fn message(
    (content, template): (Option<&Content>, Option<&CampaignTemplate>),
    has_variables: bool,
    variables: &Private<Map<String, Value>>,
    from_attributes: Option<&BTreeMap<String, String>>,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> Option<CampaignMessage> {
    match (content, template) {
        (Some(_), None) if has_variables => {
            errors.push(FieldError::new(format!("{path}variables"), "must be absent if content is given"));
            None
        }
        (Some(content), None) => {
            let content = content.clone().cleaned();
            let found = content.errors();
            let is_fine = found.is_empty();
            errors.extend(
                found.into_iter().map(|error| FieldError::new(format!("{path}{}", error.field), error.message)),
            );
            is_fine.then(|| CampaignMessage::Content(Box::new(content)))
        }
        (None, Some(template)) => Some(CampaignMessage::Template {
            template: template.clone(),
            variables: variables.clone(),
            from_attributes: from_attributes.cloned().unwrap_or_default(),
        }),
        (None, None) => {
            errors.push(FieldError::new(format!("{path}content"), "is required, or a template"));
            None
        }
        (Some(_), Some(_)) => {
            errors.push(FieldError::new(format!("{path}template"), "must be absent if content is given"));
            None
        }
    }
}
