//! A push from end to end: a push service on this machine verifies and opens what arrives, on another library.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod http2;
mod misbehaviour;
mod rogue;
mod service;

pub use ::tests::arrival::verified_claims;
use ::tests::{arrival, browser};
