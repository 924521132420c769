//! Tasks: the parts of a campaign, each with its lease, its position and its numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tally::PeopleTally;
use domain::CampaignId;
use domain::budget::Ceiling;
use domain::channel::Channel;
use domain::recipient::RecipientKey;

/// Maximum number of tasks of a pass.
pub const MAX_TASKS: u32 = 20_000;

/// Pass over the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskPass {
    /// Counts the messages of a plan, without sending. The number is that of the plan.
    Plan(u32),
    /// Sends to a few recipients whom an operator named, marked as a test. The number is that of the test.
    Test(u32),
    /// Sends the campaign's messages.
    Send,
}

/// Message that carries a task to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// Campaign.
    pub campaign: CampaignId,
    /// Pass.
    pub pass: TaskPass,
    /// Number of the task in the pass, from 0.
    pub task: u32,
    /// Time between the starts of two people, in milliseconds, if a limit of SES is below the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
}

/// Message in the queue of the workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WorkerMessage {
    /// A task.
    Task(TaskMessage),
    /// Notifications of campaigns whose next step is due.
    Due {
        /// Shard of the index `due`.
        due_shard: String,
    },
}

/// Maximum number of people of a plan's task whose messages can be shown.
const MAX_SAMPLES: usize = 3;

/// Person to whom a plan would send. The message is composed when an operator reads the plan; a plan stores no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPerson {
    /// Recipient.
    #[serde(with = "recipient_key")]
    pub recipient: RecipientKey,
    /// Channels that reach the person, in the order of the attempts.
    pub channels: Vec<Channel>,
}

/// Spent budget that a worker found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentBudget {
    /// Ceiling of the budget.
    #[serde(with = "ceiling_name")]
    pub ceiling: Ceiling,
    /// Time at which the worker gave the task back.
    pub at: Timestamp,
}

/// Progress of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignTask {
    /// `true` once every person of the task was handled.
    pub is_done: bool,
    /// End of the lease of the worker that holds the task.
    pub lease_until: Option<Timestamp>,
    /// `true` once people after `after` may have got their messages. From then on, every worker first looks up the
    /// notifications of its people. A page that is read again may end at another place. So the pages after it may be
    /// partly done too.
    pub is_dirty: bool,
    /// Position of the last page whose people are all counted.
    pub after: Option<Value>,
    /// Numbers of the people up to that position.
    pub tally: PeopleTally,
    /// A few of the people to whom a plan would send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<PlannedPerson>,
    /// Spent budget that the last worker found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<SpentBudget>,
    /// Number of workers that have taken the task.
    pub claims: u32,
    /// Time at which the task ended.
    pub done_at: Option<Timestamp>,
}

/// Result of a worker's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskClaim {
    /// The worker holds the task.
    Taken,
    /// Another worker holds the task.
    Leased,
    /// The task is done.
    Done,
}

impl TaskPass {
    /// Returns the name of the pass in keys.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Plan(number) => format!("plan-{number:04}"),
            Self::Test(number) => format!("test-{number:04}"),
            Self::Send => "send".to_owned(),
        }
    }
}

impl CampaignTask {
    /// Takes the task for a worker whose time certainly ends at `lease_until`.
    ///
    /// An expired lease shows that its worker died. That worker's page may be partly done.
    pub fn claim(&mut self, lease_until: Timestamp, now: Timestamp) -> TaskClaim {
        match self.lease_until {
            _ if self.is_done => return TaskClaim::Done,
            Some(until) if until > now => return TaskClaim::Leased,
            Some(_) => self.is_dirty = true,
            None => {}
        }
        self.claims += 1;
        self.lease_until = Some(lease_until);
        TaskClaim::Taken
    }

    /// Records that every person up to `next` is counted. `None` is the end of the task.
    pub fn advance(&mut self, next: Option<Value>, page: &PeopleTally, now: Timestamp) {
        self.tally.merge(page);
        if next.is_none() {
            self.is_done = true;
            self.done_at = Some(now);
            self.lease_until = None;
        }
        self.after = next;
    }

    /// Stores a few of the people to whom a plan would send.
    pub fn keep_samples(&mut self, people: impl IntoIterator<Item = PlannedPerson>) {
        self.samples.extend(people);
        self.samples.truncate(MAX_SAMPLES);
    }

    /// Gives the task back. `is_dirty` is `true` if a part of the next page is done.
    pub fn release(&mut self, is_dirty: bool) {
        self.lease_until = None;
        self.is_dirty |= is_dirty;
    }

    /// Returns `true` if a worker may hold the lease of the task.
    #[must_use]
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }
}

/// The name of a ceiling.
mod ceiling_name {
    use domain::budget::Ceiling;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
    pub fn serialize<S: Serializer>(ceiling: &Ceiling, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ceiling.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ceiling, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ceiling::parse(&name).ok_or_else(|| D::Error::custom("no ceiling"))
    }
}

/// A recipient's key as text.
mod recipient_key {
    use domain::recipient::RecipientKey;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(key: &RecipientKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(key.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecipientKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        RecipientKey::from_stored(&text).ok_or_else(|| D::Error::custom("no recipient's key"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn one_worker_holds_a_task_and_another_follows_a_death_with_care() {
        let mut task = CampaignTask::default();
        assert_eq!(task.claim(at(60), at(0)), TaskClaim::Taken);
        assert_eq!((task.claim(at(70), at(10)), task.is_dirty), (TaskClaim::Leased, false));
        assert_eq!((task.claim(at(130), at(70)), task.is_dirty), (TaskClaim::Taken, true));
        task.advance(Some(json!({"pk": "a"})), &PeopleTally { people: 3, ..PeopleTally::default() }, at(71));
        assert!(task.is_dirty, "the page may have ended elsewhere, so the rest of the task may be done in part");
        task.release(false);
        assert_eq!((task.claim(at(200), at(72)), task.is_dirty, task.claims), (TaskClaim::Taken, true, 3));
        task.advance(None, &PeopleTally { people: 4, ..PeopleTally::default() }, at(73));
        assert_eq!((task.claim(at(300), at(74)), task.tally.people, task.done_at), (TaskClaim::Done, 7, Some(at(73))));
    }

    #[test]
    fn a_page_that_is_done_in_part_stays_dirty() {
        let mut task = CampaignTask::default();
        task.claim(at(60), at(0));
        task.release(true);
        assert_eq!((task.claim(at(90), at(30)), task.is_dirty), (TaskClaim::Taken, true));
    }

    #[test]
    fn a_message_is_short_json() {
        let campaign = CampaignId::parse("0123456789abcdefghjkmnpqrs").unwrap();
        let message = TaskMessage { campaign, pass: TaskPass::Plan(2), task: 7, interval_ms: None };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, r#"{"campaign":"0123456789abcdefghjkmnpqrs","pass":{"plan":2},"task":7}"#);
        assert_eq!(serde_json::from_str::<TaskMessage>(&text).unwrap(), message);
        assert_eq!(serde_json::from_str::<WorkerMessage>(&text).unwrap(), WorkerMessage::Task(message.clone()));
        let due = WorkerMessage::Due { due_shard: "bulk#3".to_owned() };
        assert_eq!(serde_json::to_string(&due).unwrap(), r#"{"due_shard":"bulk#3"}"#);
        assert_eq!(serde_json::from_str::<WorkerMessage>(r#"{"due_shard":"bulk#3"}"#).unwrap(), due);
        assert_eq!(
            serde_json::to_string(&TaskMessage { pass: TaskPass::Send, ..message }).unwrap().matches("send").count(),
            1
        );
    }
}
