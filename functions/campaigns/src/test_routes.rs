//! `POST /v1/campaigns/{id}/test`: sends the campaign's message to a few people, marked as a test.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::CampaignsApi;
use super::resource::conflict;
use campaign::{Campaign, CampaignId, Launch, Plan, StateConflictError, TaskMessage, TaskPass};
use domain::notification::NotificationId;
use domain::recipient::RecipientId;
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use store::StoredCampaign;

/// Maximum number of recipients of a test.
const MAX_RECIPIENTS: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    to: Vec<RecipientId>,
}

impl CampaignsApi {
    /// Sends to the named people: 202 with the future ids of the notifications. With variants, each person gets the
    /// assigned one.
    pub(super) async fn test(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let TestRequest { to } = request.json()?;
        if to.is_empty() || to.len() > MAX_RECIPIENTS {
            return Err(Problem::invalid_field("to", "must name 1 to 10 recipients"));
        }
        let (config, hasher) = (self.config_now().await, self.hasher.get().await?);
        let keys: Vec<_> = to.iter().map(|id| hasher.recipient_key(id)).collect();
        let change = self.change_found(request, now, async |stored: &mut StoredCampaign| {
            if stored.campaign.state.is_final() {
                return Err(conflict(StateConflictError { state: stored.campaign.state, action: "tested" }));
            }
            if self.is_testing(&stored.id, &stored.campaign, now).await? {
                let detail = "The test before is not sent yet. Retry later.";
                return Err(Problem::new(ProblemKind::Conflict, detail).retry_after(2));
            }
            let pinned = self.pinning.pinned(stored, &config, now).await?;
            let number = stored.campaign.test.as_ref().map_or(0, |test| test.number) + 1;
            let launch = Launch { segments: 1, ..pinned.launch };
            let pass = TaskPass::Test(number);
            self.campaigns.save_people(&stored.id, &pass.key(), &keys, now).await?;
            stored.campaign.test = Some(Plan { number, hash: pinned.hash, segments: 1, launch, at: now });
            Ok(())
        });
        let StoredCampaign { id: campaign, campaign: tested, .. } = change.await?;
        let Some(test) = tested.test else { return Err(Problem::unavailable(1)) };
        let pass = TaskPass::Test(test.number);
        let text = format!("{campaign}#{}", pass.key());
        let items = to.iter().zip(&keys).map(|(to, key)| {
            let id = NotificationId::of_campaign(key.clone(), now, hasher, &text);
            json!({"to": to, "notification": id.to_string()})
        });
        let items: Vec<_> = items.collect();
        self.reconciler.enqueue([(TaskMessage { campaign, pass, task: 0, interval_ms: None }, 0)].into_iter()).await?;
        Ok(Response::json(202, &json!({"items": items})))
    }

    /// Returns `true` if the last test may still be sent. Another one would replace it, and its people would get
    /// nothing.
    async fn is_testing(&self, id: &CampaignId, campaign: &Campaign, now: Timestamp) -> Result<bool, Problem> {
        let test = campaign.open_passes(now).find(|(pass, _)| matches!(pass, TaskPass::Test(_)));
        let Some((pass, _)) = test else { return Ok(false) };
        let task = self.campaigns.task(id, pass, 0).await?;
        Ok(task.is_none_or(|task| !task.value.is_done))
    }
}
