//! Delivery of a notification: gates, escalation policy, waits, circuit breakers and work that is due.

mod allowance;
mod assembly;
pub mod breakers;
pub mod config;
mod dispatcher;
mod gates;
mod last_look;
mod link_limits;
mod links;
mod payment;
mod providers;
mod push_round;
mod push_step;
mod reachability;
mod step;
mod sweep;
mod token;
mod topic_order;

pub use allowance::{Allowance, hard_deadline, left};
pub use assembly::{DispatcherConfig, start_dispatcher};
pub use dispatcher::{CONCURRENCY, Dispatcher, Job};
pub use gates::{GateAnswer, GateVerdict, Gated, Gates};
pub use link_limits::LinkLimits;
pub use links::{Links, NotABaseUrl, PublicBaseUrl, PushLinks, with_token};
pub use providers::{Channels, PaidMessage, push_message};
pub use reachability::{UnreachableReason, unreachable_channels, unreachable_reason};
pub use step::{Ladder, Step};
pub use sweep::{DueChange, Resumed, Sweep};
pub use token::{LinkAction, TOKEN_CHARS, TokenError, TokenKeys};
pub use topic_order::TopicKey;
