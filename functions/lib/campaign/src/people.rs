//! The people of a campaign: which recipients a task is for, and what is meant for each.

use domain::recipient::Recipient;
use jiff::Timestamp;
use segments::{CampaignHistory, Filter, Person};
use serde_json::Value;

use crate::audience::AudienceKind;
use crate::definition::Definition;
use crate::local_time::{IfPassed, Timing};
use crate::lots::{Lot, draw, is_tested};
use crate::model::Launch;
use crate::task::TaskPass;
use domain::CampaignId;

/// Audience of a task.
#[derive(Debug, Clone)]
pub struct People<'a> {
    /// Campaign.
    pub id: &'a CampaignId,
    /// Definition.
    pub definition: &'a Definition,
    /// Values that the launch pinned.
    pub launch: &'a Launch,
    filter: Option<Filter>,
    exclude: Option<Filter>,
    /// Slot of the task; `None` for the people of all slots.
    slot: Option<usize>,
    /// `true` for a test: every named recipient is selected.
    is_test: bool,
}

/// A person that the campaign is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected {
    /// Nothing is sent.
    Holdout,
    /// The person gets the message at this position.
    Message(usize),
    /// The local time has passed, and the campaign skips people for whom it has.
    TooLate,
}

impl<'a> People<'a> {
    /// Returns the people of a task. Returns `None` if the stored filter cannot be read.
    #[must_use]
    pub fn of_task(
        id: &'a CampaignId,
        definition: &'a Definition,
        launch: &'a Launch,
        (pass, task): (TaskPass, u32),
    ) -> Option<Self> {
        let people = Self::all(id, definition, launch)?;
        Some(match pass {
            TaskPass::Plan(_) => people,
            TaskPass::Test(_) => Self { is_test: true, ..people },
            TaskPass::Send => Self { slot: Some(usize::try_from(task / launch.segments.max(1)).ok()?), ..people },
        })
    }

    /// Returns all people of a campaign. Returns `None` if the stored filter cannot be read.
    #[must_use]
    pub fn all(id: &'a CampaignId, definition: &'a Definition, launch: &'a Launch) -> Option<Self> {
        let parse = |json: &Option<Value>| match json {
            Some(json) => Filter::parse_resolved(json).map(Some),
            None => Some(None),
        };
        let (filter, exclude) = (parse(&launch.filter)?, parse(&launch.exclude)?);
        Some(Self { id, definition, launch, filter, exclude, slot: None, is_test: false })
    }

    /// Returns `true` if the task is for people whom no other task found, because they moved to another time zone
    /// meanwhile.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        let is_last = self.slot.is_some_and(|slot| slot + 1 == self.launch.slots.len());
        is_last && matches!(self.definition.timing, Timing::AtLocal(_))
    }

    /// Returns `true` if nothing but the history of a recipient decides if the recipient belongs to the campaign.
    #[must_use]
    pub fn needs_history(&self, recipient: &Recipient) -> bool {
        !self.is_test && self.matches(recipient, None).is_none()
    }

    /// Decides if a recipient matches; `None` if that depends on a history that was not read.
    fn matches(&self, recipient: &Recipient, history: Option<&CampaignHistory>) -> Option<bool> {
        let is_listed = matches!(self.definition.audience, AudienceKind::Recipients(_));
        if recipient.created_at > self.launch.at && !is_listed {
            return Some(false);
        }
        let decide = |filter: &Filter| filter.decide(Person { recipient, now: self.launch.at, history });
        let is_wanted = self.filter.as_ref().map_or(Some(true), decide);
        if is_wanted == Some(false) {
            return is_wanted;
        }
        match self.exclude.as_ref().map_or(Some(false), decide) {
            Some(true) => Some(false),
            Some(false) => is_wanted,
            None => None,
        }
    }

    /// Decides if a recipient belongs to the task, and what is meant for the person. `history` must be there if
    /// [`needs_history`](Self::needs_history) returns `true`.
    #[must_use]
    pub fn select(&self, recipient: &Recipient, history: Option<&CampaignHistory>) -> Option<Selected> {
        if self.is_test {
            return Some(self.draw(recipient, 0));
        }
        if self.matches(recipient, history) != Some(true) {
            return None;
        }
        if let Timing::AtLocal(local) = &self.definition.timing {
            let slot = local.slot(recipient.time_zone.as_deref(), self.launch.at);
            if self.is_closing() {
                // A person who has no notification yet moved to a zone whose time had passed.
                if !local.if_passed.is_some_and(IfPassed::sends) {
                    return Some(Selected::TooLate);
                }
            } else if let Some(place) = self.slot {
                let is_of_slot = slot.is_some() && slot == self.launch.slots.get(place).copied();
                if !is_of_slot {
                    return None;
                }
            } else if slot.is_none() {
                return Some(Selected::TooLate);
            }
        }
        let Some(test) = &self.definition.test else { return Some(self.draw(recipient, self.definition.holdout_bp)) };
        let is_tested = is_tested(self.id, &recipient.id, test.share_bp);
        // The first slot is that of the test, and the second one that of the rest.
        if self.slot.is_some_and(|slot| (slot == 0) != is_tested) {
            return None;
        }
        Some(match self.draw(recipient, self.definition.holdout_bp) {
            Selected::Message(_) if !is_tested => Selected::Message(self.launch.place_of_rest()),
            drawn => drawn,
        })
    }

    /// Returns the time as of which a plan decides for a person: the one at which the campaign begins for that person,
    /// at the earliest `now`.
    #[must_use]
    pub fn planned_at(&self, recipient: &Recipient, now: Timestamp) -> Timestamp {
        let begins_at = match &self.definition.timing {
            Timing::Now => None,
            Timing::At(at) => Some(*at),
            Timing::AtLocal(local) => local.slot(recipient.time_zone.as_deref(), self.launch.at),
        };
        begins_at.map_or(now, |at| at.max(now))
    }

    fn draw(&self, recipient: &Recipient, holdout_bp: u32) -> Selected {
        let weights = self.launch.messages.iter().map(|message| message.weight_bp);
        match draw(self.id, &recipient.id, holdout_bp, weights) {
            Lot::Holdout => Selected::Holdout,
            Lot::Variant(place) => Selected::Message(place),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use domain::recipient::sample::with_everything;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn launch(at: Timestamp) -> Launch {
        Launch { at, segments: 1, ..Launch::default() }
    }

    #[test]
    fn a_plan_decides_as_of_the_begin_of_the_campaign_for_each_person() {
        let (id, now) = (CampaignId::random(Timestamp::UNIX_EPOCH), at("2026-11-23T10:00:00Z"));
        let rome = Recipient { time_zone: Some("Europe/Rome".to_owned()), ..with_everything(1) };
        let planned = |timing: Value| {
            let mut body =
                json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "B"}, "filter": {"all": []}});
            body.as_object_mut().unwrap().extend(timing.as_object().unwrap().clone());
            let (definition, launch) = (Definition::parse(body).unwrap(), launch(now));
            People::all(&id, &definition, &launch).unwrap().planned_at(&rome, now)
        };
        assert_eq!(planned(json!({})), now);
        assert_eq!(planned(json!({"send_at": "2026-11-23T22:30:00Z"})), at("2026-11-23T22:30:00Z"));
        assert_eq!(planned(json!({"send_at": "2026-11-23T09:58:00Z"})), now, "its time has come");
        let local = json!({"date_time": "2026-11-24T09:00:00", "default_time_zone": "UTC"});
        assert_eq!(planned(json!({"at_local": local})), at("2026-11-24T08:00:00Z"));
    }
}
