//! End-to-end tests of a push: a local push service verifies and decrypts with another library.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faulty_service;
mod http2;
mod misbehaviour;
mod service;

pub use ::tests::arrival::verified_claims;
use ::tests::{arrival, browser};
pub use service::content;
