//! Search of the top line: leads to the notification or the recipient with the id.

use crate::site::{ApiProblem, PageReply, Visit, encoded};

/// Characters of a recipient's key, and of the time-ordered part: a notification's id is both with a hyphen between
/// them.
const PART_CHARS: usize = 26;

/// Redirects to the page of what was searched.
///
/// # Errors
/// Nothing was entered.
pub fn find(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let wanted = visit.query().get("q");
    if wanted.is_empty() {
        return Err(ApiProblem::own(422, "Enter the id of a notification or of a recipient."));
    }
    let page = if is_notification_id(wanted) { "notification" } else { "recipient" };
    Ok(PageReply::redirect(format!("{}/{page}?id={}", visit.base, encoded(wanted))))
}

/// Returns `true` for a text in the form of a notification's id.
fn is_notification_id(text: &str) -> bool {
    let is_part = |part: &str| part.len() == PART_CHARS && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split_once('-').is_some_and(|(key, order)| is_part(key) && is_part(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_tells_notifications_from_recipients() {
        assert!(is_notification_id("3v9dmwkfe1t5x8n2q7r0b6c4yz-01kat2m8x0g7h3j5n9p1q4r6sv"));
        for id in ["customer-7", "ada@example.com", "3v9dmwkfe1t5x8n2q7r0b6c4yz", "a-b"] {
            assert!(!is_notification_id(id), "{id}");
        }
    }
}
