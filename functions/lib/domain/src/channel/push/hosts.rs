//! Hosts of push services: those of current browsers, and the operator's list of additional hosts.

use std::collections::BTreeSet;

/// Hosts in the endpoints of browsers. `jmt17.google.com` is Google's push service for browsers other than Chrome
/// Stable: Chrome Beta, Dev and Canary, and the Chromium of Linux distributions.
pub const PUSH_HOSTS: [&str; 5] = [
    "fcm.googleapis.com",
    "jmt17.google.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
];

/// Hosts in addition to [`PUSH_HOSTS`], from the parameter `ExtraPushHosts`. The rules of scheme, port and address
/// apply to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraHosts(BTreeSet<String>);

/// Error for an entry of `ExtraPushHosts` that is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ExtraPushHosts: `{0}` is not a host name such as push.example.com or *.push.example.com")]
pub struct HostError(String);

impl ExtraHosts {
    /// Parses a comma-separated list of `host.name` and `*.suffix`. Empty entries are ignored.
    ///
    /// # Errors
    ///
    /// [`HostError`] contains the first entry that is a URL, an address, a single label or has a port.
    pub fn parse(list: &str) -> Result<Self, HostError> {
        let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        let hosts = parts.map(|part| {
            let host = part.to_ascii_lowercase();
            if is_pattern(&host) { Ok(host) } else { Err(HostError(part.to_owned())) }
        });
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// Returns every allowed host as text for people, the built-in ones first.
    #[must_use]
    pub fn all(&self) -> String {
        PUSH_HOSTS.into_iter().chain(self.0.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
    }

    /// Returns `true` if `host`, in lower case, is a known push service or on the list.
    pub(super) fn allow(&self, host: &str) -> bool {
        PUSH_HOSTS.into_iter().chain(self.0.iter().map(String::as_str)).any(|pattern| matches(pattern, host))
    }
}

/// Matches a host against a pattern. `*.suffix` matches one or more labels before the suffix; any other pattern
/// matches only itself.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.strip_suffix(suffix).is_some_and(are_plain_labels),
        None => host == pattern,
    }
}

/// Returns `true` for two or more labels, optionally after `*.`, of which the last begins with a letter. No IP
/// address in any notation has this form.
fn is_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && name.split('.').all(is_label) && last.starts_with(|letter: char| letter.is_ascii_lowercase())
}

/// Returns `true` if no label is an international name (`xn--`), which browsers may not accept.
fn are_plain_labels(labels: &str) -> bool {
    labels.split('.').all(|label| is_label(label) && !label.starts_with("xn--"))
}

/// Returns `true` for 1 to 63 letters, digits and inner hyphens.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::{Strategy, prop_assert, proptest};
    use proptest::string::string_regex;

    use super::*;

    #[test]
    fn a_name_is_matched_exactly_and_a_suffix_below_itself() {
        let hosts = ExtraHosts::parse("Push.Example.com, *.notify.example.org").unwrap();
        for allowed in ["push.example.com", "a.notify.example.org", "a.b.notify.example.org", "jmt17.google.com"] {
            assert!(hosts.allow(allowed), "{allowed}");
        }
        for other in [
            "a.push.example.com",
            "notify.example.org",
            ".notify.example.org",
            "xnotify.example.org",
            "a..notify.example.org",
            "-a.notify.example.org",
            "xn--a.notify.example.org",
            "push.example.com.",
            "push.example.com.evil.example",
            "google.com",
            "jmt18.google.com",
        ] {
            assert!(!hosts.allow(other), "{other}");
        }
    }

    #[test]
    fn the_empty_list_allows_the_browsers_hosts_alone() {
        for list in ["", " ", ",", " , "] {
            let hosts = ExtraHosts::parse(list).unwrap();
            assert_eq!(hosts, ExtraHosts::default());
            assert!(!hosts.allow("push.example.com") && hosts.allow("web.push.apple.com"));
        }
    }

    proptest! {
        #[test]
        fn what_the_template_admits_the_function_reads(list in admitted_by_the_template()) {
            prop_assert!(ExtraHosts::parse(&list).is_ok(), "{list}");
        }
    }

    /// ParameterTexts that the parameter's `AllowedPattern` matches.
    fn admitted_by_the_template() -> impl Strategy<Value = String> {
        let template = include_str!("../../../../../../template.yaml");
        let (_, parameter) = template.split_once("\n  ExtraPushHosts:\n").unwrap();
        let (_, pattern) = parameter.split_once("AllowedPattern: ").unwrap();
        let pattern = pattern.lines().next().unwrap().strip_prefix("^$|^").unwrap().strip_suffix('$').unwrap();
        string_regex(pattern).unwrap()
    }

    #[test]
    fn what_is_not_a_host_name_is_named() {
        for part in [
            "https://push.example.com",
            "push.example.com:443",
            "push.example.com/path",
            "user@push.example.com",
            "localhost",
            "*.com",
            "*",
            "*.",
            "*push.example.com",
            "push.*.example.com",
            "**.example.com",
            ".example.com",
            "push.example.com.",
            "push..example.com",
            "-push.example.com",
            "push_.example.com",
            "127.0.0.1",
            "*.0.0.1",
            "0x7f.0x1",
            "[::1]",
            "pu sh.example.com",
            "b\u{fc}cher.example",
        ] {
            let list = format!("push.example.org,{part}");
            let error = ExtraHosts::parse(&list).unwrap_err();
            assert_eq!(error, HostError(part.to_owned()), "{part}");
            assert!(error.to_string().starts_with("ExtraPushHosts: "));
        }
    }
}
