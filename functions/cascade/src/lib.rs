//! Continues notifications that are due: of the stream at once, of the index `due` every minute.

pub mod config;
pub mod handler;
