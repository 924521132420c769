//! The people of a campaign: the recipients of a task, and the assignment of each.

use domain::recipient::Recipient;
use jiff::Timestamp;
use segments::{CampaignHistory, Filter, Person};
use serde_json::Value;

use crate::assignment::{VariantAssignment, assign, is_tested};
use crate::audience::AudienceKind;
use crate::definition::CampaignDefinition;
use crate::local_time::{AtLocal, IfPassed, Timing};
use crate::model::Launch;
use crate::task::TaskPass;
use domain::CampaignId;
use domain::notification::Notification;

/// Audience of a task.
#[derive(Debug, Clone)]
pub struct CampaignAudience<'a> {
    /// Campaign.
    pub id: &'a CampaignId,
    /// Definition.
    pub definition: &'a CampaignDefinition,
    /// Values that the launch pinned.
    pub launch: &'a Launch,
    filter: Option<Filter>,
    exclude: Option<Filter>,
    /// Slot of the task; `None` for the people of all slots.
    slot: Option<usize>,
    /// `true` for a test: every named recipient is selected.
    is_test: bool,
}

/// Assignment of a person whom the campaign selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// Nothing is sent.
    Holdout,
    /// The person gets the message at this position.
    Message(usize),
    /// The plan did not contain the person's zone. The person gets the message at this position, at a later local time.
    AtLocalTime(usize, Timestamp),
    /// The local time has passed, and the campaign skips such people.
    TooLate,
}

impl<'a> CampaignAudience<'a> {
    /// Returns the people of a task. Returns `None` if the stored filter cannot be read.
    #[must_use]
    pub fn of_task(
        id: &'a CampaignId,
        definition: &'a CampaignDefinition,
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
    pub fn all(id: &'a CampaignId, definition: &'a CampaignDefinition, launch: &'a Launch) -> Option<Self> {
        let parse = |json: &Option<Value>| match json {
            Some(json) => Filter::parse_resolved(json).map(Some),
            None => Some(None),
        };
        let (filter, exclude) = (parse(&launch.filter)?, parse(&launch.exclude)?);
        Some(Self { id, definition, launch, filter, exclude, slot: None, is_test: false })
    }

    /// Returns `true` if the task is for people whom no other task found, because they moved to another time zone.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        let is_last = self.slot.is_some_and(|slot| slot + 1 == self.launch.slots.len());
        is_last && matches!(self.definition.timing, Timing::AtLocal(_))
    }

    /// Returns `true` if only the history of a recipient decides if the recipient belongs to the campaign.
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

    /// Decides if a recipient belongs to the task, and returns the assignment. `history` is required if
    /// [`needs_history`](Self::needs_history) returns `true`.
    #[must_use]
    pub fn select(&self, recipient: &Recipient, history: Option<&CampaignHistory>) -> Option<Assigned> {
        if self.is_test {
            return Some(self.assign(recipient, 0));
        }
        if self.matches(recipient, history) != Some(true) {
            return None;
        }
        if let Timing::AtLocal(local) = &self.definition.timing {
            return self.select_by_local_time(local, recipient);
        }
        let Some(test) = &self.definition.test else { return Some(self.assign(recipient, self.definition.holdout_bp)) };
        let is_tested = is_tested(self.id, &recipient.id, test.share_bp);
        // The first slot is that of the test, and the second one that of the rest.
        if self.slot.is_some_and(|slot| (slot == 0) != is_tested) {
            return None;
        }
        Some(match self.assign(recipient, self.definition.holdout_bp) {
            Assigned::Message(_) if !is_tested => Assigned::Message(self.launch.rest_variant_index()),
            assignment => assignment,
        })
    }

