//! Errors in the form that callers receive: RFC 9457 problem details.

use serde::Serialize;

/// Time after which a client repeats a request that a required service did not answer.
pub const SERVICE_RETRY_SECONDS: u32 = 2;

/// Error in one field of a request. The message never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Path of the field, such as `content.title` or `messages[3].to`.
    pub field: String,
    /// Requirement that the field does not meet.
    pub message: String,
}

impl FieldError {
    /// Creates an error for a field.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Kinds of problem, each with a stable `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: the body is not JSON.
    NotJson,
    /// 403: the token contains no caller.
    NoCaller,
    /// 404: the resource does not exist, or belongs to another caller.
    NotFound,
    /// 404: this service did not sign the token, or signed it for another purpose.
    InvalidToken,
    /// 410: the signed token has expired.
    ExpiredToken,
    /// 409: the resource's current state does not allow the request.
    Conflict,
    /// 409: the version of a template refuses messages that the live one accepts.
    BreakingChange,
    /// 409: what was approved has changed since.
    ApprovalStale,
    /// 409: the time after which no message is sent has passed.
    TooLate,
    /// 409: the first request with this idempotency key is still in progress.
    IdempotencyInProgress,
    /// 412: the condition of `If-Match` or `If-None-Match` is not met.
    PreconditionFailed,
    /// 413: the body is larger than 1 MiB.
    TooLarge,
    /// 415: the body's content coding or charset is not supported.
    UnsupportedMediaType,
    /// 422: a field is not valid.
    Invalid,
    /// 422: the idempotency key was used with another body before.
    IdempotencyKeyReused,
    /// 500: an error of the service that a retry does not resolve.
    Internal,
    /// 503: a required service does not answer; a retry may succeed.
    Unavailable,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::NotJson,
        Self::NoCaller,
        Self::NotFound,
        Self::InvalidToken,
        Self::ExpiredToken,
        Self::Conflict,
        Self::BreakingChange,
        Self::ApprovalStale,
        Self::TooLate,
        Self::IdempotencyInProgress,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::IdempotencyKeyReused,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NotJson => 400,
            Self::NoCaller => 403,
            Self::NotFound | Self::InvalidToken => 404,
            Self::ExpiredToken => 410,
            Self::Conflict
            | Self::BreakingChange
            | Self::ApprovalStale
            | Self::TooLate
            | Self::IdempotencyInProgress => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::IdempotencyKeyReused => 422,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Returns the stable `type`. It is a URN, because a company's own deployment has no host for documentation.
    #[must_use]
    pub const fn type_uri(self) -> &'static str {
        match self {
            Self::NotJson => "urn:notifications:problem:not-json",
            Self::NoCaller => "urn:notifications:problem:no-caller",
            Self::NotFound => "urn:notifications:problem:not-found",
            Self::InvalidToken => "urn:notifications:problem:invalid-token",
            Self::ExpiredToken => "urn:notifications:problem:expired-token",
            Self::Conflict => "urn:notifications:problem:conflict",
            Self::BreakingChange => "urn:notifications:problem:breaking-change",
            Self::ApprovalStale => "urn:notifications:problem:approval-stale",
            Self::TooLate => "urn:notifications:problem:too-late",
            Self::IdempotencyInProgress => "urn:notifications:problem:idempotency-in-progress",
            Self::PreconditionFailed => "urn:notifications:problem:precondition-failed",
            Self::TooLarge => "urn:notifications:problem:too-large",
            Self::UnsupportedMediaType => "urn:notifications:problem:unsupported-media-type",
            Self::Invalid => "urn:notifications:problem:invalid",
            Self::IdempotencyKeyReused => "urn:notifications:problem:idempotency-key-reused",
            Self::Internal => "urn:notifications:problem:internal",
            Self::Unavailable => "urn:notifications:problem:unavailable",
        }
    }

    /// Returns the stable `title`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotJson => "The body is not JSON",
            Self::NoCaller => "The token names no caller",
            Self::NotFound => "Not found",
            Self::InvalidToken => "This link is not one of ours",
            Self::ExpiredToken => "This link has expired",
            Self::Conflict => "The present state does not allow this",
            Self::BreakingChange => "The version would refuse messages that are accepted now",
            Self::ApprovalStale => "What was approved has changed",
            Self::TooLate => "The time for this has passed",
            Self::IdempotencyInProgress => "The first request with this key is still running",
            Self::PreconditionFailed => "The condition of the request does not hold",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body's coding is not supported",
            Self::Invalid => "A field is not valid",
            Self::IdempotencyKeyReused => "This key was used with another body",
            Self::Internal => "Something went wrong here",
            Self::Unavailable => "Please try again shortly",
        }
    }
}

/// Problem: the content of an error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Kind of the problem.
    pub kind: ProblemKind,
    /// Explanation of this case for people.
    pub detail: String,
    /// Fields with errors, for [`ProblemKind::Invalid`].
    pub errors: Vec<FieldError>,
    /// Time after which a retry makes sense, in seconds, for the kinds that allow one.
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// Creates a problem of a kind.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None }
    }

    /// Creates a 422 for these fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>();
        Self { errors, ..Self::new(ProblemKind::Invalid, detail.join("; ")) }
    }

    /// Creates a 422 for one field.
    #[must_use]
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// Creates a 422 for the parameter `after` of a list.
    #[must_use]
    pub fn invalid_cursor() -> Self {
        Self::invalid_field("after", "must be the value of `next` in an earlier response of this list")
    }

    /// Names the fields as parts of `path`. The field `body` becomes `path` itself.
    #[must_use]
    pub fn below(self, path: &str) -> Self {
        if self.errors.is_empty() {
            return self;
        }
        let moved = self.errors.into_iter().map(|error| match error.field.as_str() {
            "body" => FieldError { field: path.to_owned(), ..error },
            field => FieldError { field: format!("{path}.{field}"), ..error },
        });
        Self { kind: self.kind, ..Self::invalid(moved.collect()) }
    }

    /// Creates a 404.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("There is no such {what}."))
    }

    /// Creates a 503 with the `Retry-After` of [`SERVICE_RETRY_SECONDS`].
    #[must_use]
    pub fn service_unavailable() -> Self {
        Self::unavailable(SERVICE_RETRY_SECONDS)
    }

    /// Creates a 503 with `Retry-After`.
    #[must_use]
    pub fn unavailable(retry_after_seconds: u32) -> Self {
        let retry_after_seconds = Some(retry_after_seconds);
        let detail = "A required service did not answer in time. Retry later.";
        Self { retry_after_seconds, ..Self::new(ProblemKind::Unavailable, detail) }
    }

    /// Sets the time after which a retry makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Returns the `application/problem+json` body.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> serde_json::Value {
        let mut json = serde_json::json!({
            "type": self.kind.type_uri(),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
            "request_id": request_id,
        });
        if !self.errors.is_empty() {
            json["errors"] = serde_json::json!(self.errors);
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validation_problem_names_every_field() {
        let problem =
            Problem::invalid(vec![FieldError::new("to", "is required"), FieldError::new("type", "is unknown")]);
        assert_eq!(
            problem.to_json("r-1"),
            serde_json::json!({
                "type": "urn:notifications:problem:invalid",
                "title": "A field is not valid",
                "status": 422,
                "detail": "to: is required; type: is unknown",
                "request_id": "r-1",
                "errors": [
                    {"field": "to", "message": "is required"},
                    {"field": "type", "message": "is unknown"},
                ],
            })
        );
    }
}
