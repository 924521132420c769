//! A push service whose response status is the last part of the endpoint, or 201.

use super::faults::Faults;
use super::http::{Reply, serve as serve_http};
use super::request::Arrival;

/// Serves for the lifetime of the runtime, and returns the origin.
pub async fn serve() -> String {
    serve_http(Faults::default(), |arrival: Arrival| async move {
        let named = arrival.path().rsplit('/').next().and_then(|name| name.parse().ok());
        Reply::status(named.filter(|status| (200..600).contains(status)).unwrap_or(201))
    })
    .await
}
