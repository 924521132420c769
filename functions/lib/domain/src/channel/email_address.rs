//! E-mail address that SES accepts, and that cannot inject a second header or a second recipient.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::text::is_invisible;

/// Maximum length of an address (RFC 5321 section 4.5.3.1.3, without the angle brackets of a path).
const MAX_BYTES: usize = 254;
/// Maximum length of a local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// Maximum length of a domain's label (RFC 1035 section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Address of the form `local@domain`: an ASCII dot-atom (RFC 5322 section 3.2.3) and a domain name of at least two
/// labels.
///
/// An internationalized domain is stored in its ASCII form (IDNA) and in lower case, because SES accepts no other
/// form. A local part with non-ASCII characters is refused, because SES does not accept it. Quoted local parts and
/// address literals are refused too.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Reason for which a text is not an [`EmailAddress`]. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    /// The address is longer than SMTP allows.
    #[error("email must be at most 254 characters long")]
    TooLong,
    /// The address contains white space or a control character, at an end or inside.
    #[error("email must not contain blanks or line breaks, also not at its start or end")]
    Blank,
    /// The address contains an invisible character, such as programs add to copied text.
    #[error("email must not contain invisible characters: type it again")]
    Invisible,
    /// The text has the form `Name <local@domain>`.
    #[error("email must be the address alone, without a name or angle brackets")]
    Brackets,
    /// There is no `@`, or nothing before it.
    #[error("email must have the form local@domain")]
    NoAt,
    /// There is more than one `@`.
    #[error("email must have exactly one @")]
    TwoAts,
    /// The local part is longer than SMTP allows.
    #[error("email must have at most 64 characters before the @")]
    LocalTooLong,
    /// The local part is quoted.
    #[error("email must not have quotes before the @")]
    Quoted,
    /// The local part contains characters that SES does not accept.
    #[error("email must have only ASCII characters before the @: no accents and no other scripts")]
    LocalNotAscii,
    /// The local part has a dot at an end, or two adjacent dots.
    #[error("email must not have a dot at the start, right before the @ or beside another dot")]
    LocalDots,
    /// The local part contains another character that requires quotes.
    #[error("email must have only letters, digits and the symbols !#$%&'*+-/=?^_`{{|}}~. before the @")]
    LocalSymbol,
    /// There is nothing after the `@`.
    #[error("email must have a domain name after the @")]
    NoDomain,
    /// The domain is an IP address instead of a name.
    #[error("email must have a domain name after the @, not an IP address")]
    IpAddress,
    /// The domain has only one label, such as `localhost`.
    #[error("email must have a domain name of at least two parts after the @, such as example.com")]
    OnePart,
    /// The domain has a dot at an end, or two adjacent dots.
    #[error("email must not have a dot right after the @, at the end or beside another dot")]
    DomainDots,
    /// The domain contains `_`.
    #[error("email must not have an underscore after the @: no domain name of a mailbox has one")]
    Underscore,
    /// A label of the domain is too long.
    #[error("email must have at most 63 characters between the dots after the @")]
    LabelTooLong,
    /// A label of the domain has a hyphen at an end.
    #[error("email must not have a hyphen at the start or end of a part of its domain name")]
    Hyphen,
    /// The domain contains any other character that is not allowed.
    #[error("email must have a domain name of letters, digits, hyphens and dots after the @")]
    DomainSymbol,
    /// The last label cannot be a top-level domain.
    #[error("email must end in a top-level domain such as .com: at least two letters")]
    TopLevel,
}

impl EmailAddress {
    /// Parses an address without display name, comments or surrounding space.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        if text.len() > MAX_BYTES {
            return Err(EmailAddressError::TooLong);
        }
        if text.contains(['<', '>']) {
            return Err(EmailAddressError::Brackets);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailAddressError::Blank);
        }
        if text.chars().any(is_invisible) {
            return Err(EmailAddressError::Invisible);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError::NoAt)?;
        check_local(local)?;
        let address = format!("{local}@{}", ascii_domain(domain)?);
        // The ASCII form of a domain may be longer than the given text.
        if address.len() > MAX_BYTES {
            return Err(EmailAddressError::TooLong);
        }
        Ok(Self(address))
    }

    /// Returns the whole address, for sending and storing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address with the first character of its local part alone, such as `a…@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let first = self.0.chars().next().unwrap_or_default();
        format!("{first}…@{}", self.domain())
    }

    /// Returns the domain, in its ASCII form and in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Checks that the local part is a dot-atom of RFC 5322 section 3.2.3.
