//! Circuit breakers at run time: one process's view of them, and the limit of concurrent calls per host.

mod bulkhead;
mod cache;
mod circuit_breakers;
#[cfg(test)]
mod model;
#[cfg(test)]
mod table_tests;
mod transition_log;

pub use bulkhead::{Bulkhead, BulkheadSlot};
pub use circuit_breakers::{Breakers, CallDecision, CallKind, TABLE_TIMEOUT};
