//! Preview of a template's messages as the editor shows it.

use serde_json::Value;

use super::send_explanation::MAX_PUSH_BYTES;
use crate::site::{count, euro, number_of};

/// Preview of every channel.
#[derive(Debug, Default)]
pub struct RenderedPreview {
    /// Push: title, text, link, buttons.
    pub push: Option<ShownPush>,
    /// E-mail: subject, plain text, size.
    pub email: Option<ShownEmail>,
    /// SMS: text, parts.
    pub sms: Option<ShownSms>,
}

/// Push.
#[derive(Debug)]
pub struct ShownPush {
    /// Locale of the text.
    pub locale: String,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Link.
    pub url: String,
    /// Labels of the buttons.
    pub buttons: Vec<String>,
    /// Size.
    pub bytes: String,
}

/// E-mail.
#[derive(Debug)]
pub struct ShownEmail {
    /// Locale of the text.
    pub locale: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Size and cost.
    pub facts: String,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// SMS.
#[derive(Debug)]
pub struct ShownSms {
    /// Locale of the text.
    pub locale: String,
    /// Text.
    pub text: String,
    /// Parts, encoding and cost.
    pub facts: String,
}

/// Reads an answer of a preview.
#[must_use]
pub fn shown_preview(answer: &Value) -> RenderedPreview {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let present = |name: &str| Some(&answer[name]).filter(|channel| !channel.is_null());
    RenderedPreview {
        push: present("push").map(|push| ShownPush {
            locale: text(&push["locale"]),
            title: text(&push["content"]["title"]),
            body: text(&push["content"]["body"]),
            url: text(&push["content"]["url"]),
            buttons: push["content"]["actions"].as_array().into_iter().flatten().map(|it| text(&it["title"])).collect(),
            bytes: format!("{} of {} bytes", count(number(&push["bytes"])), count(MAX_PUSH_BYTES)),
        }),
        email: present("email").map(|email| ShownEmail {
            locale: text(&email["locale"]),
            subject: text(&email["subject"]),
            text: text(&email["text"]),
            facts: format!(
                "{}, {}",
                number_of(number(&email["bytes"]), "byte", "bytes"),
                euro(number(&email["cost_micros"]))
            ),
            warnings: email["warnings"].as_array().into_iter().flatten().map(text).collect(),
        }),
        sms: present("sms").map(|sms| {
            let parts = number(&sms["parts"]);
            let noun = if parts == 1 { "part" } else { "parts" };
            let encoding = if sms["encoding"] == "ucs2" { "UCS-2" } else { "GSM 7-bit" };
            let cost = euro(number(&sms["cost_micros"]));
            ShownSms {
                locale: text(&sms["locale"]),
                text: text(&sms["text"]),
                facts: format!("{parts} {noun}, {encoding}, {cost}"),
            }
        }),
    }
}
