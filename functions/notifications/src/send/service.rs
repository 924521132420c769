//! What happens to a request: parsed, remembered by its key, gated, stored, attempted, answered.

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::idempotency::{IdempotencyKey, Repeat, on_repeat};
use super::request::{Asked, SendRequest};
use super::{Gates, Verdict};
use crate::cascade::{Allowance, Dispatcher, Job, impossible_channels};
use crate::http::{Request, shape_of};
use crate::notification::{Notification, NotificationId, Status};
use crate::problem::Problem;
use crate::recipients::KeyHasher;
use crate::store::{IdempotencyRecord, IdempotencyStore, StoreError};

/// How many messages of a batch are worked on at once.
const CONCURRENCY: usize = 16;

/// Takes requests to send.
#[derive(Debug)]
pub struct SendService {
    /// Carries notifications out.
    pub dispatcher: Dispatcher,
    /// Remembers keys.
    pub idempotency: IdempotencyStore,
    /// Makes recipient keys and hashes.
    pub hasher: KeyHasher,
}

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// When the answer must be on its way.
    pub answer_by: Timestamp,
    /// When this invocation can no longer be alive, clock skew included.
    pub gone_by: Timestamp,
}

/// One message of a request: the notification it became, or what is wrong with it.
pub type Sent = Result<Notification, Problem>;

/// A request's answer.
#[derive(Debug)]
pub struct Answered {
    /// One entry per message, in order.
    pub sent: Vec<Sent>,
    /// Whether this is an earlier request's answer.
    pub replayed: bool,
}

/// A batch's run: the key under which it is remembered, if any, and when it first came.
struct Run<'a> {
    key: Option<&'a IdempotencyKey>,
    first_seen: Timestamp,
    budget: Budget,
}

impl SendService {
    /// Sends `messages` for the caller of `request`; with an `Idempotency-Key` at most once.
    ///
    /// # Errors
    /// Problems of the whole request. A single message's own problem stands in its place in the answer.
    pub async fn send(&self, request: &Request, messages: &[Value], budget: Budget) -> Result<Answered, Problem> {
        let now = self.dispatcher.clock.now();
        let Some(key) = IdempotencyKey::of(request, &self.hasher)? else {
            let run = Run { key: None, first_seen: now, budget };
            return Ok(Answered { sent: self.run(request, messages, &run).await, replayed: false });
        };
        if messages.len() == 1 {
            // A request that is refused is not remembered, so its key stays free.
            self.parse(request, messages, &Run { key: Some(&key), first_seen: now, budget }).remove(0)?;
        }
        let record = IdempotencyRecord { body: key.body.clone(), first_seen: now, running_until: budget.gone_by };
        let found = self.idempotency.begin(&key.record, &record).await.map_err(unavailable)?;
        let (first_seen, replayed) = match found {
            None => (now, false),
            Some(found) => {
                let run = Run { key: Some(&key), first_seen: found.first_seen, budget };
                match self.repeat(request, messages, &found, &run).await? {
                    Some(sent) => return Ok(Answered { sent, replayed: true }),
                    None => (found.first_seen, true),
                }
            }
        };
        let sent = self.run(request, messages, &Run { key: Some(&key), first_seen, budget }).await;
        if sent.iter().any(|sent| sent.as_ref().is_err_and(|problem| problem.kind.status() >= 500)) {
            self.idempotency.let_go(&key.record, budget.gone_by, self.dispatcher.clock.now()).await;
        }
        Ok(Answered { sent, replayed })
    }

