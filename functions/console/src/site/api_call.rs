//! Calls of the API by the console's pages: the same handlers as behind API Gateway, in this process.
//!
//! A page can do nothing that the API cannot do. Each call can be shown as a command of curl.

use std::fmt::Write as _;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use platform::caller::Caller;
use platform::http::{Request, Response};
use platform::private::Private;
use platform::problem::ProblemKind;

/// Characters of a path or query that stand for themselves (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Call of one route.
#[derive(Debug, Clone, Default)]
pub struct ApiCall {
    method: &'static str,
    /// Route template, such as `/v1/campaigns/{id}/pause`.
    template: &'static str,
    path: Vec<(&'static str, Private<String>)>,
    query: Vec<(&'static str, Private<String>)>,
    body: Option<Private<Value>>,
    if_match: Option<String>,
    only_new: bool,
    idempotency_key: Option<Private<String>>,
}

impl ApiCall {
    fn new(method: &'static str, template: &'static str) -> Self {
        Self { method, template, ..Self::default() }
    }

    /// Creates a GET.
    #[must_use]
    pub fn get(template: &'static str) -> Self {
        Self::new("GET", template)
    }

    /// Creates a POST with a body.
    #[must_use]
    pub fn post(template: &'static str, body: Value) -> Self {
        Self { body: Some(Private::new(body)), ..Self::new("POST", template) }
    }

    /// Creates a PUT with a body.
    #[must_use]
    pub fn put(template: &'static str, body: Value) -> Self {
        Self { body: Some(Private::new(body)), ..Self::new("PUT", template) }
    }

    /// Creates a PATCH with a body.
    #[must_use]
    pub fn patch(template: &'static str, body: Value) -> Self {
        Self { body: Some(Private::new(body)), ..Self::new("PATCH", template) }
    }

    /// Creates a DELETE.
    #[must_use]
    pub fn delete(template: &'static str) -> Self {
        Self::new("DELETE", template)
    }

    /// Sets a path parameter.
    #[must_use]
    pub fn path(mut self, name: &'static str, value: &str) -> Self {
        self.path.push((name, Private::new(value.to_owned())));
        self
    }

    /// Sets a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, Private::new(value.into())));
        self
    }

    /// Sets a query parameter if there is a value.
    #[must_use]
    pub fn query_if(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sets `If-Match`, unless the tag is empty.
    #[must_use]
    pub fn if_match(mut self, tag: &str) -> Self {
        self.if_match = Some(tag.to_owned()).filter(|tag| !tag.is_empty());
        self
    }

    /// Sets `If-None-Match: *`: a write that would replace something is refused.
    #[must_use]
    pub fn only_new(mut self) -> Self {
        self.only_new = true;
        self
    }

    /// Sets `Idempotency-Key`, unless it is empty. A form has one, so that sending it twice does not act twice.
    #[must_use]
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(Private::new(key.to_owned())).filter(|key| !key.expose().is_empty());
        self
    }

    /// Returns the route, such as `GET /v1/health`.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// Returns the request that a handler receives.
    #[must_use]
    pub fn request(&self, caller: Caller, request_id: &str) -> Request {
        let named = |list: &[(&'static str, Private<String>)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let body = self.body.as_ref().map(|body| body.expose().to_string().into_bytes()).unwrap_or_default();
        Request {
            route: self.route(),
            path: named(&self.path),
            query: named(&self.query),
            idempotency_key: self.idempotency_key.clone(),
            if_match: self.if_match.clone(),
            if_none_match: self.only_new.then(|| "*".to_owned()),
            content_type: self.body.as_ref().map(|_| "application/json".to_owned()),
            body: Private::new(body),
            caller,
            request_id: request_id.to_owned(),
            ..Request::default()
        }
    }

    /// Returns the call as a command of curl. The token is a variable of the shell.
    #[must_use]
    pub fn curl(&self, api_url: &str) -> String {
        let mut url = format!("{}{}", api_url.trim_end_matches('/'), self.template);
        for (name, value) in &self.path {
            url = url.replace(&format!("{{{name}}}"), &encoded(value.expose()));
        }
        for (place, (name, value)) in self.query.iter().enumerate() {
            let _ = write!(url, "{}{name}={}", if place == 0 { '?' } else { '&' }, encoded(value.expose()));
        }
        let mut command = format!("curl -X {} {} \\\n  -H \"Authorization: Bearer $TOKEN\"", self.method, quoted(&url));
        let mut header = |name: &str, value: &str| {
            let _ = write!(command, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
        };
        if let Some(tag) = &self.if_match {
            header("If-Match", tag);
        }
        if self.only_new {
            header("If-None-Match", "*");
        }
        if let Some(key) = &self.idempotency_key {
            header("Idempotency-Key", key.expose());
        }
        if let Some(body) = &self.body {
            header("Content-Type", "application/json");
            let text = serde_json::to_string_pretty(body.expose()).unwrap_or_default();
            let _ = write!(command, " \\\n  -d {}", quoted(&text));
        }
        command
    }
}

/// Percent-encodes a value for a path or a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Quotes a text for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Answer of the API to a page.
#[derive(Debug, Clone)]
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body; null if there is none.
    pub body: Private<Value>,
    /// `ETag`, if the answer has one.
    pub etag: Option<String>,
}

/// Problem of the API, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiProblem {
    /// HTTP status.
    pub status: u16,
    /// Stable `type`.
    pub kind: Box<str>,
    /// Title.
    pub title: Box<str>,
    /// Explanation.
    pub detail: Box<str>,
    /// Fields with errors, and the requirement that each does not meet.
    pub errors: Vec<(String, String)>,
    /// Id of the request.
    pub request_id: Box<str>,
    /// Seconds after which a retry makes sense.
    pub retry_after_s: Option<u32>,
    /// Last changes of the thing, if another person has changed it meanwhile. Boxed, so that a problem stays small.
    pub changes: Box<[ConcurrentChange]>,
}

/// Change by another person at the same time, as a refused form names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrentChange {
    /// Time.
    pub at: Timestamp,
    /// Author.
    pub by: String,
    /// Changed fields: name, value before, value after.
    pub values: Vec<(String, String, String)>,
}

impl ApiAnswer {
    /// Reads a handler's response.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let header = |wanted: &str| {
            response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
        };
        let text = response.body.expose();
        let mut body = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        if let (Value::Object(object), Some(seconds)) = (&mut body, header("retry-after")) {
            object.entry("retry_after_s").or_insert(seconds.parse::<u32>().map_or(Value::Null, Value::from));
        }
        Self { status: response.status, body: Private::new(body), etag: header("etag") }
    }

    /// Returns the body of a success.
    ///
    /// # Errors
    /// The API's problem.
    pub fn ok(self) -> Result<Value, ApiProblem> {
        if (200..300).contains(&self.status) { Ok(self.body.into_exposed()) } else { Err(self.problem()) }
    }

    /// Returns the body of a success as a type that has the fields that a page shows.
    ///
    /// # Errors
    /// The API's problem; or that its answer has another shape, which is an error of the console.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ApiProblem> {
        serde_json::from_value(self.ok()?).map_err(|error| {
            tracing::error!(%error, "failed to read an answer of the API");
            ApiProblem::own(500, "The page does not understand the API's answer.")
        })
    }

    fn problem(&self) -> ApiProblem {
        let body = self.body.expose();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let field = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        ApiProblem {
            status: self.status,
            kind: text("type").into(),
            title: text("title").into(),
            detail: text("detail").into(),
            errors: errors.iter().map(|error| (field(error, "field"), field(error, "message"))).collect(),
            request_id: text("request_id").into(),
            retry_after_s: body["retry_after_s"].as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
            changes: Box::default(),
        }
    }
}

