//! WHAT the service does, in domain words, in the order a notification meets it.
//!
//! Follow one: [`send`] takes a caller's request, asks the gates and stores a [`notification`]; [`cascade`] decides and
//! carries out one step after another on the [`channels`] until it ends, past providers whose [`breaker`] is open and within
//! what the [`budget`] allows; [`rollup`] counts what happened; [`cleanup`] removes what outlived its use; [`recipients`] keeps
//! the people; [`track`] hears what became of it on their side; [`console`] answers ops.
//! What ops may change is in [`rollout`] and [`settings`]. AWS is called by [`store`], [`parameters`], the channels' `provider` files
//! and the last good rollout alone.

pub mod send;

pub mod breaker;
pub mod budget;
pub mod cascade;

pub mod rollup;

pub mod cleanup;

pub mod recipients;

pub mod track;

pub mod console;

pub mod notification;

pub mod channels;

pub mod alerts;
pub mod rollout;
pub mod settings;

pub mod store;

pub mod aws;
pub mod chance;
pub mod clock;
pub mod country;
pub mod emf;
pub mod environment;
pub mod gateway;
pub mod http;
pub mod json;
pub mod language;
pub mod parameters;
pub mod preconditions;
pub mod private;
pub mod problem;
pub mod rfc3339;
pub mod secrets;
pub mod startup;
pub mod telemetry;
pub mod text;
pub mod time_limits;

#[cfg(test)]
mod fake_aws;
