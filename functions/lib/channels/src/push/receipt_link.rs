//! Link to which a service worker sends the receipts of a push.

use serde::Serialize;

use platform::private::Private;

/// Maximum length of the base in bytes, since the base is in every push payload.
pub const MAX_BASE_BYTES: usize = 128;
/// Length of the token of a device's receipt, in characters.
pub const RECEIPT_TOKEN_CHARS: usize = 76;

/// Address of a push's receipts and the token that permits them. Every payload with links contains it as `receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptLink {
    /// URL to `POST` receipts to.
    pub url: String,
    /// Token that each receipt must include.
    pub token: Private<String>,
}

impl ReceiptLink {
    /// Creates the link below this base.
    #[must_use]
    pub fn below(base: &str, token: Private<String>) -> Self {
        Self { url: receipts_url(base), token }
    }

    /// Returns the link at its maximum length, for which a payload must leave room.
    #[must_use]
    pub fn longest() -> Self {
        Self { url: receipts_url(&"x".repeat(MAX_BASE_BYTES)), token: Private::new("x".repeat(RECEIPT_TOKEN_CHARS)) }
    }
}

fn receipts_url(base: &str) -> String {
    format!("{base}/v1/receipts")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let link = ReceiptLink { url: "u".to_owned(), token: Private::new("secret".to_owned()) };
        assert!(!format!("{link:?}").contains("secret"));
    }

    #[test]
    fn a_payload_keeps_248_bytes_for_where_its_receipts_go() {
        let json = serde_json::to_string(&ReceiptLink::longest()).unwrap();
        assert_eq!(json.len() + r#","receipt":"#.len(), 248);
    }
}
