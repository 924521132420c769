//! From a caller's request to a stored notification and its first attempt.

mod api;
mod explain;
mod gates;
mod idempotency;
mod list;
mod request;
mod service;

pub use api::SendApi;
pub use explain::Explanation;
pub use gates::{GateAnswer, Gated, Gates, Verdict};
pub use request::{Asked, SendRequest};
pub use service::{Answered, Budget, SendService, unavailable};
