//! An e-mail address that SES can take, and that can never become a second header or a second recipient.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::text::is_invisible;

/// RFC 5321 section 4.5.3.1.3, without the angle brackets of a path.
const MAX_BYTES: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;
/// RFC 1035 section 2.3.4.
const MAX_LABEL_BYTES: usize = 63;

/// An address of the form `local@domain`: an ASCII dot-atom (RFC 5322 section 3.2.3) at a domain name of at least two
/// labels. An internationalized domain is kept in its ASCII form (IDNA), in small letters, because SES takes no other;
/// a local part outside ASCII, which SES does not take at all, is refused, and so are quoted ones and address literals.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Why a text is no [`EmailAddress`]. Says what is wrong, never what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    /// Longer than SMTP can carry.
    #[error("email must be at most 254 characters long")]
    TooLong,
    /// White space or a control character, at an end or inside.
    #[error("email must not contain blanks or line breaks, also not at its start or end")]
    Blank,
    /// A character that no reader sees, as programs put around what is copied from them.
    #[error("email must not contain invisible characters: type it anew")]
    Invisible,
    /// `Name <local@domain>`.
    #[error("email must be the address alone, without a name or angle brackets")]
    Brackets,
    /// No `@`, or nothing before it.
    #[error("email must have the form local@domain")]
    NoAt,
    /// More than one `@`.
    #[error("email must have exactly one @")]
    TwoAts,
    /// A local part beyond what SMTP can carry.
    #[error("email must have at most 64 characters before the @")]
    LocalTooLong,
    /// A quoted local part.
    #[error("email must not have quotes before the @")]
    Quoted,
    /// A local part that SES does not take.
    #[error("email must have only ASCII characters before the @: no accents and no other scripts")]
    LocalNotAscii,
    /// Dots that stand at an end of the local part or beside each other.
    #[error("email must not have a dot at the start, right before the @ or beside another dot")]
    LocalDots,
    /// Another character that needs quotes.
    #[error("email must have only letters, digits and the symbols !#$%&'*+-/=?^_`{{|}}~. before the @")]
    LocalSymbol,
    /// Nothing after the `@`.
    #[error("email must have a domain name after the @")]
    NoDomain,
    /// An IP address instead of a name.
    #[error("email must have a domain name after the @, not an IP address")]
    IpAddress,
    /// One label, such as `localhost`.
    #[error("email must have a domain name of at least two parts after the @, such as example.com")]
    OnePart,
    /// Dots that stand at an end of the domain or beside each other.
    #[error("email must not have a dot right after the @, at the end or beside another dot")]
    DomainDots,
    /// `_` in the domain.
    #[error("email must not have an underscore after the @: no domain name of a mailbox has one")]
    Underscore,
    /// A label that is too long.
    #[error("email must have at most 63 characters between the dots after the @")]
    LabelTooLong,
    /// A label with a hyphen at an end.
    #[error("email must not have a hyphen at the start or end of a part of its domain name")]
    Hyphen,
    /// Any other character.
    #[error("email must have a domain name of letters, digits, hyphens and dots after the @")]
    DomainSymbol,
    /// A last label that cannot be a top-level domain.
    #[error("email must end in a top-level domain such as .com: at least two letters")]
    TopLevel,
}

impl EmailAddress {
    /// Reads an address as a person or a program writes it, without display name, comments or surrounding space.
    ///
    /// # Errors
    /// Says which rule the text breaks.
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
        // The ASCII form of a domain may be longer than what was given.
        if address.len() > MAX_BYTES {
            return Err(EmailAddressError::TooLong);
        }
        Ok(Self(address))
    }

    /// The whole address, for the place that sends or stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain, in its ASCII form and in small letters.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A dot-atom of RFC 5322 section 3.2.3.
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

/// The domain in ASCII and in small letters. What is ASCII already is judged by its letters alone, so that a pattern can
/// state the same rule; punycode is not decoded.
fn ascii_domain(domain: &str) -> Result<String, EmailAddressError> {
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        // `Host` undoes percent-encoding, which does not belong into an address.
        match Host::parse(domain) {
            Ok(Host::Domain(ascii)) if !domain.contains('%') => ascii,
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(EmailAddressError::IpAddress),
            _ => return Err(EmailAddressError::DomainSymbol),
        }
    };
    check_domain(&ascii).map(|()| ascii)
}

/// Whether this is a domain name in ASCII at which a mailbox, or a page that tells of one, can be.
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

/// Letters, or the ASCII form of a name in another script.
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
