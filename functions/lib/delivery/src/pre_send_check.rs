//! Pre-send check: reads, once the claim of a paid call is stored, whether the recipient may still be reached.
//!
//! An erasure deletes the profile before it queries the recipient's notifications for the last time. If the query
//! finds the claim, the erasure deletes the claim. Otherwise the profile was already deleted before the claim was
//! stored.

use std::time::Duration;

use crate::job::AbortReason;
use crate::stores::Stores;
use aws::deadline;
use domain::channel::Channel;
use domain::recipient::{Address, Recipient};

/// Maximum time of the check: less than the time between a claim and the latest start of its call.
const CHECK_TIMEOUT: Duration = Duration::from_millis(400);

/// Returns the reason against a call on this channel, found by two reads; `None` if the call may be made.
///
/// The recipient is read last, as close to the call as possible. If a table does not answer, the call is made.
/// The recipient was read a moment ago, and a claim without a call would end as uncertain.
pub(crate) async fn pre_send_check(stores: &Stores, recipient: &Recipient, channel: Channel) -> Option<AbortReason> {
    let address = match channel {
        Channel::Push => None,
        Channel::Email => recipient.email.as_ref().map(Address::Email),
        Channel::Sms => recipient.phone.as_ref().map(Address::Phone),
    }?;
    deadline::with_timeout(CHECK_TIMEOUT, check(stores, recipient, address)).await
}

async fn check(stores: &Stores, recipient: &Recipient, address: Address<'_>) -> Option<AbortReason> {
    let answered = |answer: Result<bool, _>, otherwise| {
        answer.unwrap_or_else(|error| {
            tracing::warn!(%error, "pre-send check failed; sending without it");
            otherwise
        })
    };
    let is_suppressed = answered(stores.suppressions.is_suppressed(address).await, false);
    if !answered(stores.recipients.is_known(&recipient.key).await, true) {
        return Some(AbortReason::Erased);
    }
    if !is_suppressed {
        return None;
    }
    if let Err(error) = stores.suppressions.flag(&recipient.key, address).await {
        tracing::warn!(%error, "failed to flag a suppressed address in its profile");
    }
    Some(AbortReason::Suppressed)
}
