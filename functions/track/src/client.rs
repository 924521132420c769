//! Scripts for browsers, served as they stand in `client/`.
//!
//! The classic script and the ES module of a page are one text; the module ends in exports. The interfaces that the
//! scripts use must stay compatible for long: an installed worker runs its imports until its browser looks for
//! a new one (at a visit, and once a day at a push) and the last page under the old one is closed, unless the company's
//! worker skips that wait.

use platform::http::Response;

const WORKER: &str = concat!(
    include_str!("client/database.js"),
    include_str!("client/outbox.js"),
    include_str!("client/windows.js"),
    include_str!("client/worker.js")
);

macro_rules! page {
    () => {
        concat!(
            include_str!("client/database.js"),
            include_str!("client/outbox.js"),
            include_str!("client/support.js"),
            include_str!("client/clicks.js"),
            include_str!("client/client.js")
        )
    };
}

const CLASSIC: &str = page!();
const MODULE: &str = concat!(page!(), include_str!("client/exports.js"));
const TYPES: &str = include_str!("client/client.d.ts");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const TYPESCRIPT: &str = "application/typescript; charset=utf-8";

/// Script that a service worker imports.
#[must_use]
pub fn worker() -> Response {
    script(JAVASCRIPT, WORKER)
}

/// Classic script of a page.
#[must_use]
pub fn page() -> Response {
    script(JAVASCRIPT, CLASSIC)
}

/// ES module of a page.
#[must_use]
pub fn module() -> Response {
    script(JAVASCRIPT, MODULE)
}

/// TypeScript declarations of both.
#[must_use]
pub fn types() -> Response {
    script(TYPESCRIPT, TYPES)
}

/// An hour is how long a page goes on with an old script after a deploy; it is small enough to be fetched anew then.
fn script(content_type: &'static str, text: &'static str) -> Response {
    Response::text(200, content_type, text)
        .with_header("Cache-Control", "public, max-age=3600")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cross-Origin-Resource-Policy", "cross-origin")
}
