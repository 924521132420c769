//! Technical base of every function, without business rules: private data, clock, random numbers, backoff, HTTP types
//! and problems, API Gateway events, environment, logs, metric lines and process start.

pub mod alarm;
pub mod backoff;
pub mod caller;
pub mod clock;
pub mod counted_noun;
pub mod emf;
pub mod environment;
pub mod form;
pub mod gateway;
pub mod http;
pub mod json;
pub mod preconditions;
pub mod private;
pub mod problem;
pub mod random;
pub mod read_only;
pub mod rfc3339;
pub mod startup;
pub mod telemetry;
pub mod time_limits;
