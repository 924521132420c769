//! Inputs of the gates, and the facts that several gates derive from them.

use std::collections::BTreeSet;

use domain::caps::CapRules;
use domain::channel::Channel;
use domain::notification::Notification;
use domain::recipient::{LocalZone, Recipient};
use domain::rollout::{Rollout, Version};
use domain::settings::Settings;
use domain::{TypeId, TypeRules};

use crate::config::ConfigSnapshot;

/// Inputs of the gates.
#[derive(Debug, Clone, Copy)]
pub struct GateInputs<'a> {
    /// Rules of the notification's type that are in force.
    pub rules: TypeRules,
    /// The rollout that is in force.
    pub rollout: &'a Rollout,
    /// Rules of the frequency caps.
    pub caps: &'a CapRules,
    /// Settings, for quiet hours and the time zone of the organisation.
    pub settings: &'a Settings,
    /// The recipient, if known.
    pub recipient: Option<&'a Recipient>,
    /// Channels that cannot reach the recipient whatever is tried.
    pub unreachable: &'a BTreeSet<Channel>,
}

impl<'a> GateInputs<'a> {
    /// Returns the inputs of the gates for a notification of this type under the configuration in force.
    #[must_use]
    pub fn new(
        config: &'a ConfigSnapshot,
        type_id: &TypeId,
        recipient: Option<&'a Recipient>,
        unreachable: &'a BTreeSet<Channel>,
    ) -> Self {
        let ConfigSnapshot { rollout, caps, settings, .. } = config;
        Self { rules: settings.types.rules_of(type_id), rollout, caps, settings, recipient, unreachable }
    }

    /// Returns the channels of this notification that can reach the recipient; for version 1, push alone.
    #[must_use]
    pub fn open_channels(&self, notification: &Notification, recipient: &Recipient, version: Version) -> Vec<Channel> {
        let asked = notification.channels().iter().copied();
        let known = asked.filter(|channel| version == Version::V2 || *channel == Channel::Push);
        let kind = notification.type_id();
        let is_open = |channel: &Channel| recipient.reachable_on(*channel, kind, &self.rules);
        known.filter(|channel| is_open(channel) && !self.unreachable.contains(channel)).collect()
    }

    /// Returns the zone of the recipient's times.
    pub(crate) fn local_zone<'b>(&self, recipient: &'b Recipient) -> LocalZone<'b>
    where
        'a: 'b,
    {
        recipient.local_zone(self.settings.organisation.time_zone.as_deref())
    }
}
