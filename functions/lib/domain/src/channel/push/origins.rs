//! Normalized origin (scheme, host, port), and the operator's list of additional origins.

use std::collections::BTreeSet;

use http::Uri;

use super::hosts::ExtraHosts;
use platform::environment::{Environment, EnvironmentError};

/// Returns `scheme://host[:port]` in lower case, without the scheme's default port. `None` for another scheme, for
/// user info and for a port that is not a plain number.
pub(super) fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = uri.authority()?;
    let host = authority.host().to_ascii_lowercase();
    let rest = authority.as_str().get(host.len()..)?;
    if host.is_empty() || authority.as_str().contains('@') {
        return None;
    }
    match port(rest)? {
        Some(port) if port != own_port => Some(format!("{scheme}://{host}:{port}")),
        _ => Some(format!("{scheme}://{host}")),
    }
}

/// Parses the text after the host: nothing, or a colon and digits.
fn port(rest: &str) -> Option<Option<u16>> {
    if rest.is_empty() {
        return Some(None);
    }
    let digits = rest.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(Some)
}

/// Endpoints allowed in addition to the known push services. Origins come from the parameter `ExtraPushOrigins`, for
/// tests and private services. Hosts come from `ExtraPushHosts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraOrigins {
    origins: BTreeSet<String>,
    hosts: ExtraHosts,
}

/// Error for an entry of `ExtraPushOrigins` that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ExtraPushOrigins: `{0}` is not an origin such as https://push.example.com or http://127.0.0.1:8080")]
pub struct OriginError(String);

impl ExtraOrigins {
    /// Reads the optional variables `EXTRA_PUSH_ORIGINS` and `EXTRA_PUSH_HOSTS`.
    ///
    /// # Errors
    /// Names the variable that is invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        let origins = environment.read_optional("EXTRA_PUSH_ORIGINS", Self::parse)?.unwrap_or_default();
        let hosts = environment.read_optional("EXTRA_PUSH_HOSTS", ExtraHosts::parse)?.unwrap_or_default();
        Ok(origins.with_hosts(hosts))
    }

    /// Parses a comma-separated list. Empty entries are ignored, so the empty string is the empty list.
    ///
    /// # Errors
    ///
    /// [`OriginError`] contains the first entry that has a path, user info, another scheme or none.
    pub fn parse(list: &str) -> Result<Self, OriginError> {
        let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| bare_origin(part).ok_or_else(|| OriginError(part.to_owned())))
            .collect::<Result<_, _>>()
            .map(|origins| Self { origins, hosts: ExtraHosts::default() })
    }

    /// Returns the same origins with these hosts. The rules of scheme, port and address still apply to the hosts.
    #[must_use]
    pub fn with_hosts(self, hosts: ExtraHosts) -> Self {
        Self { hosts, ..self }
    }

    /// Returns the additional hosts.
    #[must_use]
    pub const fn hosts(&self) -> &ExtraHosts {
        &self.hosts
    }

    /// Returns `true` if the list contains `origin`, which must be in the form that the function [`origin`] returns.
    pub(super) fn contains(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    /// Returns every origin on the list.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(String::as_str)
    }
}

/// Returns the origin if the text contains nothing else.
fn bare_origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let nothing_else = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/') && !text.contains('#');
    origin(&uri).filter(|_| nothing_else)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn one_origin_has_one_spelling() {
        for (written, read) in [
            ("https://Push.Example.com", "https://push.example.com"),
            ("HTTPS://push.example.com:443", "https://push.example.com"),
            ("http://push.example.com:80/path?query", "http://push.example.com"),
            ("http://push.example.com:443", "http://push.example.com:443"),
            ("https://push.example.com:8443", "https://push.example.com:8443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(origin(&written.parse().unwrap()).as_deref(), Some(read));
        }
    }

    #[test]
    fn the_empty_list_allows_nothing() {
        for list in ["", " ", ",", " , "] {
            assert_eq!(ExtraOrigins::parse(list).unwrap(), ExtraOrigins::default());
        }
    }

    #[test]
    fn a_list_is_matched_exactly() {
        let extra = ExtraOrigins::parse("http://127.0.0.1:18082, https://Push.example.com:443").unwrap();
        assert_eq!(extra.iter().collect::<Vec<_>>(), ["http://127.0.0.1:18082", "https://push.example.com"]);
        for other in
            ["http://127.0.0.1", "https://127.0.0.1:18082", "http://127.0.0.1:1808", "https://a.push.example.com"]
        {
            assert!(!extra.contains(other), "{other}");
        }
    }

    #[test]
    fn what_is_not_an_origin_is_named() {
        for part in [
            "push.example.com",
            "127.0.0.1:8080",
            "ftp://push.example.com",
            "https://user@push.example.com",
            "https://push.example.com/path",
            "https://push.example.com/",
            "https://push.example.com?query",
            "https://push.example.com#fragment",
            "https://push.example.com:",
            "https://push.example.com:99999",
            "https://*.example.com:+443",
            "/",
            "*",
        ] {
            let list = format!("http://127.0.0.1:1,{part}");
            assert_eq!(ExtraOrigins::parse(&list), Err(OriginError(part.to_owned())), "{part}");
        }
    }
}
