//! Campaigns in the settings table.
//!
//! ```text
//! pk    campaigns                  sk    <id>                  a row: the campaign as JSON, revision, times
//! pk    campaigns-open             sk    <id>                  exists until the campaign ends
//! pk    audit#campaign#<id>        sk    <milliseconds>#<revision>    one change of that row; 400 days
//! pk    campaign-key#<hash>        sk    key                   campaign of an Idempotency-Key; 24 hours
//! pk    campaign#<id>              sk    release               which tasks are released
//! pk    campaign#<id>              sk    <pass>#<task>         progress of a task
//! pk    campaign#<id>              sk    people#<list>#<part>  keys of a list of recipients
//! ```
//!
//! The row, its audit record and the marker are written in one transaction. The rest is deleted by DynamoDB 180 days
//! after its last write.

use std::collections::BTreeMap;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::catalog_row::{CALL, CatalogRow, commit_change, item, put, put_always, put_over_expired, put_record, row};
use super::versioned::{ItemPlace, Versioned, versioned};
use super::{Item, ItemReader, ItemWriter, Malformed, Page, StoreError};
use crate::direct::{GetItem, PutItem};
use campaign::{Campaign, CampaignId, Release, Task, TaskPass};
use domain::CatalogChange;
use domain::recipient::RecipientKey;
use segments::CampaignLaunches;
use serde_json::{Map, Value};

pub(super) const ROWS: &str = "campaigns";
const OPEN: &str = "campaigns-open";
const RETENTION: SignedDuration = SignedDuration::from_hours(180 * 24);
/// Time for which a key is known.
const KEY_RETENTION: SignedDuration = SignedDuration::from_hours(24);
/// Number of recipients of one part of a list, which is one task.
pub const PEOPLE_PER_PART: usize = 100;
/// Number of campaigns that are read at once.
const READS_AT_ONCE: usize = 16;

/// Store of campaigns.
#[derive(Debug, Clone)]
pub struct CampaignStore {
    pub(super) client: DynamoClient,
    pub(super) table: String,
}

/// A campaign with the row that the next write requires.
#[derive(Debug, Clone)]
pub struct StoredCampaign {
    /// Id.
    pub id: CampaignId,
    /// Campaign.
    pub campaign: Campaign,
    /// Row.
    pub row: CatalogRow,
}

/// Campaign that an idempotency key created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignKey {
    /// Keyed hash of the caller and its key.
    pub key: String,
    /// Hash of the body.
    pub body: String,
    /// Campaign.
    pub campaign: CampaignId,
}

