//! Tables of an attempt.

use crate::campaign_states::CampaignStates;
use store::{BudgetStore, NotificationsStore, RecipientsStore, SmsMessageStore, SuppressionsStore};

/// Tables that an attempt reads and writes.
#[derive(Debug)]
pub struct Stores {
    pub(crate) notifications: NotificationsStore,
    pub(crate) recipients: RecipientsStore,
    pub(crate) suppressions: SuppressionsStore,
    pub(crate) budgets: BudgetStore,
    /// Notification of each sent SMS, by SNS message id.
    pub(crate) sms_messages: SmsMessageStore,
    pub(crate) campaigns: CampaignStates,
}

impl Stores {
    /// Returns the table of the notifications.
    #[must_use]
    pub const fn notifications(&self) -> &NotificationsStore {
        &self.notifications
    }

    /// Returns the table of the recipients.
    #[must_use]
    pub const fn recipients(&self) -> &RecipientsStore {
        &self.recipients
    }

    /// Returns the budgets and their reservations.
    #[must_use]
    pub const fn budgets(&self) -> &BudgetStore {
        &self.budgets
    }
}
