//! `GET /v1/segments/{id}/export`: the people of a segment with their whole profiles, page by page.
//!
//! The first page stores an audit record. The position of the next page is signed, so that no page can be read without
//! a first one. It holds the time of the first page, at which relative dates are evaluated.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::CatalogApi;
use super::segment_resource::{filters, resolved};
use super::segment_routes::segment_id;
use domain::CatalogChange;
use domain::recipient::{KeyHasher, RecipientView};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use segments::SegmentId;
use store::SweepPosition;
use store::revision::author;

/// Number of profiles of one read.
const READ_ITEMS: i32 = 200;
/// Number of people after which a page ends.
const MAX_READ: usize = 20_000;
/// Size of the people as JSON after which a page ends. Lambda's limit for a response is 6 MB.
const MAX_BYTES: usize = 2_000_000;
/// Time after which a page ends.
const READ_TIME: Duration = Duration::from_secs(5);

/// Position at which an export continues.
#[derive(Debug, Serialize, Deserialize)]
struct ExportPosition {
    /// Time of the first page.
    at: Timestamp,
    /// Hash of the filter without references.
    filter: String,
    after: SweepPosition,
}

/// Position with its signature.
#[derive(Debug, Serialize, Deserialize)]
struct SignedPosition {
    position: String,
    signature: String,
}

impl CatalogApi {
    /// Returns people of a segment as GET of a recipient does: 200, 404, or 409 if the segment changed since the first
    /// page.
    pub(super) async fn export_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["after"])?;
        let (id, by) = (segment_id(request)?, author(request)?);
        let hasher = self.hasher.get().await?;
        let continued = request.query("after").map(|text| ExportPosition::parse(text, &id, hasher)).transpose()?;
        let stored = self.segments.all().await?;
        let (row, segments) = (stored.get(id.as_str()), filters(&stored));
        let (Some(row), Some(filter)) = (row, segments.get(&id)) else { return Err(Problem::not_found("segment")) };
        let filter = resolved(filter, Some(&id), &segments)?;
        let hash = filter.hash();
        if continued.as_ref().is_some_and(|position| position.filter != hash) {
            let detail = "The segment changed since the first page. Begin the export again.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let histories = self.history_reader(&filter, None).await?;
        if continued.is_none() {
            self.segments.record(id.as_str(), CatalogChange::exported(row.revision, by, now)).await?;
            tracing::info!(segment = id.as_str(), "began the export of a segment");
        }
        let at = continued.as_ref().map_or(now, |position| position.at);
        let audience = self.audience(filter, None, histories, at).await?;
        let (mut items, mut bytes, mut read, mut malformed) = (Vec::<Value>::new(), 0, 0, 0);
        let (mut after, until) = (continued.map(|position| position.after), Instant::now() + READ_TIME);
        loop {
            let page = self.recipients.people(0, 1, after.as_ref(), Some(READ_ITEMS)).await?;
            for member in audience.members(&page.people).await? {
                let person = json!(RecipientView::of(member));
                bytes += person.to_string().len();
                items.push(person);
            }
            (read, malformed) = (read + page.people.len() + page.malformed, malformed + page.malformed);
            after = page.next;
            if after.is_none() || bytes >= MAX_BYTES || read >= MAX_READ || Instant::now() >= until {
                break;
            }
        }
        let next = after.map(|after| ExportPosition { at, filter: hash, after }.text(&id, hasher));
        let body = json!({"items": items, "read": read, "malformed": malformed, "next": next});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }
}

impl ExportPosition {
    /// Returns the text of the position for the caller.
    fn text(&self, id: &SegmentId, hasher: &KeyHasher) -> String {
        let position = json!(self).to_string();
        let signature = signature(id, &position, hasher);
        URL_SAFE_NO_PAD.encode(json!(SignedPosition { position, signature }).to_string())
    }

    /// Parses a position of the same segment.
    ///
    /// # Errors
    /// 422 if this stage did not make it.
    fn parse(text: &str, id: &SegmentId, hasher: &KeyHasher) -> Result<Self, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let signed: Option<SignedPosition> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let signed = signed.filter(|signed| signed.signature == signature(id, &signed.position, hasher));
        let position = signed.and_then(|signed| serde_json::from_str(&signed.position).ok());
        position
            .ok_or_else(|| Problem::invalid_field("after", "must be the next of an earlier response of this segment"))
    }
}

fn signature(id: &SegmentId, position: &str, hasher: &KeyHasher) -> String {
    hasher.keyed("segment-export", &format!("{} {position}", id.as_str()))
}
