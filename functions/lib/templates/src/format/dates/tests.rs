//! The table against the crate that holds all of CLDR. `UPDATE_DATES=1` writes the table again.

#![allow(clippy::unwrap_used)]

use icu_calendar::Gregorian;
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::{T, YMD, YMDT};
use icu_datetime::input::{Date as IcuDate, DateTime as IcuDateTime, Time as IcuTime};
use icu_locale_core::Locale;
use jiff::ToSpan;
use proptest::prelude::{any, proptest};

use super::*;
use crate::format::number;

/// Languages that senders of this service write, and countries whose dates differ from those of their language.
const LOCALES: &str = "af am ar ar-ae ar-eg ar-sa az be bg bn bs ca cs cy da de de-at de-ch el en en-001 en-au en-ca en-gb \
    en-hk en-ie en-in en-nz en-sg en-za es es-ar es-cl es-co es-mx es-pe es-us et eu fa fi fil fr fr-be fr-ca fr-ch ga gl gu \
    he hi hr hu hy id is it it-ch ja ka kk km kn ko ky lo lt lv mk ml mn mr ms mt my nb ne nl nl-be nn no pa pl pt pt-ao \
    pt-br pt-pt ro ru si sk sl sq sr sr-latn sv sv-fi sw ta te th tr uk ur uz vi zh zh-hans zh-hant zh-hk zh-mo zh-sg zh-tw \
    zu";

struct Reference {
    dates: [FixedCalendarDateTimeFormatter<Gregorian, YMD>; 3],
    time: FixedCalendarDateTimeFormatter<Gregorian, T>,
    joined: FixedCalendarDateTimeFormatter<Gregorian, YMDT>,
    zero: char,
}

impl Reference {
    fn new(tag: &str) -> Self {
        let locale: Locale = tag.parse().unwrap();
        let dates = [YMD::short(), YMD::medium(), YMD::long()]
            .map(|fields| FixedCalendarDateTimeFormatter::try_new((&locale).into(), fields).unwrap());
        let time = FixedCalendarDateTimeFormatter::try_new((&locale).into(), T::hm()).unwrap();
        let joined = FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::long().with_time_hm()).unwrap();
        Self { dates, time, joined, zero: number(tag, 0.0, None).unwrap().chars().next().unwrap() }
    }

    fn date(&self, length: usize, date: Date) -> String {
        self.dates[length].format(&icu_date(date)).to_string()
    }

    fn time(&self, hour: u8, minute: u8) -> String {
        self.time.format(&IcuTime::try_new(hour, minute, 0, 0).unwrap()).to_string()
    }

    fn joined(&self, date: Date, hour: u8, minute: u8) -> String {
        let moment = IcuDateTime { date: icu_date(date), time: IcuTime::try_new(hour, minute, 0, 0).unwrap() };
        self.joined.format(&moment).to_string()
    }

    /// Writes the digits as ASCII.
    fn ascii(&self, text: &str) -> String {
        let zero = u32::from(self.zero);
        let digit = |c: char| char::from_digit(u32::from(c).checked_sub(zero)?, 10);
        text.chars().map(|c| digit(c).unwrap_or(c)).collect()
    }

    fn date_form(&self, length: usize) -> String {
        let texts: Vec<String> =
            (1..=12).map(|month| self.ascii(&self.date(length, Date::constant(2045, month, 23)))).collect();
        let padded = self.ascii(&self.date(length, Date::constant(2041, 11, 5)));
        let day = if padded.contains("05") { "{dd}" } else { "{d}" };
        let filled = |text: &str| {
            let text = if text.contains("2045") { text.replace("2045", "{y}") } else { text.replace("45", "{yy}") };
            text.replace("23", day)
        };
        let texts: Vec<String> = texts.iter().map(|text| filled(text)).collect();
        let (prefix, suffix) = (shared(texts.iter().map(|t| t.chars().collect())), {
            let reversed = shared(texts.iter().map(|t| t.chars().rev().collect()));
            reversed.chars().rev().collect::<String>()
        });
        let names: Vec<&str> = texts.iter().map(|text| &text[prefix.len()..text.len() - suffix.len()]).collect();
        let numbers = |width: usize| (1..=12).map(|month| format!("{month:0width$}")).collect::<Vec<_>>();
        if names == numbers(1) {
            return format!("{prefix}{{m}}{suffix}");
        }
        if names == numbers(2) {
            return format!("{prefix}{{mm}}{suffix}");
        }
        format!("{prefix}{{name}}{suffix}={}", names.join("|"))
    }

    fn time_form(&self) -> String {
        let hours: Vec<String> =
            (0..24).map(|hour| self.ascii(&self.time(hour, 45)).replacen("45", "{min}", 1)).collect();
        for form in ["{h}", "{hh}"] {
            let whole = hours[17].replace("17", form);
            let fits = |(hour, text): (usize, &String)| {
                *text == whole.replace("{hh}", &format!("{hour:02}")).replace("{h}", &hour.to_string())
            };
            if hours[17].contains("17") && hours.iter().enumerate().all(fits) {
                return whole;
            }
        }
        format!("{{hour}}={}", hours.join("|"))
    }

    fn line(&self, tag: &str) -> String {
        let date = Date::constant(2045, 11, 23);
        let joined = self.joined(date, 17, 45);
        let joined = joined.replace(&self.date(2, date), "{date}").replace(&self.time(17, 45), "{time}");
        let [short, medium, long] = [0, 1, 2].map(|length| self.date_form(length));
        format!("{tag}\t{}\t{short}\t{medium}\t{long}\t{}\t{joined}\n", self.zero, self.time_form())
    }
}

