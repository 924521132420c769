//! How many SMS a recipient got on a UTC day: an item beside their profile, so that it is erased with them.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{RecipientsStore, item_key};
use crate::{Item, StoreError};
use domain::budget::{Ceiling, Limit, Period, Reservation};
use domain::recipient::RecipientKey;

/// How long an item is kept after its day.
const KEPT: SignedDuration = SignedDuration::from_hours(2 * 24);

impl RecipientsStore {
    /// Counts one SMS more as a part of the transaction that makes this reservation, on the condition that the recipient's
    /// ceiling holds; `None` when it is not counted there.
    ///
    /// # Errors
    /// Never, in practice: the parts are all given.
    pub fn count_in_transaction(
        &self,
        recipient: &RecipientKey,
        reservation: &Reservation,
        limits: &[Limit],
    ) -> Result<Option<Update>, StoreError> {
        let limit = limits.iter().find(|limit| limit.ceiling == Ceiling::SmsRecipient);
        let most = limit.map_or(i64::MAX, |limit| limit.most);
        self.counted(recipient, reservation, 1, "attribute_not_exists(used) OR used < :at", most)
    }

    /// Counts one SMS less as a part of the transaction that gives the reservation back, on the condition that it was counted:
    /// whoever was erased since has no count.
    ///
    /// # Errors
    /// Never, in practice: the parts are all given.
    pub fn uncount_in_transaction(
        &self,
        recipient: &RecipientKey,
        reservation: &Reservation,
    ) -> Result<Option<Update>, StoreError> {
        self.counted(recipient, reservation, -1, "used >= :at", 1)
    }

    fn counted(
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
        let gone = Period::Day.end(reservation.at).checked_add(KEPT).unwrap_or(Timestamp::MAX);
        let number = |value: i64| AttributeValue::N(value.to_string());
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(cap_key(recipient, reservation.at)))
            .update_expression("ADD used :by SET expires_at = :gone")
            .condition_expression(condition)
            .expression_attribute_values(":by", number(by))
            .expression_attribute_values(":at", number(at))
            .expression_attribute_values(":gone", number(gone.as_second()));
        update.build().map(Some).map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// How many SMS the recipient got, or may have got, on the UTC day of `at`.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn sms_on_day(&self, recipient: &RecipientKey, at: Timestamp) -> Result<i64, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(cap_key(recipient, at)));
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?.item.unwrap_or_default();
        Ok(found.get("used").and_then(|used| used.as_n().ok()?.parse().ok()).unwrap_or(0))
    }
}

fn cap_key(recipient: &RecipientKey, at: Timestamp) -> Item {
    item_key(recipient.as_str(), &at.to_zoned(TimeZone::UTC).strftime("cap#sms#%F").to_string())
}
