//! Numbers, money and times as pages show them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Returns a whole number with commas between thousands.
#[must_use]
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun: `1 person`, `2,000 people`. The noun may be followed by its verb: `1 part is`.
#[must_use]
pub fn number_of(number: impl TryInto<i64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(i64::MAX);
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Returns micro-euro as euro: two decimals, or four below ten cents.
#[must_use]
pub fn euro(micros: i64) -> String {
    EuroScale::of([micros]).show(micros)
}

/// Number of decimals that the amounts of one table have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EuroScale {
    has_four: bool,
}

impl EuroScale {
    /// Returns the scale of some amounts in micro-euro: four decimals if one of them is below ten cents, or else two.
    #[must_use]
    pub fn of(amounts: impl IntoIterator<Item = i64>) -> Self {
        let is_small = |micros: i64| micros != 0 && micros.unsigned_abs() < 100_000;
        Self { has_four: amounts.into_iter().any(is_small) }
    }

    /// Returns an amount in micro-euro as euro. One that the decimals would show as 0 is called less than the smallest.
    #[must_use]
    pub fn show(self, micros: i64) -> String {
        let (parts, unit, width) = if self.has_four { (10_000, 100, 4) } else { (100, 10_000, 2) };
        let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let rounded = (size + unit / 2) / unit;
        if size > 0 && rounded == 0 {
            let smallest = if self.has_four { "0.0001" } else { "0.01" };
            return format!("less than {sign}{smallest} EUR");
        }
        let whole = count(i64::try_from(rounded / parts).unwrap_or(i64::MAX));
        format!("{sign}{whole}.{:0width$} EUR", rounded % parts)
    }
}

/// Returns a rate from 0 to 1 as a percentage with one decimal; a dash without data.
#[must_use]
pub fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}

/// Returns a duration in milliseconds; a dash without data.
#[must_use]
pub fn millis(ms: Option<i64>) -> String {
    match ms {
        None => "–".to_owned(),
        Some(ms) if ms.abs() < 10_000 => format!("{} ms", count(ms)),
        Some(ms) => duration_text(SignedDuration::from_millis(ms)),
    }
}

/// Returns a duration in its two largest units.
#[must_use]
pub fn duration_text(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Returns the distance of a time from now, such as `3 min 5 s ago`.
#[must_use]
pub fn relative(time: Timestamp, now: Timestamp) -> String {
    let distance = now.duration_since(time);
    match distance.as_secs() {
        0 => "now".to_owned(),
        1.. => format!("{} ago", duration_text(distance)),
        _ => format!("in {}", duration_text(distance)),
    }
}

/// Time zone in which a person reads times.
#[derive(Debug, Clone)]
pub struct ZoneChoice {
    /// `mine`, `organisation` or `utc`, as the query and the cookie have it.
    pub name: &'static str,
    /// Zone.
    pub zone: TimeZone,
}

impl ZoneChoice {
    /// Returns the zone of a choice. `mine` is the browser's zone, which the console's script stores in a cookie.
    #[must_use]
    pub fn new(choice: &str, mine: &str, organisation: &str) -> Self {
        let zone = |name: &str| if name.is_empty() { None } else { TimeZone::get(name).ok() };
        let chosen = match choice {
            "mine" => zone(mine).map(|zone| ("mine", zone)),
            "organisation" => zone(organisation).map(|zone| ("organisation", zone)),
            _ => None,
        };
        let (name, zone) = chosen.unwrap_or(("utc", TimeZone::UTC));
        Self { name, zone }
    }

    /// Returns a time with its zone, such as `2026-11-29 13:05:10 CET`.
    #[must_use]
    pub fn time(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

/// Returns a `<time>` element whose distance from now is visible beside it. The console's script keeps it up to date.
#[must_use]
pub fn time_with_distance(time: Timestamp, zone: &ZoneChoice, now: Timestamp) -> String {
    let element = time_element(time, zone, now);
    format!("{element} <span class=\"small ago\" data-at=\"{time}\">({})</span>", relative(time, now))
}

/// Returns a `<time>` element with the zone and the distance from now.
#[must_use]
pub fn time_element(time: Timestamp, zone: &ZoneChoice, now: Timestamp) -> String {
    format!("<time datetime=\"{time}\" title=\"{}\">{}</time>", relative(time, now), zone.time(time))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let people = |number| number_of(number, "person", "people");
        assert_eq!([people(0), people(1), people(2_000)], ["0 people", "1 person", "2,000 people"]);
        assert_eq!(number_of(vec!["a"].len(), "row", "rows"), "1 row");
        assert_eq!([count(0), count(999), count(1_000), count(-1_234_567)], ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!(
            [euro(0), euro(70_000), euro(1_234_567_891), euro(-5_000_000)],
            ["0.00 EUR", "0.0700 EUR", "1,234.57 EUR", "-5.00 EUR"]
        );
        let scale = EuroScale::of([92, 1_234_567]);
        let shown = [0, 49, 92, 1_234_567, -49].map(|micros| scale.show(micros));
        let expected = ["0.0000 EUR", "less than 0.0001 EUR", "0.0001 EUR", "1.2346 EUR", "less than -0.0001 EUR"];
        assert_eq!(shown, expected, "the amounts of a table have the same decimals");
        assert_eq!(euro(3), "less than 0.0001 EUR");
        assert_eq!([percent(None), percent(Some(0.98765))], ["–", "98.8 %"]);
        assert_eq!([millis(Some(9_999)), millis(Some(61_000)), millis(None)], ["9,999 ms", "1 min 1 s", "–"]);
    }

    #[test]
    fn a_time_has_its_zone_and_its_distance() {
        let (time, now) = ("2026-11-29T12:00:00Z".parse().unwrap(), "2026-11-29T12:03:05Z".parse().unwrap());
        let zone = ZoneChoice::new("mine", "Europe/Rome", "");
        assert_eq!(
            time_element(time, &zone, now),
            "<time datetime=\"2026-11-29T12:00:00Z\" title=\"3 min 5 s ago\">2026-11-29 13:00:00 CET</time>"
        );
        assert_eq!(relative(now, time), "in 3 min 5 s");
        let visible = time_with_distance(time, &zone, now);
        assert!(
            visible.ends_with(
                "CET</time> <span class=\"small ago\" data-at=\"2026-11-29T12:00:00Z\">(3 min 5 s ago)</span>"
            )
        );
        for (choice, mine, expected) in [
            ("mine", "", "utc"),
            ("mine", "Mars/Base", "utc"),
            ("organisation", "", "utc"),
            ("x", "Europe/Rome", "utc"),
        ] {
            assert_eq!(ZoneChoice::new(choice, mine, "").name, expected);
        }
    }
}
