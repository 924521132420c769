//! The body of `POST /v1/receipts`, parsed before anything is read.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use domain::notification::Event;
use platform::http::Request;
use platform::private::Private;
use platform::problem::Problem;
use platform::rfc3339;

/// The most that a conversion may be worth: a million of the currency's units.
pub const MAX_VALUE_MICROS: i64 = 1_000_000_000_000;

/// What a page or a service worker tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// The token that came with the message.
    pub token: Private<String>,
    /// What happened.
    pub event: Event,
    /// When, by the device's clock; now when absent.
    #[serde(default, deserialize_with = "time")]
    pub at: Option<Timestamp>,
    /// What a conversion was worth, in micro-euro.
    #[serde(default)]
    pub value_micros: Option<i64>,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| rfc3339::parse(&text).map_err(de::Error::custom)).transpose()
}

impl ReceiptRequest {
    /// Reads a request's body; whatever its content type says, since a browser asks nobody first for `text/plain`.
    ///
    /// # Errors
    /// 400, 413 or 422.
    pub fn parse(request: &Request) -> Result<Self, Problem> {
        let body: Self = request.json()?;
        match body.value_micros {
            Some(_) if body.event != Event::Converted => {
                Err(Problem::invalid_field("value_micros", "is for the event converted alone"))
            }
            Some(value) if !(0..=MAX_VALUE_MICROS).contains(&value) => {
                Err(Problem::invalid_field("value_micros", "must be from 0 to 1,000,000,000,000"))
            }
            _ => Ok(body),
        }
    }
}
