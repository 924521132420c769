//! Settings that an operator can change without a deployment: the JSON parameter `.../settings`. The rollout has
//! parameters of its own. `{}` selects every default.

mod changed;
mod fields;
mod names;
mod notification_types;
mod quiet_hours;
mod types;

pub use changed::ChangedSettings;
pub use fields::{SettingField, value_at};
pub use notification_types::{CatalogCoverage, NotificationTypes, UnknownTypeError, resembling};
pub use quiet_hours::{ClassQuietHours, Organisation};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::MAX_BUDGET_MICROS;
use crate::breaker::Thresholds;
use crate::channel::country::CountryCode;
use crate::channel::prices::Prices;
use crate::rollout::guard::GuardSettings;
use crate::rollout::strict_json::{self, StrictJsonError};
use platform::problem::FieldError;

/// Content of the whole parameter. An unknown field is refused, because it is most likely a misspelt known field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Limits of SMS: cost, countries and parts.
    pub sms: SmsSettings,
    /// Budgets of all channels together.
    pub budgets: Budgets,
    /// Prices of sends that differ from the built-in prices.
    pub prices: Prices,
    /// Retention periods.
    pub retention_days: RetentionDays,
    /// Types of notification; the JSON holds the differences from the built-in ones.
    pub types: NotificationTypes,
    /// Quiet hours by class.
    pub quiet_hours: ClassQuietHours,
    /// The organisation that sends.
    pub organisation: Organisation,
    /// Thresholds and open periods of circuit breakers.
    pub breaker: Thresholds,
    /// Conditions under which the guard lowers the percentage of version 2.
    pub guard: GuardSettings,
    /// Rules of campaigns.
    pub campaigns: CampaignSettings,
}

/// Rules of campaigns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CampaignSettings {
    /// `true` if a campaign must be approved by another client than the one that launches it.
    pub two_people: bool,
}

/// Limits on SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsSettings {
    /// Maximum cost of all SMS of one UTC day, in micro-euro.
    pub daily_ceiling_micros: u64,
    /// ISO 3166-1 alpha-2 codes of the allowed destination countries. `None` allows only the sender's own country.
    pub allowed_countries: Option<Vec<CountryCode>>,
    /// Maximum number of SMS to one recipient on one UTC day.
    pub per_recipient_per_day: u32,
    /// Maximum cost of one message, in micro-euro.
    pub max_price_micros: u64,
    /// Maximum number of parts of one message.
    pub max_parts: u32,
    /// Replaces typographic quotes, dashes and similar characters with plain ones, if the text then fits GSM-7.
    pub plain_punctuation: bool,
    /// Number of SMS that the account's SNS accepts in a second. Campaigns use a part of it.
    pub max_per_second: u32,
}

/// Maximum number of parts of an SMS. SNS accepts 1,600 bytes of UTF-8 in all; five parts stay below that whatever they
/// contain.
pub const MAX_SMS_PARTS: u32 = 5;
/// Maximum of `sms.max_per_second`.
const MAX_SMS_PER_SECOND: u32 = 10_000;

impl SmsSettings {
    fn check(&self) -> Result<(), FieldError> {
        if !(1..=MAX_SMS_PER_SECOND).contains(&self.max_per_second) {
            return Err(FieldError::new("sms.max_per_second", "must be 1 to 10,000"));
        }
        if !(1..=MAX_SMS_PARTS).contains(&self.max_parts) {
            return Err(FieldError::new("sms.max_parts", "must be 1 to 5"));
        }
        Ok(())
    }
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self {
            daily_ceiling_micros: 5_000_000,
            allowed_countries: None,
            per_recipient_per_day: 3,
            max_price_micros: 400_000,
            max_parts: 3,
            plain_punctuation: true,
            max_per_second: 20,
        }
    }
}

/// Budgets of all channels together, in micro-euro. `None` means no budget; 0 forbids every paid call. All budgets
/// apply independently, so an hour's budget may be higher than a day's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// Budget of an hour in UTC.
    pub hour_micros: Option<u64>,
    /// Budget of a day in UTC.
    pub day_micros: Option<u64>,
    /// Budget of a calendar month in UTC.
    pub month_micros: Option<u64>,
    /// Budget of one notification, for all its attempts together.
    pub message_micros: Option<u64>,
}

impl Budgets {
    fn check(&self) -> Result<(), FieldError> {
        let fields = [
            ("budgets.hour_micros", self.hour_micros),
            ("budgets.day_micros", self.day_micros),
            ("budgets.month_micros", self.month_micros),
            ("budgets.message_micros", self.message_micros),
        ];
        let beyond = fields.into_iter().find(|(_, micros)| is_beyond_reason(*micros));
        beyond.map_or(Ok(()), |(field, _)| Err(FieldError::new(field, BUDGET_RANGE)))
    }
}

