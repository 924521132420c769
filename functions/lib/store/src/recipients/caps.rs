//! Claims of the frequency caps. They are one small item in the control table. A send reads it at the same time as the
//! recipient, if there are rules.
//!
//! A claim is one conditional UpdateItem of 1 write unit, and so is its release. The condition is the revision that was
//! read. If another process wrote in between, the refused write returns the stored item. The decision is then repeated
//! with that item. A claim whose response was lost is found by its tag.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::{RecipientsStore, control_key};
use crate::batch_get::{Consistency, batch_get};
use crate::direct::GetItem;
use crate::{Item, ItemReader, MalformedItemError, StoreError};
use aws::deadline;
use domain::caps::{CapClaim, CapDecision, CapTag, CapUsage};
use domain::recipient::RecipientKey;
use platform::{backoff, random};

/// Maximum number of writes to claim a slot or to give it back, if others write at the same time.
const MAX_CLAIM_TRIES: u32 = 8;
/// Bounds of the pauses between two tries, in milliseconds.
const PAUSES_MS: (i64, i64) = (10, 160);
/// Size of a stored claim: the tag, the time in milliseconds from the oldest claim, and the rules.
const CLAIM_BYTES: usize = 5 + 4 + 2;
/// Beginning of the key of the claims of a recipient.
const CAPS_PREFIX: &str = "caps#";

/// Result of claiming a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapClaimResult {
    /// The decision needs no write, on these claims as they are stored.
    Decided(CapDecision, CapUsage),
    /// The claim is stored, with these claims.
    Stored(CapUsage),
    /// In every try, another process wrote first.
    Contended,
}

/// Result of one conditional write.
enum CapWrite {
    Stored(CapUsage),
    Refused(CapUsage),
}

impl RecipientsStore {
    /// Stores the claim that `decide` returns for the stored claims. `read` is what was read with the recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails. The claim may then be stored.
    pub async fn claim_cap(
        &self,
        key: &RecipientKey,
        read: &CapUsage,
        decide: impl Fn(&CapUsage) -> CapDecision,
    ) -> Result<CapClaimResult, StoreError> {
        let mut stored = read.clone();
        for made in 1..=MAX_CLAIM_TRIES {
            let claimed = match decide(&stored) {
                CapDecision::Claimed(claimed) => claimed,
                decided => return Ok(CapClaimResult::Decided(decided, stored)),
            };
            match self.write_caps(key, claimed).await? {
                CapWrite::Stored(stored) => return Ok(CapClaimResult::Stored(stored)),
                CapWrite::Refused(present) => stored = present,
            }
            if made == MAX_CLAIM_TRIES || !pause(made).await {
                break;
            }
        }
        Ok(match decide(&stored) {
            CapDecision::Claimed(_) => CapClaimResult::Contended,
            decided => CapClaimResult::Decided(decided, stored),
        })
    }

    /// Gives the slot of a notification back. Does nothing if it has none. `read` is what was read with the recipient;
    /// `None` reads it now.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or if in every try another process wrote first. The slot may then stay claimed.
    pub async fn release_cap_slot(
        &self,
        key: &RecipientKey,
        tag: CapTag,
        read: Option<&CapUsage>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut stored = match read {
            Some(read) => read.clone(),
            None => self.caps(key).await?,
        };
        for made in 1..=MAX_CLAIM_TRIES {
            let Some(left) = stored.without(tag, now) else { return Ok(()) };
            match self.write_caps(key, left).await? {
                CapWrite::Stored(_) => return Ok(()),
                CapWrite::Refused(present) => stored = present,
            }
            if made == MAX_CLAIM_TRIES || !pause(made).await {
                break;
            }
        }
        Err(StoreError::ConditionFailed { call: "UpdateItem" })
    }

