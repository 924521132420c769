//! WHAT the service does, in domain words, in the order a notification meets it.

pub mod aws;
pub mod channels;
pub mod clock;
pub mod environment;
pub mod http;
pub mod notification;
pub mod parameters;
pub mod private;
pub mod problem;
pub mod recipients;
pub mod rollout;
pub mod secrets;
pub mod settings;
pub mod startup;
pub mod store;
pub mod telemetry;

#[cfg(test)]
mod fake_aws;