fn check_local(local: &str) -> Result<(), EmailAddressError> {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    match local {
        "" => Err(EmailAddressError::NoAt),
        _ if local.contains('"') => Err(EmailAddressError::Quoted),
        _ if local.contains('@') => Err(EmailAddressError::TwoAts),
        _ if !local.is_ascii() => Err(EmailAddressError::LocalNotAscii),
        _ if local.len() > MAX_LOCAL_BYTES => Err(EmailAddressError::LocalTooLong),
        _ if local.split('.').any(str::is_empty) => Err(EmailAddressError::LocalDots),
        _ if !local.bytes().all(|byte| byte == b'.' || is_atext(byte)) => Err(EmailAddressError::LocalSymbol),
        _ => Ok(()),
    }
}

/// Returns the domain in ASCII and in lower case. A domain that is ASCII already is checked by its characters only;
/// punycode is not decoded. So a regular expression can state the same rule.
fn ascii_domain(domain: &str) -> Result<String, EmailAddressError> {
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        // `Host` decodes percent-encoding, which is not allowed in an e-mail address.
        match Host::parse(domain) {
            Ok(Host::Domain(ascii)) if !domain.contains('%') => ascii,
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(EmailAddressError::IpAddress),
            _ => return Err(EmailAddressError::DomainSymbol),
        }
    };
    check_domain(&ascii).map(|()| ascii)
}

/// Returns `true` if the text is an ASCII domain name that a mailbox, or a page about one, can have.
#[must_use]
pub fn is_domain_name(domain: &str) -> bool {
    check_domain(&domain.to_ascii_lowercase()).is_ok()
}

fn check_domain(domain: &str) -> Result<(), EmailAddressError> {
    let labels = || domain.split('.');
    let is_ldh = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_number = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    match domain {
        "" => Err(EmailAddressError::NoDomain),
        _ if domain.starts_with('[') || labels().all(is_number) => Err(EmailAddressError::IpAddress),
        _ if labels().any(str::is_empty) => Err(EmailAddressError::DomainDots),
        _ if domain.contains('_') => Err(EmailAddressError::Underscore),
        _ if !labels().all(|label| label.bytes().all(is_ldh)) => Err(EmailAddressError::DomainSymbol),
        _ if labels().any(|label| label.starts_with('-') || label.ends_with('-')) => Err(EmailAddressError::Hyphen),
        _ if labels().any(|label| label.len() > MAX_LABEL_BYTES) => Err(EmailAddressError::LabelTooLong),
        _ if !domain.contains('.') => Err(EmailAddressError::OnePart),
        _ if !labels().next_back().is_some_and(is_top_level) => Err(EmailAddressError::TopLevel),
        _ => Ok(()),
    }
}