impl CampaignStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns a campaign, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the row is malformed.
    pub async fn get(&self, id: &CampaignId) -> Result<Option<StoredCampaign>, StoreError> {
        let item = GetItem::new(&self.table, key(ROWS, id.as_str())).consistent().send(&self.client).await?;
        Ok(item.map(|item| stored(&item)).transpose()?)
    }

    /// Returns the times of the launches of these campaigns. Those that were not launched are left out.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or a row is malformed.
    pub async fn launches(&self, ids: impl IntoIterator<Item = CampaignId>) -> Result<CampaignLaunches, StoreError> {
        let mut launches = CampaignLaunches::new();
        for id in ids {
            let found = self.get(&id).await?;
            if let Some(launch) = found.and_then(|stored| stored.campaign.launch) {
                launches.insert(id, launch.at);
            }
        }
        Ok(launches)
    }

    /// Returns a page of campaigns, newest first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a row is malformed.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page<StoredCampaign>, StoreError> {
        let query = self.client.query().table_name(&self.table).scan_index_forward(false);
        let query = query
            .key_condition_expression("pk = :pk AND sk < :after")
            .expression_attribute_values(":pk", AttributeValue::S(ROWS.to_owned()))
            .expression_attribute_values(":after", AttributeValue::S(after.unwrap_or("~").to_owned()))
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let found = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let mut items = found.items.unwrap_or_default();
        let has_more = items.len() > limit || found.last_evaluated_key.is_some();
        items.truncate(limit);
        let items = items.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| has_more).map(|last| last.id.as_str().to_owned());
        Ok(Page { items, next })
    }

    /// Returns the ids of the campaigns that have not ended, with consistent reads.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn open(&self) -> Result<Vec<CampaignId>, StoreError> {
        let items = self.all(OPEN, "").await?;
        let id = |item: &Item| ItemReader(item).text("sk").ok().and_then(CampaignId::parse);
        Ok(items.iter().filter_map(id).collect())
    }

    /// Returns the campaigns that have not ended, each with a consistent read.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or a row is malformed.
    pub async fn open_campaigns(&self) -> Result<Vec<StoredCampaign>, StoreError> {
        let reads = self.open().await?.into_iter().map(|id| async move { self.get(&id).await });
        let read: Vec<_> = futures_util::stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Stores a new campaign. Returns `false` if its id or its key is taken.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn create(
        &self,
        new: &StoredCampaign,
        change: &CatalogChange,
        key: Option<&CampaignKey>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writes = self.writes(new, None, change)?;
        if let Some(CampaignKey { key, body, campaign }) = key {
            let until = now.checked_add(KEY_RETENTION).unwrap_or(Timestamp::MAX);
            let item = ItemWriter::default()
                .text("pk", key_partition(key))
                .text("sk", "key")
                .text("body", body.as_str())
                .text("campaign", campaign.as_str())
                .number("expires_at", until.as_second());
            writes.push(put_over_expired(&self.table, item, now)?);
        }
        commit_change(&self.client, &writes).await
    }

    /// Returns the campaign that a key created within the last 24 hours.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn key(&self, name: &str, now: Timestamp) -> Result<Option<CampaignKey>, StoreError> {
        let get = GetItem::new(&self.table, key(&key_partition(name), "key")).consistent();
        let Some(item) = get.send(&self.client).await? else { return Ok(None) };
        let item = ItemReader(&item);
        let is_live = item.maybe_number("expires_at")?.is_some_and(|until| until > now.as_second());
        let campaign = CampaignId::parse(item.text("campaign")?).ok_or(Malformed("campaign"))?;
        let found = CampaignKey { key: name.to_owned(), body: item.text("body")?.to_owned(), campaign };
        Ok(is_live.then_some(found))
    }

    /// Replaces a campaign if the stored row is still `read`. Returns `false` if another writer was first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn replace(
        &self,
        read: &CatalogRow,
        new: &StoredCampaign,
        change: &CatalogChange,
    ) -> Result<bool, StoreError> {
        commit_change(&self.client, &self.writes(new, Some(read), change)?).await
    }

    fn writes(
        &self,
        new: &StoredCampaign,
        read: Option<&CatalogRow>,
        change: &CatalogChange,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let id = new.id.as_str();
        let mut writes = vec![
            put(&self.table, item(ROWS, id.to_owned(), &new.row)?, read)?,
            put_record(&self.table, &format!("campaign#{id}"), change)?,
        ];
        match (read.is_some(), new.campaign.state.is_final()) {
            (false, _) => {
                writes.push(put_always(&self.table, ItemWriter::default().text("pk", OPEN).text("sk", id))?);
            }
            (true, true) => writes.push(self.unmark(id)?),
            (true, false) => {}
        }
        Ok(writes)
    }

    fn unmark(&self, id: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = aws_sdk_dynamodb::types::Delete::builder().table_name(&self.table).set_key(Some(key(OPEN, id)));
        let delete = delete.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Returns which tasks are released.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the value is malformed.
    pub async fn release(&self, id: &CampaignId) -> Result<Option<Versioned<Release>>, StoreError> {
        self.place(&partition(id), "release").read().await
    }

    /// Stores which tasks are released. Returns `false` if another process was first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_release(
        &self,
        id: &CampaignId,
        read: Option<&Versioned<Release>>,
        release: Release,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.place(&partition(id), "release").replace(read, release, kept_until(now)).await?.is_some())
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
    ) -> Result<Option<Versioned<Task>>, StoreError> {
        self.place(&partition(id), &task_key(pass, task)).read().await
    }

    /// Stores the progress of a task. Returns `None` if another worker was first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_task(
        &self,
        (id, pass, task): (&CampaignId, TaskPass, u32),
        read: Option<&Versioned<Task>>,
        progress: Task,
        now: Timestamp,
    ) -> Result<Option<Versioned<Task>>, StoreError> {
        self.place(&partition(id), &task_key(pass, task)).replace(read, progress, kept_until(now)).await
    }

    /// Returns the progress of all tasks of a pass that workers have taken, by their numbers.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or a value is malformed.
    pub async fn tasks(&self, id: &CampaignId, pass: TaskPass) -> Result<BTreeMap<u32, Task>, StoreError> {
        let prefix = format!("{}#", pass.key());
        let mut tasks = BTreeMap::new();
        for item in self.all(&partition(id), &prefix).await? {
            let number = ItemReader(&item).text("sk")?.strip_prefix(&prefix).and_then(|number| number.parse().ok());
            tasks.insert(number.ok_or(Malformed("sk"))?, versioned(&item)?.value);
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
        for (part, keys) in keys.chunks(PEOPLE_PER_PART).enumerate() {
            let keys: Vec<_> = keys.iter().map(RecipientKey::as_str).collect();
            let item = ItemWriter::default()
                .text("pk", partition(id))
                .text("sk", people_key(list, u32::try_from(part).unwrap_or(u32::MAX)))
                .text("keys", keys.join(","))
                .number("expires_at", kept_until(now).as_second());
            PutItem::new(&self.table, item.finish()).send(&self.client).await?;
        }
        Ok(())
    }

    /// Returns the keys of one part of a list.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the part does not exist.
    pub async fn people(&self, id: &CampaignId, list: &str, part: u32) -> Result<Vec<RecipientKey>, StoreError> {
        let get = GetItem::new(&self.table, key(&partition(id), &people_key(list, part)));
        let item = get.send(&self.client).await?.ok_or(Malformed("keys"))?;
        let keys = ItemReader(&item).text("keys")?.split(',').map(RecipientKey::from_stored).collect::<Option<_>>();
        Ok(keys.ok_or(Malformed("keys"))?)
    }

    async fn all(&self, partition: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let query = if prefix.is_empty() {
            query.key_condition_expression("pk = :pk")
        } else {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
        };
        let mut pages = query.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.map_err(|error| StoreError::of("Query", error))?.items.unwrap_or_default());
        }
        Ok(items)
    }

    fn place<'a>(&'a self, partition: &'a str, sort: &'a str) -> ItemPlace<'a> {
        ItemPlace { client: &self.client, table: &self.table, partition, sort }
    }
}

