//! Test support for every crate: an AWS in the process, a browser and a push service that share no code with the
//! sender, the parser of template.yaml, and the start of a function's program.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod arrival;
pub mod browser;
pub mod cpu_time;
pub mod dynamo;
pub mod faults;
pub mod http;
pub mod request;
pub mod rfc8291;
pub mod start;
pub mod template;