impl ApiProblem {
    /// Creates a problem of the console itself. The page names the request's id.
    #[must_use]
    pub fn own(status: u16, detail: impl Into<String>) -> Self {
        let (kind, title) = match status {
            401 => ("urn:notifications:console:login", "Sign in again"),
            403 => ("urn:notifications:console:forbidden", "Your role does not allow this"),
            404 => (ProblemKind::NotFound.type_uri(), "Not found"),
            409 => ("urn:notifications:console:confirm", "Check and confirm"),
            413 => (ProblemKind::TooLarge.type_uri(), "The form is too large"),
            422 => (ProblemKind::Invalid.type_uri(), "A field is not valid"),
            503 => (ProblemKind::Unavailable.type_uri(), "Please try again shortly"),
            500.. => (ProblemKind::Internal.type_uri(), "Something went wrong here"),
            _ => ("", "Something went wrong here"),
        };
        Self {
            status,
            kind: kind.into(),
            title: title.into(),
            detail: detail.into().into(),
            errors: Vec::new(),
            request_id: Box::default(),
            retry_after_s: None,
            changes: Box::default(),
        }
    }

    /// Creates a problem with one field of a form.
    #[must_use]
    pub fn field(name: &str, message: &str) -> Self {
        let errors = vec![(name.to_owned(), message.to_owned())];
        Self { errors, ..Self::own(422, format!("{name}: {message}")) }
    }

