//! Adding a fact to a notification that others may be writing at the same time.

use std::time::Duration;

use domain::notification::{Effect, Notification, NotificationId};
use store::{NotificationsStore, StoreError};

/// How long a transaction, such as an SMS's claim with its money, is given to end.
const AFTER_A_CONFLICT: Duration = Duration::from_millis(20);
/// How often it is tried when the notification changes under it.
const TRIES: u32 = 5;

/// Adds what `apply` adds to what is stored, and says what came of it; `None` when there is no such notification. One read,
/// and one write unless it is known already.
///
/// # Errors
/// When DynamoDB does not answer, or other writers kept coming first.
pub(super) async fn note(
    notifications: &NotificationsStore,
    id: &NotificationId,
    apply: impl Fn(&mut Notification) -> Effect,
) -> Result<Option<(Notification, Effect)>, StoreError> {
    match notifications.get(id).await? {
        Some(found) => note_on(notifications, found, apply).await,
        None => Ok(None),
    }
}

/// The same for a notification that was just read: no read, unless somebody else writes it meanwhile.
///
/// # Errors
/// As [`note`].
pub(super) async fn note_on(
    notifications: &NotificationsStore,
    found: Notification,
    apply: impl Fn(&mut Notification) -> Effect,
) -> Result<Option<(Notification, Effect)>, StoreError> {
    let id = found.id.clone();
    let mut next = Some(found);
    for _ in 0..TRIES {
        let Some(mut notification) = next.take() else { return Ok(None) };
        let effect = apply(&mut notification);
        let written = match effect {
            Effect::Nothing | Effect::OtherValue | Effect::Impossible => Ok(()),
            Effect::Noted => notifications.note(&notification).await,
            Effect::Changed => notifications.save(&mut notification).await,
        };
        match written {
            Err(error) if error.is_condition_failed() => {}
            Err(error) if error.is_conflict() => tokio::time::sleep(AFTER_A_CONFLICT).await,
            written => return written.map(|()| Some((notification, effect))),
        }
        next = notifications.get(&id).await?;
    }
    tracing::warn!(notification = %id, "a fact kept meeting other writers");
    let cause = "other writers to this notification kept coming first".to_owned();
    Err(StoreError::Transient { call: "PutItem", cause })
}
