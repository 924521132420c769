//! Dates and times by CLDR, from a small table.
//!
//! The crate that formats dates from all of CLDR would add 0.4 MB to every function that sends. A test makes the table
//! with that crate and compares every day of a year and every hour.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};

use crate::locale::ranges;

/// One line for each locale, separated by tabs: tag, digit zero, short, medium and long date, time of day, and the
/// form that joins a long date and a time. In a date, `{d}`, `{m}` and `{y}` are day, month and year. A list of twelve
/// names, or of 24 texts of an hour, follows `=`.
const TABLE: &str = include_str!("dates.tsv");

static LINES: LazyLock<BTreeMap<&str, &str>> =
    LazyLock::new(|| TABLE.lines().filter_map(|line| line.split_once('\t')).collect());

/// Length of a date's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum DateLength {
    /// `30/11/26`.
    Short,
    /// `30 nov 2026`.
    Medium,
    /// `30 novembre 2026`.
    Long,
}

/// Forms of one locale.
struct DateForms {
    zero: char,
    dates: [&'static str; 3],
    time: &'static str,
    joined: &'static str,
}

/// Forms of a locale that the table lacks: ISO 8601.
const ISO: DateForms =
    DateForms { zero: '0', dates: ["{y}-{mm}-{dd}"; 3], time: "{hh}:{min}", joined: "{date} {time}" };

/// Returns a date as the locale writes it.
pub fn date(locale: &str, date: Date, length: DateLength) -> String {
    let forms = DateForms::of(locale);
    forms.digits(&forms.date(date, length))
}

/// Returns hours and minutes as the locale writes them.
pub fn time_of_day(locale: &str, time: Time) -> String {
    let forms = DateForms::of(locale);
    forms.digits(&forms.time(time))
}

/// Returns a long date with hours and minutes as the locale writes them.
pub fn date_and_time(locale: &str, moment: DateTime) -> String {
    let forms = DateForms::of(locale);
    let (date, time) = (forms.date(moment.date(), DateLength::Long), forms.time(moment.time()));
    forms.digits(&forms.joined.replace("{date}", &date).replace("{time}", &time))
}

impl DateForms {
    fn of(locale: &str) -> Self {
        let locale = locale.to_ascii_lowercase();
        ranges(&locale).find_map(|range| Self::parse(LINES.get(range)?)).unwrap_or(ISO)
    }

    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Self { zero: next()?.chars().next()?, dates: [next()?, next()?, next()?], time: next()?, joined: next()? })
    }

    fn date(&self, date: Date, length: DateLength) -> String {
        let [short, medium, long] = self.dates;
        let form = match length {
            DateLength::Short => short,
            DateLength::Medium => medium,
            DateLength::Long => long,
        };
        let (form, names) = form.split_once('=').unwrap_or((form, ""));
        let (day, month, year) = (date.day(), date.month(), date.year());
        let name = usize::try_from(month - 1).ok().and_then(|index| names.split('|').nth(index)).unwrap_or_default();
        form.replace("{dd}", &format!("{day:02}"))
            .replace("{d}", &day.to_string())
            .replace("{mm}", &format!("{month:02}"))
            .replace("{m}", &month.to_string())
            .replace("{yy}", &format!("{:02}", year.rem_euclid(100)))
            .replace("{y}", &year.to_string())
            .replace("{name}", name)
    }

    fn time(&self, time: Time) -> String {
        let (form, hours) = self.time.split_once('=').unwrap_or((self.time, ""));
        let hour = usize::try_from(time.hour()).ok().and_then(|index| hours.split('|').nth(index)).unwrap_or_default();
        form.replace("{hour}", hour)
            .replace("{hh}", &format!("{:02}", time.hour()))
            .replace("{h}", &time.hour().to_string())
            .replace("{min}", &format!("{:02}", time.minute()))
    }

    /// Writes the digits of the locale.
    fn digits(&self, text: &str) -> String {
        let own = |digit: char| {
            let value = digit.to_digit(10)?;
            char::from_u32(u32::from(self.zero) + value)
        };
        text.chars().map(|character| own(character).unwrap_or(character)).collect()
    }
}

#[cfg(test)]
mod tests;
