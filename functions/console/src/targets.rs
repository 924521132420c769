//! What is asked of the service, in one place: health, recommendations and the report hold the figures against these.

/// What health looks back on.
pub const HEALTH_MINUTES: i64 = 60;
/// At least this share of what a channel tried is to get through, in percent.
pub const DELIVERY_PERCENT: i64 = 95;
/// At most this share of notifications may end badly, in percent.
pub const ERROR_PERCENT: i64 = 5;
/// Nineteen in twenty are to be through within this.
pub const P95_MS: u64 = 3_000;
/// At least this share of SMS is to get through, in percent.
pub const SMS_PERCENT: i64 = 80;
/// The most that an e-mail that got through may cost, in micro-euro: 0.001 EUR.
pub const EMAIL_MICROS: i64 = 1_000;
/// At least this share of v2's notifications is to get through, in percent.
pub const CASCADE_PERCENT: i64 = 98;
/// The most that an hour may cost, in micro-euro: 100 EUR.
pub const HOUR_MICROS: i64 = 100_000_000;
/// An hour is to have at least so many notifications sent.
pub const SENT_IN_AN_HOUR: i64 = 10;
/// At least this share of what reached somebody is to be clicked, in percent.
pub const CTR_PERCENT: i64 = 40;

/// Whether `part` is less than `percent` of `whole`, exactly; nothing is less than a share of nothing.
#[must_use]
pub const fn is_below(part: i64, whole: i64, percent: i64) -> bool {
    whole > 0 && (part as i128) * 100 < (percent as i128) * (whole as i128)
}

/// Whether `part` is more than `percent` of `whole`, exactly.
#[must_use]
pub const fn is_above(part: i64, whole: i64, percent: i64) -> bool {
    whole > 0 && (part as i128) * 100 > (percent as i128) * (whole as i128)
}

/// What one of `count` costs, in whole micro-euro; `None` of nothing.
#[must_use]
pub fn each(micros: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| (micros + count / 2) / count)
}

/// Micro-euro for people: cents, such as `12.50 EUR`; of less than a euro up to four decimals, and of less than a cent up to
/// all six, so that the price of an e-mail shows.
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

/// A share for people, such as `93.1 %`. What only rounding would make whole has more decimals: 949 of 1,000 are `94.9 %`
/// and 9,499 of 10,000 `94.99 %`, so that nothing stands at a limit that it missed.
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
        assert_eq!((each(100, 3), each(101, 2), each(5, 0)), (Some(33), Some(51), None));
    }
}
