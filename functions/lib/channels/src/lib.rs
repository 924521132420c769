//! Channels: web push, e-mail by SES and SMS by SNS.
//!
//! The answer of each provider is translated into a [`domain::channel::Outcome`].

mod aws;
pub mod email;
pub mod push;
mod retry_after;
pub mod sms;
