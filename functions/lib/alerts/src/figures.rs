//! Figures of alerts as text.

use platform::counted_noun::counted_noun;

/// Formats a share in percent with two decimals, without floating point.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Formats a number of minutes.
#[must_use]
pub fn in_minutes(count: usize) -> String {
    counted_noun(count, "minute", "minutes")
}
