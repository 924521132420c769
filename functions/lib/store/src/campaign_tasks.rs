//! Tasks of campaigns in the settings table, and their data.
//!
//! ```text
//! pk    campaign#<id>              sk    release               which tasks are released
//! pk    campaign#<id>              sk    <pass>                what is known of the tasks of a plan or a test
//! pk    campaign#<id>              sk    <pass>#<task>         progress of a task
//! pk    campaign#<id>              sk    people#<list>#<part>  keys of a list of recipients
//! ```
//!
//! DynamoDB deletes them 180 days after their last write.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::campaigns::{CampaignStore, all_pages, key, partition};
use super::versioned::{ItemPlace, Versioned, versioned};
use super::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::{GetItem, PutItem};
use campaign::{CampaignId, CampaignTask, PassRun, TASK_RETENTION, TaskPass, TaskRelease};
use domain::recipient::RecipientKey;

/// Remaining retention below which a list is stored again before it is used. A campaign stops at most 14 days after its
/// plan.
const MIN_REMAINING_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Number of recipients of one part of a list, which is one task or several.
pub const PEOPLE_PER_PART: u32 = 100;

impl CampaignStore {
    /// Returns the record of the released tasks.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the value is malformed.
    pub async fn release(&self, id: &CampaignId) -> Result<Option<Versioned<TaskRelease>>, StoreError> {
        self.place(&partition(id), "release").read().await
    }

