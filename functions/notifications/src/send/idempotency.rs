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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;

    use super::*;
    use crate::http::Caller;
    use crate::notification::sample;
    use crate::private::Private;

    fn now() -> Timestamp {
        "2026-11-23T10:00:00Z".parse().unwrap()
    }

    fn request(caller: &str, route: &str, key: &str, body: &str) -> Request {
        Request {
            route: route.to_owned(),
            idempotency_key: Some(Private::new(key.to_owned())),
            body: Private::new(body.as_bytes().to_vec()),
            caller: Caller { id: caller.to_owned(), ..Caller::default() },
            ..Request::default()
        }
    }

    fn key(caller: &str, route: &str, key: &str, body: &str) -> IdempotencyKey {
        IdempotencyKey::of(&request(caller, route, key, body), &KeyHasher::new(&[7; 32])).unwrap().unwrap()
    }

    fn record(body: &str) -> IdempotencyRecord {
        IdempotencyRecord {
            body: body.to_owned(),
            first_seen: now(),
            running_until: now() + SignedDuration::from_secs(34),
        }
    }

    fn repeat(body: &str, stored: Vec<Notification>, expected: usize, after_seconds: i64) -> Repeat {
        let key = IdempotencyKey { record: "r".to_owned(), body: "b".to_owned() };
        on_repeat(&key, &record(body), stored, expected, now() + SignedDuration::from_secs(after_seconds))
    }

    fn in_state(status: Status) -> Notification {
        let mut notification = sample("DEFAULT", now());
        notification.status = status;
        notification
    }

    fn status_of(repeat: Repeat) -> u16 {
        match repeat {
            Repeat::Refuse(problem) => problem.kind.status(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn keys_are_separate_per_caller_and_route_and_name_nobody() {
        let mine = key("a", "POST /v1/notifications", "k", "{}");
        assert_eq!(mine, key("a", "POST /v1/notifications", "k", "{}"));
        assert_ne!(mine.record, key("b", "POST /v1/notifications", "k", "{}").record);
        assert_ne!(mine.record, key("a", "POST /v1/notifications/batch", "k", "{}").record);
        assert_ne!(mine.body, key("a", "POST /v1/notifications", "k", "{} ").body);
    }

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        for bad in ["", "a\u{7}", &"x".repeat(256)] {
            let refused = IdempotencyKey::of(&request("a", "r", bad, ""), &KeyHasher::new(&[7; 32])).unwrap_err();
            assert_eq!(refused.errors[0].field, "Idempotency-Key");
        }
    }

    #[test]
    fn the_same_request_is_answered_with_the_first_ones_state() {
        assert!(matches!(repeat("b", vec![in_state(Status::Accepted)], 1, 1), Repeat::Replay(_)));
        assert!(matches!(repeat("b", vec![in_state(Status::Cascading)], 1, 1), Repeat::Replay(_)));
    }

    #[test]
    fn another_body_is_422_and_a_running_request_409_with_a_time() {
        assert_eq!(status_of(repeat("other", Vec::new(), 0, 1)), 422);
        assert_eq!(status_of(repeat("b", Vec::new(), 1, 1)), 409);
        match repeat("b", vec![in_state(Status::Sending)], 1, 4) {
            Repeat::Refuse(problem) => assert_eq!(problem.retry_after_seconds, Some(30)),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn what_a_dead_request_left_undone_is_taken_over() {
        assert_eq!(repeat("b", Vec::new(), 1, 34), Repeat::TakeOver);
        assert!(matches!(repeat("b", vec![in_state(Status::Sending)], 1, 34), Repeat::Replay(_)));
    }
}
