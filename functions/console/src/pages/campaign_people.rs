//! Recipients of a campaign by what became of them.

use serde::Deserialize;

use crate::site::{ApiCall, ApiProblem, Visit, encoded};

/// Rows of a page. The API returns more of them at once.
const ROWS: usize = 50;

/// Page of recipients.
#[derive(Debug)]
pub struct CampaignPeople {
    /// Outcomes to choose from, with the chosen one.
    pub outcomes: Vec<(&'static str, bool)>,
    /// Requested reason of a skip.
    pub reason: String,
    /// People.
    pub items: Vec<CampaignPerson>,
    /// Address of the first page, on a later one.
    pub first: Option<String>,
    /// Address of the next page.
    pub next: Option<String>,
}

/// Person.
#[derive(Debug, Deserialize)]
pub struct CampaignPerson {
    pub recipient: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub variant: Option<String>,
    pub notification: Option<String>,
    pub status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PeopleAnswer {
    items: Vec<CampaignPerson>,
    next: Option<String>,
}

const OUTCOMES: [&str; 7] = ["sent", "waiting", "held", "failed", "skipped", "holdout", "erased"];

/// Reads the page of recipients that the address requests.
///
/// # Errors
/// The API's problem.
pub async fn people(visit: &Visit<'_>, id: &str) -> Result<CampaignPeople, ApiProblem> {
    let query = visit.query();
    let (outcome, reason, after) = (query.get("outcome"), query.get("reason"), query.optional("after"));
    let call = ApiCall::get("/v1/campaigns/{id}/recipients")
        .path("id", id)
        .query_if("outcome", query.optional("outcome"))
        .query_if("reason", query.optional("reason"))
        .query_if("after", after);
    let mut answer: PeopleAnswer = visit.call(call).await.read()?;
    let skipped: usize = query.get("skip").parse().unwrap_or(0);
    let has_more = answer.items.len() > skipped.saturating_add(ROWS);
    let place =
        if has_more { Some((after, skipped + ROWS)) } else { answer.next.as_deref().map(|next| (Some(next), 0)) };
    let page_at = |(after, skip): (Option<&str>, usize)| {
        let mut href = format!("{}/campaign?id={}&tab=recipients", visit.base, encoded(id));
        let pairs = [("outcome", outcome), ("reason", reason), ("after", after.unwrap_or_default())];
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            href = format!("{href}&{name}={}", encoded(value));
        }
        if skip == 0 { href } else { format!("{href}&skip={skip}") }
    };
    let is_first = after.is_none() && skipped == 0;
    Ok(CampaignPeople {
        outcomes: OUTCOMES.map(|name| (name, name == outcome)).into(),
        reason: reason.to_owned(),
        items: answer.items.drain(skipped.min(answer.items.len())..).take(ROWS).collect(),
        first: (!is_first).then(|| page_at((None, 0))),
        next: place.map(page_at),
    })
}
