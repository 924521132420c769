//! List of notifications that ended badly, in a range of time, of one type or for one reason if these are named.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::form_zone::FormZone;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, encoded, rendered};

/// Statuses whose notifications the API lists.
const LISTED: [&str; 3] = ["failed", "uncertain", "expired"];

#[derive(Debug, Template)]
#[template(path = "notifications.html")]
struct NotificationsPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    tabs: Vec<(String, String, bool)>,
    status: &'static str,
    items: Vec<ListedNotification>,
    typed: TypedFilters,
    /// Zone of the address; empty if the address names none.
    zone: String,
    zone_name: String,
    from: Timestamp,
    to: Timestamp,
    /// Address of the first page, on a later one.
    first: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ListedNotification {
    id: String,
    to: String,
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
    created_at: Timestamp,
}

/// Filters as the inputs have them.
#[derive(Debug)]
struct TypedFilters {
    kind: String,
    reason: String,
    from: String,
    to: String,
}

/// End of a range in the address.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Time with its zone, which is the same for every reader.
    Instant(Timestamp),
    /// Time of the form, in the zone of the page.
    Local(Timestamp),
}

impl Moment {
    const fn at(self) -> Timestamp {
        match self {
            Self::Instant(at) | Self::Local(at) => at,
        }
    }
}

/// Shows the notifications that failed, ended unknown or expired.
///
/// # Errors
/// The API's problem, unless the form of the range can show it.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let wanted = visit.query().get("status");
    let status = LISTED.into_iter().find(|status| *status == wanted).unwrap_or("failed");
    let (from, to) = match (moment(visit, "from"), moment(visit, "to")) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(problem), _) | (_, Err(problem)) => return show(visit, status, (None, None), Err(problem)),
    };
    if [from, to].iter().flatten().any(|end| matches!(end, Moment::Local(_))) {
        return Ok(PageReply::redirect(address(visit, status, from, to)));
    }
    let (from, to) = (from.map(Moment::at), to.map(Moment::at));
    let call = ApiCall::get("/v1/notifications")
        .query("status", status)
        .query_if("type", visit.query().optional("type"))
        .query_if("reason", visit.query().optional("reason"))
        .query("from", from.unwrap_or_else(|| week_ago(visit)).to_string())
        .query_if("to", to.map(|to| to.to_string()).as_deref())
        .query("limit", "50")
        .query_if("after", visit.query().optional("after"));
    match visit.call(call).await.ok() {
        Ok(answer) => show(visit, status, (from, to), Ok(answer)),
        Err(problem) if problem.status == 422 => show(visit, status, (from, to), Err(problem)),
        Err(problem) => Err(problem),
    }
}

fn show(
    visit: &Visit<'_>,
    status: &'static str,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    answer: Result<Value, ApiProblem>,
) -> Result<PageReply, ApiProblem> {
    let (mut answer, problem) = match answer {
        Ok(answer) => (answer, None),
        Err(problem) => (Value::Null, Some(problem)),
    };
    let next = answer["next"].as_str().map(|cursor| visit.with_query("after", cursor));
    let items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let zone = FormZone::of_page(&visit.zone);
    let typed = |name: &str, at: Option<Timestamp>| match at {
        Some(at) => zone.local(at),
        None => visit.query().raw(name).to_owned(),
    };
    let page = NotificationsPage {
        tabs: LISTED.map(|it| (visit.with_filter("status", it), it.to_owned(), it == status)).into(),
        status,
        items: items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        typed: TypedFilters {
            kind: visit.query().get("type").to_owned(),
            reason: visit.query().get("reason").to_owned(),
            from: typed("from", from),
            to: typed("to", to),
        },
        zone: visit.query().get("zone").to_owned(),
        zone_name: zone.name().to_owned(),
        from: from.unwrap_or_else(|| week_ago(visit)),
        to: to.unwrap_or(visit.time.now),
        first: visit.first_page(),
        next,
        frame: visit.frame("notifications", "Notifications"),
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

fn week_ago(visit: &Visit<'_>) -> Timestamp {
    visit.time.now - SignedDuration::from_hours(24 * 7)
}

/// Reads an end of the range: an instant, or a time in the zone of the page.
fn moment(visit: &Visit<'_>, name: &str) -> Result<Option<Moment>, ApiProblem> {
    let Some(text) = visit.query().optional(name) else { return Ok(None) };
    if let Ok(at) = text.parse() {
        return Ok(Some(Moment::Instant(at)));
    }
    Ok(Some(Moment::Local(FormZone::of_page(&visit.zone).instant(name, text)?)))
}

/// Returns the address of the list with instants, so that it shows the same range to a person in another zone.
fn address(visit: &Visit<'_>, status: &str, from: Option<Moment>, to: Option<Moment>) -> String {
    let ends = [("from", from), ("to", to)].into_iter().filter_map(|(name, end)| Some((name, end?.at().to_string())));
    let others = ["type", "reason", "zone"].into_iter();
    let others = others.filter_map(|name| Some((name, visit.query().optional(name)?.to_owned())));
    let pairs = ends.chain(others).map(|(name, value)| format!("&{name}={}", encoded(&value)));
    format!("{}/notifications?status={status}{}", visit.base, pairs.collect::<String>())
}
