//! The contract docs/openapi.yaml compared with all other descriptions of the API: template.yaml, the routers,
//! docs/api.md, the types of the code, and the last release.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod breaking;
mod compatibility;
mod dependencies;
mod examples;
mod routes;
mod words;

use tests::template;
