//! Recipient of a send as the preview names them: masked addresses, devices, locale and zone. And the locale of the
//! text.

use serde_json::Value;
use templates::lookup_locale;

use super::masking::{masked_email, masked_phone};
use super::recipient_view::RecipientProfile;
use crate::site::{ApiAnswer, count};

/// Recipient of a send.
#[derive(Debug)]
pub struct SendRecipient {
    /// Id.
    pub id: String,
    /// Facts with their labels; empty if no profile is stored.
    pub facts: Vec<(&'static str, String)>,
    /// Locale of the text, and why it is that.
    pub locale: String,
}

/// Returns the recipient of a send. `template` is the version that would be sent; null for a text without a template.
#[must_use]
pub fn send_recipient(id: &str, profile: ApiAnswer, template: &Value) -> SendRecipient {
    let profile: Option<RecipientProfile> = profile.read().ok();
    let own = profile.as_ref().and_then(|profile| profile.locale.as_deref());
    let locale = locale_of_text(own, template);
    SendRecipient { id: id.to_owned(), locale, facts: profile.as_ref().map(facts).unwrap_or_default() }
}

fn facts(profile: &RecipientProfile) -> Vec<(&'static str, String)> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let devices = i64::try_from(profile.devices.len()).unwrap_or(i64::MAX);
    vec![
        ("E-mail", or_none(profile.email.as_ref().map(|address| masked_email(address.expose())))),
        ("Phone", or_none(profile.phone.as_ref().map(|number| masked_phone(number.expose())))),
        ("Devices", count(devices)),
        ("Locale", or_none(profile.locale.clone())),
        ("Time zone", or_none(profile.time_zone.clone())),
    ]
}

/// Returns the locale of the text with its reason. A template has the closest of its locales: the recipient's one, then
/// that without the last part, then the default.
fn locale_of_text(own: Option<&str>, template: &Value) -> String {
    let Some(default) = template["default_locale"].as_str() else {
        return "as typed: a text without a template is in one language".to_owned();
    };
    let Some(wanted) = own else {
        return format!("{default}: the template's default, for the recipient has no locale");
    };
    let locales: Vec<&str> =
        template["parts"].as_object().into_iter().flatten().map(|(locale, _)| locale.as_str()).collect();
    match lookup_locale(wanted, locales.into_iter()) {
        Some(found) => format!("{found}: the template's closest one to the recipient's {wanted}"),
        None => format!("{default}: the template's default, for it has no text in {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_locale_of_a_text_has_its_reason() {
        let template = json!({"default_locale": "en", "parts": {"en": {}, "pt-BR": {}, "it": {}}});
        let shown = |own| locale_of_text(own, &template);
        assert_eq!(shown(Some("it-CH")), "it: the template's closest one to the recipient's it-CH");
        assert_eq!(shown(Some("pt-br")), "pt-BR: the template's closest one to the recipient's pt-br");
        assert_eq!(shown(Some("it-x-formal")), "it: the template's closest one to the recipient's it-x-formal");
        assert_eq!(shown(Some("fr")), "en: the template's default, for it has no text in fr");
        assert_eq!(shown(None), "en: the template's default, for the recipient has no locale");
        assert!(locale_of_text(Some("it"), &Value::Null).starts_with("as typed"));
    }
}
