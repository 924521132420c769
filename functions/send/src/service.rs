//! The main flow of a send: parse, record the idempotency key, apply the gates, store, attempt, respond.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::idempotency::{IdempotencyKey, Repeat, in_progress, on_repeat};
use super::request::{SendContext, SendRequest};
use super::template_request::LoadedTemplates;
use aws::deadline;
use delivery::config::ConfigSnapshot;
use delivery::{Allowance, CONCURRENCY, DeliveryEngine};
use domain::notification::{Notification, NotificationId};
use domain::recipient::{KeyHasher, RecipientKey};
use platform::http::Request;
use platform::json::shaped;
use platform::problem::Problem;
use store::{IdempotencyRecord, IdempotencyStore, StoreError};

/// Accepts requests to send.
#[derive(Debug)]
pub struct SendService {
    /// Makes the attempts.
    pub engine: DeliveryEngine,
    /// Stores the idempotency records.
    pub idempotency: IdempotencyStore,
    /// Computes recipient keys and hashes.
    pub hasher: KeyHasher,
}

/// Deadlines of one request.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// Time by which the work must end, so that the response can be sent.
    pub response_deadline: Timestamp,
    /// Time at which this invocation is certainly over, clock skew included.
    pub hard_deadline: Timestamp,
    /// Time until which the request may still look up an outcome, or store and release unfinished work.
    pub cleanup_deadline: Instant,
}

impl Deadlines {
    fn cleanup_timeout(self) -> Duration {
        self.cleanup_deadline.saturating_duration_since(Instant::now())
    }
}

/// Result of one message of a request: its notification, or its problem.
pub type SendResult = Result<Notification, Problem>;

/// Result of a request.
#[derive(Debug)]
pub struct SendAnswer {
    /// One entry per message, in order.
    pub sent: Vec<SendResult>,
    /// True if an earlier request with the same key exists.
    pub replayed: bool,
}

/// A message as parsed from JSON, or the problem of a value that cannot be represented.
pub type JsonMessage = Result<Value, Problem>;

/// A parsed message, or its problem.
type ParsedMessage = Result<SendRequest, Problem>;

/// Context of one run: its idempotency key, if any, and the time of the first request with that key.
struct Run<'a> {
    caller: &'a str,
    config: &'a ConfigSnapshot,
    key: Option<&'a IdempotencyKey>,
    first_seen: Timestamp,
    deadlines: Deadlines,
}

impl SendService {
    /// Sends `messages` for the caller of `request`; with an `Idempotency-Key`, at most once.
    ///
    /// # Errors
    /// Problems of the whole request. The problem of a single message is in its place in the result.
    pub async fn send(
        &self,
        request: &Request,
        messages: &[JsonMessage],
        deadlines: Deadlines,
    ) -> Result<SendAnswer, Problem> {
        let key = IdempotencyKey::of(request, &self.hasher)?;
        let requests: Vec<_> = messages.iter().map(parsed).collect();
        let config = &self.config_for(requests.iter().flatten()).await;
        let first_seen = self.engine.clock().now();
        let run = Run { caller: &request.caller.id, config, key: key.as_ref(), first_seen, deadlines };
        let parsed = self.notifications(&requests, &run).await;
        match &key {
            None => Ok(SendAnswer { sent: self.run_messages(parsed, deadlines).await, replayed: false }),
            Some(key) => self.send_with_key(&requests, parsed, key, run).await,
        }
    }

    async fn send_with_key(
        &self,
        requests: &[ParsedMessage],
        parsed: Vec<SendResult>,
        key: &IdempotencyKey,
        run: Run<'_>,
    ) -> Result<SendAnswer, Problem> {
        let running_until = run.deadlines.hard_deadline;
        let record = IdempotencyRecord { body: key.body.clone(), first_seen: run.first_seen, running_until };
        let is_refused = parsed.iter().all(Result::is_err);
        let found = if is_refused {
            // If every message is invalid, no record is stored and the key stays free. An existing record is still
            // looked up: a repeated request can be invalid now only because its `send_at` has passed meanwhile.
            self.idempotency.find(&key.record, run.first_seen).await
        } else {
            self.idempotency.begin(&key.record, &record).await
        };
        match found.map_err(Problem::from)? {
            Some(found) => self.repeat(requests, key, &found, run).await,
            None if is_refused => Ok(SendAnswer { sent: parsed, replayed: false }),
            None => Ok(SendAnswer { sent: self.run_under_key(parsed, key, run.deadlines).await, replayed: false }),
        }
    }

