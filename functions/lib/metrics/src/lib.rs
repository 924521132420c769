//! Metrics. Each change of a notification is counted once, as a difference of counters, in the minute of the change.
//!
//! This crate performs no I/O. A stream record holds a notification before and after the change, as two [`Image`]s.
//! [`fold()`] computes the difference of their [`Counters`]. A [`Bucket`] is the minute, hour or day of the counters.
//! [`figures`] computes counts, rates and quantiles from sums.
//! The crate `store` (module `metrics`) reads and writes the table; the function `console` returns the figures.

pub mod bucket;
pub mod change;
mod counted;
pub mod counters;
mod cut;
pub mod figures;
mod fold;
pub mod histogram;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, async_fn_in_trait, clippy::unwrap_used, clippy::expect_used)]
pub mod history;
mod image;
mod minute;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
pub mod sides;
mod window;

pub use bucket::{Bucket, Unit};
pub use change::{Change, Sequence};
pub use counted::Counted;
pub use counters::{CounterName, Counters};
pub use cut::{Read, Unmerged, reads};
pub use fold::{fold, state};
pub use image::Image;
pub use minute::Minute;
pub use window::{MAX_MINUTES, Window};
