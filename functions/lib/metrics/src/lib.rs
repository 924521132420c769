//! Metrics. Each change of a notification is counted once, as a difference of counters, in the minute of the change.
//!
//! This crate performs no I/O. A stream record holds a notification before and after the change, as two [`Image`]s.
//! [`difference()`] computes the difference of their [`Counters`]. A [`Bucket`] is the minute, hour or day of counters.
//! [`figures`] computes counts, rates and quantiles from sums.
//! The crate `store` (module `metrics`) reads and writes the table; the function `console` returns the figures.

mod arm_contribution;
pub mod arm_metrics;
pub mod bucket;
pub mod change;
pub mod counters;
mod difference;
pub mod figures;
pub mod histogram;
mod image;
pub mod interval;
mod minute_counters;
mod processed_ranges;
mod query_plan;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, async_fn_in_trait, clippy::unwrap_used, clippy::expect_used)]
pub mod testing_history;
mod window;

pub use bucket::{Bucket, Unit};
pub use change::{NotificationChange, Sequence};
pub use counters::{CounterName, Counters};
pub use difference::{contribution, difference};
pub use image::Image;
pub use minute_counters::MinuteCounters;
pub use processed_ranges::ProcessedRanges;
pub use query_plan::{RangeQuery, UnmergedBuckets, plan_queries, plan_queries_of};
pub use window::{MAX_MINUTES, Window};
