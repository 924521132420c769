//! Segments of a person: to which of them the person belongs, and the conditions that decide it.

use askama::Template;
use serde_json::Value;

use super::segment_results::{TestedPerson, tested};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, rendered};

/// Number of segments on a page. Each is a call of its own.
const PAGE_SIZE: usize = 20;

#[derive(Debug, Template)]
#[template(path = "recipient_segments.html")]
struct RecipientSegmentsPage {
    frame: Frame,
    id: String,
    rows: Vec<SegmentOfPerson>,
    next: Option<String>,
}

#[derive(Debug)]
struct SegmentOfPerson {
    segment: String,
    title: String,
    result: TestedPerson,
}

/// Shows the segments of a person, 20 a page.
///
/// # Errors
/// The API's problem.
pub async fn show(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (id, after) = (visit.query().get("id"), visit.query().get("after"));
    let segments = visit.call(ApiCall::get("/v1/segments")).await.ok()?;
    let all = segments["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut later = all.iter().filter(|item| item["id"].as_str().is_some_and(|id| id > after));
    let mut rows = Vec::new();
    for item in later.by_ref().take(PAGE_SIZE) {
        let (segment, title) = (text(item, "id"), text(item, "title"));
        let result = tested(visit, &segment, id).await?;
        rows.push(SegmentOfPerson { segment, title, result });
    }
    let is_more = later.next().is_some();
    let page = RecipientSegmentsPage {
        next: rows.last().filter(|_| is_more).map(|row| visit.with_query("after", &row.segment)),
        rows,
        id: id.to_owned(),
        frame: visit.frame("recipients", "Segments of a recipient"),
    };
    rendered(200, &page)
}
