//! Money for SMS, reserved before each call.
//!
//! The claim of the notification, the day's ceiling and the recipient's cap are one transaction: of many senders at
//! the ceiling none can overshoot it, and a claim without its money cannot exist. Periods are UTC days.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;

use super::StoreError;
use crate::recipients::{RecipientKey, base32};
use crate::settings::SmsSettings;

/// How often a transaction is tried when others hold the same counters.
const TRIES: u32 = 6;
/// How long counters are kept after their day.
const KEPT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The adapter of the SMS counters: the day's in the control table, a recipient's beside their profile.
#[derive(Debug, Clone)]
pub struct SmsBudget {
    client: Client,
    control: String,
    recipients: String,
}

/// Whether a claim got its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The claim is stored and the money set aside.
    Yes,
    /// A ceiling stands in the way; nothing was written.
    No,
}

impl SmsBudget {
    /// An adapter of these two tables.
    #[must_use]
    pub fn new(client: Client, control: impl Into<String>, recipients: impl Into<String>) -> Self {
        Self { client, control: control.into(), recipients: recipients.into() }
    }

    /// Stores `claim` and sets `price_micros` aside, both or neither.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when the claim itself was refused; others when DynamoDB does not answer.
    pub async fn reserve(
        &self,
        claim: Put,
        recipient: &RecipientKey,
        price_micros: i64,
        limits: &SmsSettings,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let ceiling = i64::try_from(limits.daily_ceiling_micros).unwrap_or(i64::MAX);
        let max_price = i64::try_from(limits.max_price_micros).unwrap_or(i64::MAX);
        let most = i64::from(limits.per_recipient_per_day);
        if price_micros > ceiling || price_micros > max_price || most == 0 {
            return Ok(Reserved::No);
        }
        let day = utc_day(now);
        let updates = [
            add(&self.control, &[("pk", budget_key(day))], price_micros, ceiling - price_micros, day)?,
            add(&self.recipients, &cap_key(recipient, day), 1, most - 1, day)?,
        ];
        let mut items = vec![TransactWriteItem::builder().put(claim).build()];
        items.extend(updates.into_iter().map(|update| TransactWriteItem::builder().update(update).build()));
        // One token for all tries: what a try did though its answer was lost, the next one finds done.
        let token = token();
        for made in 1.. {
            let call = self.client.transact_write_items().set_client_request_token(token.clone());
            let Err(error) = call.set_transact_items(Some(items.clone())).send().await else {
                return Ok(Reserved::Yes);
            };
            match refused_part(&error.as_service_error().map_or(Vec::new(), reasons)) {
                Some(0) => return Err(StoreError::ConditionFailed { call: "TransactWriteItems" }),
                Some(_) => return Ok(Reserved::No),
                None => {}
            }
            let error = StoreError::of_transaction(error);
            if made == TRIES || !error.is_transient() {
                return Err(error);
            }
            let pause_ms = crate::cascade::retry::delay_ms(made, Some(20 << made), crate::chance::unit());
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
        }
        Ok(Reserved::No)
    }

    /// Gives money back that a provider did not take. A failure keeps the ceiling too low for the day, never too high.
    pub async fn release(&self, recipient: &RecipientKey, price_micros: i64, at: Timestamp) {
        let day = utc_day(at);
        let counters = [
            add(&self.control, &[("pk", budget_key(day))], -price_micros, i64::MAX, day),
            add(&self.recipients, &cap_key(recipient, day), -1, i64::MAX, day),
        ];
        let items = counters.into_iter().flatten().map(|update| TransactWriteItem::builder().update(update).build());
        let sent = self.client.transact_write_items().set_transact_items(Some(items.collect())).send().await;
        if let Err(error) = sent.map_err(StoreError::of_transaction) {
            tracing::warn!(%error, price_micros, "reserved money was not given back");
        }
    }
}

/// Names one transaction; without randomness the SDK makes one up for each try.
fn token() -> Option<String> {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).ok()?;
    Some(base32::encode_128(u128::from_be_bytes(random.expose())))
}

/// Adds to a counter, on the condition that it stands at `at_most` or below.
fn add(table: &str, key: &[(&str, String)], by: i64, at_most: i64, day: Date) -> Result<Update, StoreError> {
    let number = |value: i64| AttributeValue::N(value.to_string());
    let gone = day.to_zoned(TimeZone::UTC).ok().and_then(|day| day.timestamp().checked_add(KEPT).ok());
    let mut update = Update::builder()
        .table_name(table)
        .update_expression("ADD used :by SET expires_at = :gone")
        .condition_expression("attribute_not_exists(used) OR used <= :at_most")
        .expression_attribute_values(":by", number(by))
        .expression_attribute_values(":at_most", number(at_most))
        .expression_attribute_values(":gone", number(gone.map_or(0, Timestamp::as_second)));
    for (name, value) in key {
        update = update.key(*name, AttributeValue::S(value.clone()));
    }
    update.build().map_err(|error| StoreError::of_build("TransactWriteItems", &error))
}

fn reasons(error: &TransactWriteItemsError) -> Vec<String> {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons().iter();
            reasons.map(|reason| reason.code().unwrap_or_default().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// Which part of the transaction was refused by its condition; the claim before the money.
fn refused_part(reasons: &[String]) -> Option<usize> {
    reasons.iter().position(|code| code == "ConditionalCheckFailed")
}

fn utc_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn budget_key(day: Date) -> String {
    format!("budget#sms#{day}")
}

fn cap_key(recipient: &RecipientKey, day: Date) -> [(&'static str, String); 2] {
    [("pk", recipient.as_str().to_owned()), ("sk", format!("cap#sms#{day}"))]
}