    /// Returns the requirement that a field does not meet. A field below it counts too.
    #[must_use]
    pub fn of_field(&self, name: &str) -> Option<&str> {
        let is_below = |field: &str| field.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '[']));
        let found = self.errors.iter().find(|(field, _)| field == name || is_below(field));
        found.map(|(_, message)| message.as_str())
    }
}

/// Moment and limit of a request, which every call of a page has.
#[derive(Debug, Clone, Copy)]
pub struct RequestTime {
    /// Time of the request.
    pub now: Timestamp,
    /// Time at which Lambda stops the invocation, less a margin.
    pub hard_deadline: Timestamp,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use platform::problem::Problem;

    use super::*;

    #[test]
    fn a_call_is_shown_as_a_command_that_a_shell_reads_as_it_was_meant() {
        let call = ApiCall::put("/v1/recipients/{id}", json!({"name": "O'Hara"}))
            .path("id", "a b/c")
            .query("dry_run", "true")
            .if_match("\"7\"")
            .idempotency_key("k");
        let expected = "curl -X PUT 'https://api.example/v1/recipients/a%20b%2Fc?dry_run=true' \\\n  \
             -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'If-Match: \"7\"' \\\n  -H 'Idempotency-Key: k' \\\n  \
             -H 'Content-Type: application/json' \\\n  -d '{\n  \"name\": \"O'\\''Hara\"\n}'";
        assert_eq!(call.curl("https://api.example/"), expected);
    }

    #[test]
    fn a_call_is_the_request_that_api_gateway_would_send() {
        let call = ApiCall::post("/v1/campaigns/{id}/pause", json!({})).path("id", "c-1").query("x", "1");
        let request = call.request(Caller { id: "ada".into(), is_subject: true, ..Caller::default() }, "r-1");
        assert_eq!(request.route, "POST /v1/campaigns/{id}/pause");
        assert_eq!((request.path("id"), request.query("x")), ("c-1", Some("1")));
        assert_eq!((request.body.expose().as_slice(), request.request_id.as_str()), (b"{}".as_slice(), "r-1"));
    }

    #[test]
    fn a_problem_names_its_fields() {
        let problem = Problem::invalid_field("content.title", "is required").retry_after(3);
        let problem = ApiAnswer::of(&Response::problem(&problem, "r-9")).ok().unwrap_err();
        assert_eq!((problem.status, &*problem.request_id, problem.retry_after_s), (422, "r-9", Some(3)));
        assert_eq!(problem.of_field("content"), Some("is required"));
        assert_eq!((problem.of_field("content.title"), problem.of_field("cont")), (Some("is required"), None));
    }
}
