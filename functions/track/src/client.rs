//! Scripts for browsers, served unchanged from `client/`.
//!
//! A page's classic script and its ES module are the same text; the module adds exports. Their interfaces must stay
//! compatible for a long time. An installed worker runs its old imports until two things have happened: the browser
//! has checked for a new worker, and the last page under the old worker is closed. A browser checks at a visit, and
//! once a day at a push. A company's own worker may skip the second wait.

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

/// Returns the script that a service worker imports.
#[must_use]
pub fn worker() -> Response {
    script(JAVASCRIPT, WORKER)
}

/// Returns the classic script of a page.
#[must_use]
pub fn page() -> Response {
    script(JAVASCRIPT, CLASSIC)
}

/// Returns the ES module of a page.
#[must_use]
pub fn module() -> Response {
    script(JAVASCRIPT, MODULE)
}

/// Returns the TypeScript declarations of both.
#[must_use]
pub fn types() -> Response {
    script(TYPESCRIPT, TYPES)
}

/// Returns a script that caches keep for one hour. After a deploy, a page may use the old script for that long. The
/// script is small enough to be loaded again every hour.
fn script(content_type: &'static str, text: &'static str) -> Response {
    Response::text(200, content_type, text)
        .with_header("Cache-Control", "public, max-age=3600")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cross-Origin-Resource-Policy", "cross-origin")
}
