//! An HTTP request and its answer, free of whichever event carried them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::private::Private;
use crate::problem::{FieldError, Problem, ProblemKind};

/// The most bytes a body may have.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Who is asking, as the API's authorizer found out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The token's `client_id`, else `azp`, else `sub`. Empty on public routes.
    pub id: String,
    /// Whether only `sub` names the caller, which may be a person: it is not shown then.
    pub is_subject: bool,
    /// The token's scopes, such as `notifications/send`.
    pub scopes: Vec<String>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("id", &self.in_logs()).field("scopes", &self.scopes).finish()
    }
}

impl Caller {
    /// What a log may say of the caller: a client's id, but not a subject's.
    #[must_use]
    pub fn in_logs(&self) -> &str {
        if self.is_subject { "(subject)" } else { &self.id }
    }

    /// Whether the token carries `notifications/<scope>`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held.rsplit('/').next() == Some(scope) && held.starts_with("notifications/"))
    }
}

/// A request, with everything personal in it masked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method and route template, such as `GET /v1/notifications/{id}`: what logs may show.
    pub route: String,
    /// The path's parameters, percent-decoded.
    pub path: BTreeMap<String, Private<String>>,
    /// The query's parameters, decoded; API Gateway joins a repeated one with commas.
    pub query: BTreeMap<String, Private<String>>,
    /// Whether a browser only looks ahead (`Sec-Purpose: prefetch`), and nobody has asked yet.
    pub is_prefetch: bool,
    /// `Idempotency-Key`, when given.
    pub idempotency_key: Option<Private<String>>,
    /// The body.
    pub body: Private<Vec<u8>>,
    /// Who asks.
    pub caller: Caller,
    /// API Gateway's id of this request.
    pub request_id: String,
}

impl Request {
    /// A path parameter; absent is the same as empty, since a route has them all.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", |value| value.expose().as_str())
    }

    /// A query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.expose().as_str())
    }

    /// The body as JSON of a known shape.
    ///
    /// # Errors
    /// 413 when too large, 400 when it is not JSON, 422 naming the field when it does not have the shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let bytes = self.body.expose();
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Problem::new(ProblemKind::TooLarge, "The body may have at most 1 MiB (1,048,576 bytes)."));
        }
        parse_json(bytes)
    }

    /// `?limit=`, from 1 to 100; 50 when not given.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.query("limit") {
            None => Ok(50),
            Some(text) => match text.parse() {
                Ok(limit) if (1..=100).contains(&limit) => Ok(limit),
                _ => Err(Problem::invalid_field("limit", "must be a whole number from 1 to 100")),
            },
        }
    }
}

/// Parses JSON in two steps, so that text that is no JSON and JSON of another shape are told apart.
///
/// # Errors
/// 400 or 422; neither repeats any of the text.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(ProblemKind::NotJson, format!("Line {}, column {}.", error.line(), error.column()))
    })?;
    shape_of(value, "")
}

/// Takes a JSON value as a known shape; errors name the field below `prefix`.
///
/// # Errors
/// 422 naming the field.
pub fn shape_of<T: DeserializeOwned>(value: serde_json::Value, prefix: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = match (prefix, path.as_str()) {
            ("", ".") => "body".to_owned(),
            ("", path) => path.to_owned(),
            (prefix, ".") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}.{path}"),
        };
        Problem::invalid(vec![field_error(&field, &error.into_inner().to_string())])
    })
}

/// Rust's names of types as a caller of a JSON API knows them.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not below 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// serde's words without the value in them: it quotes the offending text, which may be personal.
fn field_error(field: &str, message: &str) -> FieldError {
    let name = || message.split('`').nth(1).unwrap_or_default();
    let parent = if field == "body" { String::new() } else { format!("{field}.") };
    if message.starts_with("unknown field") {
        // The path of an unknown field ends at the field itself where the format tells, else at its parent.
        let path = if field.ends_with(name()) { field.to_owned() } else { format!("{parent}{}", name()) };
        FieldError::new(path, "is not a known field")
    } else if message.starts_with("missing field") {
        FieldError::new(format!("{parent}{}", name()), "is required")
    } else if let Some((_, expected)) = message.rsplit_once(", expected ") {
        // The last one: the value that stands before it may hold these words too.
        FieldError::new(field, format!("must be {}", in_json_words(expected)))
    } else if message.starts_with("must ") {
        FieldError::new(field, message)
    } else {
        FieldError::new(field, "is not valid")
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers beyond `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// `application/json`, `application/problem+json`, or what a browser is shown.
    pub content_type: &'static str,
    /// The body; empty for 204.
    pub body: Private<String>,
}

impl Response {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
        Self { status, headers: Vec::new(), content_type: "application/json", body: Private::new(text) }
    }

    /// A text of another kind.
    #[must_use]
    pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: Private::new(body.into()) }
    }

    /// 204.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), content_type: "application/json", body: Private::new(String::new()) }
    }

    /// A problem as an answer.
    #[must_use]
    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let mut response = Self::json(problem.kind.status(), &problem.to_json(request_id));
        response.content_type = "application/problem+json";
        if let Some(seconds) = problem.retry_after_seconds {
            response.headers.push(("Retry-After", seconds.to_string()));
        }
        response
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        name: String,
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        count: u32,
    }

    fn field_of(body: &str) -> (String, String) {
        let problem = parse_json::<Outer>(body.as_bytes()).unwrap_err();
        let error = problem.errors.into_iter().next().unwrap();
        (error.field, error.message)
    }

    #[test]
    fn a_wrong_shape_names_its_field_and_not_its_value() {
        assert_eq!(field_of(r#"{"name":"a"}"#), ("inner".into(), "is required".into()));
        assert_eq!(field_of(r#"{"name":"a","inner":{}}"#), ("inner.count".into(), "is required".into()));
        assert_eq!(
            field_of(r#"{"name":"a","inner":{"count":"secret"}}"#),
            ("inner.count".into(), "must be a whole number, not below 0".into())
        );
        assert_eq!(field_of(r#"{"x":1,"name":"a","inner":{"count":1}}"#), ("x".into(), "is not a known field".into()));
        let sly = r#"{"name":"a","inner":{"count":"x, expected secret"}}"#;
        assert_eq!(field_of(sly), ("inner.count".into(), "must be a whole number, not below 0".into()));
        let (field, message) = field_of(r#"{"name":"a","inner":{"count":1,"colour":2}}"#);
        assert_eq!((field.as_str(), message.as_str()), ("inner.colour", "is not a known field"));
        assert_eq!(field_of("[]").0, "body");
    }

    #[test]
    fn what_is_not_json_is_400_and_what_is_too_large_413() {
        assert_eq!(parse_json::<Outer>(b"{oops").unwrap_err().kind, ProblemKind::NotJson);
        let request = Request { body: Private::new(vec![b' '; MAX_BODY_BYTES + 1]), ..Request::default() };
        assert_eq!(request.json::<Outer>().unwrap_err().kind, ProblemKind::TooLarge);
    }

    #[test]
    fn scopes_belong_to_this_api() {
        let caller =
            Caller { id: "c".into(), is_subject: false, scopes: vec!["notifications/ops".into(), "other/send".into()] };
        assert!(caller.has_scope("ops") && !caller.has_scope("send"));
    }
}
