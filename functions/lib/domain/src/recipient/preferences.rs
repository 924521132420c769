//! Preferences of a recipient: types and channels that the recipient opted out of, and quiet hours.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::quiet_hours::QuietHours;

/// Preferences of a recipient. The default allows everything at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Types that the recipient opted out of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_types: BTreeSet<String>,
    /// Channels that the recipient opted out of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_channels: BTreeSet<Channel>,
    /// Hours in which notifications that are not critical are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

impl Preferences {
    /// Returns `true` if the recipient did not opt out of this type.
    #[must_use]
    pub fn wants_type(&self, kind: &str) -> bool {
        !self.opted_out_types.contains(kind)
    }

    /// Adds the opt-outs of `earlier`, so that none of them is lost.
    #[must_use]
    pub fn with_opt_outs_of(mut self, earlier: &Self) -> Self {
        self.opted_out_types.extend(earlier.opted_out_types.iter().cloned());
        self.opted_out_channels.extend(&earlier.opted_out_channels);
        self
    }

    /// Returns `true` if the recipient did not opt out of this channel.
    #[must_use]
    pub fn wants_channel(&self, channel: Channel) -> bool {
        !self.opted_out_channels.contains(&channel)
    }
}

#[cfg(test)]
#[path = "preferences_tests.rs"]
mod tests;
