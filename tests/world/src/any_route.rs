//! Calls of any route of the contract.

use platform::http::Request;
use serde_json::{Value, json};

use super::answer::answered;
use super::{ApiResponse, World};

/// Values for the parameters of paths.
const IN_PATHS: [(&str, &str); 7] = [
    ("id", "ada"),
    ("device_id", "none"),
    ("type", "DEFAULT"),
    ("channel", "email"),
    ("name", "order-shipped"),
    ("version", "1"),
    ("token", "none"),
];

impl World {
    /// Calls a route without a body, with query parameters and the headers `If-Match` and `If-None-Match`.
    pub async fn call(
        &self,
        route: &str,
        query: &[(&str, &str)],
        [if_match, if_none_match]: [Option<&str>; 2],
    ) -> ApiResponse {
        let path: Vec<_> = IN_PATHS.into_iter().filter(|(name, _)| route.contains(&format!("{{{name}}}"))).collect();
        let body = if route.starts_with("GET") { Value::Null } else { json!({}) };
        let request = self.request("ops-client", "ops", route, &path, query, &body, None);
        let given = |header: Option<&str>| header.map(str::to_owned);
        let request = Request { if_match: given(if_match), if_none_match: given(if_none_match), ..request };
        let (now, path) = (self.clock.now(), route.split_once(" /v1/").unwrap().1);
        let response = match path.split('/').next().unwrap() {
            "notifications" => self.send.answer(&request, now, self.hard_deadline()).await,
            "templates" if path.ends_with("/test") => self.send.answer(&request, now, self.hard_deadline()).await,
            "recipients" | "vapid-public-key" => self.recipients.answer(&request, now).await,
            "caps" | "segments" | "templates" | "types" => Box::pin(self.catalog.answer(&request, now)).await,
            "campaigns" => Box::pin(self.campaigns.answer(&request, now)).await,
            "cleanup" => self.cleaner.cleanup.answer(&request, now, 180).await,
            "receipts" | "clicks" | "unsubscribe" | "preferences" | "client" | "openapi.json" => {
                self.track.answer(&request, now).await
            }
            _ => self.console.answer(&request, now).await,
        };
        answered(&request, response)
    }
}
