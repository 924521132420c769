//! The notification: its content, its state and its attempts.

mod attempt;
mod content;
mod engagement;
mod finding;
mod hindsight;
mod id;
mod model;
mod push_options;
mod receipt;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
mod status;
mod urgency;
mod view;

pub use attempt::{Attempt, AttemptOutcome};
pub use content::Content;
pub use engagement::{Engagement, Report, Reports, earliest};
pub use finding::{Finding, weightier};
pub use id::NotificationId;
pub use model::{Claim, MAX_AHEAD, Notification};
pub use push_options::{Action, PushOptions, TextDirection};
pub use receipt::{Effect, Event, Receipt};
#[cfg(any(test, feature = "testing"))]
pub use sample::sample;
pub use status::{Reason, Status};
pub use urgency::Urgency;
pub use view::NotificationView;
