//! Unsubscriptions of recipients from single types. They are a separate set beside the preferences that a caller sets, so a
//! PUT of the profile does not undo them.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::items::{PROFILE, UNSUBSCRIBED};
use super::{RecipientsStore, item_key};
use crate::{ItemWriter, StoreError};
use domain::recipient::RecipientKey;

/// Result of an unsubscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutResult {
    /// The unsubscription is stored.
    Stored,
    /// The recipient had already unsubscribed from this type.
    Unchanged,
    /// The recipient has no profile.
    UnknownRecipient,
}

impl RecipientsStore {
    /// Unsubscribes a recipient from a type, with one write and no read. A repetition changes nothing, and neither does a
    /// call for an erased recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn unsubscribe(
        &self,
        key: &RecipientKey,
        kind: &str,
        now: Timestamp,
    ) -> Result<OptOutResult, StoreError> {
        let update = self
            .update_unsubscribed(key, kind, now)
            .update_expression("ADD #unsubscribed :kinds, revision :one SET updated_at = :now")
            .condition_expression("attribute_exists(pk) AND NOT contains(#unsubscribed, :kind)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = update.send().await else { return Ok(OptOutResult::Stored) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) if refused.item().is_some() => {
                Ok(OptOutResult::Unchanged)
            }
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(OptOutResult::UnknownRecipient),
            _ => Err(StoreError::of("UpdateItem", error)),
        }
    }

    /// Subscribes a recipient to a type again, at the recipient's request. It changes nothing if the recipient had not
    /// unsubscribed.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn subscribe_again(&self, key: &RecipientKey, kind: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = self
            .update_unsubscribed(key, kind, now)
            .update_expression("DELETE #unsubscribed :kinds ADD revision :one SET updated_at = :now")
            .condition_expression("contains(#unsubscribed, :kind)");
        match update.send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }

    /// Builds an update of the profile with the names and values that both expressions use.
    fn update_unsubscribed(&self, key: &RecipientKey, kind: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        let values = ItemWriter::default().text(":kind", kind).time(":now", now).number(":one", 1);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .expression_attribute_names("#unsubscribed", UNSUBSCRIBED)
            .set_expression_attribute_values(Some(values.finish()))
            .expression_attribute_values(":kinds", AttributeValue::Ss(vec![kind.to_owned()]))
    }
}
