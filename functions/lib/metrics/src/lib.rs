//! Metrics: every change of a notification becomes a difference of counters, once, in the minute it happened.
//!
//! All of it is pure, but for the reading in [`measures`]: a stream's change of a notification is taken as two [`Image`]s, [`fold()`] gives the difference of
//! their [`Counters`], a [`Bucket`] says where it belongs, and [`figures`] turns sums into counts, rates and quantiles.
//! Reading and writing is [`store::metrics`]'s; what ops are shown is [`console`]'s.

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
