//! Endpoint of a push subscription: a URL from outside, not trusted until it is parsed.
//!
//! The parser is that of the HTTP client. So the checked URL is the one that is connected to later. The IP address is
//! checked when the connection is made (`address.rs`), because a DNS name can change its address.

use std::fmt;

use http::Uri;

use super::hosts::ExtraHosts;
use super::origins::{ExtraOrigins, origin};

/// Maximum length of an endpoint. The longest known endpoints, those of Windows, have up to 1,024 bytes.
pub const MAX_ENDPOINT_BYTES: usize = 2_048;

/// URL at a known push service or an extra origin. Different spellings of the same URL are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PushEndpoint {
    url: String,
    uri: Uri,
    origin_length: usize,
    is_extra: bool,
}

/// Error in an endpoint. It never repeats the URL, which identifies a person's device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The text is longer than [`MAX_ENDPOINT_BYTES`].
    #[error("is longer than 2,048 bytes")]
    TooLong,
    /// The text is not a URL, or contains characters that a URL does not have.
    #[error("is not a URL")]
    NotAUrl,
    /// There is no scheme before `://`.
    #[error("has no scheme")]
    NoScheme,
    /// The scheme is not https.
    #[error("is not https")]
    NotHttps,
    /// There is text before an `@`.
    #[error("has a user name")]
    UserInfo,
    /// There is a `#`, which no push service issues.
    #[error("has a fragment")]
    Fragment,
    /// The port is not 443.
    #[error("has a port other than 443")]
    Port,
    /// The host is an IP address, in any notation.
    #[error("names an IP address instead of a host")]
    AddressLiteral,
    /// The host is none of the known push services.
    #[error("is not at a known push service")]
    UnknownHost,
}

impl PushEndpoint {
    /// Parses the `endpoint` of a browser's `PushSubscription`.
    ///
    /// # Errors
    ///
    /// Returns the first [`EndpointError`] found.
    pub fn parse(text: &str, extra: &ExtraOrigins) -> Result<Self, EndpointError> {
        let (origin, url) = spelled(text)?;
        let is_extra = extra.contains(&origin);
        if !is_extra {
            known_service(&origin, extra.hosts())?;
        }
        if url.len() > MAX_ENDPOINT_BYTES {
            return Err(EndpointError::TooLong);
        }
        let uri = url.parse().map_err(|_| EndpointError::NotAUrl)?;
        Ok(Self { url, uri, origin_length: origin.len(), is_extra })
    }

    /// Returns the normalized form of a URL without a check of its host. It serves to find a device that was stored
    /// when its host was allowed. It does not permit a connection.
    ///
    /// # Errors
    ///
    /// Returns the first [`EndpointError`] found.
    pub fn normalized(text: &str) -> Result<String, EndpointError> {
        spelled(text).map(|(_, url)| url)
    }

    /// Returns the URL in its normalized form, for storing and comparing.
    #[must_use]
    pub fn as_url(&self) -> &str {
        &self.url
    }

    /// Returns the exact origin: scheme, host, and port unless it is the scheme's default. It is the `aud` of RFC
    /// 8292.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.url[..self.origin_length]
    }

    /// Returns the provider for history, metrics and circuit breaker: the host, with its port unless it is the
    /// default.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, provider)| provider)
    }

    /// Returns `true` if an operator listed the origin. The rules of scheme, port and address do not apply then.
    #[must_use]
    pub const fn is_extra(&self) -> bool {
        self.is_extra
    }

    /// Returns the URI that the client connects to.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for PushEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushEndpoint({}/***)", self.origin())
    }
}

/// Parses a URL, and refuses characters that different parsers treat differently.
fn parse_url(text: &str) -> Result<Uri, EndpointError> {
    if text.len() > MAX_ENDPOINT_BYTES {
        return Err(EndpointError::TooLong);
    }
    if text.contains('#') {
        return Err(EndpointError::Fragment);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>')) {
        return Err(EndpointError::NotAUrl);
    }
    text.parse().map_err(|_| EndpointError::NotAUrl)
}

/// Returns a URL's origin, and the URL in its normalized form.
fn spelled(text: &str) -> Result<(String, String), EndpointError> {
    let uri = parse_url(text)?;
    let scheme = uri.scheme_str().ok_or(EndpointError::NoScheme)?;
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(EndpointError::NotHttps);
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(EndpointError::UserInfo);
    }
    let origin = origin(&uri).ok_or(EndpointError::Port)?;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    // `https://host?query` has the path `/` as well. The client sends it, so the normalized form contains it.
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("{origin}{slash}{path}");
    Ok((origin, url))
}

/// Accepts origins of the known push services and of the operator's hosts.
fn known_service(origin: &str, extra: &ExtraHosts) -> Result<(), EndpointError> {
    let authority = origin.strip_prefix("https://").ok_or(EndpointError::NotHttps)?;
    if authority.starts_with('[') || ends_in_a_number(host_of(authority)) {
        return Err(EndpointError::AddressLiteral);
    }
    if authority.contains(':') {
        return Err(EndpointError::Port);
    }
    if extra.allow(authority) { Ok(()) } else { Err(EndpointError::UnknownHost) }
}

fn host_of(authority: &str) -> &str {
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// Returns `true` if a browser would parse the host as an IPv4 address: decimal, octal or hexadecimal, in one to four
/// parts (WHATWG URL, "ends in a number").
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix("0x").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits.is_some() || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
