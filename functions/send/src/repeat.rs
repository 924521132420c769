//! Repeated requests: the response to a request whose idempotency key is already stored.
//!
//! 1. The notifications of the request are made again, with the time of the first run. So they get the same ids.
//! 2. Those that the first run stored are read.
//! 3. [`on_repeat`] decides: the stored state is the response, or this request takes over, or it is refused.

use std::collections::HashMap;

use jiff::Timestamp;

use super::idempotency::{IdempotencyKey, Repeat, in_progress, on_repeat};
use super::service::{NotificationResult, ParsedMessage, Run, SendAnswer, SendService};
use domain::notification::{Notification, NotificationId};
use platform::problem::Problem;
use store::{IdempotencyRecord, StoreError};

/// A message of a repeated request.
struct RepeatedMessage {
    /// Id that the first run gave to its notification. `None` if the message names no recipient.
    id: Option<NotificationId>,
    /// The notification made again, or the problem that forbids it now.
    result: NotificationResult,
}

impl SendService {
    /// Answers a repeated request. If the first run crashed, this request takes over and does the missing part.
    pub(super) async fn answer_repeat(
        &self,
        requests: &[ParsedMessage],
        key: &IdempotencyKey,
        record: &IdempotencyRecord,
        run: Run<'_>,
    ) -> Result<SendAnswer, Problem> {
        let deadlines = run.deadlines;
        let messages = self.repeated_messages(requests, key, record, run).await;
        let stored = self.stored_of(&messages).await?;
        let expected = expected_count(&messages, &stored);
        let sent = match on_repeat(key, record, stored, expected, self.engine.clock().now()) {
            Repeat::Refuse(problem) => return Err(problem),
            Repeat::Replay(stored) => replayed(messages, stored),
            Repeat::TakeOver => {
                self.take_over_key(key, record, deadlines.hard_deadline).await?;
                let results = messages.into_iter().map(|message| message.result).collect();
                self.run_under_key(results, key, deadlines).await
            }
        };
        Ok(SendAnswer { sent, replayed: true })
    }

    /// Makes the notifications of the request again, with the ids of the first run.
    ///
    /// Ids are derived from the time of the first request. A different body would give other ids, so then none is made.
    async fn repeated_messages(
        &self,
        requests: &[ParsedMessage],
        key: &IdempotencyKey,
        record: &IdempotencyRecord,
        run: Run<'_>,
    ) -> Vec<RepeatedMessage> {
        if record.body != key.body {
            return Vec::new();
        }
        let run = Run { first_seen: record.first_seen, ..run };
        let results = self.notifications(requests, &run).await;
        let id = |(index, request): (usize, &ParsedMessage)| {
            let recipient = self.hasher.recipient_key(&request.as_ref().ok()?.to);
            Some(self.id(recipient, index, &run))
        };
        let ids = requests.iter().enumerate().map(id);
        ids.zip(results).map(|(id, result)| RepeatedMessage { id, result }).collect()
    }

    async fn stored_of(&self, messages: &[RepeatedMessage]) -> Result<Vec<Notification>, Problem> {
        let ids: Vec<_> = messages.iter().filter_map(|message| message.id.clone()).collect();
        self.engine.stores().notifications().get_many(&ids).await.map_err(Problem::from)
    }

    /// Extends the record of a first run that crashed. Only one of several concurrent requests succeeds.
    async fn take_over_key(
        &self,
        key: &IdempotencyKey,
        record: &IdempotencyRecord,
        running_until: Timestamp,
    ) -> Result<(), Problem> {
        match self.idempotency.take_over(&key.record, record, running_until).await {
            Err(StoreError::ConditionFailed { .. }) => Err(in_progress(1)),
            taken => taken.map_err(Problem::from),
        }
    }
}

/// Returns the number of notifications that a complete first run has stored.
///
/// A message may be invalid now and was valid then, for example if its template was archived meanwhile. So an invalid
/// message counts if its notification is stored.
fn expected_count(messages: &[RepeatedMessage], stored: &[Notification]) -> usize {
    let is_stored = |id: &NotificationId| stored.iter().any(|one| one.id() == id);
    let is_expected = |message: &&RepeatedMessage| message.result.is_ok() || message.id.as_ref().is_some_and(is_stored);
    messages.iter().filter(is_expected).count()
}

/// Returns the result of each message: its stored notification, or its problem.
fn replayed(messages: Vec<RepeatedMessage>, stored: Vec<Notification>) -> Vec<NotificationResult> {
    let mut stored: HashMap<_, _> = stored.into_iter().map(|one| (one.id().clone(), one)).collect();
    let result = |message: RepeatedMessage| match message.id.and_then(|id| stored.remove(&id)) {
        Some(stored) => Some(Ok(stored)),
        None => message.result.err().map(Err),
    };
    messages.into_iter().filter_map(result).collect()
}
