//! Errors as callers see them: RFC 9457 problem details.

use serde::Serialize;

/// One thing wrong with one field of a request. The message never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's path, such as `content.title` or `messages[3].to`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// Names a field and what is wrong with it.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The kinds of problem, each with a stable `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: the body is not JSON.
    NotJson,
    /// 403: the token names no caller.
    NoCaller,
    /// 404: there is no such thing, or it is another caller's.
    NotFound,
    /// 404: a signed token that this service did not make, or not for this.
    InvalidToken,
    /// 410: a signed token whose time is over.
    ExpiredToken,
    /// 409: the thing's present state does not allow this.
    Conflict,
    /// 409: the first request with this key is still running.
    IdempotencyInProgress,
    /// 412: `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed,
    /// 413: the body is larger than 1 MiB.
    TooLarge,
    /// 415: the body's content coding or charset is not read.
    UnsupportedMediaType,
    /// 422: a field.
    Invalid,
    /// 422: this key came with another body before.
    IdempotencyKeyReused,
    /// 500: our fault; nothing that trying again will mend by itself.
    Internal,
    /// 503: something we need is not answering; trying again will help.
    Unavailable,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::NotJson,
        Self::NoCaller,
        Self::NotFound,
        Self::InvalidToken,
        Self::ExpiredToken,
        Self::Conflict,
        Self::IdempotencyInProgress,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::IdempotencyKeyReused,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NotJson => 400,
            Self::NoCaller => 403,
            Self::NotFound | Self::InvalidToken => 404,
            Self::ExpiredToken => 410,
            Self::Conflict | Self::IdempotencyInProgress => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::IdempotencyKeyReused => 422,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The stable `type`, a URN since a company's own deployment has no documentation host.
    #[must_use]
    pub const fn type_uri(self) -> &'static str {
        match self {
            Self::NotJson => "urn:notifications:problem:not-json",
            Self::NoCaller => "urn:notifications:problem:no-caller",
            Self::NotFound => "urn:notifications:problem:not-found",
            Self::InvalidToken => "urn:notifications:problem:invalid-token",
            Self::ExpiredToken => "urn:notifications:problem:expired-token",
            Self::Conflict => "urn:notifications:problem:conflict",
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

    /// The stable `title`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotJson => "The body is not JSON",
            Self::NoCaller => "The token names no caller",
            Self::NotFound => "Not found",
            Self::InvalidToken => "This link is not one of ours",
            Self::ExpiredToken => "This link has expired",
            Self::Conflict => "The present state does not allow this",
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

/// A problem: what a request is answered with when it is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// What is wrong in this case, for a person.
    pub detail: String,
    /// The fields at fault, for [`ProblemKind::Invalid`].
    pub errors: Vec<FieldError>,
    /// When trying again makes sense, for the kinds where it does.
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None }
    }

    /// 422 for these fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>();
        Self { errors, ..Self::new(ProblemKind::Invalid, detail.join("; ")) }
    }

    /// 422 for one field.
    #[must_use]
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// 404.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("There is no such {what}."))
    }

    /// 503 with `Retry-After`.
    #[must_use]
    pub fn unavailable(retry_after_seconds: u32) -> Self {
        let retry_after_seconds = Some(retry_after_seconds);
        Self { retry_after_seconds, ..Self::new(ProblemKind::Unavailable, "A service we need did not answer in time.") }
    }

    /// The same, with a time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The `application/problem+json` body.
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
