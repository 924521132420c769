//! Circuit breakers: one for each channel and provider host, shared by all instances through the control table.
//!
//! This module is pure. [`SlotCounts`] counts attempts, [`Breaker`] is the state machine, and [`LocalBreaker`] is the
//! state that one process holds for a host. The crate `delivery` applies their decisions: `Breakers` stores transitions
//! in a `BreakerRepository` with conditional writes. `Bulkhead` limits concurrent calls per provider. So one slow host
//! cannot hold all calls of a process before its breaker opens.
//!
//! An instance counts in memory. Only a failure is written. The write includes the successes that this instance saw
//! in the same window. A healthy service therefore writes nothing. Successes of instances without a failure are not
//! in the table, so a breaker may open early. It never opens late: see [`SlotCounts::is_bad`].
//!
//! A push service's failures count by recipient. Its `Retry-After` concerns one device only, until devices of several
//! different recipients received one ([`SlotCounts::requests_pause`]).

mod host;
pub mod local;
mod report;
mod slot_counts;
mod state;
mod thresholds;

pub use host::{Host, OpenCircuits};
pub use local::{CLOCK_SKEW_MS, Failure, LocalBreaker};
pub use report::{BreakerReport, StoredBreaker};
pub use slot_counts::{Count, MIN_FAILED_RECIPIENTS, RecipientHash, SLOT_MS, SlotCounts};
pub use state::{Admission, Breaker, PROBE_LEASE, Phase, Signal};
pub use thresholds::Thresholds;
