//! Pre-send check: reads, once the claim of a paid call is stored, whether the recipient may still be reached.
//!
//! An erasure deletes the profile before it queries the recipient's notifications for the last time. If the query
//! finds the claim, the erasure deletes the claim. Otherwise the profile was already deleted before the claim was
//! stored.

use std::time::Duration;

use super::Dispatcher;
use aws::deadline;
use domain::channel::Channel;
use domain::recipient::{Address, Recipient};

/// Maximum time of the check: less than the time between a claim and the latest start of its call.
const AT_MOST: Duration = Duration::from_millis(400);

/// Reason why a claimed call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The recipient was erased after the last read.
    Erased,
    /// The address is suppressed, and the profile did not show it.
    Suppressed,
}

impl Dispatcher {
    /// Returns the obstacle to a call on this channel, found by two reads.
    ///
    /// The recipient is read last, as close to the call as possible. If a table does not answer, the call is made.
    /// The recipient was read a moment ago, and a claim without a call would end as uncertain.
    pub(super) async fn obstacle(&self, recipient: &Recipient, channel: Channel) -> Option<Obstacle> {
        let address = match channel {
            Channel::Push => None,
            Channel::Email => recipient.email.as_ref().map(Address::Email),
            Channel::Sms => recipient.phone.as_ref().map(Address::Phone),
        }?;
        deadline::with_timeout(AT_MOST, self.look(recipient, address)).await
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
