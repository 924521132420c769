//! Takeover of work: people who may have a notification already, because a worker died on their page or because another
//! slot of the campaign sent to them.

use std::collections::HashMap;

use campaign::{CampaignTask, PeopleTally, PersonOutcome};
use delivery::ResultStorage;
use domain::notification::Notification;
use domain::recipient::{Recipient, RecipientKey};
use jiff::Timestamp;
use store::{NotificationsStore, StoreError};

use crate::message::TaskPeople;

/// Notifications that exist already, by the recipients' keys.
pub type ExistingNotifications = HashMap<RecipientKey, Notification>;

/// Returns the notifications of these people that exist already.
///
/// # Errors
/// If the table does not answer.
pub async fn existing_of(
    notifications: &NotificationsStore,
    audience: &TaskPeople<'_>,
    people: impl Iterator<Item = &Recipient>,
) -> Result<ExistingNotifications, StoreError> {
    let ids: Vec<_> = people.map(|recipient| audience.notification_id(recipient)).collect();
    Ok(by_recipient(notifications.get_many(&ids).await?))
}

/// Counts the people whom a worker of this task sent to before it died, also those who do not match any more. Returns
/// the others.
pub fn count_repeated(
    audience: &TaskPeople<'_>,
    page: Vec<Recipient>,
    existing: &ExistingNotifications,
    tally: &mut PeopleTally,
) -> Vec<Recipient> {
    let (repeated, others): (Vec<_>, Vec<_>) = page
        .into_iter()
        .partition(|recipient| existing.get(&recipient.key).is_some_and(|found| audience.people.is_of_slot(found)));
    for notification in repeated.iter().filter_map(|recipient| existing.get(&recipient.key)) {
        let variant = notification.campaign().map_or("", |used| used.variant.as_str());
        tally.add(&PersonOutcome::of(notification), variant);
        tally.cost_micros += notification.cost_micros();
    }
    others
}

/// Returns the way in which results are stored. A notification may exist on a dirty page, or because another slot sent
/// it: then each is stored on the condition that it does not exist.
pub fn result_storage(task: &CampaignTask, audience: &TaskPeople<'_>, until: Timestamp) -> ResultStorage {
    match (task.is_dirty, audience.people.may_be_of_other_slot(until)) {
        (true, _) => ResultStorage::LeaseFirst,
        (false, true) => ResultStorage::Immediate,
        (false, false) => ResultStorage::LeftToCaller,
    }
}

/// Returns notifications by their recipients.
pub fn by_recipient(found: Vec<Notification>) -> ExistingNotifications {
    found.into_iter().map(|one| (one.id().recipient().clone(), one)).collect()
}
