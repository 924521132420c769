//! A phone number that can be dialled from anywhere, and the country that a bill for it will come from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::countries;
use super::mobiles::{self, NotMobile};

/// A number in the international form of ITU-T E.164: `+`, then 7 to 15 digits, the first not 0.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The text is no [`PhoneNumber`]. Does not repeat what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("phone must be in E.164 form: + and 7 to 15 digits, the first not 0")]
pub struct PhoneNumberError;

/// Why a text is no mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MobileNumberError {
    /// It is no number.
    #[error(transparent)]
    Form(#[from] PhoneNumberError),
    /// It is a number of another kind.
    #[error(transparent)]
    Kind(#[from] NotMobile),
}

impl PhoneNumber {
    /// Reads a number without spaces, brackets or dashes.
    ///
    /// # Errors
    /// When the text has any other form.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError)?;
        let is_number = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_number.then(|| Self(text.to_owned())).ok_or(PhoneNumberError)
    }

    /// Reads a number that an SMS may reach: one that cannot be a mobile number of its country is refused.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse_mobile(text: &str) -> Result<Self, MobileNumberError> {
        let number = Self::parse(text)?;
        number.check_mobile()?;
        Ok(number)
    }

    /// Checks whether this can be a mobile number; numbers that are stored may be older than the rule.
    ///
    /// # Errors
    /// Says why not.
    pub fn check_mobile(&self) -> Result<(), NotMobile> {
        mobiles::check(self.0.trim_start_matches('+'))
    }

    /// The whole number with its `+`, for the place that sends or stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ISO 3166-1 alpha-2 code of the country or territory, told by the longest prefix known. `None` for numbers of
    /// no country (satellite and international networks, free and premium rate numbers in North America) and for
    /// prefixes that the ITU has not assigned: no allow-list should let those pass.
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
