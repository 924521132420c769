//! WHAT the service does, in domain words, in the order a notification meets it.

pub mod channels;
pub mod http;
pub mod notification;
pub mod private;
pub mod problem;
pub mod recipients;
pub mod rollup;
pub mod store;
