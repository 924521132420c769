//! Targets of the service; health, recommendations and the report compare the figures with them.

/// Window of the health score, in minutes.
pub const HEALTH_MINUTES: i64 = 60;
/// Minimum share of a channel's notifications that must be reached, in percent.
pub const DELIVERY_PERCENT: i64 = 95;
/// Maximum share of notifications that may fail, expire or stay uncertain, in percent.
pub const ERROR_PERCENT: i64 = 5;
/// Maximum p95 latency, in milliseconds: 19 of 20 must be faster.
pub const P95_MS: u64 = 3_000;
/// Minimum share of notifications tried on SMS that must be reached, in percent.
pub const SMS_PERCENT: i64 = 80;
/// Maximum cost per notification reached by e-mail, in micro-euro: 0.001 EUR.
pub const EMAIL_MICROS: i64 = 1_000;
/// Minimum share of version 2's notifications that must be accepted or delivered, in percent.
pub const CASCADE_PERCENT: i64 = 98;
/// Maximum cost of an hour, in micro-euro: 100 EUR.
pub const HOUR_MICROS: i64 = 100_000_000;
/// Minimum number of notifications sent in an hour.
pub const SENT_IN_AN_HOUR: i64 = 10;
/// Minimum share of accepted or delivered notifications that must be clicked, in percent.
pub const CTR_PERCENT: i64 = 40;

/// Returns true if `part` is less than `percent` of `whole`, without rounding; false if `whole` is 0.
#[must_use]
pub const fn is_below(part: i64, whole: i64, percent: i64) -> bool {
    whole > 0 && (part as i128) * 100 < (percent as i128) * (whole as i128)
}

/// Returns true if `part` is more than `percent` of `whole`, without rounding; false if `whole` is 0.
#[must_use]
pub const fn is_above(part: i64, whole: i64, percent: i64) -> bool {
    whole > 0 && (part as i128) * 100 > (percent as i128) * (whole as i128)
}

/// Returns the cost of one of `count`, rounded to whole micro-euro; `None` if `count` is 0.
#[must_use]
pub fn per_item(micros: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| (micros + count / 2) / count)
}

/// Formats micro-euro for people: with cents, such as `12.50 EUR`. Amounts below one euro have up to four decimals.
/// Amounts below one cent have up to six, so that the price of an e-mail is visible.
#[must_use]
pub fn euro(micros: i64) -> String {
    let decimals = match micros.unsigned_abs() {
        1..10_000 => 6,
        10_000..1_000_000 => 4,
        _ => 2,
    };
    let text = format!("{:.decimals$}", micros as f64 / 1e6);
    let cents = text.find('.').map_or(text.len(), |point| point + 3);
    let kept = text.trim_end_matches('0').len().max(cents);
    format!("{} EUR", &text[..kept])
}

/// Formats a share for people, such as `93.1 %`. A share that only rounding would make whole gets more decimals: 949 of
/// 1,000 are `94.9 %`, and 9,499 of 10,000 are `94.99 %`. Therefore no share appears equal to a limit that it misses.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    let (part, whole) = (i128::from(part), i128::from(whole.max(1)));
    let share = part as f64 * 100.0 / whole as f64;
    let is_whole = part * 100 % whole == 0;
    let shows_as_whole = |text: &String| text.trim_end_matches('0').ends_with('.');
    let shown = (1..=6).map(|decimals| format!("{share:.decimals$}"));
    format!(
        "{} %",
        shown.clone().find(|text| is_whole || !shows_as_whole(text)).unwrap_or_else(|| format!("{share:.1}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_met_exactly() {
        assert!(!is_below(95, 100, 95) && is_below(94, 100, 95) && is_below(949_999, 1_000_000, 95));
        assert!(!is_above(5, 100, 5) && is_above(6, 100, 5) && !is_below(0, 0, 95) && !is_above(1, 0, 5));
        assert!(is_below(i64::MAX / 2, i64::MAX, 95), "without overflow");
    }

    #[test]
    fn figures_are_written_for_people() {
        let prices = [12_500_000, 999_999, 70_000, 9_999, 1_000, 92, 0].map(euro);
        let shown = ["12.50", "1.00", "0.07", "0.009999", "0.001", "0.000092", "0.00"];
        assert_eq!(prices, shown.map(|price| format!("{price} EUR")));
        let shares = [(931, 1_000), (95, 100), (9_499, 10_000), (949_996, 1_000_000), (1, 3), (0, 0), (1, i64::MAX)];
        let shown = ["93.1", "95.0", "94.99", "94.9996", "33.3", "0.0", "0.0"];
        assert_eq!(shares.map(|(part, whole)| percent(part, whole)), shown.map(|share| format!("{share} %")));
        assert_eq!((per_item(100, 3), per_item(101, 2), per_item(5, 0)), (Some(33), Some(51), None));
    }
}
