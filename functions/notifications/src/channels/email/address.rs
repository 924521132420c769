//! An e-mail address that SES can take, and that can never become a second header or a second recipient.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Host;

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
    /// No `@`, or nothing on one side of it.
    #[error("email must have the form local@domain")]
    NoDomain,
    /// The part before the `@`.
    #[error("email must have 1 to 64 ASCII letters, digits or unquoted symbols before the @")]
    Local,
    /// The part after the `@`.
    #[error("email must have a domain name of at least two parts after the @")]
    Domain,
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
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError::NoDomain)?;
        if !is_dot_atom(local) {
            return Err(EmailAddressError::Local);
        }
        let address = format!("{local}@{}", ascii_domain(domain).ok_or(EmailAddressError::Domain)?);
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

fn is_dot_atom(local: &str) -> bool {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= MAX_LOCAL_BYTES && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn ascii_domain(domain: &str) -> Option<String> {
    // `Host` undoes percent-encoding and reads numbers as IPv4: neither belongs into an address.
    if domain.contains('%') {
        return None;
    }
    let Ok(Host::Domain(ascii)) = Host::parse(domain) else { return None };
    let is_ldh = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (ascii.contains('.') && ascii.split('.').all(is_ldh)).then_some(ascii)
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
    }

    #[test]
    fn a_text_that_could_become_a_header_or_a_second_recipient_is_refused() {
        use EmailAddressError::{Domain, Local, NoDomain};
        for (text, error) in [
            ("", NoDomain),
            ("ada", NoDomain),
            ("@example.com", Local),
            ("ada@", Domain),
            ("ada@localhost", Domain),
            ("ada@127.0.0.1", Domain),
            ("ada@[127.0.0.1]", Domain),
            ("ada@example.com.", Domain),
            ("ada@exam_ple.com", Domain),
            ("ada@-example.com", Domain),
            ("ada@exa%6dple.com", Domain),
            ("ada@example.com\r\nBcc: eve@example.com", Local),
            ("ada@example.com,eve", Domain),
            ("ada@example.com\r\nBcc: eve", Domain),
            ("ada\r\nBcc: eve@example.com", Local),
            ("ada,eve@example.com", Local),
            ("ada @example.com", Local),
            (" ada@example.com", Local),
            ("<ada@example.com", Local),
            ("\"ada b\"@example.com", Local),
            ("ada@eve@example.com", Local),
            (".ada@example.com", Local),
            ("a..da@example.com", Local),
            ("adä@example.com", Local),
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
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "l".repeat(65))), Err(EmailAddressError::Local));
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