    fn select_by_local_time(&self, local: &AtLocal, recipient: &Recipient) -> Option<Assigned> {
        let assignment = self.assign(recipient, self.definition.holdout_bp);
        let slot = local.slot(recipient.time_zone.as_deref(), self.launch.at);
        let Some(slot_index) = self.slot else {
            let is_late = slot.is_none() && assignment != Assigned::Holdout;
            return Some(if is_late { Assigned::TooLate } else { assignment });
        };
        if assignment == Assigned::Holdout {
            // Nothing is stored for them, and they may move. So the first slot counts all of them, whatever their zone.
            return (slot_index == 0).then_some(assignment);
        }
        if self.is_closing() {
            // A person without a notification has moved: to a zone that the plan did not contain, or whose time had
            // passed.
            return Some(match (slot.filter(|at| *at > self.last_planned_slot()), assignment) {
                (Some(at), Assigned::Message(variant_index)) => Assigned::AtLocalTime(variant_index, at),
                _ if self.skips_late() => Assigned::TooLate,
                _ => assignment,
            });
        }
        (slot.is_some() && slot == self.launch.slots.get(slot_index).copied()).then_some(assignment)
    }

    /// Returns the last time of the zones that the plan contained.
    fn last_planned_slot(&self) -> Timestamp {
        self.launch.slots.iter().rev().nth(1).copied().unwrap_or(self.launch.at)
    }

    /// Returns `true` if people whose local time has passed get no message.
    #[must_use]
    pub fn skips_late(&self) -> bool {
        matches!(&self.definition.timing, Timing::AtLocal(local) if !local.if_passed.is_some_and(IfPassed::sends))
    }

    /// Returns `true` if another slot may have sent to people of this one, because they moved to another time zone.
    /// `until` is the end of the work. Before the second slot begins, no other slot has sent.
    #[must_use]
    pub fn may_be_of_other_slot(&self, until: Timestamp) -> bool {
        let Timing::AtLocal(_) = self.definition.timing else { return false };
        // The last slot begins after all others have ended.
        let others = self.launch.slots.len().saturating_sub(1);
        let second = self.launch.slots.get(1).filter(|_| others > 1);
        self.slot.is_some_and(|slot| slot > 0) || second.is_some_and(|begins_at| *begins_at <= until)
    }

    /// Returns `true` if the person may have belonged to a slot whose worker died between a push and its storage:
    /// the profile has changed since the launch.
    #[must_use]
    pub fn may_have_moved(&self, recipient: &Recipient) -> bool {
        recipient.updated_at >= self.launch.at
    }

    /// Returns `true` if the task's slot sent this notification of the campaign, and therefore counts it.
    #[must_use]
    pub fn is_of_slot(&self, notification: &Notification) -> bool {
        notification.campaign().is_some_and(|used| used.slot == self.slot_number())
    }

    pub(crate) fn slot_number(&self) -> u32 {
        self.slot.and_then(|slot| u32::try_from(slot).ok()).unwrap_or(0)
    }

    /// Returns the time for which a plan decides about a person: the begin of the campaign for that person, at the
    /// earliest `now`. For people after a test phase, it is the end of the test.
    #[must_use]
    pub fn planned_at(&self, recipient: &Recipient, now: Timestamp) -> Timestamp {
        let begins_at = match &self.definition.timing {
            Timing::Now => None,
            Timing::At(at) => Some(*at),
            Timing::AtLocal(local) => local.slot(recipient.time_zone.as_deref(), self.launch.at),
        };
        let begins_at = begins_at.map_or(now, |at| at.max(now));
        match self.definition.test {
            Some(test) if !is_tested(self.id, &recipient.id, test.share_bp) => {
                begins_at.checked_add(test.duration).unwrap_or(Timestamp::MAX)
            }
            _ => begins_at,
        }
    }

