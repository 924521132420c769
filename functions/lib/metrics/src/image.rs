//! What metrics need to know of a notification, taken from the item a stream carries.
//!
//! Nothing personal is among it: the content, the recipient and the addresses are left where they are.

use jiff::Timestamp;
use serde::Deserialize;

use super::counters::{Cohort, Label};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Reason, Status};

/// One state of a notification. An item that does not have this shape is poison: it cannot be folded, now or later.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Item")]
pub struct Image {
    /// The status.
    pub status: Status,
    /// The rollout's version, or that it is not decided yet.
    pub cohort: Cohort,
    /// The notification's type.
    pub kind: Label,
    /// Why, for a skipped one.
    pub reason: Option<Reason>,
    /// Every attempt so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it was due.
    pub due_at: Timestamp,
    /// When it reached this state.
    pub updated_at: Timestamp,
    /// How much of the time up to the first accepted attempt was waited on purpose.
    pub waited_ms: u64,
    /// The channel that confirmed it.
    pub delivered_on: Option<Channel>,
    /// Whether it was opened.
    pub opened: bool,
    /// Whether its link was followed.
    pub clicked: bool,
    /// Whether it was put away unread.
    pub dismissed: bool,
    /// Whether it led to what it was sent for.
    pub converted: bool,
    /// What that was worth.
    pub conversion_value_micros: i64,
    /// What of its cost was for nothing.
    pub wasted_cost_micros: i64,
}

impl Image {
    /// From when it was due to the end of its first accepted attempt, deliberate waits left out; `None` before that.
    #[must_use]
    pub fn latency_ms(&self) -> Option<u64> {
        let accepted = self.attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Accepted);
        let accepted = accepted.map(Attempt::ended_ms).min()?;
        let since_due = accepted.saturating_sub(self.due_at.as_millisecond());
        // Below zero only by the skew of two machines' clocks.
        Some(u64::try_from(since_due).unwrap_or(0).saturating_sub(self.waited_ms))
    }
}

/// The item's attributes as the table holds them.
#[derive(Deserialize)]
struct Item {
    status: String,
    version: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
    attempts: Option<String>,
    due_at: i64,
    updated_at: i64,
    waited_ms: Option<i64>,
    delivered_on: Option<String>,
    opened_at: Option<i64>,
    clicked_at: Option<i64>,
    dismissed_at: Option<i64>,
    converted_at: Option<i64>,
    conversion_value_micros: Option<i64>,
    wasted_cost_micros: Option<i64>,
}

/// What is wrong with an item. Says which attribute and never what stands in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the attribute `{0}` has an unknown shape")]
struct Poison(&'static str);

impl TryFrom<Item> for Image {
    type Error = Poison;

    fn try_from(item: Item) -> Result<Self, Poison> {
        let attempts = item.attempts.as_deref().unwrap_or("[]");
        let time = |name, millis| Timestamp::from_millisecond(millis).map_err(|_| Poison(name));
        Ok(Self {
            status: Status::parse(&item.status).ok_or(Poison("status"))?,
            cohort: item.version.map_or(Ok(Cohort::Undecided), |name| Cohort::parse(&name).ok_or(Poison("version")))?,
            kind: item.kind.parse().map_err(|_| Poison("type"))?,
            reason: item.reason.map(|code| Reason::parse(&code).ok_or(Poison("reason"))).transpose()?,
            attempts: serde_json::from_str(attempts).map_err(|_| Poison("attempts"))?,
            due_at: time("due_at", item.due_at)?,
            updated_at: time("updated_at", item.updated_at)?,
            waited_ms: item.waited_ms.and_then(|waited_ms| waited_ms.try_into().ok()).unwrap_or(0),
            delivered_on: item
                .delivered_on
                .map(|name| Channel::parse(&name).ok_or(Poison("delivered_on")))
                .transpose()?,
            opened: item.opened_at.is_some(),
            clicked: item.clicked_at.is_some(),
            dismissed: item.dismissed_at.is_some(),
            converted: item.converted_at.is_some(),
            conversion_value_micros: item.conversion_value_micros.unwrap_or(0),
            wasted_cost_micros: item.wasted_cost_micros.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn item() -> Value {
        json!({
            "pk": "r", "sk": "n", "content": "{\"title\":\"for Ada\"}", "status": "accepted", "version": "v2", "type": "DEFAULT",
            "attempts": r#"[{"c":"push","p":"h","o":"gone","l":9,"t":500},{"c":"push","p":"h","o":"accepted","l":40,"t":3000}]"#,
            "due_at": 1_000, "updated_at": 3_040, "waited_ms": 1_500, "clicked_at": 9_000,
        })
    }

    fn with(name: &str, value: Value) -> Result<Image, serde_json::Error> {
        let mut item = item();
        item[name] = value;
        serde_json::from_value(item)
    }

    #[test]
    fn an_item_is_read_for_what_metrics_need() {
        let image: Image = serde_json::from_value(item()).unwrap();
        assert_eq!((image.status, image.cohort, image.kind.as_str()), (Status::Accepted, Cohort::V2, "DEFAULT"));
        assert_eq!((image.attempts.len(), image.clicked, image.converted), (2, true, false));
        assert_eq!(image.latency_ms(), Some(3_040 - 1_000 - 1_500));
    }

    #[test]
    fn the_latency_ends_with_the_first_accepted_attempt_and_is_never_below_zero() {
        assert_eq!(with("waited_ms", json!(99_000)).unwrap().latency_ms(), Some(0));
        assert_eq!(with("due_at", json!(7_000)).unwrap().latency_ms(), Some(0));
        assert_eq!(with("attempts", Value::Null).unwrap().latency_ms(), None);
    }

    #[test]
    fn an_unknown_shape_is_an_error_that_repeats_nothing_of_it() {
        let bad = [
            ("status", json!("lost")),
            ("status", Value::Null),
            ("version", json!("v3")),
            ("type", json!("a/b")),
            ("reason", json!("Ada")),
            ("attempts", json!("[{\"c\":\"pigeon for Ada\"}]")),
            ("attempts", json!([1])),
            ("updated_at", json!(i64::MAX)),
            ("due_at", json!("soon")),
            ("delivered_on", json!("Ada's phone")),
        ];
        for (name, value) in bad {
            let error = with(name, value.clone()).unwrap_err().to_string();
            assert!(!error.contains("Ada"), "{name} {value}: {error}");
        }
    }
}
