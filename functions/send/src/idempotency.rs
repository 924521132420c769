//! Idempotency keys: the same key with the same body is the same request, however often it arrives. Source: IETF draft
//! "The Idempotency-Key HTTP Header Field".
//!
//! A record stores the hash of the body and the time of the first request. Every notification id is derived from the
//! record's key and that time. Therefore a second run finds the items of the first run instead of creating new ones.

use jiff::Timestamp;

use domain::notification::{Notification, Status};
use domain::recipient::KeyHasher;
use platform::http::Request;
use platform::problem::{Problem, ProblemKind};
use store::IdempotencyRecord;

/// Maximum `Retry-After` for a request in progress, in seconds. Most requests finish sooner, and a crashed one is taken
/// over soon after its lease ends.
const LONGEST_WAIT_SECONDS: i64 = 5;

/// The idempotency key of a request as stored in the control table, separate per caller and route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Key of the record.
    pub record: String,
    /// Keyed hash of the body.
    pub body: String,
}

impl IdempotencyKey {
    /// Returns the key of the request, or `None` if the request has none.
    ///
    /// # Errors
    /// 422 when the key is not 1 to 255 printable characters.
    pub fn of(request: &Request, hasher: &KeyHasher) -> Result<Option<Self>, Problem> {
        let Some(key) = request.valid_idempotency_key()? else { return Ok(None) };
        let scope = format!("{}\n{}\n{key}", request.caller.id, request.route);
        let body = hasher.keyed_bytes("idempotency-body", request.body.expose());
        Ok(Some(Self { record: format!("idempotency#{}", hasher.keyed("idempotency", &scope)), body }))
    }
}

/// Decision about a request whose key is already stored.
#[derive(Debug, PartialEq)]
pub enum Repeat {
    /// Respond with these notifications in their present state.
    Replay(Vec<Notification>),
    /// The first run crashed before it was complete: do the missing part.
    TakeOver,
    /// Refuse the request with this problem.
    Refuse(Problem),
}

/// Decides about a repeated request from its record and those of its `expected` notifications that are stored.
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
    if is_complete && !stored.iter().any(|notification| is_leased_by(record, notification)) {
        return Repeat::Replay(stored);
    }
    if now < record.running_until {
        let left = record.running_until.duration_since(now).as_secs();
        return Repeat::Refuse(in_progress(u32::try_from(left.clamp(1, LONGEST_WAIT_SECONDS)).unwrap_or(1)));
    }
    if is_complete { Repeat::Replay(stored) } else { Repeat::TakeOver }
}

/// Returns true if the run that owns the record may still be working on this notification. The run's leases end when
/// the run ends. A notification that the run did not reach is due at once. A lease of the cascade function ends at
/// another time.
fn is_leased_by(record: &IdempotencyRecord, notification: &Notification) -> bool {
    notification.status() == Status::Sending && notification.next_action_at() == Some(record.running_until)
}

/// Returns the 409 for a request whose first run is still in progress.
pub fn in_progress(retry_after_seconds: u32) -> Problem {
    Problem::new(ProblemKind::IdempotencyInProgress, "The first request with this key is still running. Retry later.")
        .retry_after(retry_after_seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use domain::notification::sample;
    use platform::caller::Caller;
    use platform::private::Private;

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
        notification.parts_mut().status = status;
        notification
    }

    fn status_of(repeat: Repeat) -> u16 {
        match repeat {
            Repeat::Refuse(problem) => problem.kind.status(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn keys_are_separate_per_caller_and_route_and_contain_no_id() {
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

    /// Returns a notification under a lease that ends `after_seconds` after the first request with the key.
    fn leased_until(after_seconds: i64) -> Notification {
        let mut notification = sample("DEFAULT", now());
        notification.lease(now() + SignedDuration::from_secs(after_seconds), now());
        notification
    }

    #[test]
    fn another_body_is_422_and_a_running_request_409_with_a_time() {
        assert_eq!(status_of(repeat("other", Vec::new(), 0, 1)), 422);
        assert_eq!(status_of(repeat("b", Vec::new(), 1, 1)), 409);
        for (after_seconds, wait_seconds) in [(4, 5), (31, 3)] {
            match repeat("b", vec![leased_until(34)], 1, after_seconds) {
                Repeat::Refuse(problem) => assert_eq!(problem.retry_after_seconds, Some(wait_seconds)),
                other => panic!("not refused: {other:?}"),
            }
        }
    }

    #[test]
    fn what_the_first_one_did_not_reach_or_cascade_took_up_is_not_waited_for() {
        assert!(matches!(repeat("b", vec![in_state(Status::Accepted), leased_until(0)], 2, 1), Repeat::Replay(_)));
        assert!(matches!(repeat("b", vec![in_state(Status::Accepted), leased_until(65)], 2, 1), Repeat::Replay(_)));
        assert_eq!(status_of(repeat("b", vec![leased_until(0), leased_until(34)], 2, 1)), 409);
        assert_eq!(status_of(repeat("b", vec![leased_until(0)], 2, 1)), 409, "one is not stored yet");
    }

    #[test]
    fn what_a_dead_request_left_undone_is_taken_over() {
        assert_eq!(repeat("b", Vec::new(), 1, 34), Repeat::TakeOver);
        assert!(matches!(repeat("b", vec![leased_until(34)], 1, 34), Repeat::Replay(_)));
    }

    fn any_notification() -> impl Strategy<Value = Notification> {
        let resting = proptest::sample::select(Status::ALL.to_vec()).prop_map(in_state);
        prop_oneof![resting, Just(leased_until(0)), Just(leased_until(34)), Just(leased_until(65))]
    }

    proptest! {
        /// For any stored state and any time of the repetition: nothing runs twice while the first run may be alive. A
        /// request whose notifications are all stored is never run again. After the end of the first run, no repetition
        /// gets a 409.
        #[test]
        fn a_repeat_is_answered_from_what_is_stored_or_run_by_one_alone(
            stored in proptest::collection::vec(any_notification(), 0..5),
            missing in 0usize..3,
            after_seconds in 0i64..90_000,
            same_body: bool,
        ) {
            let expected = stored.len() + missing;
            let at_work = stored.iter().any(|one| one.next_action_at() == leased_until(34).next_action_at());
            let answer = repeat(if same_body { "b" } else { "other" }, stored.clone(), expected, after_seconds);
            match answer {
                Repeat::Refuse(problem) if problem.kind.status() == 422 => prop_assert!(!same_body),
                Repeat::Refuse(problem) => {
                    prop_assert!(same_body && after_seconds < 34 && (missing > 0 || at_work));
                    let wait_seconds = i64::from(problem.retry_after_seconds.unwrap());
                    prop_assert!(wait_seconds >= 1 && wait_seconds <= 5.min(34 - after_seconds));
                }
                Repeat::TakeOver => prop_assert!(same_body && after_seconds >= 34 && missing > 0),
                Repeat::Replay(shown) => {
                    prop_assert!(same_body && missing == 0 && (after_seconds >= 34 || !at_work));
                    prop_assert_eq!(shown, stored);
                }
            }
        }
    }
}
