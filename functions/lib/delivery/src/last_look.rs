//! The last look before a paid call, once its claim is stored: may the recipient still be reached at this address?
//!
//! An erasure deletes the profile before it looks for notifications a last time. So either it sees the claim and deletes
//! it, or it was done with the profile before the claim was stored, and then the profile is not there any more.

use std::time::Duration;

use super::Dispatcher;
use aws::deadline;
use domain::channel::Channel;
use domain::recipient::{Address, Recipient};

/// The longest it may take: less than what lies between a claim and the latest start of its call.
const AT_MOST: Duration = Duration::from_millis(400);

/// Why a call that was claimed is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The recipient was erased since they were read.
    Erased,
    /// The address is suppressed, and the profile did not say so.
    Suppressed,
}

impl Dispatcher {
    /// What stands in the way of a call on this channel: two reads, whether the recipient is
    /// known the last, so that next to nothing lies between it and the call. A table that does not answer is no
    /// obstacle: the recipient was read a moment ago, and a claim that is given up would end as uncertain.
    pub(super) async fn obstacle(&self, recipient: &Recipient, channel: Channel) -> Option<Obstacle> {
        let address = match channel {
            Channel::Push => None,
            Channel::Email => recipient.email.as_ref().map(Address::Email),
            Channel::Sms => recipient.phone.as_ref().map(Address::Phone),
        }?;
        deadline::at_most(AT_MOST, self.look(recipient, address)).await
    }

    async fn look(&self, recipient: &Recipient, address: Address<'_>) -> Option<Obstacle> {
        let answered = |answer: Result<bool, _>, otherwise| {
            answer.unwrap_or_else(|error| {
                tracing::warn!(%error, "no last look before a paid call");
                otherwise
            })
        };
        let is_suppressed = answered(self.suppressions.is_suppressed(address).await, false);
        if !answered(self.recipients.is_known(&recipient.key).await, true) {
            return Some(Obstacle::Erased);
        }
        if !is_suppressed {
            return None;
        }
        if let Err(error) = self.suppressions.flag(&recipient.key, address).await {
            tracing::warn!(%error, "a profile does not know yet that its address is suppressed");
        }
        Some(Obstacle::Suppressed)
    }
}