    /// The answer to a repeated request, or `None` when the first one died and this one is to finish it.
    async fn repeat(
        &self,
        request: &Request,
        messages: &[Value],
        found: &IdempotencyRecord,
        run: &Run<'_>,
    ) -> Result<Option<Vec<Sent>>, Problem> {
        let Some(key) = run.key else { return Ok(None) };
        let parsed = self.parse(request, messages, run);
        let ids: Vec<_> = parsed.iter().flatten().map(|notification| notification.id.clone()).collect();
        let same_body = found.body == key.body;
        let stored = if same_body { self.dispatcher.notifications.get_many(&ids).await } else { Ok(Vec::new()) };
        let now = self.dispatcher.clock.now();
        match on_repeat(key, found, stored.map_err(unavailable)?, ids.len(), now) {
            Repeat::Refuse(problem) => Err(problem),
            Repeat::Replay(stored) => {
                let mut stored = stored.into_iter();
                Ok(Some(parsed.into_iter().filter_map(|sent| sent.map_or_else(|no| Some(Err(no)), |_| stored.next().map(Ok))).collect()))
            }
            Repeat::TakeOver => {
                let taken = self.idempotency.take_over(&key.record, found, run.budget.gone_by).await;
                taken.map_err(|error| match error {
                    StoreError::ConditionFailed { .. } => in_progress(),
                    error => unavailable(error),
                })?;
                Ok(None)
            }
        }
    }

    fn parse(&self, request: &Request, messages: &[Value], run: &Run<'_>) -> Vec<Sent> {
        let asked = Asked { caller: &request.caller.id, hasher: &self.hasher, now: run.first_seen };
        let parse = |(index, message): (usize, &Value)| {
            shape_of::<SendRequest>(message.clone(), "")?.into_notification(asked, |recipient| match run.key {
                None => NotificationId::random(recipient, run.first_seen),
                Some(key) => NotificationId::derived(recipient, run.first_seen, &self.hasher, &key.record, index),
            })
        };
        messages.iter().enumerate().map(parse).collect()
    }

    async fn run(&self, request: &Request, messages: &[Value], run: &Run<'_>) -> Vec<Sent> {
        let parsed = self.parse(request, messages, run);
        futures_util::stream::iter(parsed)
            .map(|parsed| async { self.accept(parsed?, run.budget).await.map_err(unavailable) })
            .buffered(CONCURRENCY)
            .collect()
            .await
    }

    /// Takes one notification on: from here it reaches a final state whatever happens to this process.
    async fn accept(&self, mut notification: Notification, budget: Budget) -> Result<Notification, StoreError> {
        let id = notification.id.clone();
        let dispatcher = &self.dispatcher;
        let now = dispatcher.clock.now();
        let taken = if notification.due_at > now {
            dispatcher.notifications.create(&notification).await.map(|()| notification)
        } else if now >= budget.answer_by {
            // No time left to attempt it: stored as due work, which the next minute takes up.
            notification.lease(now, now);
            dispatcher.notifications.create(&notification).await.map(|()| notification)
        } else {
            self.attempt(notification, now, budget).await
        };
        match taken {
            // An earlier run of the same request stored it, or the cascade took it over: its state is the answer.
            Err(StoreError::ConditionFailed { call }) => {
                dispatcher.notifications.get(&id).await?.ok_or(StoreError::ConditionFailed { call })
            }
            other => other,
        }
    }

    async fn attempt(&self, notification: Notification, now: Timestamp, budget: Budget) -> Result<Notification, StoreError> {
        let dispatcher = &self.dispatcher;
        let (recipient, live) =
            tokio::join!(dispatcher.recipients.load(notification.id.recipient()), dispatcher.live.live());
        let mut job = Job::new(notification, recipient?, true);
        let impossible = impossible_channels(job.recipient.as_ref(), &live.settings.sms, dispatcher.home_country);
        let gates = Gates { rollout: &live.rollout, recipient: job.recipient.as_ref(), impossible: &impossible };
        if !gates.ask(&job.notification, now).apply(&mut job.notification, now) {
            dispatcher.notifications.create(&job.notification).await?;
            return Ok(job.notification);
        }
        let allowance = Allowance { work_until: budget.answer_by, lease_until: budget.gone_by };
        dispatcher.advance(job, allowance).await
    }
}

fn in_progress() -> Problem {
    Problem::new(crate::problem::ProblemKind::IdempotencyInProgress, "Ask again when it is done.").retry_after(1)
}

/// A store's failure as callers see it; what really happened goes to the log.
#[allow(clippy::needless_pass_by_value)] // the shape `map_err` asks for
pub fn unavailable(error: StoreError) -> Problem {
    tracing::error!(%error, "the store failed a request");
    if error.is_transient() {
        Problem::unavailable(2)
    } else {
        Problem::new(crate::problem::ProblemKind::Internal, "The request could not be carried out.")
    }
}
