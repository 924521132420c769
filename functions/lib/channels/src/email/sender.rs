//! Sender of e-mails: an address that SES has verified, and the display name before it.

use super::header::encoded_words;
use domain::channel::{EmailAddress, EmailAddressError};

/// Maximum length of a display name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Sender of all e-mails of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Address in `From`, which SES has verified.
    pub address: EmailAddress,
    /// Name in `From`.
    pub name: Option<SenderName>,
}

impl Sender {
    /// Parses the address from the template parameter.
    ///
    /// The text must be ASCII, because SES's identities and the permission to send use that form.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse_address(text: &str) -> Result<EmailAddress, SenderAddressError> {
        let address = EmailAddress::parse(text)?;
        if text.is_ascii() { Ok(address) } else { Err(SenderAddressError::NotAscii) }
    }

    /// Returns the value of the header `From`.
    #[must_use]
    pub fn header(&self) -> String {
        let address = self.address.as_str();
        let name = self.name.as_ref().filter(|name| !name.0.is_empty());
        name.map_or_else(|| format!("<{address}>"), |name| format!("{} <{address}>", name.encoded()))
    }
}

impl From<EmailAddress> for Sender {
    fn from(address: EmailAddress) -> Self {
        Self { address, name: None }
    }
}

/// Reason why a text is no sender's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderAddressError {
    /// The text is no e-mail address.
    #[error(transparent)]
    Address(#[from] EmailAddressError),
    /// The domain is internationalized and not in its ASCII form.
    #[error("email must have its domain name in ASCII form (xn--...)")]
    NotAscii,
}

/// Display name of at most 64 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderName(String);

/// Error for a text that is no [`SenderName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 64 characters without line breaks and control characters")]
pub struct SenderNameError;

impl SenderName {
    /// Parses a name. Surrounding blanks are removed, and several blanks in a row become one.
    ///
    /// # Errors
    /// If the name is too long or has a character that could end a header.
    pub fn parse(text: &str) -> Result<Self, SenderNameError> {
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.chars().count() > MAX_NAME_CHARS || text.contains(breaks) {
            return Err(SenderNameError);
        }
        Ok(Self(text.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    /// Returns a quoted string (RFC 5322 section 3.2.4).
    ///
    /// If the name is not ASCII or looks like an encoded word itself, encoded words (RFC 2047) are used instead.
    fn encoded(&self) -> String {
        if self.0.is_ascii() && !self.0.contains("=?") {
            return format!("\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""));
        }
        encoded_words(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::email::EmailMessage;

    fn sender(name: &str) -> Sender {
        let address = EmailAddress::parse("service@example.com").unwrap();
        Sender { address, name: Some(SenderName::parse(name).unwrap()) }
    }

    fn sent(sender: Sender) -> (Option<String>, String, String) {
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let mime =
            EmailMessage::new(sender, to, "T", "B", None, None, None).to_mime("id-1", jiff::Timestamp::UNIX_EPOCH);
        let raw = String::from_utf8(mime.clone()).unwrap();
        let parsed = mail_parser::MessageParser::default().parse(&mime).unwrap();
        let from = parsed.from().unwrap();
        assert_eq!(from.iter().count(), 1, "{raw}");
        let one = from.first().unwrap();
        (one.name().map(str::to_owned), one.address().unwrap().to_owned(), raw)
    }

    #[test]
    fn a_name_stands_before_the_address_as_it_was_given() {
        for name in [
            "Example Ltd",
            "Bücher & Söhne",
            "O'Neil \"the\" \\ Shop, Inc.",
            "=?UTF-8?B?SGk=?=",
            "株式会社",
            "eve@example.org>, <x",
            &"ü".repeat(64),
        ] {
            let (shown, address, raw) = sent(sender(name));
            assert_eq!((shown.as_deref(), address.as_str()), (Some(name), "service@example.com"), "{raw}");
            assert!(raw.lines().all(|line| line.len() <= 998));
        }
        assert!(sent(sender("Example")).2.contains("From: \"Example\" <service@example.com>\r\n"));
        let bare = Sender::from(EmailAddress::parse("service@example.com").unwrap());
        assert_eq!((bare.header(), sent(bare).0), ("<service@example.com>".to_owned(), None));
    }

    #[test]
    fn a_name_that_could_end_a_header_is_refused() {
        for name in ["a\r\nBcc: eve@example.com", "a\nb", "a\0", "a\u{85}b", "a\u{2028}b", &"a".repeat(65)] {
            assert_eq!(SenderName::parse(name), Err(SenderNameError), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_makes_a_second_header_or_author(name in any::<String>()) {
            if let Ok(name) = SenderName::parse(&name) {
                let (_, address, raw) = sent(Sender { name: Some(name), ..sender("x") });
                assert_eq!(address, "service@example.com");
                assert_eq!(raw.lines().filter(|line| line.starts_with("From:")).count(), 1);
            }
        }
    }
}
