//! The same key and the same body are the same request, however often it comes (IETF draft
//! "The Idempotency-Key HTTP Header Field").
//!
//! A record holds the hash of the body and the moment it first came. Every notification's id is derived from both, so
//! a second run of a request meets what the first one stored instead of doing it again.

use jiff::Timestamp;

use super::service::in_progress;
use crate::http::Request;
use crate::notification::{Notification, Status};
use crate::problem::{Problem, ProblemKind};
use crate::recipients::KeyHasher;
use crate::store::IdempotencyRecord;

/// The most characters a key may have.
const MAX_CHARS: usize = 255;

/// A request's key, as the control table names it: separate per caller and route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The record's key.
    pub record: String,
    /// Hash of the body.
    pub body: String,
}

impl IdempotencyKey {
    /// The key of a request that has one.
    ///
    /// # Errors
    /// 422 when it is not 1 to 255 printable characters.
    pub fn of(request: &Request, hasher: &KeyHasher) -> Result<Option<Self>, Problem> {
        let Some(key) = request.idempotency_key.as_ref().map(crate::private::Private::expose) else {
            return Ok(None);
        };
        let chars = key.chars().count();
        if chars == 0 || chars > MAX_CHARS || key.chars().any(char::is_control) {
            return Err(Problem::invalid_field("Idempotency-Key", "must be 1 to 255 printable characters"));
        }
        let scope = format!("{}\n{}\n{key}", request.caller.id, request.route);
        let body = hasher.keyed_bytes("idempotency-body", request.body.expose());
        Ok(Some(Self { record: format!("idempotency#{}", hasher.keyed("idempotency", &scope)), body }))
    }
}

/// What to do with a request whose key is known.
#[derive(Debug, PartialEq)]
pub enum Repeat {
    /// Answer with these, as they stand now.
    Replay(Vec<Notification>),
    /// The first one died before it was done: do what is missing.
    TakeOver,
    /// It is not to be done.
    Refuse(Problem),
}

/// Decides about a repeated request from the record and what is stored of its `expected` notifications.
#[must_use]
pub fn on_repeat(
    key: &IdempotencyKey,
    record: &IdempotencyRecord,
    stored: Vec<Notification>,
    expected: usize,
    now: Timestamp,
) -> Repeat {
    if record.body != key.body {
        let detail = "Idempotency-Key was used with another body in the last 24 hours.";
        return Repeat::Refuse(Problem::new(ProblemKind::IdempotencyKeyReused, detail));
    }
    let is_complete = stored.len() == expected;
    let at_work = stored.iter().any(|notification| notification.status == Status::Sending);
    let may_still_run = now < record.running_until;
    match (is_complete, at_work) {
        (true, false) => Repeat::Replay(stored),
        _ if may_still_run => {
            let left = record.running_until.duration_since(now).as_secs();
            Repeat::Refuse(in_progress(u32::try_from(left.clamp(1, 60)).unwrap_or(1)))
        }
        (true, true) => Repeat::Replay(stored),
        (false, _) => Repeat::TakeOver,
    }
}
