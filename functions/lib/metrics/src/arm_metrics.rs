//! Names of the counters for comparing the arms of the rollout, and for the results of each channel.
//!
//! As text, `on/v2/push/reached` counts notifications by their result on one channel. `side/v2/assigned`,
//! `side/v2/first_pushes` and `side/v2/pushes/google` count metrics of one arm for the comparison and the guard. From
//! `side/v2/cost_squares` and `side/v2/cost_of_reached_micros` the comparison computes the variance of the costs.

/// Error: the text is not the name of a counter of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no known counter")]
pub struct CounterError;

/// Final result of a notification on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelResult {
    /// The channel's provider accepted the notification, or the delivery was confirmed on this channel.
    Reached,
    /// The channel was tried without success. The notification is over or went on to another channel.
    Missed,
    /// A paid send on this channel has an unknown outcome.
    Uncertain,
}

/// Metric that is counted only per arm of the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RolloutArmMetric {
    /// Notifications that were assigned to this arm, with any result.
    Assigned,
    /// Notifications with a first push: the call of all devices at once. Devices that no longer exist (404, 410) are
    /// left out.
    FirstPushes,
    /// Those of `FirstPushes` that no device's push service accepted.
    FirstPushesFailed,
    /// Those of `FirstPushesFailed` for which a push service was unavailable: it throttled, had an error of its own, or
    /// did not answer. Version 1 would have met the same.
    FirstPushesUnavailable,
    /// Ended notifications for which a device with an existing address was tried. Version 1 could have delivered them.
    PushClosed,
    /// Those of `PushClosed` that ended `failed` or `expired`. Only a paid send has an unknown outcome, and version 1
    /// has no paid send.
    PushEndedBadly,
    /// Those of `PushEndedBadly` whose first push counts as `FirstPushesUnavailable`.
    PushEndedBadlyUnavailable,
    /// Sum of each notification's squared cost, in square micro-euros. The type holds 1,800 million SMS at 0.07 EUR.
    CostSquares,
    /// Cost of the accepted and delivered notifications, in micro-euros.
    CostOfReachedMicros,
    /// Notifications by vendor of the push services that they called; counted for v2 only.
    PushesTo(PushVendor),
}

/// Vendor of a push service. Vendors with many hosts, and all other hosts, are divided into [parts](HostPart). The set
/// is bounded for any hosts, and so is the number of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PushVendor {
    /// `fcm.googleapis.com`.
    Google,
    /// `jmt17.google.com`, for browsers other than the stable Chrome.
    GoogleOther,
    /// `*.push.services.mozilla.com`.
    Mozilla,
    /// `*.notify.windows.com`.
    Windows(HostPart),
    /// `*.push.apple.com`.
    Apple,
    /// Any other, such as a self-hosted push service.
    Other(HostPart),
}

/// Part of a vendor's hosts, from 0 to 15, by a hash of the host. The few hosts of one service rarely share a part. So
/// a small host's share of the pushes is not that of all its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPart(u8);

impl HostPart {
    const COUNT: u8 = 16;

    fn of(host: &str) -> Self {
        let hash = host.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let [first, second, third, fourth] = hash.to_be_bytes();
        Self((first ^ second ^ third ^ fourth) % Self::COUNT)
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }
}

impl PushVendor {
    /// Returns all vendors and parts.
    pub fn all() -> impl Iterator<Item = Self> {
        let whole = [Self::Google, Self::GoogleOther, Self::Mozilla, Self::Apple];
        whole.into_iter().chain(HostPart::all().map(Self::Windows)).chain(HostPart::all().map(Self::Other))
    }

    /// Returns the vendor of a host. The host has the form of an attempt's `provider`: with its port, unless that is
    /// the default port.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        match host {
            "fcm.googleapis.com" => Self::Google,
            "jmt17.google.com" => Self::GoogleOther,
            host if host.ends_with(".push.services.mozilla.com") => Self::Mozilla,
            host if host.ends_with(".notify.windows.com") => Self::Windows(HostPart::of(host)),
            host if host.ends_with(".push.apple.com") => Self::Apple,
            other => Self::Other(HostPart::of(other)),
        }
    }

    /// Returns the name in counters, such as `google` or `other-7`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Google => "google".to_owned(),
            Self::GoogleOther => "google-other".to_owned(),
            Self::Mozilla => "mozilla".to_owned(),
            Self::Windows(HostPart(part)) => format!("windows-{part}"),
            Self::Apple => "apple".to_owned(),
            Self::Other(HostPart(part)) => format!("other-{part}"),
        }
    }
}

