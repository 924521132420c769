//! The function `send`: turns a caller's request into stored notifications and makes their first attempts.

mod api;
mod composition;
pub mod config;
mod explain;
pub mod handler;
mod idempotency;
mod list;
mod rendered;
mod repeat;
mod request;
mod service;
mod template_request;
mod test_send;

pub use api::SendApi;
pub use explain::Explanation;
pub use request::{SendContext, SendRequest};
pub use service::{Deadlines, SendAnswer, SendService};
