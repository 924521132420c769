//! A web link that may be shown to a person: in an e-mail, in an SMS, in a header.

use std::fmt;

use url::{Host, Url};

/// Longer ones break in mail programs and cost SMS parts.
const MAX_BYTES: usize = 2_000;

/// An absolute `http` or `https` address, normalized to ASCII (percent-encoding, IDNA), so that it holds no space,
/// quote, angle bracket or control character.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// The link, or `None` when the text is anything else: `javascript:`, `mailto:`, a relative path, a user
    /// name before the host, too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_user = !url.username().is_empty() || url.password().is_some();
        let text = String::from(url);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
        (is_web && !has_user && is_plain && text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// The link as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it leads to this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match Url::parse(&self.0).ok().as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether it is `https`, as one-click unsubscribing requires (RFC 8058 section 3.1).
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Links carry tokens.
        f.write_str("Link(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn web_links_are_kept_and_normalized() {
        for (text, link) in [
            ("https://example.com/a?b=c&d=e#f", "https://example.com/a?b=c&d=e#f"),
            ("http://example.com", "http://example.com/"),
            ("https://bücher.example/straße", "https://xn--bcher-kva.example/stra%C3%9Fe"),
            ("https://example.com/a b\"<c>", "https://example.com/a%20b%22%3Cc%3E"),
            ("https://example.com/a\r\nX: y", "https://example.com/aX:%20y"),
        ] {
            assert_eq!(Link::parse(text).unwrap().as_str(), link);
        }
    }

    #[test]
    fn anything_but_a_web_link_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(2_000));
        for text in [
            "javascript:alert(1)",
            "mailto:ada@example.com",
            "data:text/html,x",
            "/path",
            "",
            "https://",
            "https://bank.example@evil.example",
            &long,
        ] {
            assert_eq!(Link::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_hides_the_token_in_a_link() {
        assert_eq!(format!("{:?}", Link::parse("https://example.com/?t=secret")), "Some(Link(***))");
    }
}
