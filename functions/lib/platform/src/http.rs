//! HTTP request and response, independent of the event that carries them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::caller::{Author, Caller};
use crate::private::Private;
use crate::problem::{Problem, ProblemKind};
use crate::{json, rfc3339};

/// Maximum size of a body.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Request in which all personal data is masked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method and route template, such as `GET /v1/notifications/{id}`. Logs may contain it.
    pub route: String,
    /// Path parameters, percent-decoded.
    pub path: BTreeMap<String, Private<String>>,
    /// Query parameters, decoded. API Gateway joins the values of a repeated parameter with commas.
    pub query: BTreeMap<String, Private<String>>,
    /// `true` if a browser prefetches the page (`Sec-Purpose: prefetch`) without an action of its user.
    pub is_prefetch: bool,
    /// Value of `Idempotency-Key`, if present.
    pub idempotency_key: Option<Private<String>>,
    /// Value of `If-Match`, if present. API Gateway joins repeated headers with commas.
    pub if_match: Option<String>,
    /// Value of `If-None-Match`, if present.
    pub if_none_match: Option<String>,
    /// Value of `Content-Type`, if present.
    pub content_type: Option<String>,
    /// Body.
    pub body: Private<Vec<u8>>,
    /// Caller.
    pub caller: Caller,
    /// Reason for which the body is not read: its headers name a content coding or charset that is not supported.
    pub unsupported_coding: Option<&'static str>,
    /// API Gateway's id of this request.
    pub request_id: String,
}

/// Maximum length of an idempotency key, in characters.
const MAX_KEY_CHARS: usize = 255;

impl Request {
    /// Returns the idempotency key, if the request has one.
    ///
    /// # Errors
    /// 422 if it is not 1 to 255 printable characters.
    pub fn valid_idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let Some(key) = self.idempotency_key.as_ref().map(Private::expose) else { return Ok(None) };
        let chars = key.chars().count();
        if chars == 0 || chars > MAX_KEY_CHARS || key.chars().any(char::is_control) {
            return Err(Problem::invalid_field("Idempotency-Key", "must be 1 to 255 printable characters"));
        }
        Ok(Some(key))
    }
}

/// Parses a number of digits only, without a sign or a leading zero. A parameter that is given twice is refused,
/// because API Gateway joins the values with a comma.
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Returns the reason for which a body with these headers is not read: a `Content-Encoding` (RFC 9110, 8.4), or a
/// charset other than UTF-8.
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
    /// Returns the caller as the author of an audited change.
    ///
    /// # Errors
    /// 403 if the token names no client.
    pub fn author(&self) -> Result<Author, Problem> {
        if self.caller.id.is_empty() {
            return Err(Problem::new(ProblemKind::NoCaller, "The token names no client, and the audit requires one."));
        }
        Ok(Author::of(&self.caller))
    }

    /// Returns a path parameter. A missing parameter returns the empty string, because every parameter of a route is
    /// present.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", |value| value.expose().as_str())
    }

    /// Returns a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.expose().as_str())
    }

    /// Returns a query parameter that is `true` or `false`; `false` if it is missing.
    ///
    /// # Errors
    /// 422 for any other value.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid_field(name, "must be true or false")),
        }
    }

    /// Parses the body as JSON of type `T`.
    ///
    /// # Errors
    /// 415 for a content coding or charset that is not supported. 413 if the body is too large. 400 if it is not
    /// JSON. 422 with the field's name if it does not have the structure of `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(self.readable_body()?)
    }

    /// Parses the body as any JSON value.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_value(&self) -> Result<Value, Problem> {
        json::value(self.readable_body()?)
    }

    /// Returns the elements of a body that is an object with one list. An invalid value causes a problem for its own
    /// element only.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_list(&self, name: &str) -> Result<json::Elements, Problem> {
        json::list(self.readable_body()?, name)
    }

    /// Returns the other fields of a body that is an object with the list `name`, and the list's elements or its
    /// problem. An invalid value causes a problem for its own element only.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_list_among(&self, name: &str) -> Result<(Value, Result<json::Elements, Problem>), Problem> {
        json::list_among(self.readable_body()?, name)
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

    /// Refuses a query with any parameter other than these.
    ///
    /// # Errors
    /// 422 with the parameter's name, or with `query` if the name must not be repeated.
    pub fn only_parameters(&self, known: &[&str]) -> Result<(), Problem> {
        let Some(unknown) = self.query.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let is_plain = unknown.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && (1..=64).contains(&unknown.len());
        Err(Problem::invalid_field(if is_plain { unknown.as_str() } else { "query" }, "is not a known parameter"))
    }

    /// Returns a query parameter that is a time; `None` if it is missing.
    ///
    /// # Errors
    /// 422 with the reason.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let parse = |text: &str| rfc3339::parse(text).map_err(|wrong| Problem::invalid_field(name, wrong.to_string()));
        self.query(name).map(parse).transpose()
    }

    /// Returns `?limit=`, from 1 to 100; 50 if it is missing.
    ///
    /// # Errors
    /// 422 for any other value.
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

/// Response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers other than `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// `application/json`, `application/problem+json`, or the type of a page or file for browsers.
    pub content_type: &'static str,
    /// Body; empty for 204 and 304.
    pub body: Private<String>,
}

impl Response {
    /// Creates a JSON response.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
        Self { status, headers: Vec::new(), content_type: "application/json", body: Private::new(text) }
    }

    /// Creates a response with text of another content type.
    #[must_use]
    pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: Private::new(body.into()) }
    }

    /// Creates a 204.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), content_type: "application/json", body: Private::new(String::new()) }
    }

    /// Creates a 304.
    #[must_use]
    pub fn not_modified() -> Self {
        Self { status: 304, ..Self::no_content() }
    }

    /// Creates the response for a problem.
    #[must_use]
    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let mut response = Self::json(problem.kind.status(), &problem.to_json(request_id));
        response.content_type = "application/problem+json";
        if let Some(seconds) = problem.retry_after_seconds {
            response.headers.push(("Retry-After", seconds.to_string()));
        }
        response
    }

    /// Adds the `ETag`. `tag` has no quotes.
    #[must_use]
    pub fn with_entity_tag(self, tag: &str) -> Self {
        self.with_header("ETag", format!("\"{tag}\""))
    }

    /// Adds a header.
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
}
