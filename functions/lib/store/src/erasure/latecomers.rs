//! What comes after an erasure: a send that had read its recipient just before may store its notification just after, and an
//! erasure may die halfway.
//!
//! So every erasure begins with a note, under no recipient, and a few minutes later, when nothing that was under way then
//! can still live, cleanup looks once more and takes the note away. The note holds a keyed hash and a time.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::ErasureStore;
use crate::{Item, ItemReader, ItemWriter, Malformed, StoreError};
use domain::notification::NotificationId;
use domain::recipient::RecipientKey;

/// The partition of the notes; each one's sort key is its recipient's.
const NOTES: &str = "erased";
/// Longer than any invocation lives: 60 s, and clocks that differ. (Cleanup's own 300 s store no notification.)
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// How far apart the clocks of two functions may be.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);
/// When a note goes by itself, should nobody ever look.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// That an erasure was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureNote {
    recipient: RecipientKey,
    erased_at: Timestamp,
}

/// What a second look at an erasure found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondLook {
    /// Nothing had been left behind.
    Clean,
    /// Something had; whether all of it is gone now.
    Left(bool),
}

impl ErasureStore {
    /// Writes down that an erasure begins. One write.
    pub(super) async fn note(&self, recipient: &RecipientKey, now: Timestamp) -> Result<(), StoreError> {
        let until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX);
        let mut note = note_key(recipient);
        note.extend(ItemWriter::default().time("erased_at", now).number("expires_at", until.as_second()).finish());
        let put = self.client.put_item().table_name(self.recipients.table()).set_item(Some(note));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Up to a page of erasures that began long enough ago for everything under way then to have ended.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn settled(&self, now: Timestamp) -> Result<Vec<ErasureNote>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.recipients.table())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(NOTES.to_owned()));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let notes = page.items.unwrap_or_default();
        let mut notes: Vec<_> = notes.iter().map(note).collect::<Result<_, _>>()?;
        notes.retain(|note| now.duration_since(note.erased_at) >= SETTLED_AFTER);
        Ok(notes)
    }

    /// Looks again at one erasure, erases what it finds, and takes the note away once there is nothing. A recipient who was
    /// registered anew since then keeps everything that is theirs: only notifications from before go. `look_only` changes
    /// nothing.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the note stays.
    pub async fn look_again(
        &self,
        note: &ErasureNote,
        deadline: Instant,
        look_only: bool,
    ) -> Result<SecondLook, StoreError> {
        let key = &note.recipient;
        let mut look = SecondLook::Clean;
        loop {
            let parts = self.recipients.parts(key).await?;
            let (before, parts) = match self.recipients.known_since(key).await? {
                // It died before it deleted anything: its caller was told so.
                Some(since) if since <= note.erased_at => (Timestamp::UNIX_EPOCH, Vec::new()),
                Some(since) => (since, Vec::new()),
                None => (note.erased_at.checked_add(CLOCK_SKEW).unwrap_or(note.erased_at), parts),
            };
            let history = self.history_before(key, before).await?;
            if history.is_empty() && parts.is_empty() {
                if !look_only {
                    self.forget_note(note).await?;
                }
                return Ok(look);
            }
            look = SecondLook::Left(true);
            if look_only || Instant::now() >= deadline {
                return Ok(SecondLook::Left(false));
            }
            self.delete_history(key, history).await?;
            if self.history_before(key, before).await?.is_empty() {
                self.recipients.delete_others(key, &parts).await?;
                self.recipients.delete_devices(key, &parts).await?;
            }
        }
    }

    /// Up to a page of notifications that were made before a moment.
    async fn history_before(&self, key: &RecipientKey, before: Timestamp) -> Result<Vec<String>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.notifications_table)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", AttributeValue::S(key.as_str().to_owned()))
            .expression_attribute_values(":before", AttributeValue::S(NotificationId::first_ordered(before)))
            .projection_expression("sk")
            .consistent_read(true);
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let items = page.items.unwrap_or_default();
        items.iter().map(|item| Ok(ItemReader(item).text("sk")?.to_owned())).collect()
    }

    /// Takes a note away, unless the recipient was erased again since it was read.
    async fn forget_note(&self, note: &ErasureNote) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(self.recipients.table())
            .set_key(Some(note_key(&note.recipient)))
            .condition_expression("erased_at = :read")
            .expression_attribute_values(":read", AttributeValue::N(note.erased_at.as_millisecond().to_string()));
        match delete.send().await.map_err(|error| StoreError::of("DeleteItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }
}

fn note_key(recipient: &RecipientKey) -> Item {
    ItemWriter::default().text("pk", NOTES).text("sk", recipient.as_str()).finish()
}

fn note(item: &Item) -> Result<ErasureNote, Malformed> {
    let recipient = RecipientKey::from_stored(ItemReader(item).text("sk")?).ok_or(Malformed("sk"))?;
    Ok(ErasureNote { recipient, erased_at: ItemReader(item).time("erased_at")? })
}
