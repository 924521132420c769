//! Urgency of a push message (RFC 8030, section 5.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Urgency of a push, least urgent first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Advertisements: only with power and Wi-Fi.
    VeryLow,
    /// Topic updates: with power or Wi-Fi.
    Low,
    /// Chat or calendar messages: not on a low battery.
    #[default]
    Normal,
    /// Calls and time-sensitive alerts: always.
    High,
}

impl Urgency {
    /// All values, least urgent first.
    pub const ALL: [Self; 4] = [Self::VeryLow, Self::Low, Self::Normal, Self::High];

    /// Returns the value of the `Urgency` header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the urgency with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.as_str() == name)
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