/// Message about a budget for which [`is_beyond_reason`] returns `true`.
const BUDGET_RANGE: &str = "must be at most 1000000000000000 micro-euro";

fn is_beyond_reason(micros: Option<u64>) -> bool {
    micros > Some(MAX_BUDGET_MICROS)
}

/// Retention periods, in days; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionDays {
    /// Retention of notifications after the end of their lifetime.
    pub notifications: u32,
    /// Retention of devices after their last use.
    pub device_unused: u32,
}

impl RetentionDays {
    fn check(self) -> Result<(), FieldError> {
        let fields = [
            ("retention_days.notifications", self.notifications),
            ("retention_days.device_unused", self.device_unused),
        ];
        let none = fields.into_iter().find(|(_, days)| *days == 0);
        none.map_or(Ok(()), |(field, _)| Err(FieldError::new(field, "must be at least 1")))
    }
}

impl Default for RetentionDays {
    fn default() -> Self {
        Self { notifications: 90, device_unused: 180 }
    }
}

impl RetentionDays {
    /// Returns the period for which a notification is kept after its lifetime.
    #[must_use]
    pub fn of_notifications(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.notifications))
    }
}

impl Settings {
    /// Parses the parameter's text.
    ///
    /// # Errors
    /// The text is not a JSON object of these fields, or a value is out of its range. The error never quotes the
    /// text.
    pub fn parse(text: &str) -> Result<Self, StrictJsonError> {
        names::check(text)?;
        let settings: Self = strict_json::parse(text).map_err(|error| names::with_known_fields(error, text))?;
        // The derived `Deserialize` also accepts a list of values in the order of the fields. Such a list is refused
        // here.
        let sections: Map<String, Value> = strict_json::parse(text)?;
        let types = sections.get("types").and_then(Value::as_object).into_iter().flatten();
        let types = types.map(|(name, value)| (format!("types.{name}"), value));
        let sections = sections.iter().map(|(name, value)| (name.clone(), value));
        if let Some((field, _)) = sections.chain(types).find(|(_, value)| !value.is_object()) {
            return Err(FieldError::new(field, "must be an object").into());
        }
        settings.retention_days.check()?;
        settings.sms.check()?;
        settings.budgets.check()?;
        settings.types.check()?;
        settings.quiet_hours.check()?;
        settings.organisation.check()?;
        settings.breaker.check()?;
        settings.guard.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn an_empty_object_is_every_default() {
        let settings = Settings::parse("{}").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.sms.daily_ceiling_micros, 5_000_000);
        assert_eq!(settings.sms.allowed_countries, None);
        assert_eq!(settings.prices, Prices::default());
        assert_eq!(settings.retention_days.device_unused, 180);
    }

    #[test]
    fn one_field_changes_and_the_others_keep_their_defaults() {
        let text = r#"{"sms": {"allowed_countries": ["IT", "DE"], "per_recipient_per_day": 0}}"#;
        let settings = Settings::parse(text).unwrap();
        let countries: Vec<&str> = settings.sms.allowed_countries.iter().flatten().map(CountryCode::as_str).collect();
        assert_eq!(countries, ["IT", "DE"]);
        assert_eq!(settings.sms.per_recipient_per_day, 0);
        assert_eq!(settings.sms.max_parts, 3);
    }

