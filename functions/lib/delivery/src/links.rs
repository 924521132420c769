//! Links of a message to this service: the address of its receipts, and the links for clicks and opt-outs.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::token::{LinkAction, TOKEN_CHARS, TokenKeys};
use aws::parameters::trimmed;
use channels::push::{MAX_BASE_BYTES, ReceiptLink};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::notification::Notification;
use domain::recipient::DeviceMark;
use platform::private::Private;

/// Period after a notification's lifetime in which a device, which may have been off, can still send receipts.
const RECEIPTS_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Placeholder in the query or fragment of a message's URL for the token with which its page reports a conversion.
const TOKEN_HERE: &str = "{token}";
/// The same placeholder, percent-encoded as by programs that build URLs.
const TOKEN_HERE_ENCODED: &str = "%7Btoken%7D";
/// Validity of a link to opt out or to the preference page, so that it also works in an old mail.
const UNSUBSCRIBE_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Public base URL of the API: the parameter `.../public-base-url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicBaseUrl(String);

/// Error for a text that is no [`PublicBaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an https URL of at most 128 bytes, without query and fragment")]
pub struct BaseUrlError;

impl PublicBaseUrl {
    /// Last part of the parameter's name.
    pub const PARAMETER: &str = "public-base-url";

    /// Parses a base such as `https://notify.example.com`; a slash at its end is removed.
    ///
    /// `http` is accepted for a local address alone, because links contain tokens.
    ///
    /// # Errors
    /// If no link can begin with the text.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let link = Link::parse(trimmed(text)).map_err(|_| BaseUrlError)?;
        if link.as_str().contains(['?', '#', '\\']) {
            return Err(BaseUrlError);
        }
        if !link.is_https() && !link.is_local() {
            return Err(BaseUrlError);
        }
        let base = link.as_str().trim_end_matches('/');
        if base.len() > MAX_BASE_BYTES { Err(BaseUrlError) } else { Ok(Self(base.to_owned())) }
    }

    /// Returns a click link below this base at its full length, with a placeholder for the token.
    #[must_use]
    pub fn longest_click(&self) -> String {
        self.click(&"x".repeat(TOKEN_CHARS))
    }

    fn click(&self, token: &str) -> String {
        format!("{}/v1/clicks/{token}", self.0)
    }
}

impl fmt::Display for PublicBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Links that a push carries beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushLinks {
    /// Address to which the service worker sends receipts.
    pub receipt: ReceiptLink,
    /// Token with which the page behind the URL can report a conversion, and nothing else.
    pub page_token: Private<String>,
}

impl PushLinks {
    /// Returns the links at their maximum length.
    #[must_use]
    pub fn longest() -> Self {
        Self { receipt: ReceiptLink::longest(), page_token: Private::new("x".repeat(TOKEN_CHARS)) }
    }
}

/// Returns a message's URL with the token in place of its placeholders.
#[must_use]
pub fn with_token(url: &str, token: &str) -> String {
    let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    format!("{path}{}", rest.replace(TOKEN_HERE, token).replace(TOKEN_HERE_ENCODED, token))
}

/// Returns `true` if the URL has a placeholder that [`with_token`] replaces.
#[must_use]
pub fn has_token(url: &str) -> bool {
    with_token(url, "") != url
}

/// Builds the links of messages. Without a base, messages are sent without links.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    base: &'a PublicBaseUrl,
    keys: &'a TokenKeys,
}

impl<'a> Links<'a> {
    /// Creates links below `base`, signed with `keys`.
    #[must_use]
    pub const fn new(base: &'a PublicBaseUrl, keys: &'a TokenKeys) -> Self {
        Self { base, keys }
    }

    /// Returns the links for reports of a push: those of this device and of the page that the push opens.
    ///
    /// They are valid until 30 days after the notification's lifetime, but not longer than the notification is kept.
    #[must_use]
    pub fn push(&self, about: &Notification, device_id: &str) -> PushLinks {
        let until = plus(about.lives_until(), RECEIPTS_FOR).min(about.kept_until());
        let sign = |permit| Private::new(self.keys.sign(&permit, until));
        let token = sign(LinkAction::DeviceReceipt(about.id().clone(), DeviceMark::of(device_id)));
        let receipt = ReceiptLink::below(&self.base.0, token);
        PushLinks { receipt, page_token: sign(LinkAction::Click(about.id().clone(), Channel::Push)) }
    }

    /// Returns the click link to the message's own target, valid as long as the notification is kept.
    ///
    /// Returns `None` if the message has no target.
    #[must_use]
    pub fn click(&self, about: &Notification, channel: Channel) -> Option<Link> {
        about.message().link()?;
        let token = self.keys.sign(&LinkAction::Click(about.id().clone(), channel), about.kept_until());
        Link::parse(&self.base.click(&token)).ok()
    }

    /// Returns the link that opts the recipient out of this type, valid for a year.
    #[must_use]
    pub fn unsubscribe(&self, about: &Notification) -> Option<Link> {
        if about.is_critical() {
            return None;
        }
        let (id, kind) = (about.id(), about.type_id().to_string());
        let permit = match about.campaign() {
            Some(_) => LinkAction::UnsubscribeFrom(id.clone(), kind),
            None => LinkAction::Unsubscribe(id.recipient().clone(), kind),
        };
        let token = self.keys.sign(&permit, plus(about.due_at(), UNSUBSCRIBE_FOR));
        Link::parse(&format!("{}/v1/unsubscribe/{token}", self.base)).ok()
    }

    /// Returns the link to the page on which the recipient chooses what to receive, valid for a year.
    #[must_use]
    pub fn preferences(&self, about: &Notification) -> Option<Link> {
        let permit = match about.campaign() {
            Some(_) => LinkAction::PreferencesFrom(about.id().clone()),
            None => LinkAction::Preferences(about.id().recipient().clone()),
        };
        let token = self.keys.sign(&permit, plus(about.due_at(), UNSUBSCRIBE_FOR));
        Link::parse(&format!("{}/v1/preferences/{token}", self.base)).ok()
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
    fn a_token_stands_where_a_query_or_fragment_asks_for_it() {
        for (url, filled) in [
            ("https://a.example/?n={token}&m={token}", "https://a.example/?n=T&m=T"),
            ("https://a.example/#{token}", "https://a.example/#T"),
            ("https://a.example/?n=%7Btoken%7D", "https://a.example/?n=T"),
            ("https://a.example/{token}?a={t}", "https://a.example/{token}?a={t}"),
            ("https://a.example/", "https://a.example/"),
        ] {
            assert_eq!(with_token(url, "T"), filled);
        }
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
        for text in [
            "",
            "notify.example.com",
            "http://notify.example.com",
            "http://127.0.0.1.example.com",
            "javascript:x",
            "https://a.example/?b",
            "https://a.example/#b",
            &long,
        ] {
            assert_eq!(PublicBaseUrl::parse(text), Err(BaseUrlError), "{text}");
        }
    }
}
