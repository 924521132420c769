//! The function `send`: turns a caller's request into stored notifications and makes their first attempts.

mod api;
pub mod config;
mod explain;
pub mod handler;
mod idempotency;
mod list;
mod request;
mod service;

pub use api::SendApi;
pub use explain::Explanation;
pub use request::{SendContext, SendRequest};
pub use service::{Answered, Deadlines, SendService};
