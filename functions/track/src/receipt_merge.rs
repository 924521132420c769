//! Merges a fact into a notification that other workers may write concurrently.

use std::time::Duration;

use domain::notification::{Effect, Notification, NotificationId};
use store::{NotificationsStore, StoreError};

/// Wait after a transaction conflict, for example with the claim of an SMS and the reservation of its price.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_millis(20);
/// Maximum number of tries when the notification changes concurrently.
const MAX_MERGE_TRIES: u32 = 5;

/// Applies `apply` to the stored notification, and returns the notification and the effect; `None` if there is no such
/// notification. Makes one read, and one write unless the fact is already stored.
///
/// # Errors
/// If DynamoDB does not respond, or other writers succeeded first in every try.
pub(super) async fn merge(
    notifications: &NotificationsStore,
    id: &NotificationId,
    apply: impl Fn(&mut Notification) -> Effect,
) -> Result<Option<(Notification, Effect)>, StoreError> {
    match notifications.get(id).await? {
        Some(found) => merge_into(notifications, found, apply).await,
        None => Ok(None),
    }
}

/// Same as [`merge`], for a notification that was just read. Reads again only after a concurrent write.
///
/// # Errors
/// As [`merge`].
pub(super) async fn merge_into(
    notifications: &NotificationsStore,
    found: Notification,
    apply: impl Fn(&mut Notification) -> Effect,
) -> Result<Option<(Notification, Effect)>, StoreError> {
    let id = found.id().clone();
    let mut next = Some(found);
    for _ in 0..MAX_MERGE_TRIES {
        let Some(mut notification) = next.take() else { return Ok(None) };
        let effect = apply(&mut notification);
        let written = match effect {
            Effect::Nothing | Effect::OtherValue | Effect::Impossible => Ok(()),
            Effect::MergePending => notifications.save_receipt(&notification).await,
            Effect::Changed => notifications.save(&mut notification).await,
        };
        match written {
            Err(error) if error.is_condition_failed() => {}
            Err(error) if error.is_conflict() => tokio::time::sleep(CONFLICT_RETRY_DELAY).await,
            written => return written.map(|()| Some((notification, effect))),
        }
        next = notifications.get(&id).await?;
    }
    tracing::warn!(notification = %id, "failed to merge receipt: every try conflicted with another writer");
    let cause = "conflicts with other writers to this notification".to_owned();
    Err(StoreError::Transient { call: "PutItem", cause })
}
