//! Phone number in international form, and the country whose SMS price applies to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::countries;
use super::mobiles::{self, NotMobileError};

/// Number in the international form of ITU-T E.164: `+`, then 7 to 15 digits, the first not 0.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Error for a text that is not a [`PhoneNumber`]. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("phone must be in E.164 form: + and 7 to 15 digits, the first not 0")]
pub struct PhoneNumberError;

/// Reason for which a text is not a mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MobileNumberError {
    /// The text is not a phone number.
    #[error(transparent)]
    Form(#[from] PhoneNumberError),
    /// The number is not a mobile number.
    #[error(transparent)]
    Kind(#[from] NotMobileError),
}

impl PhoneNumber {
    /// Parses a number without spaces, brackets or dashes.
    ///
    /// # Errors
    /// The text has any other form.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError)?;
        let is_number = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_number.then(|| Self(text.to_owned())).ok_or(PhoneNumberError)
    }

    /// Parses a number that may receive SMS. A number that cannot be a mobile number of its country is refused.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    pub fn parse_mobile(text: &str) -> Result<Self, MobileNumberError> {
        let number = Self::parse(text)?;
        number.check_mobile()?;
        Ok(number)
    }

    /// Checks that the number can be a mobile number. Stored numbers may be older than this rule.
    ///
    /// # Errors
    /// Returns the reason if it cannot.
    pub fn check_mobile(&self) -> Result<(), NotMobileError> {
        mobiles::check(self.0.trim_start_matches('+'))
    }

    /// Returns the whole number with its `+`, for sending and storing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number with its first and last digits alone, such as `+39…67`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (start, end) = (self.0.get(..3), self.0.get(self.0.len().saturating_sub(2)..));
        format!("{}…{}", start.unwrap_or_default(), end.unwrap_or_default())
    }

    /// Returns the ISO 3166-1 alpha-2 code of the country or territory, by the longest known prefix.
    ///
    /// `None` for numbers of no country: satellite and international networks, and free and premium numbers of North
    /// America. `None` also for prefixes that the ITU has not assigned. An allow-list must refuse both.
    #[must_use]
    pub fn country(&self) -> Option<&'static str> {
        countries::of_number(self.0.trim_start_matches('+'))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(***)")
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_international_form_is_a_number() {
        for text in ["+4915112345678", "+1234567", "+123456789012345"] {
            assert_eq!(PhoneNumber::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "+",
            "4915112345678",
            "004915112345678",
            "+49 151 12345678",
            "+0491511234567",
            "+123456",
            "+1234567890123456",
            "+49151123456a",
            "++4915112345678",
            "+49151\r\n1234567",
            "+٤٩١٥١١٢٣٤",
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(PhoneNumberError), "{text:?}");
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_number() {
        let number = PhoneNumber::parse("+4915112345678").unwrap();
        assert_eq!(number.masked(), "+49…78");
        assert_eq!(format!("{number:?}"), "PhoneNumber(***)");
        let error = serde_json::from_str::<PhoneNumber>("\"015112345678\"").unwrap_err().to_string();
        assert!(error.contains("phone") && !error.contains("0151"), "{error}");
    }

    #[test]
    fn a_number_is_a_plain_string_in_json() {
        let number: PhoneNumber = serde_json::from_str("\"+4915112345678\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"+4915112345678\"");
        assert_eq!(number.country(), Some("DE"));
    }
}
