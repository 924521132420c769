//! The two scripts for browsers, served as they stand in `client/`, behind what both need.
//!
//! What they speak to must stay compatible for long: an installed worker runs what it imported until its browser looks for
//! a new one (at a visit, and once a day at a push) and the last page under the old one is closed, unless the company's
//! worker skips that wait.

use crate::http::Response;

macro_rules! after_what_both_need {
    ($script:literal) => {
        concat!(include_str!("client/database.js"), include_str!("client/outbox.js"), include_str!($script))
    };
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// What a service worker imports.
#[must_use]
pub fn worker() -> Response {
    script(after_what_both_need!("client/worker.js"))
}

/// What a page includes.
#[must_use]
pub fn page() -> Response {
    script(after_what_both_need!("client/client.js"))
}

/// An hour is how long a page goes on with an old script after a deploy; it is small enough to be fetched anew then.
fn script(text: &'static str) -> Response {
    Response::text(200, JAVASCRIPT, text)
        .with_header("Cache-Control", "public, max-age=3600")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cross-Origin-Resource-Policy", "cross-origin")
}
