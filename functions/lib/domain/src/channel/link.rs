//! Web link: parsed by one rule for every source, and safe in a payload, an e-mail, an SMS and a header.

use std::fmt;

use url::{Host, ParseError, Url};

/// Maximum length of a host's name (RFC 1035 section 2.3.4).
const MAX_HOST_BYTES: usize = 253;
/// Maximum length of a label of a host's name.
const MAX_LABEL_BYTES: usize = 63;

/// Absolute `http` or `https` address, parsed as a browser does (URL Standard). It is normalized to ASCII
/// (percent-encoding, IDNA). So it contains no space, quote, angle bracket or control character. A `{token}` in its
/// query or fragment is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

/// Reason for which a text is not a [`Link`], as a sentence for the caller. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The text is a relative path, or a host without `https://`.
    #[error("must be an absolute http or https URL: it does not begin with https:// or http://")]
    NoScheme,
    /// The scheme is another one: `javascript:`, `mailto:`, `data:` and so on.
    #[error("must be an absolute http or https URL: its scheme is another one")]
    OtherScheme,
    /// There is nothing between the scheme and the path.
    #[error("must be an absolute http or https URL: the host is missing")]
    NoHost,
    /// There is a blank before the path.
    #[error("must have a valid host: it contains a blank")]
    BlankInHost,
    /// The host is an invalid IPv4 address, such as four numbers of which one exceeds 255.
    #[error("must have a valid host: it is not an IPv4 address")]
    Ipv4,
    /// The brackets contain something other than an IPv6 address.
    #[error("must have a valid host: it is not an IPv6 address")]
    Ipv6,
    /// The host has a character, a label or a length that no domain name has.
    #[error("must have a valid host: it is not a domain name")]
    Host,
    /// The port is not a number up to 65535.
    #[error("must have a valid port: from 0 to 65535")]
    Port,
    /// The link has credentials, which would hide the host from the reader.
    #[error("must not have a user name or password")]
    User,
    /// The link is invalid for any other reason.
    #[error("must be an absolute http or https URL")]
    Other,
}

impl Link {
    /// Parses a link. It is encoded as a browser would encode it: blanks, umlauts, hosts in any script.
    ///
    /// # Errors
    /// Returns the reason, for text that no browser would open or that would mislead a reader.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let url = Url::parse(text).map_err(|error| link_error(error, text))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(LinkError::OtherScheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LinkError::User);
        }
        match url.host() {
            None => return Err(LinkError::NoHost),
            Some(Host::Domain(name)) if !is_resolvable(name) => return Err(LinkError::Host),
            Some(_) => {}
        }
        let text = String::from(url);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
        if is_plain { Ok(Self(text)) } else { Err(LinkError::Other) }
    }

    /// Returns the link as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if the link leads to the local machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match Url::parse(&self.0).ok().as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns `true` if the scheme is `https`, which one-click unsubscribing requires (RFC 8058 section 3.1).
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

fn link_error(error: ParseError, text: &str) -> LinkError {
    match error {
        ParseError::RelativeUrlWithoutBase => LinkError::NoScheme,
        ParseError::EmptyHost => LinkError::NoHost,
        ParseError::InvalidPort => LinkError::Port,
        ParseError::InvalidIpv4Address => LinkError::Ipv4,
        ParseError::InvalidIpv6Address => LinkError::Ipv6,
        ParseError::IdnaError | ParseError::InvalidDomainCharacter if has_blank_host(text) => LinkError::BlankInHost,
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => LinkError::Host,
        _ => LinkError::Other,
    }
}

fn has_blank_host(text: &str) -> bool {
    let after_scheme = text.trim().split_once("//").map_or("", |(_, rest)| rest);
    after_scheme.split(['/', '?', '#', '\\']).next().is_some_and(|host| host.contains(char::is_whitespace))
}

/// Returns `true` if no label is empty except a last one, and all lengths are within the limits of DNS.
fn is_resolvable(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= MAX_HOST_BYTES && name.split('.').all(|label| (1..=MAX_LABEL_BYTES).contains(&label.len()))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is hidden because links contain tokens.
        f.write_str("Link(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn web_links_are_kept_and_normalized() {
        for (text, link) in [
            ("https://example.com/a?b=c&d=e#f", "https://example.com/a?b=c&d=e#f"),
            ("http://example.com", "http://example.com/"),
            (" HTTPS://Example.COM:443/ ", "https://example.com/"),
            ("https://bücher.example/straße", "https://xn--bcher-kva.example/stra%C3%9Fe"),
            ("https://muenchen.example/stra sse", "https://muenchen.example/stra%20sse"),
            ("https://пример.example/?ё=1#ж", "https://xn--e1afmkfd.example/?%D1%91=1#%D0%B6"),
            ("https://example.com/a b\"<c>", "https://example.com/a%20b%22%3Cc%3E"),
            ("https://example.com/a\r\nX: y", "https://example.com/aX:%20y"),
            ("https://example.com/\0?\u{1}#\u{7f}", "https://example.com/%00?%01#%7F"),
            ("https:example.com\\a", "https://example.com/a"),
            ("https://0x7f.1/", "https://127.0.0.1/"),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
            ("https://example.com.:65535", "https://example.com.:65535/"),
            ("https://a.example/?n={token}&m={token}#{token}", "https://a.example/?n={token}&m={token}#{token}"),
        ] {
            assert_eq!(Link::parse(text).unwrap().as_str(), link);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let (label, host) = (format!("https://{}.example/", "a".repeat(64)), format!("https://{}", "a.".repeat(128)));
        for (text, error) in [
            ("javascript:alert(1)", LinkError::OtherScheme),
            ("mailto:ada@example.com", LinkError::OtherScheme),
            ("data:text/html,x", LinkError::OtherScheme),
            ("ftp://example.com/", LinkError::OtherScheme),
            ("/path", LinkError::NoScheme),
            ("www.example.com/a b", LinkError::NoScheme),
            ("//example.com/", LinkError::NoScheme),
            ("", LinkError::NoScheme),
            ("https://", LinkError::NoHost),
            ("https://?a", LinkError::NoHost),
            ("https://bank.example@evil.example", LinkError::User),
            ("https://ada:secret@example.com/", LinkError::User),
            ("https://exa mple.com/", LinkError::BlankInHost),
            ("https://a\u{a0}b.example/x", LinkError::BlankInHost),
            ("https://exa<mple.com/", LinkError::Host),
            ("https://xn--a.example/", LinkError::Host),
            ("https://example..com/", LinkError::Host),
            ("https://.example.com/", LinkError::Host),
            (&label, LinkError::Host),
            (&host, LinkError::Host),
            ("https://256.1.1.1/", LinkError::Ipv4),
            ("https://[::g]/", LinkError::Ipv6),
            ("https://example.com:99999/", LinkError::Port),
            ("https://example.com:8o/", LinkError::Port),
        ] {
            assert_eq!(Link::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_token_in_a_link() {
        assert_eq!(format!("{:?}", Link::parse("https://example.com/?t=secret")), "Ok(Link(***))");
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "https?://(ä|[a-z0-9.ß-]){1,12}(:[0-9]{1,6})?[/?#]\\PC{0,40}") {
            if let Ok(link) = Link::parse(&text) {
                assert_eq!(Link::parse(link.as_str()), Ok(link.clone()));
                assert!(link.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn no_text_is_more_than_refused(text in any::<String>()) {
            if let Err(error) = Link::parse(&format!("https://{text}")) {
                assert!(error.to_string().starts_with("must "));
            }
        }
    }
}
