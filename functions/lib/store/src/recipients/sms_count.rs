//! Number of SMS to a recipient per UTC day, in the control table. An item lives two days longer than its day. So an
//! erasure can compute the keys of all items that may exist.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{RecipientsStore, control_key};
use crate::direct::GetItem;
use crate::{Item, StoreError};
use domain::budget::{Ceiling, Limit, Period, Reservation};
use domain::recipient::RecipientKey;

/// Retention of an item after the end of its day.
const RETENTION_AFTER_DAY: SignedDuration = SignedDuration::from_hours(2 * 24);
/// Days before and after the present one of which a count may be stored. They are the retention, and a day for clocks
/// and for TTL, which may delete late.
const STORED_DAYS: std::ops::RangeInclusive<i64> = -4..=1;

impl RecipientsStore {
    /// Builds the update that increments the count in the transaction of this reservation. Its condition: the count is
    /// below the recipient's ceiling. Returns `None` if the reservation does not count SMS.
    ///
    /// # Errors
    /// Never in practice, because all required fields are set.
    pub fn count_sms_in_transaction(
        &self,
        recipient: &RecipientKey,
        reservation: &Reservation,
        limits: &[Limit],
    ) -> Result<Option<Update>, StoreError> {
        let limit = limits.iter().find(|limit| limit.ceiling == Ceiling::SmsRecipient);
        let most = limit.map_or(i64::MAX, |limit| limit.most);
        self.count_update(recipient, reservation, 1, "attribute_not_exists(used) OR used < :at", most)
    }

    /// Builds the update that decrements the count in the transaction that releases the reservation. Its condition: the
    /// SMS is counted. A recipient who was erased since has no count.
    ///
    /// # Errors
    /// Never in practice, because all required fields are set.
    pub fn uncount_sms_in_transaction(
        &self,
        recipient: &RecipientKey,
        reservation: &Reservation,
    ) -> Result<Option<Update>, StoreError> {
        self.count_update(recipient, reservation, -1, "used >= :at", 1)
    }

    fn count_update(
        &self,
        recipient: &RecipientKey,
        reservation: &Reservation,
        by: i64,
        condition: &str,
        at: i64,
    ) -> Result<Option<Update>, StoreError> {
        if !reservation.counted.contains(&Ceiling::SmsRecipient) {
            return Ok(None);
        }
        let gone = Period::Day.end(reservation.at).checked_add(RETENTION_AFTER_DAY).unwrap_or(Timestamp::MAX);
        let number = |value: i64| AttributeValue::N(value.to_string());
        let update = Update::builder()
            .table_name(&self.control)
            .set_key(Some(sms_count_key(recipient, reservation.at)))
            .update_expression("ADD used :by SET expires_at = :gone")
            .condition_expression(condition)
            .expression_attribute_values(":by", number(by))
            .expression_attribute_values(":at", number(at))
            .expression_attribute_values(":gone", number(gone.as_second()));
        update.build().map(Some).map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// Returns the number of SMS that were sent, or may have been sent, to the recipient on the UTC day of `at`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn sms_on_day(&self, recipient: &RecipientKey, at: Timestamp) -> Result<i64, StoreError> {
        let found = GetItem::new(&self.control, sms_count_key(recipient, at)).send(&self.client).await?;
        let found = found.unwrap_or_default();
        Ok(found.get("used").and_then(|used| used.as_n().ok()?.parse().ok()).unwrap_or(0))
    }
}

/// Count of a recipient's messages in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedCount {
    /// Name of the count with its period, such as `sms#2026-11-23`.
    pub name: String,
    /// Number of messages.
    pub used: i64,
}

impl RecipientsStore {
    /// Returns all counts that are stored for a recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn used_counts(&self, recipient: &RecipientKey, now: Timestamp) -> Result<Vec<UsedCount>, StoreError> {
        let count = async |at: Timestamp| {
            let used = self.sms_on_day(recipient, at).await?;
            Ok::<_, StoreError>(UsedCount { name: at.to_zoned(TimeZone::UTC).strftime("sms#%F").to_string(), used })
        };
        let counts = futures_util::future::try_join_all(stored_days(now).map(count)).await?;
        Ok(counts.into_iter().filter(|count| count.used > 0).collect())
    }
}

/// Returns the keys of all counts that may be stored for a recipient.
pub(super) fn sms_count_keys(recipient: &RecipientKey, now: Timestamp) -> impl Iterator<Item = Item> {
    stored_days(now).map(move |at| sms_count_key(recipient, at))
}

fn stored_days(now: Timestamp) -> impl Iterator<Item = Timestamp> {
    STORED_DAYS.filter_map(move |days| now.checked_add(SignedDuration::from_hours(24 * days)).ok())
}

fn sms_count_key(recipient: &RecipientKey, at: Timestamp) -> Item {
    control_key(&format!("sms-count#{recipient}#{}", at.to_zoned(TimeZone::UTC).strftime("%F")))
}
