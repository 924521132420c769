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
        let rules = types.rules_of(notification.type_id());
        notification.merge_report(self.channel, self.at, &rules, now, |report, at| match self.kind {
            FeedbackKind::Delivered => earliest(&mut report.confirmed_at, at),
            FeedbackKind::Failed(why) => more_severe(&mut report.failed, why),
            FeedbackKind::Noted(what) => more_severe(&mut report.noted, what),
            FeedbackKind::Complained => {
                earliest(&mut report.confirmed_at, at);
                more_severe(&mut report.noted, FailureReason::Complaint);
            }
        })
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
