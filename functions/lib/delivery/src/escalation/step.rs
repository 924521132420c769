//! Decisions of the escalation policy: the next step, and the state of one channel.

use jiff::Timestamp;

use domain::channel::Channel;
use domain::notification::{Reason, Status};
use domain::recipient::Device;

/// Next step for a notification.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// Push to these devices now, all at once.
    Push(Vec<&'a Device>),
    /// Claim this paid channel and send on it now.
    SendPaid(Channel),
    /// Wait until this time.
    Wait(Timestamp),
    /// End the notification with this status and reason.
    Finish(Status, Option<Reason>),
}

impl Step<'_> {
    /// Returns `true` if the step calls a provider.
    #[must_use]
    pub const fn is_attempt(&self) -> bool {
        matches!(self, Self::Push(_) | Self::SendPaid(_))
    }
}

/// State of one channel in the escalation.
pub(super) enum ChannelState<'a> {
    /// A step, or a wait, on this channel.
    Try(Step<'a>),
    /// Nothing more to do on this channel; continue with the next one.
    Exhausted,
    /// Nothing to do on this channel before this time: a circuit is open, or push is waited for.
    SkippedUntil(Timestamp),
    /// A provider accepted the message; the attempt ended at this time, in milliseconds since the epoch.
    Accepted(i64),
    /// The outcome of a paid send is uncertain, and the type's rules stop here.
    Uncertain,
}
