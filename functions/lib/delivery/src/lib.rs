//! Delivery of a notification: gates, escalation policy, waits, circuit breakers and work that is due.

mod allowance;
mod assembly;
pub mod breakers;
mod dispatcher;
mod gates;
mod last_look;
mod link_room;
mod links;
pub mod live;
mod money;
mod payment;
mod providers;
mod push_round;
mod push_step;
mod step;
mod sweep;
mod token;
mod topic_order;

pub use allowance::{Allowance, gone_by, left};
pub use assembly::{DispatcherConfig, start_dispatcher};
pub use dispatcher::{CONCURRENCY, Dispatcher, Job};
pub use gates::{GateAnswer, Gated, Gates, Verdict};
pub use link_room::LinkRoom;
pub use links::{Links, NotABaseUrl, PublicBaseUrl, PushLinks, with_token};
pub use money::{Obstacle, impossible_channels, obstacle};
pub use providers::{Channels, PaidMessage, push_message};
pub use step::{Ladder, Step};
pub use sweep::{Resumed, Sweep, Told};
pub use token::{Permit, TOKEN_CHARS, TokenError, TokenKeys};
pub use topic_order::TopicKey;
