//! "Why not?" of a notification: what would become of the same message now.
//!
//! What the gates looked at at the time of the send is not stored. So this is an explanation of the present: the same
//! recipient, type and channels, with the text as it is shown on the page.

use serde_json::{Value, json};

use super::send_explanation::{ExplainedSend, read_explanation};
use crate::site::{ApiCall, ApiProblem, Visit};

/// Text of a message that could not be composed.
const NO_TEXT: &str = "–";

/// Explains a message as of now.
///
/// # Errors
/// The API's problem.
pub async fn explain_now(
    visit: &Visit<'_>,
    to: &str,
    kind: &str,
    rendered: &Value,
) -> Result<ExplainedSend, ApiProblem> {
    let body = request_of(to, kind, rendered);
    let answer = visit.call(ApiCall::post("/v1/notifications/explain", body)).await.ok()?;
    let mut explained = read_explanation(&answer);
    // The page shows the messages themselves. Those of the explanation are made of them, so links would stand twice.
    for channel in &mut explained.channels {
        (channel.message, channel.size) = (None, String::new());
    }
    Ok(explained)
}

/// Returns the request with the content that the messages have.
fn request_of(to: &str, kind: &str, rendered: &Value) -> Value {
    let text = |channel: &str, name: &str| rendered[channel][name].as_str().filter(|text| !text.is_empty());
    let title = text("push", "title").or_else(|| text("email", "subject"));
    let body = text("push", "body").or_else(|| text("email", "text")).or_else(|| text("sms", "text"));
    let (title, body) = (title.or(body).unwrap_or(NO_TEXT), body.or(title).unwrap_or(NO_TEXT));
    // Texts of a template may be longer than those of a content. The gates do not look at them.
    let shortened = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let channels: Vec<&str> = rendered.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let mut request = json!({
        "to": to, "type": kind, "content": {"title": shortened(title, 60), "body": shortened(body, 400)}});
    if !channels.is_empty() {
        request["channels"] = json!(channels);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_explained_with_its_own_text() {
        let email = json!({"push": null, "email": {"subject": "Bill", "text": "Due"}});
        let expected = json!({"to": "ada", "type": "BILL", "content": {"title": "Bill", "body": "Due"},
            "channels": ["email", "push"]});
        let mut request = request_of("ada", "BILL", &email);
        request["channels"].as_array_mut().into_iter().for_each(|channels| channels.sort_by_key(Value::to_string));
        assert_eq!(request, expected);
        let sms = request_of("ada", "BILL", &json!({"sms": {"text": "Due"}}));
        assert_eq!(sms["content"], json!({"title": "Due", "body": "Due"}));
        assert_eq!(request_of("ada", "BILL", &json!({}))["content"], json!({"title": "–", "body": "–"}));
    }
}
