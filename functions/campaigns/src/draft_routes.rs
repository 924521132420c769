//! The routes of drafts: create, list, read, change, plan.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::CampaignsApi;
use super::campaign_change::change_by;
use super::hidden_values::{masked, restore};
use super::pinning::kind_of;
use super::resource::{check_stored_list, conflict, deleted_list, location, operator_kind, requested, shown};
use campaign::{
    AudienceKind, Campaign, CampaignDefinition, CampaignId, CampaignState, Launch, Plan, TaskMessage, TaskPass,
    check_new_values,
};
use domain::{Actor, CatalogChange};
use platform::http::{Request, Response};
use platform::preconditions::Preconditions;
use platform::problem::{Problem, ProblemKind};
use store::{CampaignKey, CatalogRow, PEOPLE_PER_PART, StoredCampaign};

/// Maximum number of campaigns that have not ended.
const MAX_OPEN: usize = 200;
const PAGE: usize = 50;

impl CampaignsApi {
    /// Returns campaigns, newest first: a page of all, or with `state=open` all that have not ended.
    pub(super) async fn list(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&["after", "state"])?;
        let after = request.query("after");
        if after.is_some_and(|after| CampaignId::parse(after).is_none()) {
            return Err(Problem::invalid_cursor());
        }
        match request.query("state") {
            None => {}
            Some("open") => {
                let mut open = self.campaigns.open_campaigns().await?;
                open.retain(|campaign| after.is_none_or(|after| campaign.id.as_str() < after));
                open.sort_by(|one, other| other.id.as_str().cmp(one.id.as_str()));
                let items: Vec<_> = open.iter().map(shown).collect();
                return Ok(Response::json(200, &json!({"items": items, "next": null})));
            }
            Some(_) => return Err(Problem::invalid_field("state", "must be open")),
        }
        let page = self.campaigns.list(after, PAGE).await?;
        let items: Vec<_> = page.items.iter().map(shown).collect();
        Ok(Response::json(200, &json!({"items": items, "next": page.next})))
    }

    /// Creates a draft: 201, or 422. With an `Idempotency-Key`, a repeat returns the same campaign.
    pub(super) async fn create(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let by = request.author()?;
        let body = request.json_value()?;
        let id = CampaignId::random(now);
        let key = self.key(request, &id).await?;
        if let Some(key) = &key
            && let Some(found) = self.campaigns.key(&key.key, now).await?
        {
            return self.replay(key, &found).await;
        }
        let hasher = if body.get("recipients").is_some() { Some(self.hasher.get().await?) } else { None };
        let mut wanted = requested(body, hasher)?;
        wanted.definition.retain(|_, value| !value.is_null());
        if wanted.keys.is_none() {
            check_stored_list(&wanted.definition, None)?;
        }
        let config = self.config_now().await;
        CampaignDefinition::parse(Value::Object(wanted.definition.clone()))?.check_times(now)?;
        check_new_values(&wanted.definition)?;
        self.pinning.check_definition(&id, &wanted.definition, &config, now).await?;
        self.check_open().await?;
        if let Some((list, keys)) = &wanted.keys {
            self.campaigns.save_people(&id, list, keys, now).await?;
        }
        let campaign = Campaign::draft(wanted.definition, by.name.clone().into());
        let row = CatalogRow::revised(StoredCampaign::definition(&campaign)?, None, now);
        let new = StoredCampaign { id, campaign, row };
        let change = CatalogChange::between(None, Some(&new.row.definition), new.row.revision, Actor::Api(by), now);
        let Some(change) = change.map(masked) else { return Err(Problem::unavailable(1)) };
        if !self.campaigns.create(&new, &change, key.as_ref(), now).await? {
            // Another request with the same key stored its campaign first.
            return Err(Problem::unavailable(1));
        }
        tracing::info!(campaign = %new.id, "created campaign");
        let response = Response::json(201, &shown(&new)).with_header("Location", location(&new.id));
        Ok(response.with_entity_tag(&new.row.entity_tag()))
    }

    /// Checks that another campaign may be created.
    ///
    /// # Errors
    /// 409 if 200 campaigns have not ended.
    pub(super) async fn check_open(&self) -> Result<(), Problem> {
        if self.campaigns.open().await?.len() < MAX_OPEN {
            return Ok(());
        }
        let detail = "There are 200 campaigns that have not ended, the maximum. Cancel one that is not needed.";
        Err(Problem::new(ProblemKind::Conflict, detail))
    }

    async fn key(&self, request: &Request, id: &CampaignId) -> Result<Option<CampaignKey>, Problem> {
        let Some(key) = request.valid_idempotency_key()? else { return Ok(None) };
        let key = self.hasher.get().await?.keyed("campaign-key", &format!("{}\n{key}", request.caller.id));
        let hash = digest(&SHA256, request.body.expose());
        let body = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(CampaignKey { key, body, campaign: id.clone() }))
    }

    async fn replay(&self, key: &CampaignKey, found: &CampaignKey) -> Result<Response, Problem> {
        if found.body != key.body {
            let detail = "The key was used for another campaign. Use a new key.";
            return Err(Problem::new(ProblemKind::IdempotencyKeyReused, detail));
        }
        let stored = self.campaigns.get(&found.campaign).await?.ok_or_else(|| Problem::not_found("campaign"))?;
        let response = Response::json(201, &shown(&stored)).with_header("Location", location(&stored.id));
        let response = response.with_header("Idempotency-Replayed", "true");
        Ok(response.with_entity_tag(&stored.row.entity_tag()))
    }

    /// Returns a campaign: 200, 304, 404 or 412.
    pub(super) async fn get(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let conditions = Preconditions::of(request)?;
        let stored = self.find(request).await?;
        let tag = stored.row.entity_tag();
        let (mut body, is_known) = (shown(&stored), conditions.is_known_to_caller(&tag)?);
        // The tag is that of the stored campaign. A newer template version may have been published since.
        if !Box::pin(self.add_newer_versions(&stored, &mut body)).await && is_known {
            return Ok(Response::not_modified().with_entity_tag(&tag));
        }
        Ok(Response::json(200, &body).with_entity_tag(&tag))
    }

    /// Adds the live version to each template of a launched campaign that uses an older one. Returns `true` if there is
    /// any.
    async fn add_newer_versions(&self, stored: &StoredCampaign, body: &mut Value) -> bool {
        let shown = body.pointer_mut("/launch/templates").and_then(Value::as_array_mut);
        let shown = shown.filter(|_| stored.campaign.state.is_launched());
        let Some(shown) = shown.filter(|shown| !shown.is_empty()) else { return false };
        let config = self.config_now().await;
        let mut is_any = false;
        for template in shown {
            let live = template["name"].as_str().and_then(|name| config.templates.version(name, None).ok());
            let newer = live.filter(|live| template["version"].as_u64().is_some_and(|used| u64::from(*live) > used));
            is_any |= newer.is_some();
            template["newer_version"] = json!(newer);
        }
        is_any
    }

    /// Changes a campaign: each field of the body replaces the stored one, and null removes it.
    pub(super) async fn patch(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let conditions = Preconditions::of(request)?;
        let body = request.json_value()?;
        let hasher = if body.get("recipients").is_some() { Some(self.hasher.get().await?) } else { None };
        let wanted = requested(body, hasher)?;
        let config = self.config_now().await;
        self.change(request, now, async |stored: &mut StoredCampaign| {
            conditions.check(Some(&stored.row.entity_tag()))?;
            wanted.read_only.check(&[("id", json!(stored.id))])?;
            wanted.read_only.check(&stored.row.read_only())?;
            if wanted.keys.is_none() {
                check_stored_list(&wanted.definition, stored.campaign.definition.get("recipients"))?;
            }
            let mut definition = stored.campaign.definition.clone();
            for (name, value) in &wanted.definition {
                match value {
                    Value::Null => _ = definition.remove(name),
                    value => _ = definition.insert(name.clone(), value.clone()),
                }
            }
            restore(&mut definition, &stored.campaign);
            let parsed = CampaignDefinition::parse(Value::Object(definition.clone()))?;
            check_new_values(&wanted.definition)?;
            if stored.campaign.state == CampaignState::Paused {
                if wanted.definition.contains_key("not_after") {
                    let slots = stored.campaign.launch.as_ref().map(|launch| &launch.slots);
                    parsed.check_changed_end(slots.and_then(|slots| slots.first()).copied().unwrap_or(now), now)?;
                }
                let is_of_message = ["template", "variants"].iter().any(|name| wanted.definition.contains_key(*name));
                let messages = match is_of_message {
                    true => Some(Box::pin(self.pinning.messages(&parsed, kind_of(&parsed, &config)?, &config)).await?),
                    false => None,
                };
                return stored.campaign.change_while_paused(
                    definition,
                    messages,
                    (&request.caller.id, operator_kind(request)),
                );
            }
            parsed.check_times(now)?;
            self.pinning.check_definition(&stored.id, &definition, &config, now).await?;
            if let Some((list, keys)) = &wanted.keys {
                self.campaigns.save_people(&stored.id, list, keys, now).await?;
            }
            stored.campaign.redefine(definition).map_err(conflict)
        })
        .await
    }

    /// Plans a campaign: a pass over its audience that sends nothing. 202; the progress shows the result.
    pub(super) async fn plan(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let config = self.config_now().await;
        let stored = self
            .change_found(request, now, async |stored: &mut StoredCampaign| {
                if !matches!(stored.campaign.state, CampaignState::Draft | CampaignState::Approved) {
                    return Err(conflict(campaign::StateConflictError {
                        state: stored.campaign.state,
                        action: "planned",
                    }));
                }
                let pinned = self.pinning.pinned(stored, &config, now).await?;
                pinned.definition.check_times(now)?;
                self.renew_list(stored, &pinned.definition, now).await?;
                let segments = self.pinning.segments_for(&pinned.definition).await?;
                let number = stored.campaign.plan.as_ref().map_or(0, |plan| plan.number) + 1;
                let launch = Launch { segments, ..pinned.launch };
                stored.campaign.plan = Some(Plan { number, hash: pinned.hash, segments, launch, at: now });
                Ok(())
            })
            .await?;
        if let Some(plan) = &stored.campaign.plan {
            let pass = TaskPass::Plan(plan.number);
            let message = |task| TaskMessage { campaign: stored.id.clone(), pass, task, interval_ms: None };
            self.reconciler.enqueue((0..plan.segments).map(|task| (message(task), 0))).await?;
        }
        Ok(Response { status: 202, ..changed(&stored) })
    }

    /// Stores the list of recipients again if it would be deleted before the campaign ends.
    ///
    /// # Errors
    /// 409 if it was deleted.
    async fn renew_list(
        &self,
        stored: &StoredCampaign,
        definition: &CampaignDefinition,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let AudienceKind::Recipients(list) = &definition.audience else { return Ok(()) };
        let parts = list.parts(PEOPLE_PER_PART);
        let is_stored = self.campaigns.renew_people(&stored.id, &list.list, parts, now).await?;
        if is_stored { Ok(()) } else { Err(deleted_list("Give the list again.")) }
    }

    /// Changes the campaign of a request as [`change_by`] does.
    ///
    /// # Errors
    /// As [`change_by`].
    pub(super) async fn change(
        &self,
        request: &Request,
        now: Timestamp,
        act: impl AsyncFn(&mut StoredCampaign) -> Result<(), Problem>,
    ) -> Result<Response, Problem> {
        Ok(changed(&self.change_found(request, now, act).await?))
    }

    /// Changes the campaign of a request as [`Self::change`] does, and returns it.
    pub(super) async fn change_found(
        &self,
        request: &Request,
        now: Timestamp,
        act: impl AsyncFn(&mut StoredCampaign) -> Result<(), Problem>,
    ) -> Result<StoredCampaign, Problem> {
        let by = Actor::Api(request.author()?);
        change_by(&self.campaigns, &self.find(request).await?.id, by, now, act).await
    }
}

fn changed(stored: &StoredCampaign) -> Response {
    Response::json(200, &shown(stored)).with_entity_tag(&stored.row.entity_tag())
}
