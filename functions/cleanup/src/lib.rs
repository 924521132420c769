//! The function `cleanup`: removes what DynamoDB's TTL cannot. It deletes devices that expired or went unused,
//! completes interrupted erasures, and ends notifications stuck beyond their lifetime.
//!
//! A pass is bounded by a deadline and continues where the last one stopped. It selects items older than a cutoff, not
//! items of today. In Rome, 02:00 does not exist on the last Sunday of March; the missing run delays work by one day. A
//! night with two runs has no effect.
//!
//! One failure does not stop the rest. Every write repeats its check as a condition, so two concurrent passes do each
//! thing once.

mod api;
pub mod config;
mod cutoffs;
mod erasures;
pub mod handler;
mod pass;
mod summary;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod testing;

pub use cutoffs::Cutoffs;
pub use pass::Cleanup;
pub use summary::{ItemCounts, Summary};
