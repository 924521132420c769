//! Circuit breakers in the control table. Each channel and host that ever failed has one item.
//!
//! ```text
//! pk            breaker#push#fcm.googleapis.com
//! revision      revision of the last transition; absent before the first
//! closed_at     CLOSED: time of closing              f<slot>, s<slot>  failures and successes of a slot of 5 s
//!                                                    d<slot>, a<slot>  recipients of failed pushes; with a Retry-After
//! open_until    OPEN: no calls before this time
//! probe_until   HALF_OPEN: end of the probe's lease
//! open_for_ms   open period; a failed probe doubles it
//! opened_at     time of opening; absent while CLOSED
//! ```
//!
//! A second item for each UTC day, `breakers#2026-11-23`, lists the breakers that opened on that day. A reader
//! therefore finds them without a list of all hosts and without a scan. A breaker without a write for one day expires,
//! so the lists of two days are sufficient.
//!
//! `ADD` increments the counts in place, so concurrent instances do not conflict. It requires that the breaker is
//! CLOSED. A transition replaces the whole item, including the counts.

use std::collections::{BTreeSet, HashMap};

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use jiff::{SignedDuration, Timestamp};

use super::{BreakerRepository, Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::PutItem;
use domain::breaker::{Breaker, BreakerReport, CLOCK_SKEW_MS, Count, Host, Phase, SlotCounts, StoredBreaker};

/// Retention of a breaker after its last write.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);
const UPDATE: &str = "UpdateItem";
/// Attribute of a day's list.
const LIST: &str = "hosts";

/// Store of circuit breakers in the control table.
#[derive(Debug, Clone)]
pub struct BreakerStore {
    client: DynamoClient,
    table: String,
}

impl BreakerStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

impl BreakerStore {
    /// Returns the present state of all breakers that opened today or yesterday (UTC). All others are CLOSED.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or its response is incomplete.
    pub async fn opened(&self, now: Timestamp) -> Result<Vec<(Host, Breaker)>, StoreError> {
        let hosts = self.listed(now).await?;
        let mut opened = Vec::new();
        for hosts in hosts.chunks(100) {
            let found = self.read(hosts).await?;
            if found.len() < hosts.len() {
                return Err(incomplete());
            }
            opened.extend(found.into_iter().map(|(host, stored)| (host, stored.breaker)));
        }
        Ok(opened)
    }

    async fn listed(&self, now: Timestamp) -> Result<Vec<Host>, StoreError> {
        const CALL: &str = "BatchGetItem";
        let days = [now, now.saturating_sub(RETENTION).unwrap_or(Timestamp::MIN)].map(list_key).to_vec();
        let keys = KeysAndAttributes::builder().set_keys(Some(days)).consistent_read(true);
        let keys = keys.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        let get = self.client.batch_get_item().request_items(&self.table, keys);
        let answer = get.send().await.map_err(|error| StoreError::of(CALL, error))?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(incomplete());
        }
        let items = answer.responses.unwrap_or_default().into_values().flatten();
        let names = items.filter_map(|item| item.get(LIST)?.as_ss().ok().cloned()).flatten();
        let hosts: BTreeSet<_> = names.filter_map(|name| Host::parse(&name)).collect();
        Ok(hosts.into_iter().collect())
    }

    /// Adds a breaker to the day's list before the breaker opens. After an error the breaker opens nevertheless; a
    /// failed probe tries again.
    async fn list(&self, host: &Host, now_ms: i64) {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::MIN);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(list_key(now)))
            .update_expression("ADD hosts :host SET expires_at = :gone")
            .expression_attribute_values(":host", AttributeValue::Ss(vec![host.name()]))
            .expression_attribute_values(":gone", number(forgotten_at(now_ms) + RETENTION.as_secs()));
        if let Err(error) = update.send().await.map_err(|error| StoreError::of(UPDATE, error)) {
            tracing::warn!(%error, %host, "failed to list opened circuit breaker");
        }
    }
}

impl BreakerRepository for BreakerStore {
    /// Reads up to 100 hosts with one call.
    async fn read(&self, hosts: &[Host]) -> Result<Vec<(Host, StoredBreaker)>, StoreError> {
        const CALL: &str = "BatchGetItem";
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let keys = KeysAndAttributes::builder().set_keys(Some(hosts.iter().map(key).collect())).consistent_read(true);
        let keys = keys.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        let get = self.client.batch_get_item().request_items(&self.table, keys);
        let answer = get.send().await.map_err(|error| StoreError::of(CALL, error))?;
        let missed = answer.unprocessed_keys.unwrap_or_default();
        let missed: Vec<_> = missed.into_values().flat_map(|keys| keys.keys).collect();
        let mut found = HashMap::new();
        for item in answer.responses.unwrap_or_default().into_values().flatten() {
            found.insert(ItemReader(&item).text("pk")?.to_owned(), stored_of(&item)?);
        }
        let asked = hosts.iter().filter(|host| !missed.contains(&key(host)));
        Ok(asked.map(|host| (host.clone(), found.remove(&host.name()).unwrap_or_default())).collect())
    }

