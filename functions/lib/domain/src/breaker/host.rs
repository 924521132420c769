//! Key of a breaker: a channel and a provider's host.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::channel::Channel;

/// Provider's host on a channel. Each region of Windows' push service is a separate host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// Channel.
    pub channel: Channel,
    /// Push service's host, `ses` or `sns`; the same value as an attempt's `provider`.
    pub provider: String,
}

/// Hosts that must not be called, each with the time until which this holds.
pub type OpenCircuits = BTreeMap<Host, Timestamp>;

impl Host {
    /// Returns the key for a push service's host.
    pub fn push(provider: impl Into<String>) -> Self {
        Self { channel: Channel::Push, provider: provider.into() }
    }

    /// Returns the key for the provider of a paid channel.
    #[must_use]
    pub fn paid(channel: Channel) -> Self {
        Self { channel, provider: channel.provider().to_owned() }
    }

    /// Returns the key of this host's item in the control table.
    #[must_use]
    pub fn name(&self) -> String {
        format!("breaker#{}#{}", self.channel, self.provider)
    }

    /// Parses a key that [`Host::name`] returned; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (channel, provider) = name.strip_prefix("breaker#")?.split_once('#')?;
        Some(Self { channel: Channel::parse(channel)?, provider: provider.to_owned() })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.channel, self.provider)
    }
}
