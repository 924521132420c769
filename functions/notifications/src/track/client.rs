//! The two scripts for browsers, served as they stand in `client/`, behind what both need.

use crate::http::Response;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// What a service worker imports.
#[must_use]
pub fn worker() -> Response {
    script(concat!(include_str!("client/database.js"), include_str!("client/worker.js")))
}

/// What a page includes.
#[must_use]
pub fn page() -> Response {
    script(concat!(include_str!("client/database.js"), include_str!("client/client.js")))
}

/// An hour is how long an old script may live on after a deploy; it is small enough to be fetched anew then.
fn script(text: &'static str) -> Response {
    Response::text(200, JAVASCRIPT, text)
        .with_header("Cache-Control", "public, max-age=3600")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cross-Origin-Resource-Policy", "cross-origin")
}
