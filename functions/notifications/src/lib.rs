//! WHAT the service does, in domain words.

pub mod aws;
pub mod channels;
pub mod clock;
pub mod environment;
pub mod parameters;
pub mod private;
pub mod rollout;
pub mod secrets;
pub mod settings;
pub mod startup;
pub mod telemetry;

#[cfg(test)]
mod fake_aws;
