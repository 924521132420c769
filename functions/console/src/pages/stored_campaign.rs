//! A campaign as the API has it, and the content of a refused form, for the pages of campaigns.

use serde_json::Value;

use super::campaign_fields::CampaignFields;
use super::edit_conflict::EditConflict;
use crate::site::{ApiCall, ApiProblem, Visit};

/// Campaign as the API has it, with its tag.
#[derive(Debug)]
pub struct StoredDraft {
    /// Campaign.
    pub campaign: Value,
    /// `ETag`.
    pub etag: String,
}

/// Content of a refused form, for its page.
#[derive(Debug, Default)]
pub struct RefusedForm {
    /// Reason.
    pub problem: Option<ApiProblem>,
    /// Typed values.
    pub typed: Option<CampaignFields>,
    /// Changes that another person stored meanwhile.
    pub conflicts: Vec<EditConflict>,
}

/// Reads a campaign.
///
/// # Errors
/// The API's problem.
pub async fn read(visit: &Visit<'_>, id: &str) -> Result<StoredDraft, ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/campaigns/{id}").path("id", id)).await;
    let etag = answer.etag.clone().unwrap_or_default();
    Ok(StoredDraft { campaign: answer.ok()?, etag })
}

/// Reads the progress of a campaign.
///
/// # Errors
/// The API's problem.
pub async fn progress(visit: &Visit<'_>, id: &str) -> Result<Value, ApiProblem> {
    visit.call(ApiCall::get("/v1/campaigns/{id}/progress").path("id", id)).await.ok()
}

/// Reads the numbers of the sending alone, which takes less time than the whole progress.
///
/// # Errors
/// The API's problem.
pub async fn sending(visit: &Visit<'_>, id: &str) -> Result<Value, ApiProblem> {
    let call = ApiCall::get("/v1/campaigns/{id}/progress").path("id", id).query("sending_only", "true");
    Ok(visit.call(call).await.ok()?["sending"].take())
}
