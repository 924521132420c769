//! What ops ask.

pub mod metrics;
