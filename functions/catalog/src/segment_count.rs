//! The routes that look at people: counts, samples, and the explanation of one person.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::CatalogApi;
use super::segment_resource::{filter, filters, resolved};
use super::segment_routes::segment_id;
use super::segment_scan::{Audience, ScannedAudience, SegmentProgress, done, new_progress};
use domain::TypeId;
use domain::channel::{EmailAddress, PhoneNumber};
use domain::recipient::{Recipient, RecipientId};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use platform::random;
use platform::time_limits::{SEGMENT_COUNT_LIMIT, SEGMENT_SAMPLE_LIMIT};
use segments::{Filter, Person, SegmentId};
use store::{Histories, HistoryReader, Versioned};

/// Maximum number of people in a sample.
const MAX_SAMPLE: usize = 20;
/// Number of people that are read for a sample at most.
const SAMPLE_READS: usize = 20_000;

/// Body of a count.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountRequest {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    segment: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    exact: bool,
}

/// Body of a sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleRequest {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    segment: Option<String>,
    #[serde(default)]
    limit: Option<u64>,
}

/// Body of an explanation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainRequest {
    recipient: RecipientId,
}

/// Filter that a request names, without references.
struct AskedFilter {
    filter: Filter,
    /// Reads the histories of people, if the filter names campaigns.
    histories: Option<HistoryReader>,
}

/// State of an exact count.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ExactCount {
    /// Filter without references.
    filter: Value,
    kind: Option<String>,
    at: Timestamp,
    progress: Vec<SegmentProgress>,
}