    fn assign(&self, recipient: &Recipient, holdout_bp: u32) -> Assigned {
        let variants = self.launch.messages.iter().map(|message| (message.variant.as_str(), message.weight_bp));
        let weights = variants.clone().map(|(_, weight_bp)| weight_bp);
        match (assign(self.id, &recipient.id, holdout_bp, weights), &self.launch.earlier_assignment) {
            (VariantAssignment::Holdout, _) => Assigned::Holdout,
            (VariantAssignment::Variant(variant_index), None) => Assigned::Message(variant_index),
            (VariantAssignment::Variant(_), Some(earlier)) => {
                Assigned::Message(earlier.variant_index_of(&recipient.id, variants))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;
    use crate::model::LaunchedMessage;
    use domain::recipient::RecipientId;
    use domain::recipient::sample::with_everything;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn launch(at: Timestamp) -> Launch {
        Launch { at, segments: 1, ..Launch::default() }
    }

    #[test]
    fn a_plan_decides_as_of_the_begin_of_the_campaign_for_each_person() {
        let (id, now) = (CampaignId::parse("0123456789abcdefghjkmnpqrs").unwrap(), at("2026-11-23T10:00:00Z"));
        let rome = Recipient { time_zone: Some("Europe/Rome".to_owned()), ..with_everything(1) };
        let planned = |timing: Value| {
            let mut body =
                json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "B"}, "filter": {"all": []}});
            body.as_object_mut().unwrap().extend(timing.as_object().unwrap().clone());
            let (definition, launch) = (CampaignDefinition::parse(body).unwrap(), launch(now));
            CampaignAudience::all(&id, &definition, &launch).unwrap().planned_at(&rome, now)
        };
        assert_eq!(planned(json!({})), now);
        assert_eq!(planned(json!({"send_at": "2026-11-23T22:30:00Z"})), at("2026-11-23T22:30:00Z"));
        assert_eq!(planned(json!({"send_at": "2026-11-23T09:58:00Z"})), now, "its time has come");
        let local = json!({"date_time": "2026-11-24T09:00:00", "default_time_zone": "UTC"});
        assert_eq!(planned(json!({"at_local": local})), at("2026-11-24T08:00:00Z"));
        let text = |name: &str| json!({"name": name, "weight_bp": 5_000, "content": {"title": "A", "body": "B"}});
        let phase = |share: f64| {
            let test = json!({"share_percent": share, "hours": 3, "metric": "clicked", "then": "winner"});
            json!({"content": null, "variants": [text("a"), text("b")], "test": test, "send_at": "2026-11-23T22:30:00Z"})
        };
        // Of shares of 1 % and 99 %, the person is in the larger one alone.
        assert_eq!(planned(phase(99.0)), at("2026-11-23T22:30:00Z"));
        assert_eq!(planned(phase(1.0)), at("2026-11-24T01:30:00Z"), "after the test");
    }

