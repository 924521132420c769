//! From a notification to its end: what comes next, how long to wait, who works on what is due.

mod assembly;
mod dispatcher;
mod money;
mod push_round;
mod push_step;
pub mod retry;
mod step;
mod sweep;

pub use assembly::{DispatcherConfig, start_dispatcher};
pub use dispatcher::{Allowance, CONCURRENCY, Dispatcher, Job, gone_by};
pub use money::impossible_channels;
pub use step::{Ladder, Step};
pub use sweep::{Resumed, Sweep, Told};