impl CatalogApi {
    /// Counts the people of a filter or segment: 200; 202 if an exact count needs further requests.
    pub(super) async fn count_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let asked: CountRequest = request.json()?;
        let AskedFilter { filter, histories } = self.asked_filter(asked.filter, asked.segment).await?;
        let name = "must be the name of a type";
        let kind = asked.r#type.map(|kind| TypeId::parse(&kind).ok_or_else(|| Problem::invalid_field("type", name)));
        let audience = self.audience(filter, kind.transpose()?, histories, now).await?;
        if !asked.exact {
            let scanned = audience.scanned(&self.recipients).await?;
            return Ok(Response::json(200, &scanned.to_json()));
        }
        let kind = audience.kind.as_ref().map(|kind| kind.id.as_str().to_owned());
        let mut count = ExactCount { filter: audience.filter.to_json(), kind, at: now, progress: new_progress() };
        audience.continue_count(&self.recipients, &mut count.progress, Instant::now() + SEGMENT_COUNT_LIMIT).await;
        if done(&count.progress) == count.progress.len() {
            return Ok(Response::json(200, &ScannedAudience::whole(&count.progress).to_json()));
        }
        let id = format!("{:016x}", random::up_to(i64::MAX - 1));
        self.segments.save_count(&id, None, count.clone(), now).await?;
        let location = format!("/v1/segments/counts/{id}");
        Ok(Response::json(202, &shown(&id, &count)).with_header("Location", location))
    }

    /// Continues an exact count and returns its progress, or its result: 200 or 404.
    pub(super) async fn get_count(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let id = count_id(request)?;
        let read: Versioned<ExactCount> = self.segments.count(id).await?.ok_or_else(count_is_deleted)?;
        let mut count = read.value.clone();
        if done(&count.progress) < count.progress.len() {
            let filter = Filter::parse_resolved(&count.filter).ok_or_else(count_is_deleted)?;
            let kind = count.kind.as_deref().and_then(TypeId::parse);
            let histories = self.history_reader(&filter, None).await?;
            let audience = self.audience(filter, kind, histories, count.at).await?;
            audience.continue_count(&self.recipients, &mut count.progress, Instant::now() + SEGMENT_COUNT_LIMIT).await;
            if !self.segments.save_count(id, Some(&read), count.clone(), now).await? {
                // Another request continued the count at the same time, or cancelled it.
                return Err(Problem::new(
                    ProblemKind::Conflict,
                    "Another request is continuing this count. Retry later.",
                )
                .retry_after(1));
            }
        }
        Ok(Response::json(200, &shown(id, &count)))
    }

    /// Cancels an exact count: 204.
    pub(super) async fn cancel_count(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        self.segments.delete_count(count_id(request)?).await?;
        Ok(Response::no_content())
    }

    /// Returns up to 20 people of a filter or segment, with masked addresses.
    pub(super) async fn sample_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let asked: SampleRequest = request.json()?;
        let limit = usize::try_from(asked.limit.unwrap_or(MAX_SAMPLE as u64)).unwrap_or(usize::MAX);
        if !(1..=MAX_SAMPLE).contains(&limit) {
            let message = format!("must be a whole number from 1 to {MAX_SAMPLE}");
            return Err(Problem::invalid_field("limit", message));
        }
        let AskedFilter { filter, histories } = self.asked_filter(asked.filter, asked.segment).await?;
        let audience = self.audience(filter, None, histories, now).await?;
        let (mut found, mut read, mut after) = (Vec::new(), 0, None);
        let until = Instant::now() + SEGMENT_SAMPLE_LIMIT;
        loop {
            let page = self.recipients.people(0, 1, after.as_ref(), None).await?;
            read += page.people.len();
            let matching = audience.members(&page.people).await?;
            found.extend(matching.into_iter().take(limit - found.len()).map(masked));
            after = page.next;
            if found.len() == limit || after.is_none() || read >= SAMPLE_READS || Instant::now() >= until {
                break;
            }
        }
        let body = json!({"items": found, "read": read, "is_complete": after.is_none()});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    /// Returns the result of every condition of a segment for one person: 200, or 404.
    pub(super) async fn explain_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let id = segment_id(request)?;
        let ExplainRequest { recipient } = request.json()?;
        let filter = self.filter_of(&id).await?;
        let key = self.hasher.get().await?.recipient_key(&recipient);
        let recipient = self.recipients.load(&key).await?.ok_or_else(|| Problem::not_found("recipient"))?;
        let people = std::slice::from_ref(&recipient);
        let histories = match self.history_reader(&filter, None).await? {
            Some(reader) => reader.of_those(people, |_| true).await?,
            None => Histories::default(),
        };
        let person = Person { recipient: &recipient, now, history: histories.of(&recipient) };
        let body = json!({"matches": filter.matches(person), "conditions": filter.explain(person)});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    /// Returns the filter that a request names by `filter` or by `segment`, without references.
    async fn asked_filter(&self, given: Option<Value>, segment: Option<String>) -> Result<AskedFilter, Problem> {
        let (given, filter) = match (given, segment) {
            (Some(given), None) => {
                let given = filter(&given).map_err(Problem::invalid)?;
                self.check_types(&given, None).await?;
                let filter = resolved(&given, None, &filters(&self.segments.all().await?))?;
                (Some(given), filter)
            }
            (None, Some(id)) => {
                let id = SegmentId::parse(&id).ok_or_else(|| Problem::invalid_field("segment", SegmentId::FORMAT))?;
                (None, self.filter_of(&id).await?)
            }
            _ => return Err(Problem::invalid_field("filter", "must be given, or segment instead of it")),
        };
        let histories = self.history_reader(&filter, given.as_ref()).await?;
        Ok(AskedFilter { filter, histories })
    }

    /// Returns the reader of what became of people's notifications, if a filter without references names campaigns.
    /// `given` is the filter as a caller wrote it.
    ///
    /// # Errors
    /// 422 with the condition on a campaign that was not launched.
    pub(super) async fn history_reader(
        &self,
        filter: &Filter,
        given: Option<&Filter>,
    ) -> Result<Option<HistoryReader>, Problem> {
        let named = filter.campaigns();
        if named.is_empty() {
            return Ok(None);
        }
        let launches = self.campaigns.launches(named.iter().cloned()).await?;
        if let Some(unknown) = named.iter().find(|id| !launches.contains_key(id)) {
            let path = given.and_then(|given| given.path_of_campaign(unknown, "filter"));
            let message = format!("names the campaign {unknown}, which was not launched");
            return Err(Problem::invalid_field(path.unwrap_or_else(|| "segment".to_owned()), message));
        }
        let hasher = self.hasher.get().await?.clone();
        Ok(Some(HistoryReader { notifications: self.notifications.clone(), hasher, launches }))
    }

    pub(super) async fn audience(
        &self,
        filter: Filter,
        kind: Option<TypeId>,
        histories: Option<HistoryReader>,
        now: Timestamp,
    ) -> Result<Audience, Problem> {
        let config = self.config.with_types(kind.as_ref().map(TypeId::as_str).as_slice()).await;
        let known = |kind: TypeId| {
            config.check_type(kind.as_str())?;
            let known = config.settings.types.get(kind.as_str()).cloned();
            known.ok_or_else(|| Problem::invalid_field("type", "must be the name of a type"))
        };
        let kind = kind.map(known).transpose()?;
        let (settings, home_country) = (Arc::clone(&config.settings), self.home_country);
        Ok(Audience { filter, kind, settings, home_country, now, histories })
    }

    /// Returns the filter of a segment, without references.
    async fn filter_of(&self, id: &SegmentId) -> Result<Filter, Problem> {
        let segments = filters(&self.segments.all().await?);
        let filter = segments.get(id).ok_or_else(|| Problem::not_found("segment"))?;
        resolved(filter, Some(id), &segments)
    }
}

/// Returns the id of an exact count in the path.
fn count_id(request: &Request) -> Result<&str, Problem> {
    let id = request.path("id");
    let is_valid = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_valid {
        Ok(id)
    } else {
        Err(Problem::invalid_field("id", "must be the id of a count: 16 hexadecimal digits"))
    }
}

fn count_is_deleted() -> Problem {
    let detail = "There is no such count. It was cancelled, or deleted a day after the last request for it. Start a new \
                  count.";
    Problem::new(ProblemKind::NotFound, detail)
}

fn shown(id: &str, count: &ExactCount) -> Value {
    let (done, of) = (done(&count.progress), count.progress.len());
    let result = (done == of).then(|| ScannedAudience::whole(&count.progress).to_json());
    let state = if done == of { "finished" } else { "running" };
    json!({"id": id, "state": state, "done": done, "of": of, "result": result})
}

/// Returns a person with masked addresses, such as `a…@example.com` and `+39…67`.
fn masked(recipient: &Recipient) -> Value {
    json!({
        "id": recipient.id,
        "email": recipient.email.as_ref().map(EmailAddress::masked),
        "phone": recipient.phone.as_ref().map(PhoneNumber::masked),
        "locale": recipient.locale,
        "time_zone": recipient.time_zone,
        "devices": recipient.devices.len(),
        "created_at": recipient.created_at,
        "last_engaged_at": recipient.last_engaged_at,
    })
}

#[cfg(test)]
#[path = "segment_count_tests.rs"]
mod tests;
