//! Alerts for operators: deduplicated, and published to the alerts topic, Slack, PagerDuty and Sentry.
//!
//! * [`checks`] creates the alerts about counted figures, budgets and parameters.
//! * [`deduplicate`] decides if an alert is published again.
//! * `state.rs` stores the active alerts and the pending deliveries.
//! * `destinations.rs` reads the addresses of Slack, PagerDuty and Sentry.
//! * [`figures`] formats shares and minutes as text.
//! * `message.rs` formats an alert for each destination.
//! * [`AlertPublisher`] stores and sends.
//!
//! An alert contains figures, thresholds and names of parameters, and never personal data.

pub mod checks;
mod deduplication;
mod destinations;
pub mod figures;
mod message;
mod publisher;
mod state;
mod webhook;

pub use deduplication::{AlertTimeline, Deduplication, deduplicate};
pub use destinations::Destinations;
pub use publisher::{AlertPublisher, PublisherConfig};
pub use webhook::{Webhook, WebhookError};