    /// Returns the claims of a recipient, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn caps(&self, key: &RecipientKey) -> Result<CapUsage, StoreError> {
        let found = GetItem::new(&self.control, caps_key(key)).consistent().send(&self.client).await?;
        Ok(found.as_ref().map(from_item).transpose()?.unwrap_or_default())
    }

    /// Returns the claims of several recipients. Those without claims are left out. The read is not consistent, at half
    /// the price.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or an item is malformed.
    pub async fn caps_of(&self, keys: &[RecipientKey]) -> Result<HashMap<RecipientKey, CapUsage>, StoreError> {
        let wanted: Vec<_> = keys.iter().map(caps_key).collect();
        let items = batch_get(&self.client, &self.control, &wanted, None, Consistency::Eventual).await?;
        let mut found = HashMap::with_capacity(items.len());
        for item in &items {
            let key = ItemReader(item).text("pk")?.strip_prefix(CAPS_PREFIX).and_then(RecipientKey::from_stored);
            found.insert(key.ok_or(MalformedItemError("pk"))?, from_item(item)?);
        }
        Ok(found)
    }

    /// Writes the claims if the stored item still has the revision that they are based on.
    async fn write_caps(&self, key: &RecipientKey, new: CapUsage) -> Result<CapWrite, StoreError> {
        let update = self.client.update_item().table_name(&self.control).set_key(Some(caps_key(key)));
        let update = match new.revision {
            None => update.condition_expression("attribute_not_exists(pk)"),
            Some(read) => update
                .condition_expression("revision = :read")
                .expression_attribute_values(":read", AttributeValue::N(read.to_string())),
        };
        let new = CapUsage { revision: Some(random::new_revision(new.revision.unwrap_or(0))), ..new };
        let attributes = attributes(&new);
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let mut update = update;
        for (name, value) in attributes {
            update = update.expression_attribute_names(format!("#{name}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), value);
                }
                None => removed.push(format!("#{name}")),
            }
        }
        let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        let update = update
            .update_expression(format!("SET {}{remove}", set.join(", ")))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = update.send().await else { return Ok(CapWrite::Stored(new)) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(CapWrite::Refused(refused.item().map(from_item).transpose()?.unwrap_or_default()))
            }
            _ => Err(StoreError::of("UpdateItem", error)),
        }
    }
}

/// Returns the key of the claims of a recipient.
pub(super) fn caps_key(key: &RecipientKey) -> Item {
    control_key(&format!("{CAPS_PREFIX}{key}"))
}

/// Pauses before the next try. Returns `false` if the deadline leaves no time for one.
async fn pause(made: u32) -> bool {
    let pause: Duration = backoff::pause(made, PAUSES_MS);
    let has_time = deadline::left().is_none_or(|left| left > pause);
    if has_time {
        tokio::time::sleep(pause).await;
    }
    has_time
}

/// Returns the attributes of the item. An attribute without a value is removed.
fn attributes(usage: &CapUsage) -> [(&'static str, Option<AttributeValue>); 6] {
    let number = |value: i64| AttributeValue::N(value.to_string());
    let oldest = usage.claims.first().map_or(Timestamp::UNIX_EPOCH, |claim| claim.at);
    let mut bytes = Vec::with_capacity(usage.claims.len() * CLAIM_BYTES);
    for claim in &usage.claims {
        let after_ms = u32::try_from(claim.at.as_millisecond() - oldest.as_millisecond()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&claim.tag.0);
        bytes.extend_from_slice(&after_ms.to_be_bytes());
        bytes.extend_from_slice(&claim.counts_for.to_be_bytes());
    }
    [
        ("rules", Some(AttributeValue::S(usage.rules.join(",")))),
        ("claims", Some(AttributeValue::B(Blob::new(bytes)))),
        ("oldest_at", Some(number(oldest.as_millisecond()))),
        ("dropped_until", usage.dropped_until.map(|until| number(until.as_millisecond()))),
        ("revision", Some(number(usage.revision.unwrap_or(0).into()))),
        // One second more, since the attribute has no fraction.
        ("expires_at", usage.kept_until.map(|until| number(until.as_second() + 1))),
    ]
}

/// Converts an item into the claims.
pub(super) fn from_item(item: &Item) -> Result<CapUsage, MalformedItemError> {
    let reader = ItemReader(item);
    let oldest = reader.time("oldest_at")?;
    let bytes = item.get("claims").and_then(|claims| claims.as_b().ok()).ok_or(MalformedItemError("claims"))?;
    let (claims, rest) = bytes.as_ref().as_chunks::<CLAIM_BYTES>();
    if !rest.is_empty() {
        return Err(MalformedItemError("claims"));
    }
    let revision = reader.maybe_number("revision")?.and_then(|revision| u32::try_from(revision).ok());
    Ok(CapUsage {
        rules: reader.text("rules")?.split(',').map(str::to_owned).collect(),
        claims: claims.iter().map(|bytes| claim_of(*bytes, oldest)).collect(),
        dropped_until: reader.maybe_time("dropped_until")?,
        kept_until: reader.maybe_number("expires_at")?.and_then(|second| Timestamp::from_second(second - 1).ok()),
        revision: Some(revision.ok_or(MalformedItemError("revision"))?),
    })
}

fn claim_of([a, b, c, d, e, w, x, y, z, high, low]: [u8; CLAIM_BYTES], oldest: Timestamp) -> CapClaim {
    let after = SignedDuration::from_millis(u32::from_be_bytes([w, x, y, z]).into());
    CapClaim {
        tag: CapTag([a, b, c, d, e]),
        at: oldest.checked_add(after).unwrap_or(Timestamp::MAX),
        counts_for: u16::from_be_bytes([high, low]),
    }
}

#[cfg(test)]
#[path = "caps_tests.rs"]
mod tests;
