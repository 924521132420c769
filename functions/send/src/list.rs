//! `GET /v1/notifications?status=failed&from=&to=`: lists failed, uncertain or expired notifications, newest first,
//! from the index `attention`. The parameters `type` and `reason` leave out others.
//!
//! The index has the keys alone. So a notification is read before its status, type and reason are known, and the number
//! that one request reads is limited: a page may have fewer entries than requested, or none, and still a next page.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use delivery::DeliveryEngine;
use domain::TypeId;
use domain::notification::{Notification, NotificationId, NotificationView, Reason, Status};
use platform::http::{Request, Response};
use platform::problem::Problem;

/// Maximum period of one request: 31 days.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Default period before `to`: 24 hours.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(24);
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);
/// Number of notifications after which one request stops looking for further ones.
const MAX_READ: usize = 500;
/// Least number of entries of the index that are read at once if some did not match: one call gets as many by id.
const FILTERED_READ: usize = 100;

/// The query parameters of this route.
pub const PARAMETERS: [&str; 7] = ["status", "type", "reason", "from", "to", "limit", "after"];

/// The parsed query.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListQuery {
    status: Status,
    /// Type, which may have been deleted meanwhile.
    type_id: Option<TypeId>,
    reason: Option<Reason>,
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
        let type_id = request.query("type").map(type_named).transpose()?;
        let reason = request.query("reason").map(reason_named).transpose()?;
        Ok(Self { status, type_id, reason, from, to, after, limit: request.limit()? })
    }

    /// Returns true if a notification is listed.
    fn takes(&self, found: &Notification) -> bool {
        found.status() == self.status
            && self.type_id.as_ref().is_none_or(|wanted| wanted == found.type_id())
            && self.reason.is_none_or(|wanted| found.reason() == Some(wanted))
    }

    /// Returns true if an entry follows the previous page. The order is newest first; within one millisecond, by
    /// descending id.
    fn is_next(&self, at: Timestamp, id: &NotificationId) -> bool {
        self.after.as_ref().is_none_or(|(last_at, last_id)| (at, id) < (*last_at, last_id))
    }
}

/// Notifications that were read for one page.
#[derive(Debug, Default)]
struct ReadNotifications {
    /// Those that are listed: at most one more than the page holds matters.
    items: Vec<Notification>,
    /// Number of those that were read, listed or not.
    count: usize,
    /// Time and id of the last one.
    last: Option<(Timestamp, NotificationId)>,
}

impl ReadNotifications {
    /// Returns true if nothing further is read for this page.
    const fn is_enough(&self, limit: usize) -> bool {
        self.items.len() > limit || self.count >= MAX_READ
    }

    /// Returns the number of entries that are read next.
    fn page_size(&self, limit: usize) -> usize {
        let usual = limit + 1;
        if self.items.len() < self.count { usual.max(FILTERED_READ) } else { usual }
    }

    /// Returns the entries of the page, and the cursor of the next one.
    fn into_page(mut self, limit: usize) -> (Vec<Notification>, Option<String>) {
        let last = if self.items.len() > limit {
            self.items.truncate(limit);
            self.items.last().map(|last| (last.updated_at(), last.id().clone()))
        } else {
            self.last.filter(|_| self.count >= MAX_READ)
        };
        (self.items, last.map(|(at, id)| format!("{}~{id}", at.as_millisecond())))
    }
}

/// Answers the request.
///
/// # Errors
/// 422 that names the parameter; 503 if the store does not respond.
pub async fn answer(engine: &DeliveryEngine, request: &Request) -> Result<Response, Problem> {
    let query = ListQuery::of(request, engine.clock().now())?;
    let mut read = ReadNotifications::default();
    let newest = query.after.as_ref().map_or(query.to, |(at, _)| (*at).min(query.to));
    let mut day = newest.to_zoned(TimeZone::UTC).date();
    let first_day = query.from.to_zoned(TimeZone::UTC).date();
    while !read.is_enough(query.limit) && day >= first_day {
        collect_day(engine, &query, day, newest, &mut read).await?;
        let Ok(yesterday) = day.yesterday() else { break };
        day = yesterday;
    }
    let (items, next) = read.into_page(query.limit);
    let views: Vec<_> = items.iter().map(NotificationView::of).collect();
    Ok(Response::json(200, &json!({"items": views, "next": next})))
}

/// Adds the matches of one day, until enough is read for the page.
async fn collect_day(
    engine: &DeliveryEngine,
    query: &ListQuery,
    day: jiff::civil::Date,
    newest: Timestamp,
    read: &mut ReadNotifications,
) -> Result<(), Problem> {
    let mut until = newest;
    loop {
        let page_size = read.page_size(query.limit);
        let mut page = engine.stores().notifications().attention(day, query.from, until, page_size).await?;
        let is_last = page.len() < page_size;
        // Index times are whole milliseconds, so the next read ends one millisecond before the last entry of this page.
        let before = page.last().and_then(|(at, _)| at.checked_sub(MILLISECOND).ok());
        page.retain(|(at, id)| query.is_next(*at, id));
        let ids: Vec<_> = page.iter().map(|(_, id)| id.clone()).collect();
        let found = engine.stores().notifications().get_many(&ids).await?;
        read.items.extend(found.into_iter().filter(|found| query.takes(found)));
        read.count += page.len();
        read.last = page.pop().or(read.last.take());
        match before {
            Some(before) if !is_last && !read.is_enough(query.limit) && before >= query.from => until = before,
            _ => return Ok(()),
        }
    }
}

/// Returns the type with this id. Whether it exists does not matter: its notifications outlive it.
fn type_named(text: &str) -> Result<TypeId, Problem> {
    let message = "must be the id of a type: capital letters, digits and underscores, at most 64";
    TypeId::parse(text).ok_or_else(|| Problem::invalid_field("type", message))
}

fn reason_named(text: &str) -> Result<Reason, Problem> {
    Reason::parse(text)
        .ok_or_else(|| Problem::invalid_field("reason", "must be a reason of the API, such as gone or retries_spent"))
}

fn cursor(text: &str) -> Result<(Timestamp, NotificationId), Problem> {
    let parsed = text.split_once('~').and_then(|(at_ms, id)| {
        let at = Timestamp::from_millisecond(at_ms.parse().ok()?).ok()?;
        Some((at, NotificationId::parse(id)?))
    });
    parsed.ok_or_else(Problem::invalid_cursor)
}
