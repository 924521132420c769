//! What is said to people about the service's health, once: through the alerts topic, and where ops have set them up,
//! Slack, PagerDuty and Sentry.
//!
//! [`Alert`] is the message, [`watch`] makes the ones about what was counted, [`fold`] decides whether it is said again, `board.rs`
//! keeps what was said and what is still to be, `place.rs` knows where, `text.rs` writes it for each place, [`Herald`] carries it
//! out. An alert names numbers, thresholds and parameters, and never a person.

mod board;
mod fold;
mod herald;
mod place;
mod text;
pub mod watch;
mod webhook;

pub use fold::{Fold, Told, fold, is_over};
pub use herald::{Herald, Post};
pub use place::Places;
pub use webhook::{Webhook, WebhookError};
