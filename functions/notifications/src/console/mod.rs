//! What ops ask: metrics, channels, costs, health, the rollout, v1 against v2, and the report of a week.
//!
//! Everything is answered from the counters of [`crate::rollup`], whatever the traffic was, and decided purely: each answer
//! is a function of a window's [`crate::rollup::Counters`]. [`api`] reads them.

pub mod api;
pub mod change;
pub mod channels;
pub mod comparison;
pub mod costs;
pub mod health;
mod incidents;
pub mod interval;
mod markdown;
pub mod metrics;
pub mod report;
pub mod rollout;
#[cfg(test)]
mod sample;
pub mod sample_ratio;
pub mod targets;

pub use api::ConsoleApi;