impl StoredCampaign {
    /// Returns the definition that the row of a campaign has.
    ///
    /// # Errors
    /// If the campaign cannot be written as JSON.
    pub fn definition(campaign: &Campaign) -> Result<Map<String, Value>, StoreError> {
        match serde_json::to_value(campaign) {
            Ok(Value::Object(definition)) => Ok(definition),
            _ => Err(Malformed("definition").into()),
        }
    }
}

fn stored(item: &Item) -> Result<StoredCampaign, Malformed> {
    let id = CampaignId::parse(ItemReader(item).text("sk")?).ok_or(Malformed("sk"))?;
    let row = row(item)?;
    let campaign = serde_json::from_value(Value::Object(row.definition.clone()));
    Ok(StoredCampaign { id, campaign: campaign.map_err(|_| Malformed("definition"))?, row })
}

pub(super) fn key(partition: &str, sort: &str) -> Item {
    ItemWriter::default().text("pk", partition).text("sk", sort).finish()
}

fn partition(id: &CampaignId) -> String {
    format!("campaign#{id}")
}

fn key_partition(key: &str) -> String {
    format!("campaign-key#{key}")
}

fn task_key(pass: TaskPass, task: u32) -> String {
    format!("{}#{task:06}", pass.key())
}

fn people_key(list: &str, part: u32) -> String {
    format!("people#{list}#{part:06}")
}

fn kept_until(now: Timestamp) -> Timestamp {
    now.checked_add(RETENTION).unwrap_or(Timestamp::MAX)
}
