//! Every field of the settings with its meaning, unit and range, as operators see them.

use serde_json::{Value, json};

use super::Settings;
use crate::channel::prices::Prices;
use crate::{NotificationType, TypeRules};

/// Field of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingField {
    /// Path, such as `sms.max_parts`.
    pub path: String,
    /// Meaning.
    pub meaning: &'static str,
    /// Unit or kind of the value.
    pub unit: &'static str,
    /// Allowed values.
    pub range: &'static str,
    /// Default; null if the field is not set.
    pub default: Value,
}

type Row = (&'static str, &'static str, &'static str, &'static str);

const BUDGET: &str = "0 to 1,000,000,000,000,000, or null for none";
const PERCENT: &str = "1 to 100";
const FLAG: &str = "true or false";

/// Fields of all sections but `types`: path, meaning, unit, range.
const FIELDS: &[Row] = &[
    ("sms.daily_ceiling_micros", "Maximum cost of all SMS of one UTC day", "micro-euro", "0 or more"),
    (
        "sms.allowed_countries",
        "Allowed countries of SMS; null allows the sender's own country alone, an empty list none",
        "list of ISO 3166-1 codes",
        "codes of countries with phone numbers, or null",
    ),
    (
        "sms.per_recipient_per_day",
        "Maximum number of SMS to one recipient on one UTC day; 0 stops SMS",
        "SMS",
        "0 or more",
    ),
    ("sms.max_price_micros", "Maximum cost of one message with all its parts", "micro-euro", "0 or more"),
    ("sms.max_parts", "Maximum number of parts of one message; a longer text is cut", "parts", "1 to 5"),
    ("sms.plain_punctuation", "Plain punctuation if that makes the SMS cheaper", "flag", FLAG),
    (
        "sms.max_per_second",
        "Number of SMS that SNS accepts in a second; campaigns use 70 % of it",
        "SMS a second",
        "1 to 10,000",
    ),
    ("budgets.hour_micros", "Maximum cost of all channels together in a UTC hour", "micro-euro", BUDGET),
    ("budgets.day_micros", "Maximum cost of all channels together on a UTC day", "micro-euro", BUDGET),
    ("budgets.month_micros", "Maximum cost of all channels together in a UTC month", "micro-euro", BUDGET),
    ("budgets.message_micros", "Maximum cost of one notification, all its attempts together", "micro-euro", BUDGET),
    ("prices.email_micros", "Price of one e-mail", "micro-euro", "0 to 4,294,967,295"),
    (
        "prices.sms_default_micros",
        "Price of one SMS part to a country without a price",
        "micro-euro",
        "0 to 4,294,967,295",
    ),
    (
        "prices.sms_micros",
        "Prices of one SMS part by country; they replace and add to the built-in prices",
        "micro-euro by country",
        "0 to 4,294,967,295 each",
    ),
    (
        "retention_days.notifications",
        "Retention of a notification after its lifetime; applies to new ones",
        "days",
        "1 or more",
    ),
    ("retention_days.device_unused", "Retention of a device after its last use", "days", "1 or more"),
    (
        "quiet_hours.transactional",
        "Quiet hours of transactional types",
        "list of windows",
        "at most 14 windows, each below 24 h",
    ),
    (
        "quiet_hours.marketing",
        "Quiet hours of marketing types",
        "list of windows",
        "at most 14 windows, each below 24 h",
    ),
    (
        "organisation.time_zone",
        "Time zone of recipients whose profile has none; null is UTC",
        "IANA name",
        "a known zone, such as Europe/Rome, or null",
    ),
    (
        "breaker.min_attempts",
        "Minimum number of attempts within the window before a breaker opens",
        "attempts",
        "1 to 10,000",
    ),
    ("breaker.failure_percent", "Share of failures from which a breaker opens", "percent", PERCENT),
    ("breaker.window_seconds", "Period in which attempts count", "seconds", "10 to 120"),
    ("breaker.open_seconds", "Open period before the first probe", "seconds", "10 to 600"),
    (
        "breaker.max_open_seconds",
        "Limit of the open period, which doubles while probes fail",
        "seconds",
        "open_seconds to 3,600",
    ),
    ("guard.enabled", "Lets the guard lower the percentage of version 2", "flag", FLAG),
    ("guard.off_percent", "Error rate above which version 2 is switched off", "percent", PERCENT),
    ("guard.step_percent", "Error rate from which the percentage is lowered by a step", "percent", "1 to off_percent"),
    ("guard.off_sample", "Minimum sample to switch version 2 off", "notifications", "10 to 100,000"),
    ("guard.step_sample", "Minimum sample for a step down", "notifications", "10 to 100,000"),
    ("guard.evaluations", "Evaluations in a row that must agree", "evaluations", "1 to 10"),
    ("guard.longest_window_minutes", "Maximum age of a sample", "minutes", "1 to 60"),
    ("guard.breaker_minutes", "Maximum time that a push breaker may not be CLOSED", "minutes", "1 to 60"),
    ("guard.breaker_share_percent", "Minimum share of version 2's pushes for that rule", "percent", PERCENT),
    ("guard.cool_down_minutes", "Period after any change without a step down", "minutes", "0 to 1,440"),
    (
        "guard.v1_no_better_percent",
        "If version 1's error rate is at least this part of version 2's, the provider is at fault",
        "percent",
        PERCENT,
    ),
    ("campaigns.two_people", "Another client than the one that approved a campaign must launch it", "flag", FLAG),
];

