//! Effect of a receipt on a notification. It is pure: a repeat, or a later receipt of the same kind, changes nothing.
//! [`Notification::recompute_status`] computes the status from all facts.

use jiff::Timestamp;
use serde::Deserialize;

use crate::NotificationTypes;
use crate::channel::Channel;
use crate::notification::{Effect, Notification, earliest};

/// Event on the recipient's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptEvent {
    /// The device showed the message.
    Delivered,
    /// The recipient opened the message.
    Opened,
    /// The recipient clicked the message.
    Clicked,
    /// The recipient dismissed the message.
    Dismissed,
    /// The message had the intended result, such as a purchase.
    Converted,
}

/// One receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Event.
    pub event: ReceiptEvent,
    /// Channel of the message.
    pub channel: Channel,
    /// Time of the event by the clock of the sender of the receipt.
    pub at: Timestamp,
    /// Value of a conversion in micro-euro; `None` for other events.
    pub value_micros: Option<i64>,
}

impl Receipt {
    /// Adds this receipt to the facts of `notification`. A device's clock may be wrong, so the time is limited. An
    /// earlier time than the creation becomes the time of creation. A future time becomes `now`.
    pub fn apply(&self, notification: &mut Notification, types: &NotificationTypes, now: Timestamp) -> Effect {
        let at = self.at.clamp(notification.parts.request.created_at.min(now), now);
        let before = (notification.parts.status, notification.parts.engagement);
        let facts = &mut notification.parts.engagement;
        if self.event == ReceiptEvent::Converted
            && facts.converted_at.is_some()
            && self.value_micros.is_some_and(|value| facts.conversion_value_micros.is_some_and(|known| known != value))
        {
            return Effect::OtherValue;
        }
        match self.event {
            ReceiptEvent::Delivered => {}
            ReceiptEvent::Opened => earliest(&mut facts.opened_at, at),
            ReceiptEvent::Clicked => {
                earliest(&mut facts.clicked_at, at);
                earliest(&mut facts.opened_at, at);
            }
            ReceiptEvent::Dismissed => earliest(&mut facts.dismissed_at, at),
            ReceiptEvent::Converted => {
                earliest(&mut facts.converted_at, at);
                facts.conversion_value_micros = facts.conversion_value_micros.or(self.value_micros);
            }
        }
        // Every event proves that the message arrived.
        facts.reports.see(at, self.channel);
        notification.recompute_status(&types.rules_of(&notification.parts.request.type_id), now);
        Effect::since(before, notification)
    }
}

impl Notification {
    /// Records that the recipient opted out by a link of this message; the earliest time is kept.
    pub fn record_opt_out(&mut self, now: Timestamp) -> Effect {
        let before = (self.parts.status, self.parts.engagement);
        earliest(&mut self.parts.engagement.reports.opted_out_at, now);
        Effect::since(before, self)
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
