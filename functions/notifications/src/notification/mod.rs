//! The notification: what it says, which state it is in, and what was tried.

mod attempt;
mod content;
mod id;

pub use attempt::{Attempt, AttemptOutcome};
pub use content::Content;
pub use id::NotificationId;
