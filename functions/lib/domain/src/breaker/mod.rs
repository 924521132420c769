//! The circuit breaker: one for each channel and provider host, shared by all instances through the control table.
//!
//! Pure: [`Tally`] counts, [`Breaker`] is the state with its transitions, [`Memory`] is what one process knows of a host.
//! [`Breakers`] carries out what they decide, over a [`Ledger`] that writes on conditions only. [`Bulkhead`] keeps one slow
//! host from holding all of a process's calls before a breaker could open.
//!
//! An instance counts in memory. Only a failure is written, and takes along what this instance saw go well in the same
//! window: a healthy service writes nothing. Successes of instances without a failure are known to nobody else, so a
//! breaker may open early. It is never late: see [`Tally::is_bad`].
//!
//! One device is not its host: a push service's failures count by device, and its `Retry-After` concerns the device alone
//! until several different devices got one ([`Tally::asks_for_rest`]).

mod host;
pub mod memory;
mod report;
mod state;
mod tally;
mod thresholds;

pub use host::{Bars, Host};
pub use memory::{CLOCK_SKEW_MS, Failure, Memory};
pub use report::{Report, Stored};
pub use state::{Admission, Breaker, LEASE, Phase, Signal};
pub use tally::{Count, DeviceMark, SEVERAL, SLOT_MS, Tally};
pub use thresholds::Thresholds;
