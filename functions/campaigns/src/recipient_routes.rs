//! `GET /v1/campaigns/{id}/recipients`: who got what.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::CampaignsApi;
use campaign::{AudienceKind, CampaignId, Definition, Launch, OutcomeName, People, PersonOutcome, Selected};
use domain::notification::{Notification, NotificationId};
use domain::recipient::Recipient;
use platform::http::{Request, Response};
use platform::problem::Problem;
use store::{Histories, HistoryReader, PEOPLE_PER_PART, PeoplePage, SweepPosition};

/// Number of people of a page of the response.
const PAGE: usize = 100;
/// Number of profiles of one read.
const READ_ITEMS: i32 = 100;
/// Time after which a page ends although it is not full.
const READ_TIME: Duration = Duration::from_secs(5);

/// Place at which a list continues.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Place {
    After(SweepPosition),
    Part(u32),
}

impl CampaignsApi {
    /// Returns people of a launched campaign, each with the notification and what became of it.
    pub(super) async fn people(&self, request: &Request, _: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["outcome", "reason", "after"])?;
        let wanted = match request.query("outcome") {
            None => None,
            Some(name) => Some(OutcomeName::parse(name).ok_or_else(|| {
                let names: Vec<_> = OutcomeName::ALL.into_iter().map(OutcomeName::as_str).collect();
                Problem::invalid_field("outcome", format!("must be one of: {}", names.join(", ")))
            })?),
        };
        let reason = request.query("reason");
        let mut place = request.query("after").map(place).transpose()?;
        let stored = self.find(request).await?;
        let definition = stored.campaign.parsed()?;
        let Some(launch) = &stored.campaign.launch else {
            let action = "listed: no message was sent";
            return Err(super::resource::conflict(campaign::StateConflict { state: stored.campaign.state, action }));
        };
        let people = People::all(&stored.id, &definition, launch);
        let people = people.ok_or_else(|| Problem::not_found("filter of the campaign"))?;
        let (mut items, until) = (Vec::new(), Instant::now() + READ_TIME);
        loop {
            let (page, next) = self.page_of(&stored.id, &definition, place.as_ref()).await?;
            items.extend(self.listed(&people, launch, page, wanted, reason).await?);
            place = next;
            if items.len() >= PAGE || place.is_none() || Instant::now() >= until {
                break;
            }
        }
        let body = json!({"items": items, "next": place.as_ref().map(cursor)});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    async fn page_of(
        &self,
        id: &CampaignId,
        definition: &Definition,
        place: Option<&Place>,
    ) -> Result<(PeoplePage, Option<Place>), Problem> {
        if let AudienceKind::Recipients(list) = &definition.audience {
            let part = if let Some(Place::Part(part)) = place { *part } else { 0 };
            let keys = self.campaigns.people(id, &list.list, part).await?;
            let parts = list.count.div_ceil(u32::try_from(PEOPLE_PER_PART).unwrap_or(u32::MAX));
            let next = (part + 1 < parts).then_some(Place::Part(part + 1));
            return Ok((self.recipients.people_with_keys(&keys).await?, next));
        }
        let after = if let Some(Place::After(after)) = place { Some(after) } else { None };
        let mut page = self.recipients.people(0, 1, after, Some(READ_ITEMS)).await?;
        let next = page.next.take().map(Place::After);
        Ok((page, next))
    }

    /// Reads what became of people's notifications of the campaigns that the filters of a campaign name.
    pub(super) async fn histories(&self, people: &People<'_>, page: &[Recipient]) -> Result<Histories, Problem> {
        let reader = HistoryReader {
            notifications: self.notifications.clone(),
            hasher: self.hasher.get().await?.clone(),
            launches: people.launch.earlier.clone(),
        };
        Ok(reader.of_campaign(people, page).await?)
    }

    async fn listed(
        &self,
        people: &People<'_>,
        launch: &Launch,
        page: PeoplePage,
        wanted: Option<OutcomeName>,
        reason: Option<&str>,
    ) -> Result<Vec<Value>, Problem> {
        let histories = self.histories(people, &page.people).await?;
        let select = |one: Recipient| Some((people.select(&one, histories.of(&one))?, one));
        let selected: Vec<_> = page.people.into_iter().filter_map(select).collect();
        let hasher = self.hasher.get().await?;
        let id = |recipient: &Recipient| {
            NotificationId::of_campaign(recipient.key.clone(), launch.at, hasher, people.id.as_str())
        };
        let ids: Vec<_> = selected.iter().map(|(_, recipient)| id(recipient)).collect();
        let found = self.notifications.get_many(&ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|one| (one.id().recipient().clone(), one)).collect();
        let listed = selected.iter().filter_map(|(selected, recipient)| {
            let notification = found.get(&recipient.key);
            let outcome = match (selected, notification) {
                (_, Some(notification)) => PersonOutcome::of(notification),
                (Selected::Holdout, None) => PersonOutcome::Holdout,
                // Not sent to yet.
                (_, None) => return None,
            };
            let is_wanted = wanted.is_none_or(|wanted| outcome.name() == wanted)
                && reason.is_none_or(|reason| outcome.reason() == Some(known(reason)));
            is_wanted.then(|| shown(recipient, notification, &outcome))
        });
        Ok(listed.collect())
    }
}

/// Returns the reason with this name, or a text that no person has.
fn known(reason: &str) -> &'static str {
    domain::notification::Reason::parse(reason).map_or("", domain::notification::Reason::as_str)
}

fn shown(recipient: &Recipient, notification: Option<&Notification>, outcome: &PersonOutcome) -> Value {
    let variant = notification.and_then(|one| one.campaign()).map(|used| used.variant.as_str());
    json!({
        "recipient": recipient.id,
        "outcome": outcome.name(),
        "reason": outcome.reason(),
        "variant": variant.filter(|variant| !variant.is_empty()),
        "notification": notification.map(|one| one.id().to_string()),
        "status": notification.map(Notification::status),
    })
}

fn cursor(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(json!(place).to_string())
}

fn place(text: &str) -> Result<Place, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Problem::invalid_field("after", "must be the next of an earlier response"))
}
