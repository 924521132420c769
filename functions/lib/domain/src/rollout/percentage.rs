//! Percentage of recipients who get version 2, as an operator writes it into SSM. Parsing is exact and corrects
//! nothing.

use std::fmt;
use std::str::FromStr;

/// A percentage with up to two decimals, stored as hundredths of a percent: 0 to 10,000.
///
/// The accepted text is `(0|[1-9][0-9]?)(\.[0-9]{1,2})?` or `100(\.0{1,2})?`. The SSM parameter's `AllowedPattern` is
/// the same pattern. White space around the text is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentage(u16);

/// Error for a text that is not a percentage. The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PercentageError {
    /// Empty, or only white space.
    #[error("it is empty")]
    Empty,
    /// A sign, an exponent, a comma, a percent sign, a leading zero or point, or no number at all.
    #[error("it is not a plain number such as 10, 0.5 or 100")]
    NotANumber,
    /// More than two decimals, so finer than a hundredth of a percent.
    #[error("it has more than two decimals")]
    TooManyDecimals,
    /// Above 100.
    #[error("it is above 100")]
    AboveHundred,
}

impl Percentage {
    /// 0 %: the kill switch.
    pub const ZERO: Self = Self(0);
    /// 100 %: all recipients.
    pub const HUNDRED: Self = Self(10_000);

    /// Builds a percentage from hundredths of a percent, 0 to 10,000.
    ///
    /// # Errors
    /// The number is above 10,000.
    pub const fn from_hundredths(hundredths: u16) -> Result<Self, PercentageError> {
        if hundredths > Self::HUNDRED.0 {
            return Err(PercentageError::AboveHundred);
        }
        Ok(Self(hundredths))
    }

    /// Returns hundredths of a percent, 0 to 10,000. The same number of buckets gets version 2.
    pub const fn hundredths(self) -> u16 {
        self.0
    }
}

impl FromStr for Percentage {
    type Err = PercentageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(PercentageError::Empty);
        }
        let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let whole = whole_number(whole)?;
        let hundredths = decimals.map_or(Ok(0), hundredths_of)?;
        // The sum may be up to 99,999, for the text 999.99, and this does not fit into a `u16`.
        u16::try_from(whole * 100 + hundredths).map_or(Err(PercentageError::AboveHundred), Self::from_hundredths)
    }
}

fn only_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses the digits before the point. A leading zero is refused: "05" is probably a "0.5"
/// without its point.
fn whole_number(text: &str) -> Result<u32, PercentageError> {
    if !only_digits(text) || (text.len() > 1 && text.starts_with('0')) {
        return Err(PercentageError::NotANumber);
    }
    if text.len() > 3 {
        return Err(PercentageError::AboveHundred);
    }
    text.parse().map_err(|_| PercentageError::NotANumber)
}

fn hundredths_of(decimals: &str) -> Result<u32, PercentageError> {
    if !only_digits(decimals) {
        return Err(PercentageError::NotANumber);
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| PercentageError::NotANumber);
    match decimals.len() {
        1 => Ok(number(decimals)? * 10),
        2 => number(decimals),
        _ => Err(PercentageError::TooManyDecimals),
    }
}

impl fmt::Display for Percentage {
    /// Writes the shortest text that parses to the same value: `10`, `0.5`, `33.33`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}"),
            tenths if tenths % 10 == 0 => write!(f, "{whole}.{}", tenths / 10),
            _ => write!(f, "{whole}.{rest:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_number_with_up_to_two_decimals_is_read() {
        let read = [
            ("0", 0),
            ("0.0", 0),
            ("0.00", 0),
            ("0.01", 1),
            ("0.5", 50),
            ("0.50", 50),
            ("10", 1_000),
            ("33.33", 3_333),
            ("99.99", 9_999),
            ("100", 10_000),
            ("100.0", 10_000),
            ("100.00", 10_000),
            ("10\n", 1_000),
            (" 10\r\n", 1_000),
            ("\t0\n", 0),
        ];
        for (text, hundredths) in read {
            assert_eq!(text.parse::<Percentage>().map(Percentage::hundredths), Ok(hundredths), "{text:?}");
        }
    }

    #[test]
    fn junk_is_refused_with_its_reason() {
        use PercentageError::{AboveHundred, Empty, NotANumber, TooManyDecimals};
        let long = "1".repeat(4096);
        let long_decimals = format!("0.{}", "0".repeat(4096));
        let invalid = [
            ("", Empty),
            (" \n", Empty),
            ("50 %", NotANumber),
            ("10%", NotANumber),
            ("0,5", NotANumber),
            ("-1", NotANumber),
            ("-0", NotANumber),
            ("+5", NotANumber),
            ("NaN", NotANumber),
            ("inf", NotANumber),
            ("true", NotANumber),
            ("null", NotANumber),
            ("1e1", NotANumber),
            ("0x10", NotANumber),
            ("1_0", NotANumber),
            (".5", NotANumber),
            ("5.", NotANumber),
            (".", NotANumber),
            ("1.2.3", NotANumber),
            ("05", NotANumber),
            ("00", NotANumber),
            ("1 0", NotANumber),
            ("\"10\"", NotANumber),
            ("10\u{a0}", NotANumber),
            ("\u{feff}10", NotANumber),
            ("١٠", NotANumber),
            ("\u{ff11}\u{ff10}", NotANumber),
            ("10\0", NotANumber),
            ("0.001", TooManyDecimals),
            ("10.000", TooManyDecimals),
            ("101", AboveHundred),
            ("100.01", AboveHundred),
            ("655.37", AboveHundred),
            ("999.99", AboveHundred),
            ("65536", AboveHundred),
            (&long, AboveHundred),
            (&long_decimals, TooManyDecimals),
        ];
        for (text, why) in invalid {
            assert_eq!(text.parse::<Percentage>(), Err(why), "{text:.20?}");
        }
    }

    #[test]
    fn hundredths_above_ten_thousand_are_refused() {
        assert_eq!(Percentage::from_hundredths(10_000), Ok(Percentage::HUNDRED));
        assert_eq!(Percentage::from_hundredths(10_001), Err(PercentageError::AboveHundred));
    }

    #[test]
    fn every_percentage_reads_back_from_its_own_text() {
        for hundredths in 0..=10_000 {
            let percentage = Percentage::from_hundredths(hundredths).unwrap();
            assert_eq!(percentage.to_string().parse(), Ok(percentage));
        }
        assert_eq!(Percentage(50).to_string(), "0.5");
        assert_eq!(Percentage(1_005).to_string(), "10.05");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_is_read_as_more_than_everyone(text in any::<String>()) {
            if let Ok(percentage) = text.parse::<Percentage>() {
                prop_assert!(percentage <= Percentage::HUNDRED);
                prop_assert!(text.trim_ascii().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            }
        }
    }
}
