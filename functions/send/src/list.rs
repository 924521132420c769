//! `GET /v1/notifications?status=failed&from=&to=`: lists failed, uncertain or expired notifications, newest first,
//! from the index `attention`.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use delivery::DeliveryEngine;
use domain::notification::{Notification, NotificationId, NotificationView, Status};
use platform::http::{Request, Response};
use platform::problem::Problem;

/// Maximum period of one request: 31 days.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Default period before `to`: 24 hours.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(24);
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// The query parameters of this route.
pub const PARAMETERS: [&str; 5] = ["status", "from", "to", "limit", "after"];

/// The parsed query.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListQuery {
    status: Status,
    from: Timestamp,
    to: Timestamp,
    /// Time and id of the last entry on the previous page.
    after: Option<(Timestamp, NotificationId)>,
    limit: usize,
}

impl ListQuery {
    fn of(request: &Request, now: Timestamp) -> Result<Self, Problem> {
        let status = request.query("status").and_then(Status::parse).filter(|status| status.needs_attention());
        let status = status.ok_or_else(|| Problem::invalid_field("status", "must be failed, uncertain or expired"))?;
        let to = request.time("to")?.unwrap_or(now);
        let usual = to.checked_sub(DEFAULT_WINDOW).map_err(|_| Problem::invalid_field("to", "is out of range"))?;
        let from = request.time("from")?.unwrap_or(usual);
        if from >= to {
            return Err(Problem::invalid_field("from", "must be before `to`"));
        }
        if to.duration_since(from) > LONGEST {
            return Err(Problem::invalid_field("from", "must be at most 31 days before `to`"));
        }
        let after = request.query("after").map(cursor).transpose()?;
        Ok(Self { status, from, to, after, limit: request.limit()? })
    }

    /// Returns true if an entry follows the previous page. The order is newest first; within one millisecond, by
    /// descending id.
    fn is_next(&self, at: Timestamp, id: &NotificationId) -> bool {
        self.after.as_ref().is_none_or(|(last_at, last_id)| (at, id) < (*last_at, last_id))
    }
}

/// Answers the request.
///
/// # Errors
/// 422 that names the parameter; 503 if the store does not respond.
pub async fn answer(engine: &DeliveryEngine, request: &Request) -> Result<Response, Problem> {
    let query = ListQuery::of(request, engine.clock().now())?;
    let mut items: Vec<Notification> = Vec::new();
    let newest = query.after.as_ref().map_or(query.to, |(at, _)| (*at).min(query.to));
    let mut day = newest.to_zoned(TimeZone::UTC).date();
    let first_day = query.from.to_zoned(TimeZone::UTC).date();
    while items.len() <= query.limit && day >= first_day {
        collect_day(engine, &query, day, newest, &mut items).await?;
        let Ok(yesterday) = day.yesterday() else { break };
        day = yesterday;
    }
    let more = items.len() > query.limit;
    items.truncate(query.limit);
    let next =
        items.last().filter(|_| more).map(|last| format!("{}~{}", last.updated_at().as_millisecond(), last.id()));
    let views: Vec<_> = items.iter().map(NotificationView::of).collect();
    Ok(Response::json(200, &json!({"items": views, "next": next})))
}

/// Adds the matches of one day, until `items` has one more than a page holds.
async fn collect_day(
    engine: &DeliveryEngine,
    query: &ListQuery,
    day: jiff::civil::Date,
    newest: Timestamp,
    items: &mut Vec<Notification>,
) -> Result<(), Problem> {
    let mut until = newest;
    loop {
        let page_size = query.limit + 1;
        let page = engine.stores().notifications().attention(day, query.from, until, page_size).await?;
        let is_last = page.len() < page_size;
        // Index times are whole milliseconds, so the next read ends one millisecond before the last entry of this page.
        let before = page.last().and_then(|(at, _)| at.checked_sub(MILLISECOND).ok());
        let ids: Vec<_> = page.into_iter().filter(|(at, id)| query.is_next(*at, id)).map(|(_, id)| id).collect();
        let found = engine.stores().notifications().get_many(&ids).await?;
        items.extend(found.into_iter().filter(|found| found.status() == query.status));
        match before {
            Some(before) if !is_last && items.len() <= query.limit && before >= query.from => until = before,
            _ => return Ok(()),
        }
    }
}

fn cursor(text: &str) -> Result<(Timestamp, NotificationId), Problem> {
    let parsed = text.split_once('~').and_then(|(at_ms, id)| {
        let at = Timestamp::from_millisecond(at_ms.parse().ok()?).ok()?;
        Some((at, NotificationId::parse(id)?))
    });
    parsed.ok_or_else(Problem::invalid_cursor)
}
