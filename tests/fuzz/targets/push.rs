//! A push service that answers with the status that the endpoint's last part names, 201 if it names none.

use super::faults::Faults;
use super::http::{Arrival, Reply, serve as serve_http};

/// Serves for the life of the runtime; the origin.
pub async fn serve() -> String {
    serve_http(Faults::default(), |arrival: Arrival| async move {
        let named = arrival.path().rsplit('/').next().and_then(|name| name.parse().ok());
        Reply::status(named.filter(|status| (200..600).contains(status)).unwrap_or(201))
    })
    .await
}
