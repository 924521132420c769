//! What is fuzzed: every text and event that comes from outside, each as a function of bytes that fails when a promise is
//! broken. Two drivers call them: `cargo test`, on inputs it makes from the corpus, and libFuzzer, by hand (`make fuzz`).

mod aws;
#[allow(dead_code)] // the flow tests' own use more of it
#[path = "../../flow/world/dynamo.rs"]
mod dynamo;
#[allow(dead_code)]
#[path = "../../flow/world/faults.rs"]
mod faults;
mod form;
#[allow(dead_code)]
#[path = "../../flow/world/http.rs"]
mod http;
mod push;
mod world;

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

/// The bytes as text; SSM, JSON and HTTP clients hand over nothing else.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