    /// Answers a repeated request. If the first run crashed, this request takes over and does the missing part.
    async fn repeat(
        &self,
        requests: &[ParsedMessage],
        key: &IdempotencyKey,
        found: &IdempotencyRecord,
        run: Run<'_>,
    ) -> Result<SendAnswer, Problem> {
        // Ids are derived from the time of the first request. A different body would give other ids, so nothing is
        // looked up.
        let run = Run { first_seen: found.first_seen, ..run };
        let parsed = if found.body == key.body { self.notifications(requests, &run).await } else { Vec::new() };
        // A message may be invalid now and was valid then, for example if its template was archived meanwhile. So every
        // message is looked up, and one that is invalid and not stored is not expected.
        let id = |(index, request): (usize, &ParsedMessage)| {
            let recipient = self.hasher.recipient_key(&request.as_ref().ok()?.to);
            Some(self.id(recipient, index, &run))
        };
        let ids: Vec<_> = requests.iter().enumerate().take(parsed.len()).map(id).collect();
        let wanted: Vec<_> = ids.iter().flatten().cloned().collect();
        let stored = self.engine.stores().notifications().get_many(&wanted).await.map_err(Problem::from)?;
        let is_stored = |id: &NotificationId| stored.iter().any(|one| one.id() == id);
        let is_expected =
            |(sent, id): (&SendResult, &Option<NotificationId>)| sent.is_ok() || id.as_ref().is_some_and(is_stored);
        let expected = parsed.iter().zip(&ids).filter(|one| is_expected(*one)).count();
        let sent = match on_repeat(key, found, stored, expected, self.engine.clock().now()) {
            Repeat::Refuse(problem) => return Err(problem),
            Repeat::Replay(stored) => {
                let mut stored: HashMap<_, _> = stored.into_iter().map(|one| (one.id().clone(), one)).collect();
                let answer =
                    |(sent, id): (SendResult, Option<NotificationId>)| match id.and_then(|id| stored.remove(&id)) {
                        Some(stored) => Some(Ok(stored)),
                        None => sent.err().map(Err),
                    };
                parsed.into_iter().zip(ids).filter_map(answer).collect()
            }
            Repeat::TakeOver => match self.idempotency.take_over(&key.record, found, run.deadlines.hard_deadline).await
            {
                Ok(()) => self.run_under_key(parsed, key, run.deadlines).await,
                Err(StoreError::ConditionFailed { .. }) => return Err(in_progress(1)),
                Err(error) => return Err(error.into()),
            },
        };
        Ok(SendAnswer { sent, replayed: true })
    }

    /// Runs the request under its key. After a server error (5xx) the key is released, so that the same request can be
    /// repeated at once.
    async fn run_under_key(
        &self,
        parsed: Vec<SendResult>,
        key: &IdempotencyKey,
        deadlines: Deadlines,
    ) -> Vec<SendResult> {
        let sent = self.run_messages(parsed, deadlines).await;
        if sent.iter().any(|sent| sent.as_ref().is_err_and(|problem| problem.kind.status() >= 500)) {
            let release = self.idempotency.release(&key.record, deadlines.hard_deadline, self.engine.clock().now());
            deadline::with_fresh_timeout(deadlines.cleanup_timeout(), release).await;
        }
        sent
    }

    /// Returns the configuration in force. If a message names an unknown type or template, the catalog is read now,
    /// because the name may be new.
    pub(super) async fn config_for(&self, requests: impl IntoIterator<Item = &SendRequest>) -> ConfigSnapshot {
        let config = self.engine.config().current().await;
        if requests.into_iter().any(|request| request.names_unknown(&config)) {
            return Box::pin(self.engine.config().with_new_names()).await;
        }
        config
    }

    /// Converts every message into a notification, or into its problem.
    async fn notifications(&self, requests: &[ParsedMessage], run: &Run<'_>) -> Vec<SendResult> {
        let cache = self.engine.templates();
        let versions = requests.iter().flatten().filter_map(|one| one.template_version(run.config).ok().flatten());
        let templates = &Box::pin(LoadedTemplates::of(versions, cache)).await;
        let requests = requests.iter().enumerate();
        requests.map(|(index, request)| self.notification(index, request.clone()?, templates, run)).collect()
    }

    fn notification(
        &self,
        index: usize,
        request: SendRequest,
        templates: &LoadedTemplates,
        run: &Run<'_>,
    ) -> SendResult {
        let Run { caller, config, first_seen: now, .. } = *run;
        let position = u32::try_from(index).unwrap_or(u32::MAX);
        let (hasher, links) = (&self.hasher, self.engine.senders().links(config));
        let context = SendContext { caller, hasher, index: position, now, config, templates, links, test_of: None };
        request.into_notification(context, |recipient| self.id(recipient, index, run))
    }

