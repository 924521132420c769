//! The main flow of a send: parse, record the idempotency key, apply the gates, store, attempt, respond.

use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::idempotency::IdempotencyKey;
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
pub type NotificationResult = Result<Notification, Problem>;

/// Result of a request.
#[derive(Debug)]
pub struct SendAnswer {
    /// One entry per message, in order.
    pub sent: Vec<NotificationResult>,
    /// `true` if an earlier request with the same key exists.
    pub replayed: bool,
}

/// A message as parsed from JSON, or the problem of a value that cannot be represented.
pub type JsonMessage = Result<Value, Problem>;

/// A parsed message, or its problem.
pub(super) type ParsedMessage = Result<SendRequest, Problem>;

/// Context of one run: its idempotency key, if any, and the time of the first request with that key.
pub(super) struct Run<'a> {
    pub(super) caller: &'a str,
    pub(super) config: &'a ConfigSnapshot,
    pub(super) key: Option<&'a IdempotencyKey>,
    pub(super) first_seen: Timestamp,
    pub(super) deadlines: Deadlines,
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
        let requests: Vec<_> = messages.iter().map(parse_message).collect();
        let config = &self.config_for(requests.iter().flatten()).await;
        let first_seen = self.engine.clock().now();
        let run = Run { caller: &request.caller.id, config, key: key.as_ref(), first_seen, deadlines };
        let composed = self.notifications(&requests, &run).await;
        match &key {
            None => Ok(SendAnswer { sent: self.run_messages(composed, deadlines).await, replayed: false }),
            Some(key) => self.send_with_key(&requests, composed, key, run).await,
        }
    }

    async fn send_with_key(
        &self,
        requests: &[ParsedMessage],
        composed: Vec<NotificationResult>,
        key: &IdempotencyKey,
        run: Run<'_>,
    ) -> Result<SendAnswer, Problem> {
        let running_until = run.deadlines.hard_deadline;
        let record = IdempotencyRecord { body: key.body.clone(), first_seen: run.first_seen, running_until };
        let is_refused = composed.iter().all(Result::is_err);
        let found = if is_refused {
            // If every message is invalid, no record is stored and the key stays free. An existing record is still
            // looked up. A repeated request can be invalid now only because its `send_at` has passed.
            self.idempotency.find(&key.record, run.first_seen).await
        } else {
            self.idempotency.begin(&key.record, &record).await
        };
        match found.map_err(Problem::from)? {
            Some(found) => self.answer_repeat(requests, key, &found, run).await,
            None if is_refused => Ok(SendAnswer { sent: composed, replayed: false }),
            None => Ok(SendAnswer { sent: self.run_under_key(composed, key, run.deadlines).await, replayed: false }),
        }
    }

    /// Runs the request under its key. After a server error (5xx) the key is released, so that the same request can be
    /// repeated at once.
    pub(super) async fn run_under_key(
        &self,
        composed: Vec<NotificationResult>,
        key: &IdempotencyKey,
        deadlines: Deadlines,
    ) -> Vec<NotificationResult> {
        let sent = self.run_messages(composed, deadlines).await;
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
    pub(super) async fn notifications(&self, requests: &[ParsedMessage], run: &Run<'_>) -> Vec<NotificationResult> {
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
    ) -> NotificationResult {
        let Run { caller, config, first_seen: now, .. } = *run;
        let position = u32::try_from(index).unwrap_or(u32::MAX);
        let (hasher, links) = (&self.hasher, self.engine.senders().links(config));
        let context = SendContext { caller, hasher, index: position, now, config, templates, links, test_of: None };
        request.into_notification(context, |recipient| self.id(recipient, index, run))
    }

    /// Returns the id of the message at `index`: always the same one under an idempotency key, else a new one.
    pub(super) fn id(&self, recipient: RecipientKey, index: usize, run: &Run<'_>) -> NotificationId {
        match run.key {
            None => NotificationId::random(recipient, run.first_seen),
            Some(key) => NotificationId::derived(recipient, run.first_seen, &self.hasher, &key.record, index),
        }
    }

    pub(super) async fn run_messages(
        &self,
        composed: Vec<NotificationResult>,
        deadlines: Deadlines,
    ) -> Vec<NotificationResult> {
        let in_turn = |chain: Vec<(usize, NotificationResult)>| async move {
            let mut sent = Vec::with_capacity(chain.len());
            for (index, composed) in chain {
                // Boxed, because the future is large, and the stream of chains would copy it.
                sent.push((index, Box::pin(self.accept_composed(composed, deadlines)).await));
            }
            sent
        };
        let sent: Vec<Vec<_>> = futures_util::stream::iter(chains(composed))
            .map(in_turn)
            // Unordered, so that one slow push service does not delay the messages after it.
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut sent: Vec<_> = sent.into_iter().flatten().collect();
        sent.sort_unstable_by_key(|(index, _)| *index);
        sent.into_iter().map(|(_, sent)| sent).collect()
    }

    async fn accept_composed(&self, composed: NotificationResult, deadlines: Deadlines) -> NotificationResult {
        self.accept(composed?, deadlines).await.map_err(Problem::from)
    }

    /// Accepts one notification. Once it is stored, it reaches a final state even if this process crashes.
    async fn accept(&self, mut notification: Notification, deadlines: Deadlines) -> Result<Notification, StoreError> {
        let id = notification.id().clone();
        let (now, notifications) = (self.engine.clock().now(), self.engine.stores().notifications());
        let result = if notification.due_at() > now {
            notifications.create(&notification).await.map(|()| notification)
        } else if now >= deadlines.response_deadline {
            // No time is left for an attempt. The notification is stored as due now, and the cascade function's next
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
fn parse_message(message: &JsonMessage) -> ParsedMessage {
    shaped(message.clone()?, "")
}

/// Groups the messages into chains, each with its index. Messages of one topic to one recipient share a chain and keep
/// their order. Every other message is a chain of its own.
fn chains(composed: Vec<NotificationResult>) -> Vec<Vec<(usize, NotificationResult)>> {
    let topic = |one: &Notification| Some((one.id().recipient().clone(), one.topic()?.expose().clone()));
    let chains = delivery::chains(composed.iter().map(|sent| sent.as_ref().ok().and_then(topic)));
    let mut composed: Vec<_> = composed.into_iter().map(Some).collect();
    let mut take = |index: usize| Some((index, composed.get_mut(index)?.take()?));
    chains.into_iter().map(|chain| chain.into_iter().filter_map(&mut take).collect()).collect()
}
