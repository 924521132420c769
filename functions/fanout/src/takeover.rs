//! Takeover of work: people who may already have a notification. A worker died on their page, or another slot of the
//! campaign sent to them.

use std::collections::HashMap;

use campaign::{CampaignTask, PeopleTally, PersonOutcome};
use delivery::ResultStorage;
use domain::notification::Notification;
use domain::recipient::{Recipient, RecipientKey};
use jiff::Timestamp;
use store::{NotificationsStore, StoreError};

use crate::task_people::TaskPeople;

/// Existing notifications, by the recipients' keys.
pub type ExistingNotifications = HashMap<RecipientKey, Notification>;

/// Returns the existing notifications of these people.
///
/// # Errors
/// If the table does not answer.
pub async fn existing_of(
    notifications: &NotificationsStore,
    people: &TaskPeople<'_>,
    recipients: impl Iterator<Item = &Recipient>,
) -> Result<ExistingNotifications, StoreError> {
    let ids: Vec<_> = recipients.map(|recipient| people.notification_id(recipient)).collect();
    Ok(by_recipient(notifications.get_many(&ids).await?))
}

/// Counts the people to whom a worker of this task sent before it died, including those who no longer match. Returns
/// the others.
pub fn count_repeated(
    people: &TaskPeople<'_>,
    page: Vec<Recipient>,
    existing: &ExistingNotifications,
    tally: &mut PeopleTally,
) -> Vec<Recipient> {
    let (repeated, others): (Vec<_>, Vec<_>) = page
        .into_iter()
        .partition(|recipient| existing.get(&recipient.key).is_some_and(|found| people.audience.is_of_slot(found)));
    for notification in repeated.iter().filter_map(|recipient| existing.get(&recipient.key)) {
        let variant = notification.campaign().map_or("", |used| used.variant.as_str());
        tally.add(&PersonOutcome::of(notification), variant);
        tally.cost_micros += notification.cost_micros();
    }
    others
}

/// Returns the way in which results are stored. On a dirty page, or after another slot, a notification may exist. Then
/// each one is stored on the condition that it does not exist.
pub fn result_storage(task: &CampaignTask, people: &TaskPeople<'_>, until: Timestamp) -> ResultStorage {
    match (task.is_dirty, people.audience.may_be_of_other_slot(until)) {
        (true, _) => ResultStorage::LeaseFirst,
        (false, true) => ResultStorage::Immediate,
        (false, false) => ResultStorage::LeftToCaller,
    }
}

/// Returns the way in which one person's result is stored. A worker of another slot may have died after its push to a
/// person who moved since. So this slot stores a lease before its own push, and no person gets a third push.
pub fn result_storage_of(recipient: &Recipient, people: &TaskPeople<'_>, of_page: ResultStorage) -> ResultStorage {
    match of_page {
        ResultStorage::Immediate if people.audience.may_have_moved(recipient) => ResultStorage::LeaseFirst,
        other => other,
    }
}

/// Returns notifications by their recipients.
pub fn by_recipient(found: Vec<Notification>) -> ExistingNotifications {
    found.into_iter().map(|one| (one.id().recipient().clone(), one)).collect()
}
