//! Audit: who changed what, when, before and after, with filters and a file.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::csv_file;
use crate::audit::AUDIT_KINDS;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, encoded, rendered};

/// Maximum number of pages of a file, of 100 changes each.
const FILE_PAGES: usize = 20;

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct AuditListPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    kinds: Vec<(&'static str, bool)>,
    kind: String,
    subject: String,
    who: String,
    rows: Vec<AuditRow>,
    next: Option<String>,
    is_first: bool,
    first: String,
    file: String,
}

/// One change.
#[derive(Debug)]
struct AuditRow {
    item: AuditItem,
    href: Option<String>,
    /// Address of all changes of the same thing; `None` on that page.
    same: Option<String>,
    fields: Vec<ChangedField>,
}

/// Field that changed.
#[derive(Debug, PartialEq, Eq)]
struct ChangedField {
    name: String,
    before: String,
    after: String,
}

/// Page of the audit.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AuditAnswer {
    pub(super) items: Vec<AuditItem>,
    next: Option<String>,
}

/// One change.
#[derive(Debug, Deserialize)]
pub(super) struct AuditItem {
    pub(super) at: Timestamp,
    kind: String,
    subject: String,
    pub(super) action: String,
    pub(super) revision: i64,
    pub(super) who: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) before: Map<String, Value>,
    pub(super) after: Map<String, Value>,
    reason: Option<String>,
}

impl AuditItem {
    fn author(&self) -> String {
        format!("{} {}", self.who, self.name).trim().to_owned()
    }

    /// Returns `true` if the author contains a text.
    fn is_by(&self, text: &str) -> bool {
        self.author().to_lowercase().contains(&text.to_lowercase())
    }

    fn fields(&self) -> Vec<ChangedField> {
        let names = self.before.keys().chain(self.after.keys().filter(|name| !self.before.contains_key(*name)));
        let text = |map: &Map<String, Value>, name: &str| match map.get(name) {
            None => "–".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let field = |name: &String| ChangedField {
            name: name.clone(),
            before: text(&self.before, name),
            after: text(&self.after, name),
        };
        names.map(field).collect()
    }
}

fn call(visit: &Visit<'_>, limit: &str, after: Option<&str>) -> ApiCall {
    let query = visit.query();
    let call = ApiCall::get("/v1/audit").query("limit", limit).query_if("kind", query.optional("kind"));
    call.query_if("subject", query.optional("subject")).query_if("after", after)
}

/// Shows a page of the audit.
///
/// # Errors
/// The API's problem, unless the form of the filters can show it.
pub async fn show(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let query = visit.query();
    let (answer, problem) = match visit.call(call(visit, "50", query.optional("after"))).await.read() {
        Ok(answer) => (answer, None),
        Err(problem) if problem.status == 422 => (AuditAnswer::default(), Some(problem)),
        Err(problem) => return Err(problem),
    };
    let frame = visit.frame("audit", "Audit");
    let text = |name: &str| query.get(name).to_owned();
    let (kind, subject, who) = (text("kind"), text("subject"), text("who"));
    let filters = [("kind", &kind), ("subject", &subject), ("who", &who)];
    let filters: Vec<_> = filters.map(|(name, value)| format!("{name}={}", encoded(value))).into();
    let rows = answer.items.into_iter().filter(|item| item.is_by(&who));
    let page = AuditListPage {
        kinds: AUDIT_KINDS.iter().map(|name| (*name, *name == kind)).collect(),
        rows: rows.map(|item| row(&frame, item, !subject.is_empty())).collect(),
        next: answer.next.map(|next| visit.with_query("after", &next)),
        is_first: query.optional("after").is_none(),
        first: visit.with_query("after", ""),
        file: format!("{}?{}", frame.href("audit-csv"), filters.join("&")),
        kind,
        subject,
        who,
        frame,
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

fn row(frame: &Frame, item: AuditItem, is_of_one: bool) -> AuditRow {
    let subject = item.subject.as_str();
    let href = match item.kind.as_str() {
        "rollout" => Some(frame.href("rollout")),
        "settings" => Some(frame.href("settings")),
        "type" => Some(frame.href_of("type", "name", subject)),
        "template" => Some(frame.href_of("template", "name", subject)),
        "segment" => Some(frame.href_of("segment", "id", subject)),
        "campaign" => Some(frame.href_of("campaign", "id", subject)),
        "caps" => Some(frame.href("caps")),
        "sessions" => Some(frame.href("sessions")),
        _ => None,
    };
    let same = (!is_of_one).then(|| frame.audit_of(&item.kind, subject));
    AuditRow { fields: item.fields(), href, same, item }
}

/// Answers with the changes as a file, at most 2,000.
///
/// # Errors
/// The API's problem.
pub async fn file(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let who = visit.query().get("who");
    let (mut rows, mut after) = (Vec::new(), None::<String>);
    for _ in 0..FILE_PAGES {
        let answer: AuditAnswer = visit.call(call(visit, "100", after.as_deref())).await.read()?;
        rows.extend(answer.items.iter().filter(|item| item.is_by(who)).map(cells));
        after = answer.next;
        if after.is_none() {
            break;
        }
    }
    if after.is_some() {
        rows.push(vec!["(more changes follow; choose a kind)".to_owned()]);
    }
    let header = ["at", "kind", "subject", "action", "revision", "who", "name", "before", "after", "reason"];
    Ok(csv_file::download("audit.csv", &header, &rows))
}

fn cells(item: &AuditItem) -> Vec<String> {
    let json = |map: &Map<String, Value>| serde_json::to_string(map).unwrap_or_default();
    vec![
        item.at.to_string(),
        item.kind.clone(),
        item.subject.clone(),
        item.action.clone(),
        item.revision.to_string(),
        item.who.clone(),
        item.name.clone(),
        json(&item.before),
        json(&item.after),
        item.reason.clone().unwrap_or_default(),
    ]
}