    async fn count(&self, host: &Host, report: &BreakerReport) -> Result<StoredBreaker, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(host)))
            .condition_expression(
                "attribute_not_exists(open_until) AND attribute_not_exists(probe_until) \
                 AND (attribute_not_exists(closed_at) OR closed_at <= :counts_from)",
            )
            .expression_attribute_values(":counts_from", number(report.began_ms + CLOCK_SKEW_MS))
            .expression_attribute_values(":gone", number(forgotten_at(report.at_ms)))
            .return_values(ReturnValue::AllNew);
        let mut adds = Vec::new();
        for (slot, recipients) in report.tally.recipients() {
            let marks = |only_asked: bool| -> Vec<_> {
                recipients
                    .iter()
                    .filter(|(_, asked)| !only_asked || **asked)
                    .map(|(mark, _)| mark.to_string())
                    .collect()
            };
            for (kind, marks) in [("d", marks(false)), ("a", marks(true))].into_iter().filter(|(_, m)| !m.is_empty()) {
                adds.push(format!("{kind}{slot} :{kind}{slot}"));
                update = update.expression_attribute_values(format!(":{kind}{slot}"), AttributeValue::Ns(marks));
            }
        }
        for (slot, count) in report.tally.slots() {
            for (kind, counted) in [("f", count.failed), ("s", count.succeeded)].into_iter().filter(|(_, n)| *n > 0) {
                adds.push(format!("{kind}{slot} :{kind}{slot}"));
                update = update.expression_attribute_values(format!(":{kind}{slot}"), number(counted));
            }
        }
        let expression = format!("ADD {} SET expires_at = :gone", adds.join(", "));
        let answer =
            update.update_expression(expression).send().await.map_err(|error| StoreError::of(UPDATE, error))?;
        Ok(stored_of(&answer.attributes.unwrap_or_default())?)
    }

    async fn replace(&self, host: &Host, from: u32, next: &Breaker, now_ms: i64) -> Result<(), StoreError> {
        if matches!(next.phase, Phase::Open { .. }) {
            self.list(host, now_ms).await;
        }
        let put = PutItem::new(&self.table, item_of(host, next, now_ms));
        let put = match from {
            0 => put.condition("attribute_not_exists(revision)"),
            from => put.condition("revision = :from").value(":from", number(from)),
        };
        put.send(&self.client).await
    }

    async fn trim(&self, host: &Host, slots: &[i64]) -> Result<(), StoreError> {
        let names: Vec<_> = slots.iter().map(|slot| format!("f{slot}, s{slot}, d{slot}, a{slot}")).collect();
        let update = self.client.update_item().table_name(&self.table).set_key(Some(key(host)));
        let update = update.update_expression(format!("REMOVE {}", names.join(", ")));
        let update = update.condition_expression("attribute_exists(pk)");
        update.send().await.map(drop).map_err(|error| StoreError::of(UPDATE, error))
    }
}

fn key(host: &Host) -> Item {
    ItemWriter::default().text("pk", host.name()).finish()
}

fn list_key(at: Timestamp) -> Item {
    ItemWriter::default().text("pk", at.strftime("breakers#%F").to_string()).finish()
}

fn incomplete() -> StoreError {
    StoreError::Transient { call: "BatchGetItem", cause: "some keys were left out".to_owned() }
}

fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// Returns the expiry in seconds since the epoch, as DynamoDB's TTL requires.
fn forgotten_at(now_ms: i64) -> i64 {
    now_ms / 1_000 + RETENTION.as_secs()
}

fn item_of(host: &Host, breaker: &Breaker, now_ms: i64) -> ItemWriter {
    let (name, at_ms) = match breaker.phase {
        Phase::Closed { since_ms } => ("closed_at", since_ms),
        Phase::Open { until_ms } => ("open_until", until_ms),
        Phase::HalfOpen { lease_ms } => ("probe_until", lease_ms),
    };
    ItemWriter::default()
        .text("pk", host.name())
        .number("revision", breaker.revision)
        .number(name, at_ms)
        .number("open_for_ms", breaker.open_for_ms)
        .maybe_time("opened_at", breaker.opened_at_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok()))
        // The item must not expire before the end of a long Retry-After.
        .number("expires_at", forgotten_at(now_ms.max(at_ms)))
}

fn stored_of(item: &Item) -> Result<StoredBreaker, MalformedItemError> {
    let reader = ItemReader(item);
    let phase = match (reader.maybe_number("probe_until")?, reader.maybe_number("open_until")?) {
        (Some(lease_ms), _) => Phase::HalfOpen { lease_ms },
        (None, Some(until_ms)) => Phase::Open { until_ms },
        (None, None) => Phase::Closed { since_ms: reader.maybe_number("closed_at")?.unwrap_or(0) },
    };
    let revision = reader.maybe_number("revision")?.unwrap_or(0);
    let breaker = Breaker {
        revision: u32::try_from(revision).map_err(|_| MalformedItemError("revision"))?,
        phase,
        open_for_ms: reader.maybe_number("open_for_ms")?.unwrap_or(0),
        opened_at_ms: reader.maybe_number("opened_at")?,
    };
    Ok(StoredBreaker { breaker, tally: tally_of(item) })
}

fn tally_of(item: &Item) -> SlotCounts {
    let mut tally = SlotCounts::default();
    for (name, value) in item {
        let Some(kind) = name.chars().next() else { continue };
        let Ok(slot) = name[kind.len_utf8()..].parse() else { continue };
        let counted = value.as_n().ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        match kind {
            'f' => tally.add(slot, Count { failed: counted, succeeded: 0 }),
            's' => tally.add(slot, Count { failed: 0, succeeded: counted }),
            'd' | 'a' => {
                let marks = value.as_ns().map(Vec::as_slice).unwrap_or_default();
                let marks = marks.iter().filter_map(|mark| mark.parse().ok());
                marks.for_each(|mark| tally.add_recipient(slot, mark, kind == 'a'));
            }
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
