//! The fuzz targets: one function of bytes for each text and event that comes from outside. A target panics if a
//! promise of the code is broken. Two drivers call the targets: `cargo test` with inputs derived from the corpus, and
//! libFuzzer (`make fuzz`).

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws;
mod form;
mod push;
mod world;

use tests::{dynamo, faults, http, request};

pub mod campaign;
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
pub mod segment_filter;
pub mod settings;
pub mod stream_record;
pub mod subscription;
pub mod template;
pub mod track;
pub mod users;
pub mod vapid_key;

/// A function of bytes that panics if a promise of the code is broken.
pub struct Target {
    /// Name of the target and of its folder in `tests/fuzz/corpus`.
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// `true` if libFuzzer also changes single values of the input's JSON.
    pub is_json: bool,
}

pub const TARGETS: [Target; 18] = [
    Target { name: "http_event", run: http_event::target, is_json: true },
    Target { name: "stream_record", run: stream_record::target, is_json: true },
    Target { name: "track", run: track::target, is_json: true },
    Target { name: "settings", run: settings::target, is_json: true },
    Target { name: "percentage", run: percentage::target, is_json: false },
    Target { name: "users", run: users::target, is_json: true },
    Target { name: "rollout_change", run: rollout_change::target, is_json: true },
    Target { name: "endpoint", run: endpoint::target, is_json: false },
    Target { name: "subscription", run: subscription::target, is_json: true },
    Target { name: "vapid_key", run: vapid_key::target, is_json: false },
    Target { name: "retry_after", run: retry_after::target, is_json: false },
    Target { name: "feedback", run: feedback::target, is_json: false },
    Target { name: "contact", run: contact::target, is_json: false },
    Target { name: "names", run: names::target, is_json: false },
    Target { name: "content", run: content::target, is_json: true },
    Target { name: "template", run: template::target, is_json: true },
    Target { name: "segment_filter", run: segment_filter::target, is_json: true },
    Target { name: "campaign", run: campaign::target, is_json: true },
];

/// The bytes as text; SSM, JSON and HTTP clients pass nothing else.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
