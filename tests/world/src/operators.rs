//! Actions of operators: parameters, new processes, and requests to the functions `console` and
//! `catalog`.

use console::ConsoleApi;
use platform::http::Request;
use serde_json::{Value, json};

use super::answer::answered;
use super::conformance::assert_conforms;
use super::faults::{CrashPoint, RunOutcome};
use super::functions::PREFIX;
use super::{ApiResponse, World};

impl World {
    pub fn set(&self, parameter: &str, value: &str) {
        self.aws.state.lock().unwrap().parameters.set(&format!("{PREFIX}/{parameter}"), value);
    }

    /// Deletes a parameter.
    pub fn delete_parameter(&self, parameter: &str) {
        self.aws.state.lock().unwrap().parameters.forget(&format!("{PREFIX}/{parameter}"));
    }

    /// Value of a parameter.
    pub fn parameter(&self, name: &str) -> String {
        self.aws.state.lock().unwrap().parameters.get(&format!("{PREFIX}/{name}")).unwrap().to_owned()
    }

    /// Replaces `send`, `cascade` and `fanout` by new processes with empty caches.
    pub async fn cold_start(&mut self) {
        self.send = self.endpoints.send(&self.clock).await;
        self.cascade = self.endpoints.cascade(&self.clock).await;
        self.fanout = self.endpoints.fanout(&self.clock).await;
    }

    /// A new process of recipients.
    pub async fn cold_start_recipients(&mut self) {
        self.recipients = self.endpoints.recipients(&self.clock).await;
    }

    /// Error of a process that cannot start.
    pub async fn start_error(&self) -> String {
        let refused = self.endpoints.start_error().await;
        format!("{refused} {refused:?}")
    }

    /// Runs a function that crashes at this point, if it reaches it.
    pub async fn crash_at<T>(&self, point: CrashPoint, act: impl Future<Output = T>) -> RunOutcome<T> {
        self.faults.run(point, act).await
    }

    /// Folds the stream, and returns the metrics of the last hour.
    pub async fn metrics(&self) -> Value {
        self.metrics_of_last(60).await
    }

    pub async fn metrics_of_last(&self, minutes: i64) -> Value {
        self.fold().await;
        self.ops("GET /v1/metrics", &[("minutes", &minutes.to_string())]).await.body
    }

