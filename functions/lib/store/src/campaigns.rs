//! Campaigns in the settings table.
//!
//! ```text
//! pk    campaigns                  sk    <id>                  a row: the campaign as JSON, revision, times
//! pk    campaigns-open             sk    <id>                  exists until the campaign ends
//! pk    audit#campaign#<id>        sk    <milliseconds>#<revision>    one change of that row; 400 days
//! pk    campaign-key#<hash>        sk    key                   campaign of an Idempotency-Key; 24 hours
//! ```
//!
//! The row, its audit record and the marker are written in one transaction.

use aws::DynamoClient;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::catalog_row::{CALL, CatalogRow, commit_change, item, put, put_always, put_over_expired, put_record, row};
use super::{Item, ItemReader, ItemWriter, MalformedItemError, Page, StoreError};
use crate::direct::GetItem;
use campaign::{Campaign, CampaignId};
use domain::CatalogChange;
use platform::alarm::AlarmLine;
use segments::CampaignLaunches;
use serde_json::{Map, Value};

pub(super) const ROWS: &str = "campaigns";
const OPEN: &str = "campaigns-open";
/// Retention of an idempotency key.
const KEY_RETENTION: SignedDuration = SignedDuration::from_hours(24);
/// Number of campaigns that are read concurrently.
const MAX_CONCURRENT_READS: usize = 16;

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

    /// Returns a page of campaigns, newest first. Malformed ones are logged and left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
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
        let id = |item: &Item| ItemReader(item).text("sk").map(str::to_owned).unwrap_or_default();
        let next = items.last().filter(|_| has_more).map(id);
        let readable = |item: &Item| stored(item).map_err(|error| left_out(&id(item), &error.into())).ok();
        Ok(Page { items: items.iter().filter_map(readable).collect(), next })
    }

    /// Returns the ids of the campaigns that have not ended, with consistent reads.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn open(&self) -> Result<Vec<CampaignId>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(OPEN.to_owned()));
        let items = all_pages(query).await?;
        let id = |item: &Item| ItemReader(item).text("sk").ok().and_then(CampaignId::parse);
        Ok(items.iter().filter_map(id).collect())
    }

    /// Returns the campaigns that have not ended, each with a consistent read. Malformed ones are logged and left out.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn open_campaigns(&self) -> Result<Vec<StoredCampaign>, StoreError> {
        let reads = self.open().await?.into_iter().map(|id| async move {
            match self.get(&id).await {
                Err(error @ StoreError::Malformed(_)) => {
                    left_out(id.as_str(), &error);
                    Ok(None)
                }
                read => read,
            }
        });
        let read: Vec<_> = futures_util::stream::iter(reads).buffered(MAX_CONCURRENT_READS).try_collect().await?;
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
        let campaign = CampaignId::parse(item.text("campaign")?).ok_or(MalformedItemError("campaign"))?;
        let found = CampaignKey { key: name.to_owned(), body: item.text("body")?.to_owned(), campaign };
        Ok(is_live.then_some(found))
    }

    /// Replaces a campaign if the stored row is still `read`. Returns `false` if another writer wrote first.
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
}

impl StoredCampaign {
    /// Returns the definition that the row of a campaign has.
    ///
    /// # Errors
    /// If the campaign cannot be written as JSON.
    pub fn definition(campaign: &Campaign) -> Result<Map<String, Value>, StoreError> {
        match serde_json::to_value(campaign) {
            Ok(Value::Object(definition)) => Ok(definition),
            _ => Err(MalformedItemError("definition").into()),
        }
    }
}

pub(super) async fn all_pages(query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let mut pages = query.into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        items.extend(page.map_err(|error| StoreError::of("Query", error))?.items.unwrap_or_default());
    }
    Ok(items)
}

fn left_out(campaign: &str, error: &StoreError) {
    let alarm = AlarmLine::CatalogMalformed.as_str();
    tracing::error!(alarm, campaign, %error, "left out a malformed campaign");
}

fn stored(item: &Item) -> Result<StoredCampaign, MalformedItemError> {
    let id = CampaignId::parse(ItemReader(item).text("sk")?).ok_or(MalformedItemError("sk"))?;
    let row = row(item)?;
    let campaign = serde_json::from_value(Value::Object(row.definition.clone()));
    Ok(StoredCampaign { id, campaign: campaign.map_err(|_| MalformedItemError("definition"))?, row })
}

pub(super) fn key(partition: &str, sort: &str) -> Item {
    ItemWriter::default().text("pk", partition).text("sk", sort).finish()
}

pub(super) fn partition(id: &CampaignId) -> String {
    format!("campaign#{id}")
}

fn key_partition(key: &str) -> String {
    format!("campaign-key#{key}")
}
