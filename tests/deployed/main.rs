//! One story over the whole deployed local stack: every route once, every refusal, and the ladder from push to SMS.
//!
//! Over HTTP with tokens of the stack's own Cognito, as callers do it. `make test` starts the stack and names it in
//! `STACK_JSON`; `PUSH_ORIGIN` is where the tests' push service listens, which the stack takes for a known one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod access;
mod bad_input;
mod feedback;
mod fixture;
mod http_client;
mod kept;
mod ladder;
mod later;
mod listeners;
mod push_service;
mod redrive;
mod routes;
mod secrecy;
mod stack;
mod tokens;
mod track;
mod version_2;
mod warm_processes;

use tests::{arrival, browser, template};
