//! The function `cascade`: continues notifications that are due, at once from the stream and every minute from the
//! index `due`.

pub mod config;
pub mod handler;
