//! Effect of a new fact on a notification.

use super::{Engagement, Notification, Status};

/// Change that a receipt or a provider's report causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// No change: the fact is already stored.
    Nothing,
    /// New facts while a function holds the lease. That function must merge them; it decides the status.
    MergePending,
    /// New facts, and possibly a new status; no function holds the lease.
    Changed,
    /// No change: a conversion with a different value is already stored.
    OtherValue,
    /// No change: the message was never sent on this channel, so the receipt cannot be about it.
    Impossible,
}

impl Effect {
    /// Returns the change since `before`, after facts were added. If a function holds the lease and there is a change,
    /// [`Engagement::noted`] is incremented.
    pub(super) fn since(before: (Status, Engagement), notification: &mut Notification) -> Self {
        if (notification.parts.status, notification.parts.engagement) == before {
            Self::Nothing
        } else if notification.parts.status == Status::Sending {
            notification.parts.engagement.noted = notification.parts.engagement.noted.wrapping_add(1);
            Self::MergePending
        } else {
            Self::Changed
        }
    }
}
