//! Order within a topic: an older message must not replace a newer one of the same topic and recipient.
//!
//! Within a process, the messages of a topic are processed one at a time. A retry, a fallback, a scheduled or a resumed
//! message is not tried right after its request. Such a message first queries the table for an accepted newer message
//! of its topic. Between two processes, a short gap between that read and the call remains.

use jiff::{SignedDuration, Timestamp};

use crate::breakers::Bulkhead;
use crate::job::{Job, StepOutcome, TopicKey};
use domain::channel::push::Topic;
use domain::notification::MAX_AHEAD;
use platform::clock::Clock;
use store::{NewerMessage, NotificationsStore, StoreError};

/// Number of messages of one topic and recipient that a process works on at once.
const ONE_AT_A_TIME: usize = 1;
/// Longest time after its request at which a first attempt counts as immediate.
const IMMEDIATE: SignedDuration = SignedDuration::from_secs(1);

/// Keeps messages of one topic and recipient in order.
#[derive(Debug)]
pub(crate) struct TopicOrder {
    slots: Bulkhead<TopicKey>,
    clock: Clock,
}

impl TopicOrder {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { slots: Bulkhead::new(ONE_AT_A_TIME), clock }
    }

    /// Returns the reason why a message with a topic cannot be tried now, or `None` if it can.
    pub(crate) async fn check(
        &self,
        job: &mut Job,
        notifications: &NotificationsStore,
    ) -> Result<Option<StepOutcome>, StoreError> {
        let Some(topic) = job.notification.topic() else { return Ok(None) };
        if job.topic_slot.is_none() {
            let key = (job.notification.id().recipient().clone(), Topic::of_caller(topic.expose()));
            job.topic_slot = self.slots.enter(&key).await;
            if job.topic_slot.is_none() {
                return Ok(Some(StepOutcome::AtCapacity));
            }
        }
        let now = self.clock.now();
        if is_immediate(job, now) {
            return Ok(None);
        }
        // A message that is due later may have been created earlier, with `send_at`.
        let since = job.notification.created_at().checked_sub(MAX_AHEAD).unwrap_or(Timestamp::UNIX_EPOCH);
        // Boxed, because it is rare and would enlarge the future of every send.
        Ok(match Box::pin(notifications.find_newer_in_topic(&job.notification, since, now)).await? {
            NewerMessage::None => None,
            NewerMessage::InFlight => Some(StepOutcome::AtCapacity),
            NewerMessage::Accepted => {
                job.is_superseded = true;
                Some(StepOutcome::Reevaluate)
            }
        })
    }
}

/// Returns `true` for the first attempt of a request that has just arrived.
fn is_immediate(job: &Job, now: Timestamp) -> bool {
    job.is_new() && now.duration_since(job.notification.created_at()) <= IMMEDIATE
}
