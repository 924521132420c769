//! Country code, as settings, prices and phone numbers use it.

use serde::{Deserialize, Serialize};

use super::has_calling_code;

/// ISO 3166-1 alpha-2 code, in capital letters, of a country or territory whose phone numbers have prefixes of their
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode([u8; 2]);

/// Reason for which a text is not a [`CountryCode`]. It may repeat two letters, which identify no person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountryCodeError {
    /// The text is not two capital letters.
    #[error("must be an ISO 3166-1 code of two capital letters such as IT")]
    Form,
    /// The code is often written by mistake for another one.
    #[error("{0} is not a country code of ISO 3166-1: use {1}")]
    UseInstead(CountryCode, CountryCode),
    /// The territory uses the calling code of another one.
    #[error("{0} has no phone numbers of its own: use {1}")]
    CountedAs(CountryCode, CountryCode),
    /// No country has this code.
    #[error("{0} is not the code of a country that has phone numbers")]
    Unknown(CountryCode),
}

/// Codes that are not ISO codes, with the codes that are meant.
const MISTAKEN: [(&str, &str); 4] = [("UK", "GB"), ("EL", "GR"), ("EN", "GB"), ("KV", "XK")];
/// Territories whose numbers count as those of another country.
const COUNTED_AS: [(&str, &str); 9] = [
    ("BL", "GP"),
    ("MF", "GP"),
    ("EH", "MA"),
    ("GS", "FK"),
    ("PN", "NZ"),
    ("UM", "US"),
    ("TF", "FR"),
    ("BV", "NO"),
    ("HM", "AU"),
];

impl CountryCode {
    /// Parses a code from the settings or a template parameter.
    ///
    /// # Errors
    /// Returns the reason and, if it is clear, the correct code.
    pub fn parse(text: &str) -> Result<Self, CountryCodeError> {
        let [first, second] = *text.as_bytes() else { return Err(CountryCodeError::Form) };
        let code = Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]);
        if !code.0.iter().all(u8::is_ascii_uppercase) {
            return Err(CountryCodeError::Form);
        }
        let among = |pairs: &[(&str, &'static str)]| {
            let found = pairs.iter().find(|(mistaken, _)| *mistaken == code.as_str());
            found.and_then(|(_, meant)| meant.as_bytes().try_into().ok()).map(Self)
        };
        if let Some(meant) = among(&MISTAKEN) {
            return Err(CountryCodeError::UseInstead(code, meant));
        }
        if let Some(other) = among(&COUNTED_AS) {
            return Err(CountryCodeError::CountedAs(code, other));
        }
        if !has_calling_code(code.as_str()) {
            return Err(CountryCodeError::Unknown(code));
        }
        if code.as_str() != text {
            return Err(CountryCodeError::Form);
        }
        Ok(code)
    }

    /// Returns the two letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for CountryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for CountryCode {
    type Error = CountryCodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters_that_iso_gave_out() {
        for good in ["IT", "GB", "US", "XK", "RE"] {
            assert_eq!(CountryCode::parse(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("ITA", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("it", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("I1", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("É", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("IT ", "must be an ISO 3166-1 code of two capital letters such as IT"),
            ("UK", "UK is not a country code of ISO 3166-1: use GB"),
            ("uk", "UK is not a country code of ISO 3166-1: use GB"),
            ("EL", "EL is not a country code of ISO 3166-1: use GR"),
            ("MF", "MF has no phone numbers of its own: use GP"),
            ("EU", "EU is not the code of a country that has phone numbers"),
            ("XX", "XX is not the code of a country that has phone numbers"),
        ] {
            assert_eq!(CountryCode::parse(bad).unwrap_err().to_string(), why, "{bad}");
        }
    }

    #[test]
    fn every_code_that_is_named_instead_of_another_is_one() {
        for (mistaken, meant) in MISTAKEN.iter().chain(&COUNTED_AS) {
            assert!(CountryCode::parse(meant).is_ok() && !has_calling_code(mistaken), "{mistaken}");
        }
    }
}