impl ChannelResult {
    /// All results.
    pub const ALL: [Self; 3] = [Self::Reached, Self::Missed, Self::Uncertain];

    /// Returns the name in counters.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Missed => "missed",
            Self::Uncertain => "uncertain",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self, CounterError> {
        Self::ALL.into_iter().find(|result| result.as_str() == name).ok_or(CounterError)
    }
}

impl RolloutArmMetric {
    const PLAIN: [(Self, &str); 9] = [
        (Self::Assigned, "assigned"),
        (Self::FirstPushes, "first_pushes"),
        (Self::FirstPushesFailed, "first_pushes_failed"),
        (Self::FirstPushesUnavailable, "first_pushes_unavailable"),
        (Self::PushClosed, "push_closed"),
        (Self::PushEndedBadly, "push_ended_badly"),
        (Self::PushEndedBadlyUnavailable, "push_ended_badly_unavailable"),
        (Self::CostSquares, "cost_squares"),
        (Self::CostOfReachedMicros, "cost_of_reached_micros"),
    ];

    /// Returns the name in counters.
    pub(super) fn text(self) -> String {
        match self {
            Self::PushesTo(service) => format!("pushes/{}", service.name()),
            plain => Self::PLAIN.iter().find(|(metric, _)| *metric == plain).map_or("", |(_, name)| name).to_owned(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, CounterError> {
        let found = match text.strip_prefix("pushes/") {
            Some(name) => PushVendor::all().find(|vendor| vendor.name() == name).map(Self::PushesTo),
            None => Self::PLAIN.into_iter().find(|(_, name)| *name == text).map(|(metric, _)| metric),
        };
        found.ok_or(CounterError)
    }

    /// Returns all metrics.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::PLAIN.into_iter().map(|(metric, _)| metric).chain(PushVendor::all().map(Self::PushesTo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_determines_the_vendor_and_unknown_hosts_are_other() {
        let hosts = [
            ("fcm.googleapis.com", PushVendor::Google),
            ("updates.push.services.mozilla.com", PushVendor::Mozilla),
            ("jmt17.google.com", PushVendor::GoogleOther),
            ("web.push.apple.com", PushVendor::Apple),
        ];
        for (host, vendor) in hosts {
            assert_eq!(PushVendor::of_host(host), vendor, "{host}");
        }
        for host in ["wns2-par02p.notify.windows.com", "wns2-am3p.notify.windows.com"] {
            assert!(matches!(PushVendor::of_host(host), PushVendor::Windows(_)), "{host}");
        }
        let others =
            ["127.0.0.1:18082", "fcm.googleapis.com.example.com", "notify.windows.com", "a.jmt17.google.com", ""];
        for host in others {
            assert!(matches!(PushVendor::of_host(host), PushVendor::Other(_)), "{host}");
        }
    }

    #[test]
    fn hosts_of_one_vendor_are_counted_apart() {
        let hosts = (0..200).map(|number| PushVendor::of_host(&format!("push{number}.example.com")));
        assert!(hosts.collect::<std::collections::BTreeSet<_>>().len() > 12);
        assert_ne!(PushVendor::of_host("push.example.com"), PushVendor::of_host("push.example.org"));
        let all: Vec<_> = PushVendor::all().collect();
        assert!(
            ["", "push.example.com", "wns2-am3p.notify.windows.com"]
                .iter()
                .all(|host| all.contains(&PushVendor::of_host(host)))
        );
    }

    #[test]
    fn only_formatted_names_are_parsed() {
        for metric in RolloutArmMetric::all() {
            assert_eq!(RolloutArmMetric::parse(&metric.text()), Ok(metric));
        }
        for result in ChannelResult::ALL {
            assert_eq!(ChannelResult::parse(result.as_str()), Ok(result));
        }
        for text in ["", "pushes", "pushes/", "pushes/yahoo", "pushes/other", "pushes/other-16", "first"] {
            assert_eq!(
                (RolloutArmMetric::parse(text), ChannelResult::parse(text)),
                (Err(CounterError), Err(CounterError)),
                "{text}"
            );
        }
    }
}
