//! Feedback of a provider about a message that it accepted earlier, and its effect on the notification. The rules are
//! pure: repeated feedback changes nothing, and the order does not matter.

use jiff::Timestamp;

use domain::NotificationTypes;
use domain::channel::Channel;
use domain::notification::{Effect, FailureReason, Notification, earliest, more_severe};
use domain::recipient::SuppressionReason;

/// Kind of a provider's feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackKind {
    /// The message was handed to the mailbox or to the carrier.
    Delivered,
    /// The message was not delivered and will not be.
    Failed(FailureReason),
    /// The message was delivered, and the recipient reported it as unwanted.
    Complained,
    /// A fact that does not change the result.
    Noted(FailureReason),
}

/// One report of a provider about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// Channel of the message.
    pub channel: Channel,
    /// Kind of the report.
    pub kind: FeedbackKind,
    /// Time of the event.
    pub at: Timestamp,
}

impl FeedbackKind {
    /// Returns the reason to suppress the address, if the report requires that.
    #[must_use]
    pub const fn suppresses(self) -> Option<SuppressionReason> {
        match self {
            Self::Complained | Self::Failed(FailureReason::Complaint) => Some(SuppressionReason::Complaint),
            Self::Failed(FailureReason::OptedOut) => Some(SuppressionReason::Unsubscribe),
            Self::Failed(why) if why.ends_address() => Some(SuppressionReason::Bounce),
            _ => None,
        }
    }
}

impl Feedback {
    /// Merges this report into `notification`.
    pub fn apply(&self, notification: &mut Notification, types: &NotificationTypes, now: Timestamp) -> Effect {
        if !notification.may_have_left_on(self.channel) {
            return Effect::Impossible;
        }
        let before = (notification.status, notification.engagement);
        let at = self.at.clamp(notification.created_at.min(now), now);
        let report = notification.engagement.reports.on_mut(self.channel);
        match self.kind {
            FeedbackKind::Delivered => earliest(&mut report.confirmed_at, at),
            FeedbackKind::Failed(why) => more_severe(&mut report.failed, why),
            FeedbackKind::Noted(what) => more_severe(&mut report.noted, what),
            FeedbackKind::Complained => {
                earliest(&mut report.confirmed_at, at);
                more_severe(&mut report.noted, FailureReason::Complaint);
            }
        }
        notification.recompute_status(&types.rules_of(&notification.type_id), now);
        Effect::since(before, notification)
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
