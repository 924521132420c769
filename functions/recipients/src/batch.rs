//! `POST /v1/recipients/batch`: creates and updates up to 100 recipients. An item with an error affects no other item.
//!
//! The writes are those of a PATCH and of a registration, with the same conditions. The result depends on the stored
//! state only. So the caller repeats a batch, or the items that failed, without an idempotency key.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::RecipientsApi;
use super::import_item::{ImportChange, ImportItem, ImportMode, ImportResult};
use domain::recipient::{ProfileVersion, Recipient, RecipientId};
use platform::http::{Request, Response};
use platform::json::shaped;
use platform::preconditions;
use platform::problem::{FieldError, Problem, ProblemKind};
use platform::time_limits::RECIPIENTS_BATCH_START_LIMIT;
use store::WriteIf;

/// Maximum number of recipients in a batch.
const MAX_ITEMS: usize = 100;
/// Number of items that are processed at the same time.
const CONCURRENT_ITEMS: usize = 16;

/// Members of the body beside the items.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportOptions {
    mode: ImportMode,
    #[serde(default)]
    dry_run: bool,
}

/// Response of the route.
#[derive(Serialize)]
struct ImportAnswer<'a> {
    dry_run: bool,
    counts: ImportCounts,
    items: Vec<ImportEntry<'a>>,
}

#[derive(Default, Serialize)]
struct ImportCounts {
    created: usize,
    updated: usize,
    unchanged: usize,
    problems: usize,
}

/// Entry of one item: its result or its problem.
#[derive(Serialize)]
#[serde(untagged)]
enum ImportEntry<'a> {
    Done { index: usize, id: &'a RecipientId, result: ImportResult },
    Refused { index: usize, problem: Value },
}

type Parsed = Result<ImportItem, Problem>;

impl RecipientsApi {
    /// Imports a batch: 200 with a result or a problem for each item; 503 if no item could be processed.
    pub(super) async fn import(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (options, items) = request.json_list_among("items")?;
        let options: ImportOptions = shaped(options, "")?;
        let items = items?;
        if items.is_empty() || items.len() > MAX_ITEMS {
            return Err(Problem::invalid_field("items", "must hold 1 to 100 recipients"));
        }
        let config = self.config_for(&items.iter().flatten().collect::<Vec<_>>()).await?;
        let parse = |item: Result<Value, Problem>| ImportItem::parse(item?, self, &config.settings.types, now);
        let mut items: Vec<Parsed> = items.into_iter().map(parse).collect();
        refuse_duplicates(&mut items);
        let start_until = Instant::now() + RECIPIENTS_BATCH_START_LIMIT;
        let work: Vec<_> = items.iter().map(|item| self.import_in_time(item, &options, start_until, now)).collect();
        let results: Vec<_> = futures_util::stream::iter(work).buffered(CONCURRENT_ITEMS).collect().await;
        let is_server_error = |problem: &Problem| problem.kind.status() >= 500;
        if let (Some(Err(problem)), true) =
            (results.first(), results.iter().all(|result| result.as_ref().is_err_and(is_server_error)))
        {
            return Err(problem.clone());
        }
        let answer = answer(&items, results, options.dry_run, &request.request_id);
        let ImportCounts { created, updated, unchanged, problems } = answer.counts;
        tracing::info!(created, updated, unchanged, problems, dry_run = options.dry_run, "imported recipients");
        Ok(Response::json(200, &answer))
    }

    async fn import_in_time(
        &self,
        item: &Parsed,
        options: &ImportOptions,
        start_until: Instant,
        now: Timestamp,
    ) -> Result<ImportResult, Problem> {
        let item = item.as_ref().map_err(Clone::clone)?;
        if Instant::now() >= start_until {
            let detail = "The batch ended before this item. Send the item again.";
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(1));
        }
        preconditions::retry_conflicts(|| async {
            let known = self.recipients.load(&item.key).await?;
            let types = &self.config.current().await.settings.types;
            let change = item.decide(options.mode, known.as_ref(), types, now)?;
            if options.dry_run || self.apply(item, &change, known.as_ref(), now).await? {
                return Ok(Some(change.result()));
            }
            Ok(None)
        })
        .await
    }

    /// Writes a change. Returns `false` if another writer changed the profile since it was read. After a failure, the
    /// same item again completes the change.
    async fn apply(
        &self,
        item: &ImportItem,
        change: &ImportChange<'_>,
        known: Option<&Recipient>,
        now: Timestamp,
    ) -> Result<bool, Problem> {
        if let Some(profile) = &change.profile {
            let as_read = known.map_or(WriteIf::Absent, |known| WriteIf::Version(ProfileVersion::of(known)));
            if self.store(&item.id, &item.key, profile, as_read, None, now).await?.is_none() {
                return Ok(false);
            }
        }
        for new in &change.devices {
            self.recipients.register(&item.id, &item.key, &new.device, new.replaced.as_deref()).await?;
        }
        Ok(true)
    }
}

/// Refuses items that have the same id, or the same endpoint, as another item. Which of them applies would depend on
/// chance.
fn refuse_duplicates(items: &mut [Parsed]) {
    let mut places: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_ref().ok()?))) {
        places.entry(item.key.as_str()).or_default().push((index, "id".to_owned()));
        for (at, new) in &item.devices {
            places.entry(&new.device.device_id).or_default().push((index, format!("devices[{at}].endpoint")));
        }
    }
    let mut errors: BTreeMap<usize, Vec<FieldError>> = BTreeMap::new();
    for same in places.values() {
        for (index, field) in same {
            if let Some((other, their)) = same.iter().find(|(other, _)| other != index) {
                let message = format!("is the same as items[{other}].{their}");
                errors.entry(*index).or_default().push(FieldError::new(field, message));
            }
        }
    }
    for (index, errors) in errors {
        items[index] = Err(Problem::invalid(errors));
    }
}

fn named(item: &Parsed, result: ImportResult) -> Result<(&RecipientId, ImportResult), Problem> {
    item.as_ref().map(|item| (&item.id, result)).map_err(Clone::clone)
}

/// Builds the response. Field names of a problem are paths from the root of the batch.
fn answer<'a>(
    items: &'a [Parsed],
    results: Vec<Result<ImportResult, Problem>>,
    dry_run: bool,
    request_id: &str,
) -> ImportAnswer<'a> {
    let mut counts = ImportCounts::default();
    let entry = |(index, (item, result)): (usize, (&'a Parsed, Result<ImportResult, Problem>))| match result
        .and_then(|result| named(item, result))
    {
        Ok((id, result)) => {
            match result {
                ImportResult::Created => counts.created += 1,
                ImportResult::Updated => counts.updated += 1,
                ImportResult::Unchanged => counts.unchanged += 1,
            }
            ImportEntry::Done { index, id, result }
        }
        Err(problem) => {
            counts.problems += 1;
            let problem = problem.below(&format!("items[{index}]"));
            ImportEntry::Refused { index, problem: problem.to_json(request_id) }
        }
    };
    let items = items.iter().zip(results).enumerate().map(entry).collect();
    ImportAnswer { dry_run, counts, items }
}
