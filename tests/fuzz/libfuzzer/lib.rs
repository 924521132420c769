//! The targets of `tests/fuzz`, as a library for libFuzzer's own binaries.

#![allow(missing_docs)]

#[allow(dead_code)] // what `main` alone uses
#[path = "../../../functions/cascade/src/handler.rs"]
mod cascade;
#[allow(dead_code)] // what `main` alone uses
#[path = "../../../functions/cascade/src/config.rs"]
mod config;
#[path = "../../../functions/rollup/src/event.rs"]
mod event;
#[path = "../../../functions/rollup/src/handler.rs"]
mod rollup;

#[path = "../targets/mod.rs"]
pub mod targets;