    #[test]
    fn there_is_no_budget_until_one_is_set() {
        assert_eq!(Settings::parse(r#"{"budgets": {}}"#).unwrap().budgets, Budgets::default());
        let budgets = Settings::parse(r#"{"budgets": {"month_micros": 250000000}}"#).unwrap().budgets;
        assert_eq!((budgets.hour_micros, budgets.day_micros, budgets.month_micros), (None, None, Some(250_000_000)));
    }

    #[test]
    fn a_budget_may_be_nothing_and_an_hours_above_a_days() {
        let text = r#"{"budgets": {"hour_micros": 9, "day_micros": 5, "month_micros": 0, "message_micros": 1000000000000000},
            "types": {"PAYMENT_DUE": {"day_micros": 0, "message_micros": 3}}}"#;
        let settings = Settings::parse(text).unwrap();
        assert_eq!((settings.budgets.hour_micros, settings.budgets.month_micros), (Some(9), Some(0)));
        let own = crate::TypeBudgets { message_micros: Some(3), day_micros: Some(0) };
        assert_eq!(settings.types.get("PAYMENT_DUE").unwrap().budgets, own);
        assert_eq!(Settings::parse(&serde_json::to_string(&settings).unwrap()), Ok(settings));
    }

    #[test]
    fn a_budget_beyond_reason_is_refused_by_name() {
        let error = Settings::parse(r#"{"budgets": {"day_micros": 1000000000000001}}"#).unwrap_err();
        assert_eq!(error.to_string(), "budgets.day_micros must be at most 1000000000000000 micro-euro");
        let error = Settings::parse(r#"{"types": {"DEFAULT": {"day_micros": 1000000000000001}}}"#).unwrap_err();
        assert_eq!(error.to_string(), "types.DEFAULT.day_micros must be at most 1000000000000000 micro-euro");
    }

    #[test]
    fn the_breaker_is_tuned_here() {
        let settings = Settings::parse(r#"{"breaker": {"min_attempts": 50, "open_seconds": 10}}"#).unwrap();
        assert_eq!((settings.breaker.min_attempts, settings.breaker.open_seconds), (50, 10));
        assert_eq!(settings.breaker.window_seconds, 60);
    }

    #[test]
    fn what_is_written_reads_back() {
        let settings = Settings::parse(r#"{"sms": {"allowed_countries": ["IT"]}}"#).unwrap();
        assert_eq!(Settings::parse(&serde_json::to_string(&settings).unwrap()), Ok(settings));
    }

    #[test]
    fn junk_is_refused() {
        let invalid = [
            "",
            "null",
            "[]",
            "5000000",
            "{",
            "{} {}",
            r#"{"smss": {}}"#,
            r#"{"sms": null}"#,
            r#"{"sms": []}"#,
            r#"{"sms": [1]}"#,
            r#"{"prices": {"sms_micros": {"it": 1}}}"#,
            r#"{"sms": {"daily_ceiling": 1}}"#,
            r#"{"sms": {"daily_ceiling_micros": -1}}"#,
            r#"{"sms": {"daily_ceiling_micros": "5"}}"#,
            r#"{"sms": {"daily_ceiling_micros": 5.5}}"#,
            r#"{"sms": {"max_parts": 1, "max_parts": 2}}"#,
            r#"{"sms": {"plain_punctuation": 1}}"#,
            r#"{"sms": {"plain_punctuation": "no"}}"#,
            r#"{"sms": {"max_per_second": 0}}"#,
            r#"{"sms": {"max_per_second": 10001}}"#,
            r#"{"sms": {"allowed_countries": ["it"]}}"#,
            r#"{"sms": {"allowed_countries": ["ITA"]}}"#,
            r#"{"sms": {"allowed_countries": "IT"}}"#,
            r#"{"retention_days": {"notifications": 0}}"#,
            r#"{"types": []}"#,
            r#"{"types": null}"#,
            r#"{"types": {"PAYMENT_DUE": 3}}"#,
            r#"{"types": {"PAYMENT_DUE": [3]}}"#,
            r#"{"types": {"payment_due": {}}}"#,
            r#"{"types": {"DEFAULT": {"retries": 3}}}"#,
            r#"{"types": {"DEFAULT": {"tries": 0}}}"#,
            r#"{"types": {"DEFAULT": {"tries": 11}}}"#,
            r#"{"types": {"DEFAULT": {"tries": 1.5}}}"#,
            r#"{"types": {"DEFAULT": {"on_uncertain": "again"}}}"#,
            r#"{"types": {"DEFAULT": {"wait_for_push_seconds": -1}}}"#,
            r#"{"types": {"DEFAULT": {"wait_for_push_seconds": 86401}}}"#,
            r#"{"types": {"DEFAULT": {"tries": 3}, "DEFAULT": {"tries": 4}}}"#,
            r#"{"budgets": {"month_micros": -1}}"#,
            r#"{"budgets": {"month_micros": "250"}}"#,
            r#"{"budgets": {"week_micros": 1}}"#,
            r#"{"budgets": [1]}"#,
            r#"{"budgets": {"hour_micros": 5.5}}"#,
            r#"{"budgets": {"day_micros": 18446744073709551615}}"#,
            r#"{"types": {"DEFAULT": {"day_micros": -1}}}"#,
            r#"{"types": {"DEFAULT": {"message_micros": "5"}}}"#,
            r#"{"types": {"DEFAULT": {"month_micros": 5}}}"#,
            r#"{"breaker": {"min_attempts": 0}}"#,
            r#"{"breaker": {"failure_percent": 101}}"#,
            r#"{"breaker": {"open_seconds": 60, "max_open_seconds": 59}}"#,
            r#"{"breaker": {"window": 60}}"#,
        ];
        for text in invalid {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_has_the_place_and_not_the_text() {
        let error = Settings::parse("{\n  \"sms\": {\"max_parts\": \"ada@example.com\"}\n}").unwrap_err();
        assert!(matches!(&error, StrictJsonError::WrongShape { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("ada"));
    }
}