    /// Returns the id of the message at `index`: always the same one under an idempotency key, else a new one.
    fn id(&self, recipient: RecipientKey, index: usize, run: &Run<'_>) -> NotificationId {
        match run.key {
            None => NotificationId::random(recipient, run.first_seen),
            Some(key) => NotificationId::derived(recipient, run.first_seen, &self.hasher, &key.record, index),
        }
    }

    pub(super) async fn run_messages(&self, parsed: Vec<SendResult>, deadlines: Deadlines) -> Vec<SendResult> {
        let in_turn = |chain: Vec<(usize, SendResult)>| async move {
            let mut sent = Vec::with_capacity(chain.len());
            for (index, parsed) in chain {
                // Boxed, because the future is large, and the stream of chains would copy it.
                sent.push((index, Box::pin(self.accept_parsed(parsed, deadlines)).await));
            }
            sent
        };
        let sent: Vec<Vec<_>> = futures_util::stream::iter(chains(parsed))
            .map(in_turn)
            // Unordered, so that one slow push service does not delay the messages after it.
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut sent: Vec<_> = sent.into_iter().flatten().collect();
        sent.sort_unstable_by_key(|(index, _)| *index);
        sent.into_iter().map(|(_, sent)| sent).collect()
    }

    async fn accept_parsed(&self, parsed: SendResult, deadlines: Deadlines) -> SendResult {
        self.accept(parsed?, deadlines).await.map_err(Problem::from)
    }

    /// Accepts one notification. Once it is stored, it reaches a final state even if this process crashes.
    async fn accept(&self, mut notification: Notification, deadlines: Deadlines) -> Result<Notification, StoreError> {
        let id = notification.id().clone();
        let (now, notifications) = (self.engine.clock().now(), self.engine.stores().notifications());
        let result = if notification.due_at() > now {
            notifications.create(&notification).await.map(|()| notification)
        } else if now >= deadlines.response_deadline {
            // No time is left for an attempt: the notification is stored as due now, and the cascade function's next
            // run takes it.
            notification.lease(now, now);
            let create = notifications.create(&notification);
            deadline::with_fresh_timeout(deadlines.cleanup_timeout(), create).await.map(|()| notification)
        } else {
            self.attempt(notification, deadlines).await
        };
        match result {
            // An earlier run of the same request stored it, or the cascade function took it over. The response is its
            // present state.
            Err(StoreError::ConditionFailed { call }) => {
                // It no longer exists: its recipient was erased meanwhile. A repetition of the request will find that
                // too.
                let erased =
                    || StoreError::Transient { call, cause: "the notification was erased meanwhile".to_owned() };
                notifications.get(&id).await?.ok_or_else(erased)
            }
            // A write failed, but an earlier write may have succeeded. A stored notification will be finished, so it is
            // the answer. On a 503, a caller without a key would send it twice.
            Err(error) if error.is_transient() => {
                let get = notifications.get(&id);
                match deadline::with_fresh_timeout(deadlines.cleanup_timeout(), get).await {
                    Ok(Some(stored)) => Ok(stored),
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    async fn attempt(&self, notification: Notification, deadlines: Deadlines) -> Result<Notification, StoreError> {
        let (recipient, config) = self.engine.load(notification.id().recipient()).await?;
        let allowance = Allowance { work_until: deadlines.response_deadline, lease_until: deadlines.hard_deadline };
        self.engine.start(notification, recipient, &config, allowance).await
    }
}

/// Parses a message. The error names the field.
fn parsed(message: &JsonMessage) -> ParsedMessage {
    shaped(message.clone()?, "")
}

/// Groups the messages into chains, each with its index. Messages of one topic to one recipient share a chain and keep
/// their order. Every other message is a chain of its own.
fn chains(parsed: Vec<SendResult>) -> Vec<Vec<(usize, SendResult)>> {
    let topic = |one: &Notification| Some((one.id().recipient().clone(), one.topic()?.expose().clone()));
    let chains = delivery::chains(parsed.iter().map(|sent| sent.as_ref().ok().and_then(topic)));
    let mut parsed: Vec<_> = parsed.into_iter().map(Some).collect();
    let mut take = |index: usize| Some((index, parsed.get_mut(index)?.take()?));
    chains.into_iter().map(|chain| chain.into_iter().filter_map(&mut take).collect()).collect()
}
