//! Values inside a URL.

use super::markup_error::MarkupRuleError;
use crate::variables::cleaned_uri;

/// Place in a URL at which a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlPlace {
    /// At its beginning.
    Start,
    /// In an address after `mailto:`.
    Mail,
    /// In a path, a query or another part.
    Inside,
}

impl UrlPlace {
    /// Returns the place after the text `before`.
    pub fn after(before: &str) -> Self {
        const MAIL: &str = "mailto:";
        let before = before.trim_start();
        if before.is_empty() {
            Self::Start
        } else if before.get(..MAIL.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAIL)) {
            Self::Mail
        } else {
            Self::Inside
        }
    }
}

/// Appends a value at a place of a URL. A value at the beginning must be a whole URL; one further on becomes part of a
/// path, query or address, and is percent-encoded.
///
/// # Errors
/// [`MarkupRuleError::UrlScheme`].
pub fn push_url_value(out: &mut String, place: UrlPlace, value: &str) -> Result<(), MarkupRuleError> {
    if place == UrlPlace::Start {
        out.push_str(&cleaned_uri(value).map_err(|_| MarkupRuleError::UrlScheme)?);
        return Ok(());
    }
    let is_mail = place == UrlPlace::Mail;
    for byte in value.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_mail && byte == b'@');
        if is_plain {
            out.push(char::from(byte));
        } else {
            const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            out.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    Ok(())
}

/// Returns `true` if a finished URL has an allowed scheme. One that stays on the page, such as `#`, is allowed too.
pub fn is_allowed_url(url: &str) -> bool {
    let url = url.trim();
    let has_scheme = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    url.is_empty() || url.starts_with('#') || ["http://", "https://", "mailto:"].into_iter().any(has_scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(before: &str, value: &str) -> Result<String, MarkupRuleError> {
        let mut out = before.to_owned();
        push_url_value(&mut out, UrlPlace::after(before), value).map(|()| out)
    }

    #[test]
    fn a_value_at_the_beginning_is_a_whole_url() {
        assert_eq!(pushed("", "https://example.com/a b").as_deref(), Ok("https://example.com/a%20b"));
        assert_eq!(pushed(" ", "javascript:alert(1)"), Err(MarkupRuleError::UrlScheme));
    }

    #[test]
    fn a_value_further_on_is_encoded() {
        assert_eq!(pushed("https://a.example/?q=", "a&b=/è").as_deref(), Ok("https://a.example/?q=a%26b%3D%2F%C3%A8"));
        assert_eq!(pushed("mailto:", "ada@a.example?cc=x").as_deref(), Ok("mailto:ada@a.example%3Fcc%3Dx"));
        assert_eq!(pushed("https://", "a@evil.example").as_deref(), Ok("https://a%40evil.example"));
    }

    #[test]
    fn the_scheme_of_a_url_is_known() {
        for url in ["HTTPS://a.example", "http://a", "mailto:a@b", "#", "", " https://a"] {
            assert!(is_allowed_url(url), "{url}");
        }
        for url in ["javascript:x", "//a.example", "/a", "data:x", "https:", "ftp://a", "&#106;avascript:x"] {
            assert!(!is_allowed_url(url), "{url}");
        }
    }
}
