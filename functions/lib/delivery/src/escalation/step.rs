//! Next step of a notification.

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
