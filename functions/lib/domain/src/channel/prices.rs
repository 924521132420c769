//! Prices of sends in integer micro-euro, by channel and country.
//!
//! The built-in prices are only a starting point. E-mail is the SES list price of 0.10 USD for 1,000 messages. SMS
//! prices are rounded-up orders of magnitude of the cost in 2026; they are no provider's price list. List prices
//! change, so set your own in the settings parameter.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Channel;
use crate::channel::country::CountryCode;

/// Price of an e-mail: SES, 0.10 USD for 1,000 messages at 0.92 EUR for 1 USD.
const EMAIL_MICROS: u32 = 92;
/// Price of an SMS part to a country without its own price. It is high, so that a budget closes early rather than
/// late.
const SMS_DEFAULT_MICROS: u32 = 100_000;
/// Prices of an SMS part by country, in micro-euro.
const SMS_MICROS: &[(&str, u32)] = &[
    ("AT", 95_000),
    ("BE", 100_000),
    ("CH", 75_000),
    ("CZ", 70_000),
    ("DE", 100_000),
    ("DK", 55_000),
    ("ES", 80_000),
    ("FI", 90_000),
    ("FR", 75_000),
    ("GB", 50_000),
    ("IE", 85_000),
    ("IT", 80_000),
    ("NL", 100_000),
    ("NO", 75_000),
    ("PL", 45_000),
    ("PT", 50_000),
    ("SE", 70_000),
    ("US", 12_000),
];

/// Prices from the settings parameter. A price that is not set there keeps its built-in value, also for a single
/// country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Price of one e-mail, in micro-euro.
    email_micros: u32,
    /// Price of one SMS part to a country that has no price of its own, in micro-euro.
    sms_default_micros: u32,
    /// Prices of one SMS part by country, in micro-euro. They replace the built-in prices or add to them.
    #[serde(deserialize_with = "once_each")]
    sms_micros: BTreeMap<CountryCode, u32>,
}

/// Deserializes a map, and refuses a country that appears twice.
fn once_each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<CountryCode, u32>, D::Error> {
    struct OnceEach;

    impl<'de> Visitor<'de> for OnceEach {
        type Value = BTreeMap<CountryCode, u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of prices by country")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut prices = BTreeMap::new();
            while let Some((country, micros)) = map.next_entry::<CountryCode, u32>()? {
                if prices.insert(country, micros).is_some() {
                    return Err(A::Error::custom("a country comes twice"));
                }
            }
            Ok(prices)
        }
    }

    deserializer.deserialize_map(OnceEach)
}

impl Default for Prices {
    fn default() -> Self {
        Self { email_micros: EMAIL_MICROS, sms_default_micros: SMS_DEFAULT_MICROS, sms_micros: BTreeMap::new() }
    }
}

impl Prices {
    /// Returns the built-in prices of an SMS part by country, in micro-euro.
    pub fn built_in_sms() -> impl Iterator<Item = (&'static str, u32)> {
        SMS_MICROS.iter().copied()
    }

    /// Returns the price of one send, in micro-euro. `country` (of the phone number) and `parts` apply to SMS only.
    #[must_use]
    pub fn price_micros(&self, channel: Channel, country: Option<&str>, parts: u32) -> i64 {
        match channel {
            Channel::Push => 0,
            Channel::Email => i64::from(self.email_micros),
            Channel::Sms => i64::from(self.sms_part_micros(country)).saturating_mul(i64::from(parts)),
        }
    }

    fn sms_part_micros(&self, country: Option<&str>) -> u32 {
        let own =
            |code: &str| self.sms_micros.iter().find(|(known, _)| known.as_str() == code).map(|(_, micros)| *micros);
        let built_in = |code: &str| SMS_MICROS.iter().find(|(known, _)| *known == code).map(|(_, micros)| *micros);
        country.and_then(|code| own(code).or_else(|| built_in(code))).unwrap_or(self.sms_default_micros)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn push_is_free_and_email_costs_the_same_everywhere() {
        let prices = Prices::default();
        assert_eq!(prices.price_micros(Channel::Push, Some("DE"), 3), 0);
        assert_eq!(prices.price_micros(Channel::Email, None, 0), 92);
    }

    #[test]
    fn sms_is_priced_by_country_and_part_with_a_high_default() {
        let prices = Prices::default();
        assert_eq!(prices.price_micros(Channel::Sms, Some("IT"), 1), 80_000);
        assert_eq!(prices.price_micros(Channel::Sms, Some("IT"), 3), 240_000);
        assert_eq!(prices.price_micros(Channel::Sms, Some("JM"), 2), 200_000);
        assert_eq!(prices.price_micros(Channel::Sms, None, 1), 100_000);
    }

    #[test]
    fn settings_replace_single_prices_and_keep_the_rest() {
        let prices: Prices =
            serde_json::from_str(r#"{"email_micros": 100, "sms_micros": {"IT": 1, "JM": 2}}"#).unwrap();
        assert_eq!(prices.price_micros(Channel::Email, None, 0), 100);
        assert_eq!(prices.price_micros(Channel::Sms, Some("IT"), 1), 1);
        assert_eq!(prices.price_micros(Channel::Sms, Some("JM"), 1), 2);
        assert_eq!(prices.price_micros(Channel::Sms, Some("DE"), 1), 100_000);
        assert_eq!(serde_json::from_str::<Prices>("{}").unwrap(), Prices::default());
    }

    #[test]
    fn junk_in_the_settings_is_refused() {
        for json in [
            r#"{"email_micros": -1}"#,
            r#"{"email_micros": 0.5}"#,
            r#"{"email_micros": 5000000000}"#,
            r#"{"email": 1}"#,
            r#"{"sms_micros": {"it": 1}}"#,
            r#"{"sms_micros": {"ITA": 1}}"#,
            r#"{"sms_micros": {"IT": -1}}"#,
        ] {
            assert!(serde_json::from_str::<Prices>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_dearest_send_does_not_overflow() {
        let prices: Prices = serde_json::from_str(r#"{"sms_default_micros": 4294967295}"#).unwrap();
        assert_eq!(prices.price_micros(Channel::Sms, None, u32::MAX), i64::MAX);
    }

    #[test]
    fn built_in_countries_are_sorted_and_well_formed() {
        assert!(SMS_MICROS.is_sorted());
        assert!(SMS_MICROS.iter().all(|(code, _)| CountryCode::try_from((*code).to_owned()).is_ok()));
    }
}
