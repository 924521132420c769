//! What became of a notification on the person's side: facts that arrive after it was sent, late, twice or out of order.

use jiff::Timestamp;

use crate::channels::Channel;

/// Facts from receipts and clicks. Each time is the earliest one that was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Engagement {
    /// When it was confirmed that it reached the person.
    pub delivered_at: Option<Timestamp>,
    /// The channel that was confirmed first.
    pub delivered_on: Option<Channel>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was clicked.
    pub clicked_at: Option<Timestamp>,
    /// When it was put away unread.
    pub dismissed_at: Option<Timestamp>,
    /// When it did what it was sent for.
    pub converted_at: Option<Timestamp>,
    /// What that was worth, in micro-euro, as the page said it.
    pub conversion_value_micros: Option<i64>,
    /// What later channels cost although an earlier one had reached the person.
    pub wasted_cost_micros: i64,
    /// How often something was noted while a function held the notification: what that function's next write asks for, so
    /// that neither loses what the other knows.
    pub noted: u32,
}

impl Engagement {
    /// Whether somebody confirmed that it arrived.
    #[must_use]
    pub const fn is_delivered(&self) -> bool {
        self.delivered_at.is_some()
    }
}
