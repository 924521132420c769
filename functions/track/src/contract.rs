//! The machine-readable contract of the API: docs/openapi.yaml as JSON.

use platform::http::Response;

/// The document, in the order of docs/openapi.yaml; build.rs writes it.
pub const CONTRACT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Returns the response of `GET /v1/openapi.json`. Caches keep it for one hour, so clients get a new contract within an
/// hour of a deploy.
#[must_use]
pub fn contract() -> Response {
    Response::text(200, "application/json", CONTRACT).with_header("Cache-Control", "public, max-age=3600")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_contract_is_json_with_its_version() {
        let answer = contract();
        let document: serde_json::Value = serde_json::from_str(answer.body.expose()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(document["paths"]["/v1/openapi.json"]["get"].is_object());
    }
}
