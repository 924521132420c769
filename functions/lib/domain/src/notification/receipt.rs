//! What a receipt does to a notification. Pure: the same receipt again, or a later one of its kind, changes nothing.
//! What follows from all that was told is [`Notification::reconsider`]'s.

use jiff::Timestamp;
use serde::Deserialize;

use crate::channel::Channel;
use crate::notification::{Engagement, Notification, Status, earliest};

/// What happened on the person's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The device showed it.
    Delivered,
    /// It was opened.
    Opened,
    /// It was clicked.
    Clicked,
    /// It was put away unread.
    Dismissed,
    /// It did what it was sent for.
    Converted,
}

/// One receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// What happened.
    pub event: Event,
    /// On which channel.
    pub channel: Channel,
    /// When, by the clock of whoever tells.
    pub at: Timestamp,
    /// What it was worth, in micro-euro; of a conversion alone.
    pub value_micros: Option<i64>,
}

/// What a receipt changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it is known.
    Nothing,
    /// Facts that the one who holds the notification must hear of; its state is theirs.
    Noted,
    /// Facts, and perhaps the state; nobody holds it.
    Changed,
    /// Nothing: it converted already, and was worth something else.
    OtherValue,
    /// Nothing: it was never sent there, so this cannot be about it.
    Impossible,
}

impl Receipt {
    /// Adds this to what is known of `notification`. A device's clock is not trusted beyond the notification's own life:
    /// what is told to have happened before it was made happened then, and what is told of the future happens `now`.
    pub fn apply(&self, notification: &mut Notification, now: Timestamp) -> Effect {
        let at = self.at.clamp(notification.created_at.min(now), now);
        let before = (notification.status, notification.engagement);
        let facts = &mut notification.engagement;
        if self.event == Event::Converted
            && facts.converted_at.is_some()
            && self.value_micros.is_some_and(|value| facts.conversion_value_micros.is_some_and(|known| known != value))
        {
            return Effect::OtherValue;
        }
        match self.event {
            Event::Delivered => {}
            Event::Opened => earliest(&mut facts.opened_at, at),
            Event::Clicked => {
                earliest(&mut facts.clicked_at, at);
                earliest(&mut facts.opened_at, at);
            }
            Event::Dismissed => earliest(&mut facts.dismissed_at, at),
            Event::Converted => {
                earliest(&mut facts.converted_at, at);
                facts.conversion_value_micros = facts.conversion_value_micros.or(self.value_micros);
            }
        }
        // Whatever happened to it, it arrived.
        facts.reports.see(at, self.channel);
        notification.reconsider(now);
        Effect::since(before, notification)
    }
}

impl Effect {
    /// What came of facts that were added to a notification which stood like this before.
    pub fn since(before: (Status, Engagement), notification: &mut Notification) -> Self {
        if (notification.status, notification.engagement) == before {
            Self::Nothing
        } else if notification.status == Status::Sending {
            notification.engagement.noted = notification.engagement.noted.wrapping_add(1);
            Self::Noted
        } else {
            Self::Changed
        }
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
