//! Choices of recipients: unsubscriptions from single types, and the choices of a preference page.
//!
//! An unsubscription writes one entry of the profile's map of choices, without a read. Other writers replace the map
//! under the condition of the version that they read, so they lose no entry.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::items::{self, CHOICES, PROFILE};
use super::{RecipientsStore, WriteIf, item_key};
use crate::{Item, ItemReader, ItemWriter, StoreError};
use domain::recipient::{Choice, ChoiceAuthor, ChoiceScope, Preferences, ProfileVersion, Recipient, RecipientKey};

/// Unsubscription with the language of the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscription {
    /// Result.
    pub result: OptOutResult,
    /// Language tag of the profile, which the write returns.
    pub locale: Option<String>,
}

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
    /// Unsubscribes a recipient from a type, with one write and no read. A repetition changes nothing, and neither does
    /// a call for an erased recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn unsubscribe(
        &self,
        key: &RecipientKey,
        kind: &str,
        by: ChoiceAuthor,
        now: Timestamp,
    ) -> Result<Unsubscription, StoreError> {
        let update = self
            .update_choice(key, kind, Choice::refusal(by, now))
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(#choices.#scope) \
                 OR NOT (begins_with(#choices.#scope, :by_person) OR begins_with(#choices.#scope, :by_link)))",
            )
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let done = |result, profile: Option<&Item>| {
            let locale = profile.map(|profile| ItemReader(profile).maybe_text("locale")).transpose()?.flatten();
            Ok(Unsubscription { result, locale: locale.map(str::to_owned) })
        };
        let error = match update.send().await {
            Ok(stored) => return done(OptOutResult::Stored, stored.attributes()),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => match refused.item() {
                Some(profile) => done(OptOutResult::Unchanged, Some(profile)),
                None => done(OptOutResult::UnknownRecipient, None),
            },
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
            .update_choice(key, kind, Choice { wants: true, by: ChoiceAuthor::Person, at: now })
            .condition_expression("begins_with(#choices.#scope, :by_person) OR begins_with(#choices.#scope, :by_link)");
        match update.send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }

    /// Builds an update of the choice about a whole type. `:by_person` and `:by_link` are the recipient's own refusals.
    fn update_choice(&self, key: &RecipientKey, kind: &str, choice: Choice) -> UpdateItemFluentBuilder {
        let values = ItemWriter::default()
            .time(":now", choice.at)
            .number(":one", 1)
            .text(":by_person", items::choice_prefix(false, ChoiceAuthor::Person))
            .text(":by_link", items::choice_prefix(false, ChoiceAuthor::Link));
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("SET #choices.#scope = :choice, updated_at = :now ADD revision :one")
            .expression_attribute_names("#choices", CHOICES)
            .expression_attribute_names("#scope", ChoiceScope::Type(kind.to_owned()).key())
            .set_expression_attribute_values(Some(values.finish()))
            .expression_attribute_values(":choice", items::choice_value(choice))
    }

    /// Replaces the preferences of a recipient in one write, if the profile still has the version that was read.
    /// Returns the stored recipient, or `None` if another writer was faster.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn put_preferences_if(
        &self,
        key: &RecipientKey,
        preferences: &Preferences,
        read: ProfileVersion,
        now: Timestamp,
    ) -> Result<Option<Recipient>, StoreError> {
        let write_if = WriteIf::Version(read);
        let mut change = items::preferences_update(preferences, now);
        change.values.extend(write_if.values());
        let is_ours = |stored: &Recipient| stored.updated_at == now && stored.preferences == *preferences;
        self.update_profile_if(key, change, write_if, is_ours).await
    }

    /// Updates a profile, if the condition holds. `is_ours` recognizes the result of the update.
    pub(super) async fn update_profile_if(
        &self,
        key: &RecipientKey,
        change: items::Update,
        write_if: WriteIf,
        is_ours: impl Fn(&Recipient) -> bool,
    ) -> Result<Option<Recipient>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression(change.expression)
            .set_condition_expression(write_if.expression().map(str::to_owned))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(stored) => Ok(Some(items::recipient(key, &stored.attributes.unwrap_or_default())?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    // The SDK retries a write whose response was lost. The retry then finds the first write's result.
                    let stored = refused.item().map(|item| items::recipient(key, item)).transpose()?;
                    Ok(stored.filter(|stored| write_if.is_followed_by(stored) && is_ours(stored)))
                }
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}
