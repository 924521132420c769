//! Read access to the fields of a notification.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Attempt, CampaignUse, Claim, Engagement, Notification, NotificationId, NotificationMessage, Reason, Status, Urgency,
};
use crate::TypeId;
use crate::budget::Ceiling;
use crate::channel::Channel;
use crate::recipient::RecipientId;
use crate::rollout::Version;
use platform::private::Private;

#[allow(missing_docs)] // each has the documentation of the field with its name
impl Notification {
    #[must_use]
    pub const fn id(&self) -> &NotificationId {
        &self.parts.request.id
    }

    #[must_use]
    pub const fn to(&self) -> &RecipientId {
        &self.parts.request.to
    }

    #[must_use]
    pub fn caller(&self) -> &str {
        &self.parts.request.caller
    }

    #[must_use]
    pub const fn type_id(&self) -> &TypeId {
        &self.parts.request.type_id
    }

    #[must_use]
    pub const fn is_critical(&self) -> bool {
        self.parts.request.is_critical
    }

    #[must_use]
    pub const fn campaign(&self) -> Option<&CampaignUse> {
        self.parts.request.campaign.as_ref()
    }

    #[must_use]
    pub const fn is_test(&self) -> bool {
        self.parts.request.is_test
    }

    #[must_use]
    pub const fn message(&self) -> &NotificationMessage {
        &self.parts.request.message
    }

    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.parts.request.channels
    }

    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        self.parts.request.urgency
    }

    #[must_use]
    pub const fn topic(&self) -> Option<&Private<String>> {
        self.parts.request.topic.as_ref()
    }

    #[must_use]
    pub const fn request_index(&self) -> u32 {
        self.parts.request.request_index
    }

    #[must_use]
    pub const fn metadata(&self) -> Option<&Private<Map<String, Value>>> {
        self.parts.request.metadata.as_ref()
    }

    #[must_use]
    pub const fn status(&self) -> Status {
        self.parts.status
    }

    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        self.parts.reason
    }

    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.parts.version
    }

    #[must_use]
    pub const fn in_flight(&self) -> Option<Claim> {
        self.parts.in_flight
    }

    #[must_use]
    pub const fn over_budget(&self) -> &BTreeMap<Channel, Ceiling> {
        &self.parts.over_budget
    }

    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.parts.attempts
    }

    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.parts.request.created_at
    }

    #[must_use]
    pub const fn due_at(&self) -> Timestamp {
        self.parts.request.due_at
    }

    #[must_use]
    pub const fn lives_until(&self) -> Timestamp {
        self.parts.request.lives_until
    }

    #[must_use]
    pub const fn kept_until(&self) -> Timestamp {
        self.parts.request.kept_until
    }

    #[must_use]
    pub const fn updated_at(&self) -> Timestamp {
        self.parts.updated_at
    }

    #[must_use]
    pub const fn next_action_at(&self) -> Option<Timestamp> {
        self.parts.next_action_at
    }

    #[must_use]
    pub const fn waited_ms(&self) -> i64 {
        self.parts.waited_ms
    }

    #[must_use]
    pub const fn engagement(&self) -> &Engagement {
        &self.parts.engagement
    }

    #[must_use]
    pub const fn revision(&self) -> u32 {
        self.parts.revision
    }
}