    /// Returns what each slot of a campaign by local time selects for a person in each zone.
    fn by_local_time(changes: &Value, number: u64, slot: u32, zone: &str) -> Option<Assigned> {
        let id = CampaignId::parse("0123456789abcdefghjkmnpqrs").unwrap();
        let mut local = json!({"date_time": "2026-12-01T09:00:00", "default_time_zone": "UTC"});
        local.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let definition = json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "B"}, "filter": {"all": []},
            "at_local": local, "holdout_percent": 50});
        let definition = CampaignDefinition::parse(definition).unwrap();
        let Timing::AtLocal(at_local) = &definition.timing else { panic!() };
        // In Tokyo the time has passed.
        let now = at("2026-12-01T07:00:00Z");
        let slots = ["Europe/Rome", "UTC"].map(|zone| at_local.instant(Some(zone)));
        let slots = slots.into_iter().chain([at("2026-12-01T09:01:00Z")]).collect();
        let launch = Launch { slots, messages: vec![LaunchedMessage::default()], ..launch(now) };
        let recipient = with_everything(1);
        let created_at = Timestamp::UNIX_EPOCH;
        let person = RecipientId::parse(&format!("user-{number}")).unwrap();
        let recipient = Recipient { id: person, time_zone: Some(zone.to_owned()), created_at, ..recipient };
        let people = CampaignAudience::of_task(&id, &definition, &launch, (TaskPass::Send, slot)).unwrap();
        people.select(&recipient, None)
    }

    proptest! {
        /// Whatever zones a person moves through: held-out people are counted once, by the first slot, and never as
        /// late.
        #[test]
        fn who_is_held_out_is_counted_once(
            number in 0..50_u64,
            zones in prop::collection::vec(select(vec!["Europe/Rome", "UTC", "Asia/Tokyo", "America/New_York"]), 3),
            if_passed in select(vec![json!({}), json!({"if_passed": "skip"}), json!({"if_passed": "send_now"})]),
        ) {
            let slots: Vec<_> = (0..).zip(&zones).map(|(slot, zone)| by_local_time(&if_passed, number, slot, zone)).collect();
            let holdouts = slots.iter().filter(|selected| **selected == Some(Assigned::Holdout)).count();
            let is_held_out = by_local_time(&json!({}), number, 0, "Asia/Tokyo") == Some(Assigned::Holdout);
            prop_assert_eq!(holdouts, usize::from(is_held_out), "{:?}", slots);
            if is_held_out {
                prop_assert_eq!(slots, [Some(Assigned::Holdout), None, None]);
            } else {
                prop_assert!(slots[2].is_some(), "the last slot looks up everybody else");
            }
        }
    }

    #[test]
    fn in_a_zone_that_the_plan_did_not_contain_messages_are_neither_early_nor_late() {
        for if_passed in [json!({}), json!({"if_passed": "skip"}), json!({"if_passed": "send_now"})] {
            let closing =
                |zone| (0..50).filter_map(|number| by_local_time(&if_passed, number, 2, zone)).next().unwrap();
            let nine_in_new_york = at("2026-12-01T14:00:00Z");
            assert_eq!(closing("America/New_York"), Assigned::AtLocalTime(0, nine_in_new_york), "{if_passed}");
            let of_tokyo = if if_passed["if_passed"] == "send_now" { Assigned::Message(0) } else { Assigned::TooLate };
            assert_eq!(closing("Asia/Tokyo"), of_tokyo, "{if_passed}");
        }
        let closing = by_local_time(&json!({"if_passed": "next_day"}), 0, 2, "Asia/Tokyo");
        let tomorrow = Some(Assigned::AtLocalTime(0, at("2026-12-02T00:00:00Z")));
        assert!(closing == tomorrow || closing.is_none(), "{closing:?}");
    }

    #[test]
    fn people_are_looked_up_once_another_slot_may_have_sent_to_them() {
        let (id, now) = (CampaignId::random(Timestamp::UNIX_EPOCH), at("2026-12-01T07:00:00Z"));
        let looks_up = |timing: Value, slots: &[&str], slot: u32, until: &str| {
            let mut body =
                json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "B"}, "filter": {"all": []}});
            body.as_object_mut().unwrap().extend(timing.as_object().unwrap().clone());
            let definition = CampaignDefinition::parse(body).unwrap();
            let launch = Launch { slots: slots.iter().map(|slot| at(slot)).collect(), ..launch(now) };
            CampaignAudience::of_task(&id, &definition, &launch, (TaskPass::Send, slot))
                .unwrap()
                .may_be_of_other_slot(at(until))
        };
        let local = || json!({"at_local": {"date_time": "2026-12-01T09:00:00", "default_time_zone": "UTC"}});
        let three = ["2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z", "2026-12-01T09:01:00Z"];
        assert!(!looks_up(local(), &three, 0, "2026-12-01T08:59:59Z"), "no other slot has begun");
        assert!(looks_up(local(), &three, 0, "2026-12-01T09:00:00Z"), "its work is late");
        assert!(
            looks_up(local(), &three, 1, "2026-12-01T09:00:00Z")
                && looks_up(local(), &three, 2, "2026-12-01T09:01:00Z")
        );
        assert!(
            !looks_up(local(), &three[1..], 0, "2026-12-01T10:00:00Z"),
            "the last slot waits for the only other one"
        );
        assert!(!looks_up(json!({}), &three[..1], 0, "2026-12-01T10:00:00Z"));
    }
}
