//! Messages as operators see them: composed as for a send, and shown instead of sent.

use serde_json::{Value, json};

use crate::message::{Composer, PaidMessage};

/// Returns the JSON form of a push as it would be sent; `None` if it cannot be composed.
#[must_use]
pub fn preview_push(composer: &Composer<'_>) -> Option<Value> {
    let (_, push) = composer.push().ok()?;
    serde_json::from_slice(push.payload().expose()).ok()
}

/// Returns the JSON form of a message on a paid channel.
#[must_use]
pub fn preview_paid(message: &PaidMessage) -> Value {
    match message {
        PaidMessage::Email(email) => {
            json!({"subject": email.subject.expose(), "text": email.text.expose(), "html": email.html.expose()})
        }
        PaidMessage::Sms(sms) => {
            json!({"text": sms.text.expose(), "parts": sms.parts.parts, "encoding": sms.parts.encoding})
        }
    }
}
