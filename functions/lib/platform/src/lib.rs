//! What every function needs and no rule: private data, clock, random numbers, backoff, HTTP types and problems, the gateway's
//! events, the environment, logs, metric lines and the start of a process.

pub mod backoff;
pub mod chance;
pub mod clock;
pub mod emf;
pub mod environment;
pub mod gateway;
pub mod http;
pub mod json;
pub mod preconditions;
pub mod private;
pub mod problem;
pub mod rfc3339;
pub mod startup;
pub mod telemetry;
pub mod time_limits;
