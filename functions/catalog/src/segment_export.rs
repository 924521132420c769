//! `GET /v1/segments/{id}/export`: the people of a segment with their whole profiles, page by page.
//!
//! The first page stores an audit record. The position of the next page is signed, so that no page can be read without
//! a first one. It holds the time of the first page, at which relative dates are evaluated.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::CatalogApi;
use super::segment_resource::{filters, resolved};
use super::segment_routes::segment_id;
use domain::recipient::RecipientView;
use domain::{Actor, CatalogChange, SignedCursor};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use platform::time_limits::PEOPLE_READ_LIMIT;
use store::ScanPosition;

/// Number of profiles of one read.
const READ_ITEMS: i32 = 200;
/// Number of people after which a page ends.
const MAX_READ: usize = 20_000;
/// Size of the people as JSON after which a page ends. Lambda's limit for a response is 6 MB.
const MAX_BYTES: usize = 2_000_000;

/// Position at which an export continues.
#[derive(Debug, Serialize, Deserialize)]
struct ExportPosition {
    /// Time of the first page.
    at: Timestamp,
    /// Hash of the filter without references.
    filter: String,
    after: ScanPosition,
}

impl CatalogApi {
    /// Returns people of a segment as GET of a recipient does: 200, 404, or 409 if the segment changed since the first
    /// page.
    pub(super) async fn export_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["after"])?;
        let (id, by) = (segment_id(request)?, Actor::Api(request.author()?));
        let list = format!("segments/{id}/export", id = id.as_str());
        let cursor = SignedCursor::new(self.hasher.get().await?, &list);
        let continued: Option<ExportPosition> = request.query("after").map(|text| parsed(&cursor, text)).transpose()?;
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
        let (mut after, until) = (continued.map(|position| position.after), Instant::now() + PEOPLE_READ_LIMIT);
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
        let next = after.map(|after| cursor.text(&ExportPosition { at, filter: hash, after }));
        let body = json!({"items": items, "read": read, "malformed": malformed, "next": next});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }
}

fn parsed(cursor: &SignedCursor<'_>, text: &str) -> Result<ExportPosition, Problem> {
    let position = cursor.parse(text);
    position.ok_or_else(Problem::invalid_cursor)
}
