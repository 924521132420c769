//! What a provider says later of a message that it had taken, and what that does to the notification. Pure: told again, or
//! in another order, it changes nothing.

use jiff::Timestamp;

use domain::channel::Channel;
use domain::notification::{Effect, Finding, Notification, earliest, weightier};
use domain::recipient::SuppressionReason;

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It was handed over: to the mailbox, or to the carrier.
    Delivered,
    /// It was not, and will not be.
    Failed(Finding),
    /// It was handed over, and the person called it unwanted.
    Complained,
    /// Something that decides nothing.
    Noted(Finding),
}

/// One provider's word on one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// Where it was sent.
    pub channel: Channel,
    /// What was said.
    pub said: Said,
    /// When it happened.
    pub at: Timestamp,
}

impl Said {
    /// Why the address is not to be written to again, when it follows.
    #[must_use]
    pub const fn suppresses(self) -> Option<SuppressionReason> {
        match self {
            Self::Complained | Self::Failed(Finding::Complaint) => Some(SuppressionReason::Complaint),
            Self::Failed(Finding::OptedOut) => Some(SuppressionReason::Unsubscribe),
            Self::Failed(why) if why.ends_address() => Some(SuppressionReason::Bounce),
            _ => None,
        }
    }
}

impl Feedback {
    /// Adds this to what is known of `notification`.
    pub fn apply(&self, notification: &mut Notification, now: Timestamp) -> Effect {
        if !notification.may_have_left_on(self.channel) {
            return Effect::Impossible;
        }
        let before = (notification.status, notification.engagement);
        let at = self.at.clamp(notification.created_at.min(now), now);
        let report = notification.engagement.reports.on_mut(self.channel);
        match self.said {
            Said::Delivered => earliest(&mut report.confirmed_at, at),
            Said::Failed(why) => weightier(&mut report.failed, why),
            Said::Noted(what) => weightier(&mut report.noted, what),
            Said::Complained => {
                earliest(&mut report.confirmed_at, at);
                weightier(&mut report.noted, Finding::Complaint);
            }
        }
        notification.reconsider(now);
        Effect::since(before, notification)
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
