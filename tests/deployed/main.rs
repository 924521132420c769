//! Tests of the whole deployed local stack: every route once, every refusal, and the escalation from push to SMS.
//!
//! The tests use HTTP with tokens of the stack's own Cognito, like callers. `make test` starts the stack and names it
//! in `STACK_JSON`. `PUSH_ORIGIN` is the address of the tests' push service, which the stack accepts as a known one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod access;
mod bad_input;
mod conformance;
mod deferred;
mod escalation;
mod feedback;
mod fixture;
mod http_client;
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
