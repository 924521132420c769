//! Gates: rules that decide before the first attempt. The evaluation is in the crate `delivery`.

use strum::VariantArray;

use super::Reason;

/// Gate. The order of the variants is that of the evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Gate {
    /// Decides the version, and lets every notification pass.
    Rollout,
    /// Skips a notification to a recipient that is not registered.
    UnknownRecipient,
    /// Skips a notification of a type that the recipient refused.
    OptedOut,
    /// Skips a notification that no channel can carry.
    NoChannel,
    /// Holds a notification while its type is paused.
    TypePaused,
    /// Holds a notification until the quiet hours end.
    QuietHours,
    /// Holds or skips a notification that exceeds a frequency cap.
    FrequencyCap,
}

impl Gate {
    /// All gates, in the order of the evaluation.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the reason of a notification that the gate refuses.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Rollout => Reason::Rollout,
            Self::UnknownRecipient => Reason::UnknownRecipient,
            Self::OptedOut => Reason::OptedOut,
            Self::NoChannel => Reason::NoChannel,
            Self::TypePaused => Reason::TypePaused,
            Self::QuietHours => Reason::QuietHours,
            Self::FrequencyCap => Reason::FrequencyCap,
        }
    }

    /// Returns the name in the API: the code of its reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.reason().as_str()
    }

    /// Returns `true` if version 1 does not have the gate.
    #[must_use]
    pub const fn is_of_version_2(self) -> bool {
        matches!(self, Self::QuietHours | Self::FrequencyCap)
    }
}