fn icu_date(date: Date) -> IcuDate<Gregorian> {
    let part = |value: i8| u8::try_from(value).unwrap();
    IcuDate::try_new_gregorian(i32::from(date.year()), part(date.month()), part(date.day())).unwrap()
}

/// Returns the longest common beginning that does not end inside a placeholder.
fn shared(texts: impl Iterator<Item = Vec<char>> + Clone) -> String {
    let first = texts.clone().next().unwrap();
    let length = (0..first.len()).take_while(|at| texts.clone().all(|t| t.get(*at) == first.get(*at))).count();
    let text: String = first[..length].iter().collect();
    let is_inside = text.chars().filter(|c| "{}".contains(*c)).count() % 2 == 1;
    if is_inside { text[..text.rfind(['{', '}']).unwrap()].to_owned() } else { text }
}

#[test]
fn the_table_is_that_of_cldr() {
    let made: String = LOCALES.split_whitespace().map(|tag| Reference::new(tag).line(tag)).collect();
    if std::env::var("UPDATE_DATES").is_ok() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/dates.tsv"), &made).unwrap();
    }
    assert_eq!(made, TABLE, "run this test with UPDATE_DATES=1 and review the difference");
}

#[test]
fn every_day_and_every_hour_of_every_locale_are_those_of_cldr() {
    let lengths = [DateLength::Short, DateLength::Medium, DateLength::Long];
    let mut wrong = Vec::new();
    for tag in LOCALES.split_whitespace() {
        let reference = Reference::new(tag);
        for day in Date::constant(2027, 1, 1).series(3.days()).take(122) {
            for (index, length) in lengths.into_iter().enumerate() {
                let (own, theirs) = (date(tag, day, length), reference.date(index, day));
                if own != theirs {
                    wrong.push(format!("{tag} {day}: {own} but {theirs}"));
                }
            }
        }
        for hour in 0..24 {
            let (own, theirs) =
                (time_of_day(tag, jiff::civil::time(hour, 7, 0, 0)), reference.time(hour.unsigned_abs(), 7));
            let day = Date::constant(2026, 3, 9);
            let joined = date_and_time(tag, day.at(hour, 7, 0, 0));
            let their_joined = reference.joined(day, hour.unsigned_abs(), 7);
            if own != theirs || joined != their_joined {
                wrong.push(format!("{tag} {hour}: {own} but {theirs}; {joined} but {their_joined}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn a_locale_without_a_line_has_its_language_or_iso_8601() {
    let day = Date::constant(2026, 11, 3);
    assert_eq!(date("it-SM", day, DateLength::Long), "3 novembre 2026");
    assert_eq!(date("xx", day, DateLength::Long), "2026-11-03");
    assert_eq!(date_and_time("xx", day.at(9, 5, 0, 0)), "2026-11-03 09:05");
}

proptest! {
    #[test]
    fn no_locale_and_no_day_is_a_panic(locale in any::<String>(), days in 0_i64..3_000_000) {
        let day = Date::MIN.checked_add(days.days()).unwrap();
        assert!(!date(&locale, day, DateLength::Medium).is_empty());
    }
}
