//! What a receipt does to a notification. Pure: the same receipt again, or a later one of its kind, changes nothing.
//!
//! | status | after proof of delivery |
//! |---|---|
//! | `accepted`, `failed`, `expired`, `uncertain` | `delivered`: what we thought of it was wrong or less |
//! | `cascading` | `delivered`: it waited for this, or was about to try another way |
//! | `sending` | as it is: somebody holds it, finds the proof with its next write, and ends it `delivered` |
//! | `cancelled`, `skipped` | as it is: its caller, or a gate, had the last word; the times are kept |
//! | `delivered` | the times alone |

use jiff::Timestamp;
use serde::Deserialize;

use crate::channels::Channel;
use crate::notification::{Notification, Status};

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
        facts.delivered_on.get_or_insert(self.channel);
        earliest(&mut facts.delivered_at, at);
        notification.count_waste(self.channel);
        settle(notification, now);
        if (notification.status, notification.engagement) == before {
            Effect::Nothing
        } else if notification.status == Status::Sending {
            notification.engagement.noted = notification.engagement.noted.wrapping_add(1);
            Effect::Noted
        } else {
            Effect::Changed
        }
    }
}

fn settle(notification: &mut Notification, now: Timestamp) {
    match notification.status {
        Status::Accepted | Status::Failed | Status::Expired | Status::Uncertain => notification.confirm(),
        Status::Cascading => notification.finish(Status::Delivered, None, now),
        Status::Scheduled | Status::Held | Status::Sending => {}
        Status::Delivered | Status::Skipped | Status::Cancelled => {}
    }
}

fn earliest(known: &mut Option<Timestamp>, at: Timestamp) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
