//! `GET /v1/campaigns/{id}/recipients`: the people of a campaign with their outcomes.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::CampaignsApi;
use campaign::{
    Assigned, AudienceKind, Campaign, CampaignAudience, CampaignDefinition, CampaignId, LOCAL_TIME_PASSED, OutcomeName,
    PersonOutcome,
};
use domain::SignedCursor;
use domain::notification::{Notification, NotificationId};
use domain::recipient::{Recipient, RecipientKey};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use platform::time_limits::PEOPLE_READ_LIMIT;
use store::{Histories, HistoryReader, PEOPLE_PER_PART, PeoplePage, ScanPosition};

/// Number of people of a page of the response.
const PAGE: usize = 100;
/// Number of profiles of one read.
const READ_ITEMS: i32 = 100;

/// Position at which a list continues.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum RecipientsCursor {
    After(ScanPosition),
    Part(u32),
}

impl CampaignsApi {
    /// Returns people of a launched campaign, each with the notification and its outcome.
    pub(super) async fn people(&self, request: &Request, _: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["outcome", "reason", "after"])?;
        let wanted = match request.query("outcome") {
            None => None,
            Some(name) => Some(OutcomeName::parse(name).ok_or_else(|| {
                let names: Vec<_> = OutcomeName::ALL.into_iter().map(OutcomeName::as_str).collect();
                Problem::invalid_field("outcome", format!("must be one of: {}", names.join(", ")))
            })?),
        };
        let reason = request.query("reason").map(known).transpose()?;
        let stored = self.find(request).await?;
        let list = format!("campaigns/{}/recipients", stored.id);
        let signer = SignedCursor::new(self.hasher.get().await?, &list);
        let mut cursor = request.query("after").map(|text| parsed(&signer, text)).transpose()?;
        let definition = stored.campaign.parsed()?;
        let Some(launch) = &stored.campaign.launch else {
            let action = "listed: no message was sent";
            return Err(super::resource::conflict(campaign::StateConflictError {
                state: stored.campaign.state,
                action,
            }));
        };
        let people = CampaignAudience::all(&stored.id, &definition, launch);
        let people = people.ok_or_else(|| Problem::not_found("filter of the campaign"))?;
        let (mut items, until) = (Vec::new(), Instant::now() + PEOPLE_READ_LIMIT);
        loop {
            let (page, next) = self.page_of(&stored.id, &definition, cursor.as_ref()).await?;
            items.extend(self.listed(&people, &stored.campaign, page, (wanted, reason)).await?);
            cursor = next;
            if items.len() >= PAGE || cursor.is_none() || Instant::now() >= until {
                break;
            }
        }
        let body = json!({"items": items, "next": cursor.as_ref().map(|cursor| signer.text(cursor))});
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }

    async fn page_of(
        &self,
        id: &CampaignId,
        definition: &CampaignDefinition,
        cursor: Option<&RecipientsCursor>,
    ) -> Result<(PeoplePage, Option<RecipientsCursor>), Problem> {
        if let AudienceKind::Recipients(list) = &definition.audience {
            let part = if let Some(RecipientsCursor::Part(part)) = cursor { *part } else { 0 };
            let keys = self.campaigns.people(id, &list.list, part).await?.ok_or_else(people_are_deleted)?;
            let next = (part + 1 < list.parts(PEOPLE_PER_PART)).then_some(RecipientsCursor::Part(part + 1));
            return Ok((self.recipients.people_with_keys(&keys).await?, next));
        }
        let after = if let Some(RecipientsCursor::After(after)) = cursor { Some(after) } else { None };
        let mut page = self.recipients.people(0, 1, after, Some(READ_ITEMS)).await?;
        let next = page.next.take().map(RecipientsCursor::After);
        Ok((page, next))
    }

    /// Reads the history of these people in the campaigns that the filters of a campaign name.
    pub(super) async fn histories(
        &self,
        people: &CampaignAudience<'_>,
        page: &[Recipient],
    ) -> Result<Histories, Problem> {
        let reader = HistoryReader {
            notifications: self.notifications.clone(),
            hasher: self.hasher.get().await?.clone(),
            launches: people.launch.earlier.clone(),
        };
        Ok(reader.of_campaign(people, page).await?)
    }

    async fn listed(
        &self,
        people: &CampaignAudience<'_>,
        campaign: &Campaign,
        page: PeoplePage,
        (wanted, reason): (Option<OutcomeName>, Option<&'static str>),
    ) -> Result<Vec<Value>, Problem> {
        // The notification shows that the person was selected. The person may no longer match, or match only since
        // then.
        let found = self.notifications_of((people.id, people.launch.at), &page.people).await?;
        let (with, without): (Vec<_>, Vec<_>) =
            page.people.into_iter().partition(|recipient| found.contains_key(&recipient.key));
        let without = self.retried(people, without).await?;
        let histories = self.histories(people, &without).await?;
        // Nothing is stored for them, so the current profile decides.
        let unsent = without.iter().filter_map(|recipient| {
            let outcome = unsent(people, campaign, people.select(recipient, histories.of(recipient))?)?;
            Some((recipient, None, outcome))
        });
        let sent = with.iter().filter_map(|recipient| {
            let notification = found.get(&recipient.key)?;
            Some((recipient, Some(notification), PersonOutcome::of(notification)))
        });
        let listed = sent.chain(unsent).filter(|(_, _, outcome)| {
            wanted.is_none_or(|wanted| outcome.name() == wanted)
                && reason.is_none_or(|reason| outcome.reason() == Some(reason))
        });
        Ok(listed.map(|(recipient, notification, outcome)| shown(recipient, notification, &outcome)).collect())
    }

    /// Returns the notifications that a campaign with this time of the launch sent to these people.
    async fn notifications_of(
        &self,
        (campaign, launched_at): (&CampaignId, Timestamp),
        people: &[Recipient],
    ) -> Result<HashMap<RecipientKey, Notification>, Problem> {
        let hasher = self.hasher.get().await?;
        let id = |recipient: &Recipient| {
            NotificationId::of_campaign(recipient.key.clone(), launched_at, hasher, campaign.as_str())
        };
        let ids: Vec<_> = people.iter().map(id).collect();
        let found = self.notifications.get_many(&ids).await?;
        Ok(found.into_iter().map(|one| (one.id().recipient().clone(), one)).collect())
    }

    /// Returns only the people whom a retry selects.
    async fn retried(&self, people: &CampaignAudience<'_>, page: Vec<Recipient>) -> Result<Vec<Recipient>, Problem> {
        let retry = people.definition.retry_of.as_ref().zip(people.launch.retried_launch);
        let Some((retry, launched_at)) = retry else { return Ok(page) };
        let before = self.notifications_of((&retry.campaign, launched_at), &page).await?;
        let is_meant = |recipient: &Recipient| {
            before.get(&recipient.key).is_some_and(|notification| retry.takes(&PersonOutcome::of(notification)))
        };
        Ok(page.into_iter().filter(is_meant).collect())
    }
}

