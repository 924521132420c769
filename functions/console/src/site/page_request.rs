//! Request of a page, from an event of API Gateway's HTTP API (payload format 2.0).
//!
//! The console reads the raw query, the cookies and the headers of the browser, which the API's routes do not need.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::api_call::encoded;
use platform::form;
use platform::private::Private;

/// Maximum size of a form in bytes. The largest one is a template with all its locales.
const MAX_FORM_BYTES: usize = 1024 * 1024;

/// Parameter of the route of all other paths, which `/console/` takes too.
const OTHER_PATH: &str = "proxy";

/// Fields of a form or of a query, in order. Their values are masked in logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Private<String>)>);

impl Fields {
    /// Parses `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(form::fields(text).into_iter().map(|(name, value)| (name, Private::new(value))).collect())
    }

    /// Returns the first value of a field, without white space around it. A missing field returns the empty text.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Returns the first value of a field as it was entered.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.expose().as_str())
    }

    /// Returns the first value of a field; `None` if it is missing or blank.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// Returns all values of a field, such as those of ticked checkboxes.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.trim()).collect()
    }

    /// Returns `true` if a checkbox is ticked.
    #[must_use]
    pub fn is_ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// Returns the names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }
}

/// Request of a page or of a file.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// `true` if the form is larger than a page accepts.
    pub is_too_large: bool,
    /// Route, such as `GET /console/{page}`. Logs may contain it.
    pub route: String,
    /// Name of the page below `/console`; empty for the overview.
    pub page: String,
    /// Name of a file below `/console/assets`.
    pub file: Option<String>,
    /// `true` for POST.
    pub is_post: bool,
    /// Query.
    pub query: Fields,
    /// Form.
    pub form: Fields,
    /// Cookies.
    pub cookies: BTreeMap<String, Private<String>>,
    /// `Origin`: the origin of the page that sent the form.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`: the relation of that page to the console.
    pub fetch_site: Option<String>,
    /// `true` if the browser accepts Brotli (RFC 7932).
    pub accepts_brotli: bool,
    /// API Gateway's id of this request.
    pub request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    route_key: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: RequestContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(default)]
    request_id: String,
}

/// Returns `true` if an event is a request of the console's pages, not of the API.
#[must_use]
pub fn is_page_event(event: &Value) -> bool {
    let route = event.get("routeKey").and_then(Value::as_str).unwrap_or_default();
    route.split_once(' ').is_some_and(|(_, path)| path == "/console" || path.starts_with("/console/"))
}

impl PageRequest {
    /// Reads an event; `None` if it has another shape.
    #[must_use]
    pub fn of_event(event: Value) -> Option<Self> {
        let event: Event = serde_json::from_value(event).ok()?;
        let header = |wanted: &str| {
            event.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
        };
        let body = event.body.as_deref().unwrap_or_default();
        let body = if event.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.as_bytes().to_vec() };
        // API Gateway moves the cookies to a list of their own; a local one leaves them in the header.
        let cookies = event.cookies.iter().cloned().chain(header("cookie")).collect::<Vec<_>>();
        let parameters = event.path_parameters.unwrap_or_default();
        Some(Self {
            is_post: event.route_key.starts_with("POST "),
            page: parameters
                .get("page")
                .or(parameters.get(OTHER_PATH))
                .map(|page| page.trim_matches('/').to_owned())
                .unwrap_or_default(),
            file: parameters.get("file").cloned(),
            query: Fields::parse(event.raw_query_string.as_bytes()),
            form: Fields::parse(&body),
            is_too_large: body.len() > MAX_FORM_BYTES,
            cookies: cookies.iter().flat_map(|text| text.split(';')).filter_map(cookie).collect(),
            origin: header("origin"),
            fetch_site: header("sec-fetch-site"),
            accepts_brotli: header("accept-encoding").is_some_and(|codings| codings.contains("br")),
            request_id: event.request_context.request_id,
            route: event.route_key,
        })
    }

    /// Returns `true` if a page of this origin sent the form. Browsers without `Sec-Fetch-Site` send `Origin`.
    #[must_use]
    pub fn is_from(&self, origin: &str) -> bool {
        match (self.fetch_site.as_deref(), self.origin.as_deref()) {
            (Some(site), _) => site == "same-origin",
            (None, Some(sender)) => !origin.is_empty() && sender == origin,
            (None, None) => false,
        }
    }

    /// Returns the page with its query, below the console's address.
    #[must_use]
    pub fn address(&self) -> String {
        let pairs: Vec<_> =
            self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        if pairs.is_empty() { self.page.clone() } else { format!("{}?{}", self.page, pairs.join("&")) }
    }

    /// Returns a cookie's value; the empty text if it is missing.
    #[must_use]
    pub fn cookie(&self, name: &str) -> &str {
        self.cookies.get(name).map_or("", |value| value.expose().as_str())
    }
}

fn cookie(text: &str) -> Option<(String, Private<String>)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_owned(), Private::new(value.trim().to_owned())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "routeKey": "POST /console/{page}",
            "rawQueryString": "id=a%2Cb%20c&zone=utc",
            "cookies": ["one=1", "two=2; three=3"],
            "headers": {"Origin": "https://x.example", "sec-fetch-site": "same-origin", "accept-encoding": "gzip, br"},
            "pathParameters": {"page": "recipient"},
            "body": "YWN0aW9uPWVyYXNlJm5vdGU9KzElQzMlQTgr",
            "isBase64Encoded": true,
            "requestContext": {"requestId": "r-1"},
        })
    }

    #[test]
    fn an_event_gives_query_form_and_cookies() {
        let request = PageRequest::of_event(event()).unwrap();
        assert_eq!((request.page.as_str(), request.is_post, request.request_id.as_str()), ("recipient", true, "r-1"));
        assert_eq!((request.query.get("id"), request.query.get("zone")), ("a,b c", "utc"));
        assert_eq!((request.form.get("action"), request.form.get("note")), ("erase", "1è"));
        assert_eq!((request.cookie("one"), request.cookie("three"), request.cookie("four")), ("1", "3", ""));
        assert!(request.accepts_brotli);
        assert!(!format!("{request:?}").contains("erase"), "values of forms are masked");
    }

    #[test]
    fn a_slash_at_the_end_leads_to_the_same_page() {
        for (name, path, page) in
            [("proxy", "", ""), ("proxy", "/", ""), ("page", "send", "send"), ("proxy", "a/b", "a/b")]
        {
            let mut event = event();
            event["pathParameters"] = json!({name: path});
            assert_eq!(PageRequest::of_event(event).unwrap().page, page, "{path}");
        }
    }

    #[test]
    fn a_form_that_is_too_large_is_marked() {
        let mut event = event();
        event["isBase64Encoded"] = json!(false);
        for (length, is_too_large) in [(MAX_FORM_BYTES, false), (MAX_FORM_BYTES + 1, true)] {
            event["body"] = json!("a".repeat(length));
            assert_eq!(PageRequest::of_event(event.clone()).unwrap().is_too_large, is_too_large, "{length}");
        }
    }

    #[test]
    fn only_routes_of_the_console_are_pages() {
        for (route, is_page) in [
            ("GET /console", true),
            ("GET /console/assets/{file}", true),
            ("POST /console/{page}", true),
            ("GET /v1/health", false),
            ("GET /consoles", false),
        ] {
            assert_eq!(is_page_event(&json!({"routeKey": route})), is_page, "{route}");
        }
        assert!(!is_page_event(&json!({"task": "x"})));
    }
}
