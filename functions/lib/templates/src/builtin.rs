//! Templates that exist from the start: `certificate-expiring` and `payment-due`, in Italian and English.
//!
//! An e-mail is written as MJML. The HTML made of it stands beside it, so that only the function that publishes
//! templates has a compiler for MJML.

use serde_json::{Value, json};

use crate::model::TemplateDraft;
use crate::name::TemplateName;

/// Template that exists from the start.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltinTemplate {
    /// Name.
    pub name: TemplateName,
    /// First version.
    pub draft: TemplateDraft,
}

/// Files of one locale's e-mail.
struct EmailFiles {
    locale: &'static str,
    mjml: &'static str,
    html: &'static str,
    text: &'static str,
}

macro_rules! email_files {
    ($folder:literal, $locale:literal) => {
        EmailFiles {
            locale: $locale,
            mjml: include_str!(concat!("builtin/", $folder, "/", $locale, ".mjml")),
            html: include_str!(concat!("builtin/", $folder, "/", $locale, ".html")),
            text: include_str!(concat!("builtin/", $folder, "/", $locale, ".txt")),
        }
    };
}

const CERTIFICATE_EXPIRING: (&str, &str, [EmailFiles; 2]) = (
    "certificate-expiring",
    include_str!("builtin/certificate-expiring/template.json"),
    [email_files!("certificate-expiring", "en"), email_files!("certificate-expiring", "it")],
);
const PAYMENT_DUE: (&str, &str, [EmailFiles; 2]) = (
    "payment-due",
    include_str!("builtin/payment-due/template.json"),
    [email_files!("payment-due", "en"), email_files!("payment-due", "it")],
);

/// Names of the built-in templates.
pub const BUILTIN_TEMPLATES: [&str; 2] = [CERTIFICATE_EXPIRING.0, PAYMENT_DUE.0];

/// Returns `true` if a built-in template has this name. It exists without a stored row.
#[must_use]
pub fn is_builtin(name: &str) -> bool {
    BUILTIN_TEMPLATES.contains(&name)
}

/// Returns the built-in template with a name.
#[must_use]
pub fn builtin(name: &str) -> Option<BuiltinTemplate> {
    let (name, json, emails) = [CERTIFICATE_EXPIRING, PAYMENT_DUE].into_iter().find(|(known, ..)| *known == name)?;
    let mut template: Value = serde_json::from_str(json).ok()?;
    for EmailFiles { locale, mjml, html, text } in emails {
        let email = template.pointer_mut(&format!("/parts/{locale}/email"))?.as_object_mut()?;
        email.extend(
            [("mjml", mjml), ("html", html), ("text", text)].map(|(name, text)| (name.to_owned(), json!(text))),
        );
    }
    Some(BuiltinTemplate { name: TemplateName::parse(name).ok()?, draft: TemplateDraft::parse_stored(&template).ok()? })
}

#[cfg(test)]
mod tests;