    /// Stores the record of the released tasks. Returns `false` if another process wrote first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_release(
        &self,
        id: &CampaignId,
        read: Option<&Versioned<TaskRelease>>,
        release: TaskRelease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.place(&partition(id), "release").replace(read, release, kept_until(now)).await?.is_some())
    }

    /// Returns the record of the tasks of a plan or a test.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the value is malformed.
    pub async fn pass_run(&self, id: &CampaignId, pass: TaskPass) -> Result<Option<Versioned<PassRun>>, StoreError> {
        self.place(&partition(id), &pass.key()).read().await
    }

    /// Stores the record of the tasks of a plan or a test. Returns `false` if another process wrote first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_pass_run(
        &self,
        (id, pass): (&CampaignId, TaskPass),
        read: Option<&Versioned<PassRun>>,
        run: PassRun,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.place(&partition(id), &pass.key()).replace(read, run, kept_until(now)).await?.is_some())
    }

    /// Returns the progress of a task; `None` if no worker has taken it.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the value is malformed.
    pub async fn task(
        &self,
        id: &CampaignId,
        pass: TaskPass,
        task: u32,
    ) -> Result<Option<Versioned<CampaignTask>>, StoreError> {
        self.place(&partition(id), &task_key(pass, task)).read().await
    }

    /// Stores the progress of a task. Returns `None` if another worker wrote first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_task(
        &self,
        (id, pass, task): (&CampaignId, TaskPass, u32),
        read: Option<&Versioned<CampaignTask>>,
        progress: CampaignTask,
        now: Timestamp,
    ) -> Result<Option<Versioned<CampaignTask>>, StoreError> {
        self.place(&partition(id), &task_key(pass, task)).replace(read, progress, kept_until(now)).await
    }

    /// Returns the progress of all tasks of a pass that workers have taken, by their numbers.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or a value is malformed.
    pub async fn tasks(&self, id: &CampaignId, pass: TaskPass) -> Result<BTreeMap<u32, CampaignTask>, StoreError> {
        self.tasks_from(id, pass, 0).await
    }

    /// Returns the progress of the tasks from this number on.
    ///
    /// # Errors
    /// As [`tasks`](Self::tasks).
    pub async fn tasks_from(
        &self,
        id: &CampaignId,
        pass: TaskPass,
        first: u32,
    ) -> Result<BTreeMap<u32, CampaignTask>, StoreError> {
        let prefix = format!("{}#", pass.key());
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(partition(id)))
            .expression_attribute_values(":first", AttributeValue::S(task_key(pass, first)))
            .expression_attribute_values(":last", AttributeValue::S(format!("{prefix}~")));
        let mut tasks = BTreeMap::new();
        for item in all_pages(query).await? {
            let number = ItemReader(&item).text("sk")?.strip_prefix(&prefix).and_then(|number| number.parse().ok());
            tasks.insert(number.ok_or(MalformedItemError("sk"))?, versioned(&item)?.value);
        }
        Ok(tasks)
    }

    /// Stores the keys of a list of recipients, in parts. A repeat changes nothing.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn save_people(
        &self,
        id: &CampaignId,
        list: &str,
        keys: &[RecipientKey],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (part, keys) in keys.chunks(PEOPLE_PER_PART as usize).enumerate() {
            let keys: Vec<_> = keys.iter().map(RecipientKey::as_str).collect();
            let item = ItemWriter::default()
                .text("pk", partition(id))
                .text("sk", people_key(list, u32::try_from(part).unwrap_or(u32::MAX)))
                .text("keys", keys.join(","))
                .number("expires_at", kept_until(now).as_second());
            PutItem::new(&self.table, item).send(&self.client).await?;
        }
        Ok(())
    }

    /// Returns the keys of one part of a list; `None` if the part was deleted.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the part is malformed.
    pub async fn people(
        &self,
        id: &CampaignId,
        list: &str,
        part: u32,
    ) -> Result<Option<Vec<RecipientKey>>, StoreError> {
        Ok(self.part(id, list, part).await?.map(|(keys, _)| keys))
    }

    /// Returns the keys of a list with this number of parts; `None` if the list was deleted.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn all_people(
        &self,
        id: &CampaignId,
        list: &str,
        parts: u32,
    ) -> Result<Option<Vec<RecipientKey>>, StoreError> {
        let mut all = Vec::new();
        for part in 0..parts {
            let Some((keys, _)) = self.part(id, list, part).await? else { return Ok(None) };
            all.extend(keys);
        }
        Ok(Some(all))
    }

    /// Stores a list again if it would be deleted soon. Returns `false` if it was deleted.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn renew_people(
        &self,
        id: &CampaignId,
        list: &str,
        parts: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // All parts are stored together.
        let Some((_, deleted_at)) = self.part(id, list, 0).await? else { return Ok(false) };
        if deleted_at.duration_since(now) >= MIN_REMAINING_RETENTION {
            return Ok(true);
        }
        let Some(keys) = self.all_people(id, list, parts).await? else { return Ok(false) };
        self.save_people(id, list, &keys, now).await.map(|()| true)
    }

    /// Returns the keys of a part, and the time of its deletion. The read is consistent, because a worker may read a
    /// part just after it was stored.
    async fn part(
        &self,
        id: &CampaignId,
        list: &str,
        part: u32,
    ) -> Result<Option<(Vec<RecipientKey>, Timestamp)>, StoreError> {
        let get = GetItem::new(&self.table, key(&partition(id), &people_key(list, part))).consistent();
        let Some(item) = get.send(&self.client).await? else { return Ok(None) };
        let item = ItemReader(&item);
        let keys = item.text("keys")?.split(',').map(RecipientKey::from_stored).collect::<Option<_>>();
        let deleted_at = item.maybe_number("expires_at")?.and_then(|second| Timestamp::from_second(second).ok());
        Ok(Some((keys.ok_or(MalformedItemError("keys"))?, deleted_at.ok_or(MalformedItemError("expires_at"))?)))
    }

    fn place<'a>(&'a self, partition: &'a str, sort: &'a str) -> ItemPlace<'a> {
        ItemPlace { client: &self.client, table: &self.table, partition, sort }
    }
}

fn task_key(pass: TaskPass, task: u32) -> String {
    format!("{}#{task:06}", pass.key())
}

fn people_key(list: &str, part: u32) -> String {
    format!("people#{list}#{part:06}")
}

fn kept_until(now: Timestamp) -> Timestamp {
    now.checked_add(TASK_RETENTION).unwrap_or(Timestamp::MAX)
}
