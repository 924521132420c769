//! States of a campaign, and the reasons for a pause.

use serde::{Deserialize, Serialize};

/// State of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// The campaign can be changed, and is not approved.
    Draft,
    /// An operator approved exactly this definition.
    Approved,
    /// The campaign was launched, and its time has not come.
    Scheduled,
    /// Workers process its tasks.
    Running,
    /// No further person gets a message until it is resumed.
    Paused,
    /// Every task is done. Held and retried notifications may still be sent.
    Finishing,
    /// The campaign ended without an operator.
    Finished,
    /// An operator ended the campaign.
    Cancelled,
    /// The campaign could not begin.
    Failed,
}

/// Reason for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// An operator paused the campaign.
    Operator,
    /// A guard found too many bad results.
    Guard,
    /// A budget that the campaign depends on is spent.
    Budget,
    /// A provider that the campaign needs has not responded for long.
    Provider,
    /// `not_after` has passed.
    TooLate,
    /// The type differs from the launched one, or is archived.
    TypeChanged,
    /// The type is paused: every further message would only be held.
    TypePaused,
}

impl CampaignState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Approved,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Finishing,
        Self::Finished,
        Self::Cancelled,
        Self::Failed,
    ];

    /// Returns `true` if no other state follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }

    /// Returns `true` if the campaign was launched and has not ended.
    #[must_use]
    pub const fn is_launched(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running | Self::Paused | Self::Finishing)
    }

    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl PauseReason {
    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
