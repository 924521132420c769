//! The notification: its content, its state and its attempts.

mod action_button;
mod attempt;
mod campaign_use;
mod content;
mod effect;
mod engagement;
mod failure_reason;
mod gate;
mod getters;
mod id;
mod late_feedback;
mod message;
mod model;
mod push_options;
mod receipt;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
mod status;
mod urgency;
mod view;

pub use action_button::{ActionButton, TextDirection};
pub use attempt::{Attempt, AttemptOutcome};
pub use campaign_use::CampaignUse;
pub use content::Content;
pub use effect::Effect;
pub use engagement::{Engagement, ProviderReport, Reports, earliest};
pub use failure_reason::{FailureReason, more_severe};
pub use gate::Gate;
pub use id::{MAX_CAMPAIGN_AGE, MAX_UNSTORED_AGE, NotificationId};
pub use message::{MessageLocale, NotificationMessage, TemplateUse};
pub use model::{Claim, MAX_AHEAD, Notification, NotificationParts, NotificationRequest};
pub use push_options::PushOptions;
pub use receipt::{Receipt, ReceiptEvent};
#[cfg(any(test, feature = "testing"))]
pub use sample::sample;
pub use status::{Reason, Status};
pub use urgency::Urgency;
pub use view::NotificationView;