    /// Response of the console to an operator.
    pub async fn ops(&self, route: &str, query: &[(&str, &str)]) -> ApiResponse {
        let request = self.request("ops-client", "ops", route, &[], query, &Value::Null, None);
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// Response to an operator who ends sessions of the console.
    pub async fn end_sessions(&self, body: Value) -> ApiResponse {
        self.end_sessions_by(&self.console, body).await
    }

    /// The same in another process of the console.
    pub async fn end_sessions_by(&self, console: &ConsoleApi, body: Value) -> ApiResponse {
        let request = self.request("ops-client", "ops", "POST /v1/console/sessions/end", &[], &[], &body, None);
        answered(&request, console.answer(&request, self.clock.now()).await)
    }

    /// Another process of the console, which shares only the tables with the first.
    pub fn another_console(&self) -> ConsoleApi {
        self.endpoints.console(&self.clock)
    }

    /// Response to an operator's change of the rollout; a text is sent unchanged.
    pub async fn put_rollout(&self, body: Value) -> ApiResponse {
        let request = self.request("ops-client", "ops", "PUT /v1/rollout", &[], &[], &body, None);
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// Response to an operator's change of the settings; a text is sent unchanged.
    pub async fn put_settings(&self, body: Value, if_match: Option<&str>) -> ApiResponse {
        let request = self.request("ops-client", "ops", "PUT /v1/settings", &[], &[], &body, None);
        let request = Request { if_match: if_match.map(str::to_owned), ..request };
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// Response to a dry run of a change of the settings.
    pub async fn check_settings(&self, body: Value, if_match: &str) -> ApiResponse {
        let dry_run = [("dry_run", "true")];
        let request = self.request("ops-client", "ops", "PUT /v1/settings", &[], &dry_run, &body, None);
        let request = Request { if_match: Some(if_match.to_owned()), ..request };
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// Response of the catalog to an operator's request about a type.
    pub async fn type_request(&self, method: &str, name: &str, body: Value) -> ApiResponse {
        let route = format!("{method} /v1/types/{{type}}");
        let request = self.request("ops-client", "ops", &route, &[("type", name)], &[], &body, None);
        answered(&request, Box::pin(self.catalog.answer(&request, self.clock.now())).await)
    }

    /// Response of the catalog to a change of a type.
    pub async fn put_type(&self, name: &str, body: Value) -> ApiResponse {
        self.type_request("PUT", name, body).await
    }

    /// Response of the catalog to an editor of the template `reminder`; `below` is the path after its name.
    pub async fn template(&self, method: &str, below: &str, body: Value) -> ApiResponse {
        self.template_with(method, below, body, &[]).await
    }

    /// The same with a query.
    pub async fn template_with(&self, method: &str, below: &str, body: Value, query: &[(&str, &str)]) -> ApiResponse {
        let route = format!("{method} /v1/templates/{{name}}{below}");
        let request = self.request("ops-client", "ops", &route, &[("name", "reminder")], query, &body, None);
        answered(&request, Box::pin(self.catalog.answer(&request, self.clock.now())).await)
    }

    /// Response of `send` to an editor who tests the template `reminder`.
    pub async fn test_template(&self, body: Value) -> ApiResponse {
        let route = "POST /v1/templates/{name}/test";
        let request = self.request("ops-client", "ops", route, &[("name", "reminder")], &[], &body, None);
        answered(&request, self.send.answer(&request, self.clock.now(), self.hard_deadline()).await)
    }

    /// Writes the template `reminder`, publishes it and makes it live; returns the number of the version.
    pub async fn publish_template(&self, body: Value) -> u64 {
        let put = self.template("PUT", "", body).await;
        assert!(put.status < 300, "{put:?}");
        let published = self.template("POST", "/versions", Value::Null).await;
        assert_eq!(published.status, 201, "{published:?}");
        let version = published.body["version"].clone();
        assert_eq!(self.template("PUT", "/live", json!({"version": version})).await.status, 200);
        version.as_u64().unwrap()
    }

    /// Response of the catalog to an operator's request about the frequency caps.
    pub async fn caps_request(
        &self,
        method: &str,
        body: Value,
        if_match: Option<&str>,
        query: &[(&str, &str)],
    ) -> ApiResponse {
        let route = format!("{method} /v1/caps");
        let request = self.request("ops-client", "ops", &route, &[], query, &body, None);
        let request = Request { if_match: if_match.map(str::to_owned), ..request };
        answered(&request, Box::pin(self.catalog.answer(&request, self.clock.now())).await)
    }

    /// A request about segments; `id` is that of the path, if it has one.
    pub async fn segment_request(&self, route: &str, id: &str, body: Value, if_match: Option<&str>) -> ApiResponse {
        let path = [("id", id)];
        let path = if route.contains("{id}") { &path[..] } else { &[] };
        let request = self.request("ops-client", "ops", route, path, &[], &body, None);
        let request = Request { if_match: if_match.map(str::to_owned), ..request };
        answered(&request, Box::pin(self.catalog.answer(&request, self.clock.now())).await)
    }

    /// Page of the export of a segment, after the position `after`.
    pub async fn export_segment(&self, id: &str, after: Option<&str>) -> ApiResponse {
        let route = "GET /v1/segments/{id}/export";
        let query: Vec<_> = after.iter().map(|after| ("after", *after)).collect();
        let request = self.request("backend", "recipients", route, &[("id", id)], &query, &Value::Null, None);
        answered(&request, Box::pin(self.catalog.answer(&request, self.clock.now())).await)
    }

    /// The report of the last week as Markdown: its content type and text.
    pub async fn report_as_markdown(&self) -> (&'static str, String) {
        let query = [("format", "markdown")];
        let request = self.request("ops-client", "ops", "GET /v1/report", &[], &query, &Value::Null, None);
        let response = self.console.answer(&request, self.clock.now()).await;
        assert_conforms(&request, &response);
        (response.content_type, response.body.expose().clone())
    }
}