/// Returns `true` for letters, or for the ASCII form of a name in another script.
fn is_top_level(label: &str) -> bool {
    label.starts_with("xn--") || (label.len() >= 2 && label.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_has_its_first_character_and_its_domain() {
        assert_eq!(EmailAddress::parse("ada@Example.com").unwrap().masked(), "a…@example.com");
    }

    #[test]
    fn ordinary_addresses_are_kept_as_written() {
        for text in ["ada@example.com", "a.b+tag@mail.example.co.uk", "o'neil_{x}@example.org", "1@a1.example"] {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_domain_is_kept_in_ascii_and_small_letters_but_the_local_part_as_given() {
        let address = EmailAddress::parse("Ada.L@Bücher.Example").unwrap();
        assert_eq!(address.as_str(), "Ada.L@xn--bcher-kva.example");
        assert_eq!(address.domain(), "xn--bcher-kva.example");
        assert_eq!(EmailAddress::parse("a@пример.рф").unwrap().as_str(), "a@xn--e1afmkfd.xn--p1ai");
        assert_eq!(EmailAddress::parse("a@EXAMPLE.XN--P1AI").unwrap().as_str(), "a@example.xn--p1ai");
    }

    #[test]
    fn a_text_that_could_become_a_header_or_a_second_recipient_is_refused() {
        use EmailAddressError::{
            Blank, Brackets, DomainDots, DomainSymbol, Hyphen, Invisible, IpAddress, LabelTooLong, LocalDots,
            LocalNotAscii, LocalSymbol, NoAt, NoDomain, OnePart, Quoted, TopLevel, TwoAts, Underscore,
        };
        for (text, error) in [
            ("", NoAt),
            ("ada", NoAt),
            ("@example.com", NoAt),
            ("ada@", NoDomain),
            ("ada@localhost", OnePart),
            ("ada@127.0.0.1", IpAddress),
            ("ada@[127.0.0.1]", IpAddress),
            ("ada@[IPv6:::1]", IpAddress),
            ("ada@example.com.", DomainDots),
            ("ada@.example.com", DomainDots),
            ("ada@example..com", DomainDots),
            ("ada@exam_ple.com", Underscore),
            ("ada@-example.com", Hyphen),
            ("ada@exa%6dple.com", DomainSymbol),
            ("ada@example.c", TopLevel),
            ("ada@example.123", TopLevel),
            ("ada@example.c0m", TopLevel),
            ("ada@example.com ", Blank),
            ("ada@example.com\n", Blank),
            ("ada@example.com\r\nBcc: eve@example.com", Blank),
            ("ada@example.com,eve", DomainSymbol),
            ("ada@example.com,eve@example.com", TwoAts),
            ("ada@example.com;eve@example.com", TwoAts),
            ("ada\r\nBcc: eve@example.com", Blank),
            ("ada,eve@example.com", LocalSymbol),
            ("ada @example.com", Blank),
            (" ada@example.com", Blank),
            ("\u{a0}ada@example.com", Blank),
            ("\u{202a}ada@example.com\u{202c}", Invisible),
            ("\u{feff}ada@example.com", Invisible),
            ("a\u{200b}da@example.com", Invisible),
            ("ada@exam\u{ad}ple.com", Invisible),
            ("<ada@example.com", Brackets),
            ("Ada Lovelace <ada@example.com>", Brackets),
            ("Ada<ada@example.com>", Brackets),
            ("\"ada\"@example.com", Quoted),
            ("ada@eve@example.com", TwoAts),
            ("ada@@example.com", TwoAts),
            (".ada@example.com", LocalDots),
            ("ada.@example.com", LocalDots),
            ("a..da@example.com", LocalDots),
            ("adä@example.com", LocalNotAscii),
            (&format!("ada@{}.com", "a".repeat(64)), LabelTooLong),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_bounded_before_and_after_idna() {
        let domain = format!("{}.{}.{}.example", "a".repeat(60), "b".repeat(60), "c".repeat(59));
        let longest = format!("{}@{domain}", "l".repeat(64));
        assert_eq!(longest.len(), 254);
        assert!(EmailAddress::parse(&longest).is_ok());
        assert_eq!(EmailAddress::parse(&format!("{longest}s")), Err(EmailAddressError::TooLong));
        assert_eq!(
            EmailAddress::parse(&format!("{}@example.com", "l".repeat(65))),
            Err(EmailAddressError::LocalTooLong)
        );
        let grown = format!("{}@{}", "l".repeat(64), "ü.".repeat(50) + "example");
        assert!(grown.len() <= 254);
        assert_eq!(EmailAddress::parse(&grown), Err(EmailAddressError::TooLong));
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_address() {
        let address = EmailAddress::parse("ada@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(***)");
        let error = serde_json::from_str::<EmailAddress>("\"ada lovelace@example.com\"").unwrap_err().to_string();
        assert!(error.contains("email") && !error.contains("lovelace"), "{error}");
    }

    #[test]
    fn an_address_is_a_plain_string_in_json() {
        let address: EmailAddress = serde_json::from_str("\"ada@example.com\"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"ada@example.com\"");
    }
}
