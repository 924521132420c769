//! The link with which a service worker reports what became of a push.

use serde::Serialize;

use platform::private::Private;

/// The most bytes of the base, which stands in every push payload.
pub const MAX_BASE_BYTES: usize = 128;
/// Number of characters of the token of a device's receipt.
pub const RECEIPT_TOKEN_CHARS: usize = 76;

/// Where a push's receipts go, and what allows to send them. Its tokens are in every payload, as `receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptLink {
    /// `POST` here.
    pub url: String,
    /// With this.
    pub token: Private<String>,
}

impl ReceiptLink {
    /// The link below this base.
    #[must_use]
    pub fn below(base: &str, token: Private<String>) -> Self {
        Self { url: receipts_url(base), token }
    }

    /// The largest there can be: what a payload must leave room for.
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
