//! What a message carries back to this service: where its receipts go, and the links behind a click and an opt-out.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::token::{Permit, TOKEN_CHARS, TokenKeys};
use crate::channels::Channel;
use crate::channels::link::Link;
use crate::notification::Notification;
use crate::private::Private;

/// The most bytes of the base, which stands in every push payload.
pub const MAX_BASE_BYTES: usize = 128;
/// How long after a notification's lifetime a device may still report: it may have been off.
const RECEIPTS_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an opt-out works: whenever somebody comes across an old mail.
const UNSUBSCRIBE_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Where the API answers, as the outside sees it: the parameter `.../public-base-url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicBaseUrl(String);

/// The text is no [`PublicBaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an http or https URL of at most 128 bytes, without query and fragment")]
pub struct NotABaseUrl;

impl PublicBaseUrl {
    /// Reads a base such as `https://notify.example.com`; a slash at its end is taken off.
    ///
    /// # Errors
    /// For anything that no link can begin with.
    pub fn parse(text: &str) -> Result<Self, NotABaseUrl> {
        let link =
            Link::parse(text.trim()).filter(|link| !link.as_str().contains(['?', '#', '\\'])).ok_or(NotABaseUrl)?;
        let base = link.as_str().trim_end_matches('/');
        if base.len() > MAX_BASE_BYTES { Err(NotABaseUrl) } else { Ok(Self(base.to_owned())) }
    }
}

impl fmt::Display for PublicBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a push's receipts go, and what allows to send them. Its tokens are in every payload, as `receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptLink {
    /// `POST` here.
    pub url: String,
    /// With this.
    pub token: Private<String>,
}

impl ReceiptLink {
    /// The largest there can be: what a payload must leave room for.
    #[must_use]
    pub fn longest() -> Self {
        Self { url: receipts_url(&"x".repeat(MAX_BASE_BYTES)), token: Private::new("x".repeat(TOKEN_CHARS)) }
    }
}

fn receipts_url(base: &str) -> String {
    format!("{base}/v1/receipts")
}

/// Makes the links of messages. Without a base there are none, and messages go out without them.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    base: &'a PublicBaseUrl,
    keys: &'a TokenKeys,
}

impl<'a> Links<'a> {
    /// Links below `base`, signed by `keys`.
    #[must_use]
    pub const fn new(base: &'a PublicBaseUrl, keys: &'a TokenKeys) -> Self {
        Self { base, keys }
    }

    /// Where a push of this notification reports: until 30 days after its lifetime.
    #[must_use]
    pub fn receipt(&self, about: &Notification) -> ReceiptLink {
        let until = plus(about.lives_until, RECEIPTS_FOR).min(about.kept_until);
        let permit = Permit::Receipt(about.id.clone(), Channel::Push);
        ReceiptLink { url: receipts_url(&self.base.0), token: Private::new(self.keys.sign(&permit, until)) }
    }

    /// The link that leads to the notification's own one, as long as that is kept; `None` when it has none that can be shown.
    #[must_use]
    pub fn click(&self, about: &Notification, channel: Channel) -> Option<String> {
        about.content.url.as_ref().and_then(|url| Link::parse(url.expose()))?;
        let token = self.keys.sign(&Permit::Click(about.id.clone(), channel), about.kept_until);
        Some(format!("{}/v1/clicks/{token}", self.base))
    }

    /// The link that opts the recipient out of this type, for a year.
    #[must_use]
    pub fn unsubscribe(&self, about: &Notification) -> String {
        let permit = Permit::Unsubscribe(about.id.recipient().clone(), about.kind.name.to_owned());
        let token = self.keys.sign(&permit, plus(about.due_at, UNSUBSCRIBE_FOR));
        format!("{}/v1/unsubscribe/{token}", self.base)
    }
}

fn plus(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
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
    fn a_payload_keeps_244_bytes_for_where_its_receipts_go() {
        let json = serde_json::to_string(&ReceiptLink::longest()).unwrap();
        assert_eq!(json.len() + r#","receipt":"#.len(), 244);
    }

    #[test]
    fn a_base_is_where_links_begin() {
        for (text, base) in [
            ("https://notify.example.com", "https://notify.example.com"),
            (" https://notify.example.com/ \n", "https://notify.example.com"),
            (
                "http://127.0.0.1:4566/_aws/execute-api/a1/$default",
                "http://127.0.0.1:4566/_aws/execute-api/a1/$default",
            ),
        ] {
            assert_eq!(PublicBaseUrl::parse(text).unwrap().to_string(), base);
        }
        let long = format!("https://example.com/{}", "a".repeat(128));
        for text in ["", "notify.example.com", "javascript:x", "https://a.example/?b", "https://a.example/#b", &long] {
            assert_eq!(PublicBaseUrl::parse(text), Err(NotABaseUrl), "{text}");
        }
    }
}
