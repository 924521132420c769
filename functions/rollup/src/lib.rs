//! The function `rollup`: counts the stream of notifications, merges the counters every minute, and reconciles the
//! rollout.

pub mod config;
pub mod event;
pub mod handler;
pub mod service_metrics;