/// Returns the outcome of a person without a notification; `None` if the campaign has not reached the person yet.
fn unsent(people: &CampaignAudience<'_>, campaign: &Campaign, selected: Assigned) -> Option<PersonOutcome> {
    let is_late = match selected {
        Assigned::Holdout => return Some(PersonOutcome::Holdout),
        Assigned::TooLate => true,
        // The last pass found that the person had moved to a zone whose time had passed.
        Assigned::Message(_) | Assigned::AtLocalTime(..) => campaign.sent_at.is_some() && people.skips_late(),
    };
    is_late.then_some(PersonOutcome::Skipped(LOCAL_TIME_PASSED))
}

/// Returns the reason with this name.
///
/// # Errors
/// 422 if no person can have it.
fn known(reason: &str) -> Result<&'static str, Problem> {
    PersonOutcome::reason_named(reason).ok_or_else(|| {
        Problem::invalid_field("reason", "must be a reason of a failure or a skip, such as gone or local_time_passed")
    })
}

/// Returns the problem of a list of recipients whose people can no longer be found.
fn people_are_deleted() -> Problem {
    let detail = "The keys of the campaign's list were deleted, 180 days after they were given, so its people cannot be \
                  listed. A person's notifications remain in the history of the recipient until their retention ends.";
    Problem::new(ProblemKind::NotFound, detail)
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

fn parsed(signer: &SignedCursor<'_>, text: &str) -> Result<RecipientsCursor, Problem> {
    signer.parse(text).ok_or_else(Problem::invalid_cursor)
}
