//! The body of `POST /v1/receipts`, parsed before anything is read from a table.

use jiff::Timestamp;
use serde::Deserialize;

use domain::notification::ReceiptEvent;
use platform::http::Request;
use platform::private::Private;
use platform::problem::Problem;
use platform::rfc3339;

/// Maximum value of a conversion: a million euro, in micro-euro.
pub const MAX_VALUE_MICROS: i64 = 1_000_000_000_000;

/// A receipt as a page or a service worker sends it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// The token in the message.
    pub token: Private<String>,
    /// The event that is reported.
    pub event: ReceiptEvent,
    /// Time of the event by the device's clock; now when absent.
    #[serde(default, deserialize_with = "rfc3339::optional")]
    pub at: Option<Timestamp>,
    /// Value of a conversion, in micro-euro.
    #[serde(default)]
    pub value_micros: Option<i64>,
}

impl ReceiptRequest {
    /// Parses a request's body. The content type is ignored: browsers send `text/plain` without a CORS preflight.
    ///
    /// # Errors
    /// 400, 413 or 422.
    pub fn parse(request: &Request) -> Result<Self, Problem> {
        let body: Self = request.json()?;
        match body.value_micros {
            Some(_) if body.event != ReceiptEvent::Converted => {
                Err(Problem::invalid_field("value_micros", "is allowed for the event converted only"))
            }
            Some(value) if !(0..=MAX_VALUE_MICROS).contains(&value) => {
                Err(Problem::invalid_field("value_micros", "must be from 0 to 1,000,000,000,000"))
            }
            _ => Ok(body),
        }
    }
}
