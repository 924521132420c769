//! The fuzz targets: one function of bytes for each text and event that comes from outside. A target panics if a promise of the
//! code is broken. Two drivers call the targets: `cargo test` with inputs derived from the corpus, and libFuzzer (`make fuzz`).

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws;
mod form;
mod push;
mod world;

use tests::{dynamo, faults, http};

pub mod contact;
pub mod content;
pub mod endpoint;
pub mod feedback;
pub mod http_event;
pub mod json;
pub mod names;
pub mod percentage;
pub mod retry_after;
pub mod rollout_change;
pub mod settings;
pub mod stream_record;
pub mod subscription;
pub mod track;
pub mod users;
pub mod vapid_key;

/// The bytes as text; SSM, JSON and HTTP clients pass nothing else.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
