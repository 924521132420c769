//! What a breaker is for: a channel and who answers there.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::channel::Channel;
use crate::recipient::Device;

/// A provider's host on a channel. Each region of Windows' push service is a host of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// The channel.
    pub channel: Channel,
    /// The push service's host, `ses` or `sns`, as an attempt's `provider`.
    pub provider: String,
}

/// Hosts that are not to be called, and until when.
pub type Bars = BTreeMap<Host, Timestamp>;

impl Host {
    /// A push service's.
    pub fn push(provider: impl Into<String>) -> Self {
        Self { channel: Channel::Push, provider: provider.into() }
    }

    /// The one that a device's messages go to.
    #[must_use]
    pub fn of_device(device: &Device) -> Self {
        Self::push(device.host())
    }

    /// The provider of a paid channel.
    #[must_use]
    pub fn paid(channel: Channel) -> Self {
        Self { channel, provider: channel.provider().to_owned() }
    }

    /// Its key in the control table.
    #[must_use]
    pub fn name(&self) -> String {
        format!("breaker#{}#{}", self.channel, self.provider)
    }

    /// The one with this key; `None` for any other text.
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
