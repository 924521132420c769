//! What retention by TTL cannot do: devices that ran out or went unused, erasures that were cut short, and work that is
//! stuck beyond its lifetime.
//!
//! A pass is bounded by a deadline and goes on where the last one stopped. It asks "older than the cutoff", never "of
//! today", so a night without a run (02:00 does not exist in Rome on the last Sunday of March) costs nothing but a day, and
//! one with two costs nothing at all. One failure does not stop the rest, and two passes at once do each thing once, since
//! every write asks again whether it is still right.

mod api;
pub mod config;
mod erasures;
pub mod handler;
mod pass;
mod plan;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod sample;
mod summary;

pub use pass::Cleanup;
pub use plan::Cutoffs;
pub use summary::{Summary, Tally};
