//! The names of what is counted to hold the two sides of the rollout against each other, and to tell how each channel does.
//!
//! As text: `on/v2/push/reached` counts notifications by what became of them on one channel; `side/v2/assigned`,
//! `side/v2/first_pushes` and `side/v2/pushes/google` count what the comparison and the guard ask of one side, and
//! `side/v2/cost_squares` and `side/v2/cost_of_reached_micros` are what the comparison needs to say how costs scatter.

/// The text is no counter's name that this release knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no known counter")]
pub struct UnknownCounter;

/// What became of a notification on one channel, once that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The channel's provider took it.
    Reached,
    /// It was tried there, and it is over or went on to another channel.
    Missed,
    /// It was paid for there, and nobody knows whether it was sent.
    Uncertain,
}

/// What is counted of one side of the rollout alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Notifications that were given to this side, whatever became of them.
    Assigned,
    /// First tries of a device, without those whose address was gone (404, 410).
    FirstPushes,
    /// Those of them that the push service did not take.
    FirstPushesFailed,
    /// Notifications that ended, and that a device was tried for whose address was not gone: version 1 had a chance with them.
    PushClosed,
    /// Those of them that ended `failed` or `expired`. An unknown outcome is a paid send's, which version 1 has not.
    PushEndedBadly,
    /// Each notification's cost squared, in (millionths of a euro) squared: 1,800 million SMS at 0.07 EUR fit.
    CostSquares,
    /// The cost of those that were accepted or delivered, in millionths of a euro.
    CostOfReachedMicros,
    /// Push attempts by who runs the push service; counted for v2 alone.
    PushesTo(PushService),
}

/// Who runs a push service. A handful, whatever hosts there are, so that the counters stay bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PushService {
    /// `fcm.googleapis.com`.
    Google,
    /// `*.push.services.mozilla.com`.
    Mozilla,
    /// `*.notify.windows.com`.
    Windows,
    /// `*.push.apple.com`.
    Apple,
    /// Any other, such as an operator's own.
    Other,
}

impl PushService {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Google, Self::Mozilla, Self::Windows, Self::Apple, Self::Other];

    /// Who runs this host, given as an attempt's `provider` is: with its port unless that is the usual one.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        match host {
            "fcm.googleapis.com" => Self::Google,
            host if host.ends_with(".push.services.mozilla.com") => Self::Mozilla,
            host if host.ends_with(".notify.windows.com") => Self::Windows,
            host if host.ends_with(".push.apple.com") => Self::Apple,
            _ => Self::Other,
        }
    }

    /// The name in counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Mozilla => "mozilla",
            Self::Windows => "windows",
            Self::Apple => "apple",
            Self::Other => "other",
        }
    }
}

impl Reach {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reached, Self::Missed, Self::Uncertain];

    /// The name in counters.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Missed => "missed",
            Self::Uncertain => "uncertain",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self, UnknownCounter> {
        Self::ALL.into_iter().find(|reach| reach.as_str() == name).ok_or(UnknownCounter)
    }
}

impl Side {
    const PLAIN: [(Self, &str); 7] = [
        (Self::Assigned, "assigned"),
        (Self::FirstPushes, "first_pushes"),
        (Self::FirstPushesFailed, "first_pushes_failed"),
        (Self::PushClosed, "push_closed"),
        (Self::PushEndedBadly, "push_ended_badly"),
        (Self::CostSquares, "cost_squares"),
        (Self::CostOfReachedMicros, "cost_of_reached_micros"),
    ];

    /// The name in counters.
    pub(super) fn text(self) -> String {
        match self {
            Self::PushesTo(service) => format!("pushes/{}", service.as_str()),
            plain => Self::PLAIN.iter().find(|(side, _)| *side == plain).map_or("", |(_, name)| name).to_owned(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, UnknownCounter> {
        let found = match text.strip_prefix("pushes/") {
            Some(name) => PushService::ALL.into_iter().find(|service| service.as_str() == name).map(Self::PushesTo),
            None => Self::PLAIN.into_iter().find(|(_, name)| *name == text).map(|(side, _)| side),
        };
        found.ok_or(UnknownCounter)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::PLAIN.into_iter().map(|(side, _)| side).chain(PushService::ALL.into_iter().map(Self::PushesTo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_service_is_known_by_its_host_and_every_other_is_one() {
        let hosts = [
            ("fcm.googleapis.com", PushService::Google),
            ("updates.push.services.mozilla.com", PushService::Mozilla),
            ("wns2-par02p.notify.windows.com", PushService::Windows),
            ("web.push.apple.com", PushService::Apple),
            ("127.0.0.1:18082", PushService::Other),
            ("fcm.googleapis.com.example.com", PushService::Other),
            ("notify.windows.com", PushService::Other),
            ("", PushService::Other),
        ];
        for (host, service) in hosts {
            assert_eq!(PushService::of_host(host), service, "{host}");
        }
    }

    #[test]
    fn every_name_comes_back_from_its_text_and_nothing_else_does() {
        for side in Side::all() {
            assert_eq!(Side::parse(&side.text()), Ok(side));
        }
        for reach in Reach::ALL {
            assert_eq!(Reach::parse(reach.as_str()), Ok(reach));
        }
        for text in ["", "pushes", "pushes/", "pushes/yahoo", "first"] {
            assert_eq!((Side::parse(text), Reach::parse(text)), (Err(UnknownCounter), Err(UnknownCounter)), "{text}");
        }
    }
}
