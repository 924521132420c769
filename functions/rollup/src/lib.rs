//! Metrics: folds the notifications' stream, merges every minute, and looks after the rollout.

pub mod config;
pub mod event;
pub mod handler;
pub mod measures;
