//! Change of a stored campaign, with its audit record.

use jiff::Timestamp;

use super::hidden_values::masked;
use campaign::CampaignId;
use domain::{Actor, CatalogChange};
use platform::preconditions;
use platform::problem::Problem;
use store::{CampaignStore, CatalogRow, StoredCampaign};

/// Changes a campaign on the condition that its revision is unchanged. If nothing changes, nothing is written.
///
/// # Errors
/// 404, the error of `act`, or 503 if other writers wrote first in every try.
pub async fn change_by(
    campaigns: &CampaignStore,
    id: &CampaignId,
    by: Actor,
    now: Timestamp,
    act: impl AsyncFn(&mut StoredCampaign) -> Result<(), Problem>,
) -> Result<StoredCampaign, Problem> {
    preconditions::retry_conflicts(|| async {
        let read = campaigns.get(id).await?.ok_or_else(|| Problem::not_found("campaign"))?;
        let mut new = read.clone();
        act(&mut new).await?;
        let definition = StoredCampaign::definition(&new.campaign)?;
        new.row = CatalogRow::revised(definition, Some(&read.row), now);
        let old = Some(&read.row.definition);
        let change = CatalogChange::between(old, Some(&new.row.definition), new.row.revision, by.clone(), now);
        let Some(change) = change.map(masked) else { return Ok(Some(read)) };
        if campaigns.replace(&read.row, &new, &change).await? {
            tracing::info!(campaign = %id, state = new.campaign.state.as_str(), "changed campaign");
            return Ok(Some(new));
        }
        Ok(None)
    })
    .await
}
