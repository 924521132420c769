//! An HTTP request and its answer, free of whichever event carried them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::private::Private;
use crate::problem::{Problem, ProblemKind};
use crate::{json, rfc3339};

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
    /// `If-Match`, when given; API Gateway joins repeated headers with commas.
    pub if_match: Option<String>,
    /// `If-None-Match`, when given.
    pub if_none_match: Option<String>,
    /// `Content-Type`, when given.
    pub content_type: Option<String>,
    /// The body.
    pub body: Private<Vec<u8>>,
    /// Who asks.
    pub caller: Caller,
    /// The reason why the body cannot be read, where its headers name a content coding or charset that is not supported.
    pub unsupported_coding: Option<&'static str>,
    /// API Gateway's id of this request.
    pub request_id: String,
}

/// A number in digits alone, without a sign or a leading zero. A parameter that is given twice is none, since API Gateway
/// joins the two with a comma.
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The reason why a body with these headers is not read: a `Content-Encoding` (RFC 9110, 8.4), or a charset other than UTF-8.
#[must_use]
pub fn unsupported_coding(content_encoding: Option<&str>, content_type: Option<&str>) -> Option<&'static str> {
    let plain = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    if !content_encoding.unwrap_or_default().split(',').map(str::trim).all(plain) {
        return Some("A Content-Encoding is not supported: send the body as it is.");
    }
    let charset = content_type?.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })?;
    let is_read = ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
    (!is_read).then_some("The charset must be UTF-8.")
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
    /// 415 for a content coding or charset that is not read, 413 when too large, 400 when it is not JSON, 422 naming the field
    /// when it does not have the shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(self.readable_body()?)
    }

    /// The body as any JSON value.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_value(&self) -> Result<Value, Problem> {
        json::value(self.readable_body()?)
    }

    /// The elements of a body that is an object with one list; a value that cannot be held is its own element's problem.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_list(&self, name: &str) -> Result<Vec<Result<Value, Problem>>, Problem> {
        json::list(self.readable_body()?, name)
    }

    fn readable_body(&self) -> Result<&[u8], Problem> {
        if let Some(refusal) = self.unsupported_coding {
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, refusal));
        }
        let bytes = self.body.expose();
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Problem::new(ProblemKind::TooLarge, "The body may have at most 1 MiB (1,048,576 bytes)."));
        }
        Ok(bytes)
    }

    /// Refuses a query that has any other parameter than these.
    ///
    /// # Errors
    /// 422 naming the parameter, or `query` where its name is not fit to be repeated.
    pub fn only_parameters(&self, known: &[&str]) -> Result<(), Problem> {
        let Some(unknown) = self.query.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let is_plain = unknown.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && (1..=64).contains(&unknown.len());
        Err(Problem::invalid_field(if is_plain { unknown.as_str() } else { "query" }, "is not a known parameter"))
    }

    /// A query parameter that is a time; `None` when not given.
    ///
    /// # Errors
    /// 422 saying what is wrong with it.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let parse = |text: &str| rfc3339::parse(text).map_err(|wrong| Problem::invalid_field(name, wrong.to_string()));
        self.query(name).map(parse).transpose()
    }

    /// `?limit=`, from 1 to 100; 50 when not given.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.query("limit") {
            None => Ok(50),
            Some(text) => match whole_number(text).map(usize::try_from) {
                Some(Ok(limit)) if (1..=100).contains(&limit) => Ok(limit),
                _ => Err(Problem::invalid_field("limit", "must be a whole number from 1 to 100")),
            },
        }
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

    /// 304.
    #[must_use]
    pub fn not_modified() -> Self {
        Self { status: 304, ..Self::no_content() }
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
        let problem = json::parse::<Outer>(body.as_bytes()).unwrap_err();
        let error = problem.errors.into_iter().next().unwrap();
        (error.field, error.message)
    }

    #[test]
    fn a_wrong_shape_names_its_field_and_not_its_value() {
        assert_eq!(field_of(r#"{"name":"a"}"#), ("inner".into(), "is required".into()));
        assert_eq!(field_of(r#"{"name":"a","inner":{}}"#), ("inner.count".into(), "is required".into()));
        assert_eq!(
            field_of(r#"{"name":"a","inner":{"count":"secret"}}"#),
            ("inner.count".into(), "must be a whole number from 0 to 4,294,967,295".into())
        );
        assert_eq!(field_of(r#"{"x":1,"name":"a","inner":{"count":1}}"#), ("x".into(), "is not a known field".into()));
        let sly = r#"{"name":"a","inner":{"count":"x, expected secret"}}"#;
        assert_eq!(field_of(sly), ("inner.count".into(), "must be a whole number from 0 to 4,294,967,295".into()));
        let (field, message) = field_of(r#"{"name":"a","inner":{"count":1,"colour":2}}"#);
        assert_eq!((field.as_str(), message.as_str()), ("inner.colour", "is not a known field"));
        assert_eq!(field_of("[]").0, "body");
    }

    #[test]
    fn what_is_not_json_is_400_and_what_is_too_large_413() {
        assert_eq!(json::parse::<Outer>(b"{oops").unwrap_err().kind, ProblemKind::NotJson);
        let request = Request { body: Private::new(vec![b' '; MAX_BODY_BYTES + 1]), ..Request::default() };
        assert_eq!(request.json::<Outer>().unwrap_err().kind, ProblemKind::TooLarge);
    }

    #[test]
    fn a_body_is_read_as_it_is_and_as_utf_8_alone() {
        let refused = |encoding, kind| unsupported_coding(encoding, kind).is_some();
        for encoding in ["gzip", "br", "identity, gzip", "deflate", "x-unknown"] {
            assert!(refused(Some(encoding), None), "{encoding}");
        }
        for kind in
            ["application/json; charset=utf-16", "text/plain;charset=\"ISO-8859-1\"", "a/b; x=y; CHARSET = koi8-r"]
        {
            assert!(refused(None, Some(kind)), "{kind}");
        }
        for kind in ["application/json", "text/plain;charset=UTF-8", "application/json; charset=\"utf-8\"", "a/b; x=y"]
        {
            assert!(!refused(Some("identity"), Some(kind)), "{kind}");
        }
        assert!(!refused(Some(""), None) && !refused(None, None));
        let gzip = Request { unsupported_coding: unsupported_coding(Some("gzip"), None), ..Request::default() };
        assert_eq!(gzip.json::<Outer>().unwrap_err().kind.status(), 415);
    }

    #[test]
    fn only_the_named_parameters_are_taken() {
        let with = |name: &str, value: &str| Request {
            query: [(name.to_owned(), Private::new(value.to_owned()))].into(),
            ..Request::default()
        };
        assert!(with("limit", "5").only_parameters(&["limit"]).is_ok());
        for name in ["Limit", "page", "cursor", "limit[]"] {
            assert!(with(name, "1").only_parameters(&["limit"]).is_err(), "{name}");
        }
        for name in ["a@b.example", ""] {
            assert_eq!(with(name, "1").only_parameters(&[]).unwrap_err().errors[0].field, "query");
        }
        for text in ["0", "101", "", "+5", "05", "5,5", " 5", "1e1", "x"] {
            assert!(with("limit", text).limit().is_err(), "{text}");
        }
        assert_eq!(with("limit", "100").limit().unwrap(), 100);
    }

    #[test]
    fn scopes_belong_to_this_api() {
        let caller =
            Caller { id: "c".into(), is_subject: false, scopes: vec!["notifications/ops".into(), "other/send".into()] };
        assert!(caller.has_scope("ops") && !caller.has_scope("send"));
    }
}
