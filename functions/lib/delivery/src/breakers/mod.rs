//! Circuit breakers at run time: one process's view of them, and the limit of concurrent calls per host.

mod bulkhead;
mod cache;
#[cfg(test)]
mod model;
#[cfg(test)]
mod table_tests;
mod transition_log;
mod view;

pub use bulkhead::{Bulkhead, BulkheadSlot};
pub use view::{Breakers, CallDecision, CallKind, TABLE_TIMEOUT};
