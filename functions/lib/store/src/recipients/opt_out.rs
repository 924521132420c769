//! A person's own word: no more of one type. It stands beside what a caller says of their preferences, in a set of its own,
//! so that no PUT of the profile takes it back.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::items::{PROFILE, UNSUBSCRIBED};
use super::{RecipientsStore, item_key};
use crate::{ItemWriter, StoreError};
use domain::recipient::RecipientKey;

/// What an opt-out came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedOut {
    /// It is stored.
    Now,
    /// It was so before.
    Before,
    /// Nobody is there who could get anything.
    Nobody,
}

impl RecipientsStore {
    /// Adds a type to those that the recipient unsubscribed from: one write without a read, and nothing changes the second
    /// time or when the recipient was erased.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn unsubscribe(&self, key: &RecipientKey, kind: &str, now: Timestamp) -> Result<OptedOut, StoreError> {
        let update = self
            .update_unsubscribed(key, kind, now)
            .update_expression("ADD #unsubscribed :kinds, revision :one SET updated_at = :now")
            .condition_expression("attribute_exists(pk) AND NOT contains(#unsubscribed, :kind)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = update.send().await else { return Ok(OptedOut::Now) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) if refused.item().is_some() => {
                Ok(OptedOut::Before)
            }
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(OptedOut::Nobody),
            _ => Err(StoreError::of("UpdateItem", error)),
        }
    }

    /// Takes a type off those that the recipient unsubscribed from, because they asked for it again. Nothing changes when it
    /// is not among them.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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

    /// An update of the profile with the names and values that both expressions use.
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
