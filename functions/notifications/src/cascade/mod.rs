//! From a notification to its end: what comes next, how long to wait, who works on what is due.

mod allowance;
mod assembly;
mod dispatcher;
mod last_look;
mod money;
mod payment;
mod push_round;
mod push_step;
pub mod retry;
mod step;
mod sweep;
mod topic_order;

pub use allowance::{Allowance, gone_by, left};
pub use assembly::{DispatcherConfig, start_dispatcher};
pub use dispatcher::{CONCURRENCY, Dispatcher, Job};
pub use money::{Obstacle, impossible_channels, obstacle};
pub use step::{Ladder, Step};
pub use sweep::{Resumed, Sweep, Told};
pub use topic_order::TopicKey;
