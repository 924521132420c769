//! Answers of the API.

use platform::http::{Request, Response};
use serde_json::{Value, json};

use super::conformance::assert_conforms;

/// A response of the API, with its body parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl ApiResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// `channel:outcome` of every attempt, in order.
    pub fn attempts(&self) -> Vec<String> {
        let attempts = self.body["attempts"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        attempts.iter().map(|one| format!("{}:{}", text(&one["channel"]), text(&one["outcome"]))).collect()
    }

    /// The fields that a problem names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }
}

/// Parses a response after checking that the contract allows it.
pub(crate) fn answered(request: &Request, response: Response) -> ApiResponse {
    assert_conforms(request, &response);
    // A body that is not JSON is a page.
    let text = response.body.expose();
    let body = serde_json::from_str(text).unwrap_or_else(|_| if text.is_empty() { Value::Null } else { json!(text) });
    ApiResponse { status: response.status, headers: response.headers, body }
}
