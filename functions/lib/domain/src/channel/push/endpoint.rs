//! Where a browser says its messages shall go: a URL from outside, hostile until parsed.
//!
//! The parser is the HTTP client's own, so what is checked here is what is connected to later. The address behind the
//! name is checked when the connection is made (`address.rs`), since a name may change its mind.

use std::fmt;

use http::Uri;

use super::hosts::ExtraHosts;
use super::origins::{ExtraOrigins, origin};

/// Longer than any push service's endpoints (the longest, those of Windows, end at 1,024).
pub const MAX_ENDPOINT_BYTES: usize = 2_048;

/// A URL that one of the known push services, or an extra origin, answers. Two spellings of one URL are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PushEndpoint {
    url: String,
    uri: Uri,
    origin_length: usize,
    is_extra: bool,
}

/// What is wrong with an endpoint. It never repeats the URL, which identifies a person's device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointProblem {
    /// Longer than [`MAX_ENDPOINT_BYTES`].
    #[error("is longer than 2,048 bytes")]
    TooLong,
    /// Not a URL, or with characters that a URL does not have.
    #[error("is not a URL")]
    NotAUrl,
    /// Nothing before `://`.
    #[error("has no scheme")]
    NoScheme,
    /// Another scheme than https.
    #[error("is not https")]
    NotHttps,
    /// Something before an `@`.
    #[error("has a user name")]
    UserInfo,
    /// A `#`, which no push service hands out.
    #[error("has a fragment")]
    Fragment,
    /// Another port than 443.
    #[error("has a port other than 443")]
    Port,
    /// An address in place of a name, in any notation.
    #[error("names an IP address instead of a host")]
    AddressLiteral,
    /// None of the known push services.
    #[error("is not at a known push service")]
    UnknownHost,
}

impl PushEndpoint {
    /// Parses what a browser's `PushSubscription` gives as `endpoint`.
    ///
    /// # Errors
    ///
    /// The first [`EndpointProblem`] found.
    pub fn parse(text: &str, extra: &ExtraOrigins) -> Result<Self, EndpointProblem> {
        let (origin, url) = spelled(text)?;
        let is_extra = extra.contains(&origin);
        if !is_extra {
            known_service(&origin, extra.hosts())?;
        }
        if url.len() > MAX_ENDPOINT_BYTES {
            return Err(EndpointProblem::TooLong);
        }
        let uri = url.parse().map_err(|_| EndpointProblem::NotAUrl)?;
        Ok(Self { url, uri, origin_length: origin.len(), is_extra })
    }

    /// The one spelling of a URL whose host is not asked about: for finding a device that was stored when its host was
    /// allowed. It is no permission to connect.
    ///
    /// # Errors
    ///
    /// The first [`EndpointProblem`] found.
    pub fn spelling(text: &str) -> Result<String, EndpointProblem> {
        spelled(text).map(|(_, url)| url)
    }

    /// The URL in its one spelling, to store and to compare.
    #[must_use]
    pub fn as_url(&self) -> &str {
        &self.url
    }

    /// The exact origin: scheme, host, and port unless it is the scheme's own. The `aud` of RFC 8292.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.url[..self.origin_length]
    }

    /// Who answers there, for history, metrics and the breaker: the host, with its port unless that is the usual one.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, provider)| provider)
    }

    /// Whether an operator listed the origin, which lifts the rules of scheme, port and address.
    #[must_use]
    pub const fn is_extra(&self) -> bool {
        self.is_extra
    }

    /// What the client connects to.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for PushEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushEndpoint({}/***)", self.origin())
    }
}

/// The URL's parts, once nothing in it can mean one thing here and another elsewhere.
fn parse_url(text: &str) -> Result<Uri, EndpointProblem> {
    if text.len() > MAX_ENDPOINT_BYTES {
        return Err(EndpointProblem::TooLong);
    }
    if text.contains('#') {
        return Err(EndpointProblem::Fragment);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>')) {
        return Err(EndpointProblem::NotAUrl);
    }
    text.parse().map_err(|_| EndpointProblem::NotAUrl)
}

/// A URL's origin, and the URL in its one spelling.
fn spelled(text: &str) -> Result<(String, String), EndpointProblem> {
    let uri = parse_url(text)?;
    let scheme = uri.scheme_str().ok_or(EndpointProblem::NoScheme)?;
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(EndpointProblem::NotHttps);
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(EndpointProblem::UserInfo);
    }
    let origin = origin(&uri).ok_or(EndpointProblem::Port)?;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    // `https://host?query` has a path as well; the client sends it, and so it belongs to the one spelling.
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("{origin}{slash}{path}");
    Ok((origin, url))
}

/// Passes origins of the push services that browsers use, and of the operator's hosts.
fn known_service(origin: &str, extra: &ExtraHosts) -> Result<(), EndpointProblem> {
    let authority = origin.strip_prefix("https://").ok_or(EndpointProblem::NotHttps)?;
    if authority.starts_with('[') || ends_in_a_number(host_of(authority)) {
        return Err(EndpointProblem::AddressLiteral);
    }
    if authority.contains(':') {
        return Err(EndpointProblem::Port);
    }
    if extra.allow(authority) { Ok(()) } else { Err(EndpointProblem::UnknownHost) }
}

fn host_of(authority: &str) -> &str {
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// Whether a browser would read the host as an IPv4 address: decimal, octal or hexadecimal, in one to four parts
/// (WHATWG URL, "ends in a number").
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix("0x").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits.is_some() || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