/// Fields of each type.
const TYPE_FIELDS: &[Row] = &[
    ("tries", "Maximum tries of a channel while the result is \"retry later\"", "tries", "1 to 10"),
    ("on_uncertain", "Action after a paid send with an unknown outcome", "word", "stop, next or repeat"),
    (
        "wait_for_push_seconds",
        "Maximum wait for a failing push service before a paid channel; 0 is no wait",
        "seconds",
        "0 to 86,400",
    ),
    ("message_micros", "Maximum cost of one notification of this type", "micro-euro", BUDGET),
    ("day_micros", "Maximum cost of all notifications of this type on a UTC day", "micro-euro", BUDGET),
];

impl SettingField {
    /// Returns every field that [`Settings::parse`] accepts, in the order of the documentation.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
        let field = |(path, meaning, unit, range): &Row| Self {
            path: (*path).to_owned(),
            meaning,
            unit,
            range,
            default: match *path {
                "prices.sms_micros" => {
                    Prices::built_in_sms().map(|(country, micros)| (country.to_owned(), json!(micros))).collect()
                }
                path => value_at(&defaults, path).cloned().unwrap_or_default(),
            },
        };
        let of_types = NotificationType::built_in().into_iter().flat_map(|kind| of_type(&kind));
        FIELDS.iter().map(field).chain(of_types).collect()
    }

    /// Returns the names of the fields of the object at a path; of the sections for an empty path. Empty for an unknown
    /// path.
    #[must_use]
    pub fn names_below(path: &str) -> Vec<String> {
        let all = Self::all();
        let below = all.iter().filter_map(|field| match path {
            "" => Some(field.path.as_str()),
            path => field.path.strip_prefix(path)?.strip_prefix('.'),
        });
        let mut names: Vec<_> = below.filter_map(|rest| rest.split('.').next()).map(str::to_owned).collect();
        names.dedup();
        names
    }
}

fn of_type(kind: &NotificationType) -> Vec<SettingField> {
    let TypeRules { tries, on_uncertain, wait_for_push, .. } = kind.rules;
    let default = |field: &str| match field {
        "tries" => json!(tries),
        "on_uncertain" => serde_json::to_value(on_uncertain).unwrap_or_default(),
        "wait_for_push_seconds" => json!(wait_for_push.map_or(0, |wait| wait.as_secs())),
        "message_micros" => json!(kind.budgets.message_micros),
        _ => json!(kind.budgets.day_micros),
    };
    let field = |(name, meaning, unit, range): &Row| SettingField {
        path: format!("types.{}.{name}", kind.id),
        meaning,
        unit,
        range,
        default: default(name),
    };
    TYPE_FIELDS.iter().map(field).collect()
}

/// Returns the value at a path of objects; `None` if it is not set.
#[must_use]
pub fn value_at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |object, name| object.get(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    /// Fields that the parser accepts in an object at a path, as its error about an unknown field names them.
    fn accepted(path: &[&str]) -> Vec<String> {
        let unknown = path.iter().rev().fold(json!({"no_such_field": 0}), |value, name| json!({*name: value}));
        let error = serde_json::from_value::<Settings>(unknown).unwrap_err().to_string();
        let Some((_, expected)) = error.split_once("expected") else { return Vec::new() };
        if !error.contains("unknown field") {
            return Vec::new();
        }
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Bounds of a range such as `1 to 10,000`.
    fn bounds(range: &str) -> Option<(i64, i64)> {
        let number = |text: &str| text.replace(',', "").parse().ok();
        let (least, most) = range.split_once(" to ")?;
        Some((number(least)?, number(most)?))
    }

    #[test]
    fn the_parser_accepts_the_range_that_is_shown_and_nothing_beyond() {
        let is_valid = |path: &str, value: i64| {
            let section = path.rsplit('.').fold(json!(value), |value, name| json!({name: value}));
            Settings::parse(&section.to_string()).is_ok()
        };
        // A limit whose partner has its default would be refused for the order of both.
        let partners = ["breaker.open_seconds", "guard.off_percent"];
        let ranges = SettingField::all().into_iter().filter(|field| !partners.contains(&field.path.as_str()));
        let ranges: Vec<_> = ranges.filter_map(|field| Some((bounds(field.range)?, field.path))).collect();
        assert!(ranges.len() >= 20, "{ranges:?}");
        for ((least, most), path) in ranges {
            let found = [least - 1, least, most, most + 1].map(|value| is_valid(&path, value));
            assert_eq!(found, [false, true, true, false], "{path}: {least} to {most}");
        }
    }

    #[test]
    fn every_field_that_the_parser_accepts_is_listed() {
        let mut expected = BTreeSet::new();
        let sections = accepted(&[]);
        assert!(sections.len() >= 10, "{sections:?}");
        for section in sections {
            let parents: Vec<Vec<&str>> = match section.as_str() {
                "types" => ["DEFAULT", "CERTIFICATE_EXPIRING", "PAYMENT_DUE"].map(|kind| vec!["types", kind]).to_vec(),
                section => vec![vec![section]],
            };
            for parent in parents {
                let fields = accepted(&parent);
                assert!(!fields.is_empty(), "{parent:?}");
                expected.extend(fields.iter().map(|field| format!("{}.{field}", parent.join("."))));
            }
        }
        let listed: Vec<_> = SettingField::all().into_iter().map(|field| field.path).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), expected);
        assert_eq!(listed.len(), expected.len(), "none is listed twice");
    }

    #[test]
    fn every_default_is_valid_and_stands_in_the_documentation() {
        let docs = include_str!("../../../../../docs/operations.md");
        for field in SettingField::all() {
            let leaf = field.path.rsplit('.').next().unwrap();
            assert!(docs.contains(leaf), "{}", field.path);
            if field.default.is_null() {
                continue;
            }
            let text = field.path.rsplit('.').fold(field.default.clone(), |value, name| json!({name: value}));
            assert!(Settings::parse(&text.to_string()).is_ok(), "{text}");
        }
    }
}
