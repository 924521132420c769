//! `GET /v1/audit`: who changed what, when, before and after.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ConsoleApi;
use domain::{Actor, AuditRecord, CatalogChange, ChangeAction};
use platform::http::Request;
use platform::problem::Problem;
use store::{AuditTrail, TrailChange, TrailEntry};

/// Kinds of things whose changes are recorded.
pub const AUDIT_KINDS: [&str; 8] =
    ["rollout", "settings", "type", "template", "segment", "caps", "campaign", "sessions"];

/// The response of `GET /v1/audit`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditPage {
    /// The changes, newest first.
    pub items: Vec<AuditEntry>,
    /// Position for `after` of the next page; null on the last page.
    pub next: Option<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Time of the change.
    pub at: Timestamp,
    /// Kind of the thing that changed.
    pub kind: String,
    /// Name of that thing: a parameter, or the name or id of a type, template, segment or campaign.
    pub subject: String,
    /// Effect.
    pub action: ChangeAction,
    /// Number that the change gave the thing: the version of a parameter, or the revision of anything else.
    pub revision: i64,
    /// Author.
    #[serde(flatten)]
    pub by: Actor,
    /// Fields that changed, with their values before the change.
    pub before: Map<String, Value>,
    /// Fields that changed, with their values after the change.
    pub after: Map<String, Value>,
    /// Reason, as text.
    pub reason: Option<String>,
}

impl From<TrailEntry> for AuditEntry {
    fn from(entry: TrailEntry) -> Self {
        let TrailEntry { kind, subject, change } = entry;
        match change {
            TrailChange::Parameter(record) => Self::of_parameter(kind, subject, *record),
            TrailChange::Row(change) => Self::of_row(kind, &subject, *change),
        }
    }
}

impl AuditEntry {
    fn of_parameter(kind: String, subject: String, record: AuditRecord) -> Self {
        let AuditRecord { at, version, by, old, new, reason, fields, .. } = record;
        let value = |value: Option<String>| {
            let entry = value.map(|value| ("value".to_owned(), json!(value)));
            entry.into_iter().collect::<Map<_, _>>()
        };
        let action = if old.is_some() { ChangeAction::Changed } else { ChangeAction::Created };
        let (before, after) = match fields {
            Some(fields) => (fields.before, fields.after),
            None => (value(old), value(Some(new))),
        };
        Self { at, kind, subject, action, revision: version, by, before, after, reason }
    }

    fn of_row(kind: String, subject: &str, change: CatalogChange) -> Self {
        let CatalogChange { at, action, revision, by, before, after } = change;
        let subject = subject.split_once('#').map_or(subject, |(_, name)| name).to_owned();
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        Self { at, kind, subject, action, revision, by, before, after, reason: None }
    }
}

/// Returns `true` if a text may be the name of a thing. A `#` would name a partition of another kind.
fn is_subject(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

impl ConsoleApi {
    pub(super) async fn audit(&self, request: &Request) -> Result<AuditPage, Problem> {
        request.only_parameters(&["limit", "after", "kind", "subject"])?;
        let limit = request.limit()?;
        let (kind, after, subject) = (request.query("kind"), request.query("after"), request.query("subject"));
        if kind.is_some_and(|kind| !AUDIT_KINDS.contains(&kind)) {
            return Err(Problem::invalid_field("kind", format!("must be one of {}", AUDIT_KINDS.join(", "))));
        }
        if subject.is_some_and(|subject| !is_subject(subject)) {
            return Err(Problem::invalid_field(
                "subject",
                "must be the subject of a change: 1 to 128 ASCII characters",
            ));
        }
        let is_position = |after: &str| match (kind, subject) {
            (Some(kind), Some(subject)) => AuditTrail::is_position_of(after, kind, subject),
            _ => AuditTrail::is_position(after),
        };
        if after.is_some_and(|after| !is_position(after)) {
            return Err(Problem::invalid_cursor());
        }
        let page = match (kind, subject) {
            (Some(kind), Some(subject)) => self.trail.page_of(kind, subject, limit, after).await?,
            (None, Some(_)) => return Err(Problem::invalid_field("kind", "is required with subject")),
            (kind, None) => self.trail.page(kind, limit, after).await?,
        };
        Ok(AuditPage { items: page.items.into_iter().map(AuditEntry::from).collect(), next: page.next })
    }
}
