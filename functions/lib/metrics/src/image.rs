//! State of a notification as metrics require it, read from the item in a stream record.
//!
//! The state contains no personal data: content, recipient and addresses are not read.

use jiff::Timestamp;
use serde::Deserialize;

use super::counters::{Cohort, Label};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Reason, Reports, Status};

/// State of a notification. An item without this shape is a poison record: it cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Item")]
pub struct Image {
    /// Status of the notification.
    pub status: Status,
    /// Version of the rollout, or undecided.
    pub cohort: Cohort,
    /// Type of the notification.
    pub kind: Label,
    /// Campaign and variant.
    pub campaign: Option<Label>,
    /// Template, for a notification without a content of its own.
    pub template: Option<ImageTemplate>,
    /// `true` for a test send, which no figure counts.
    pub is_test: bool,
    /// Reason, for a skipped notification.
    pub reason: Option<Reason>,
    /// All attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Due time.
    pub due_at: Timestamp,
    /// Time at which the notification reached this state.
    pub updated_at: Timestamp,
    /// Deliberate waits before the first accepted attempt, in milliseconds.
    pub waited_ms: u64,
    /// Channel that confirmed the delivery.
    pub delivered_on: Option<Channel>,
    /// True if the notification was opened.
    pub opened: bool,
    /// True if the notification's link was clicked.
    pub clicked: bool,
    /// True if the recipient complained about the notification.
    pub complained: bool,
    /// True if the recipient opted out by a link of the notification.
    pub opted_out: bool,
    /// True if the notification was dismissed.
    pub dismissed: bool,
    /// True if the notification led to a conversion.
    pub converted: bool,
    /// Value of the conversion, in micro-euros.
    pub conversion_value_micros: i64,
    /// Wasted cost, in micro-euros.
    pub wasted_cost_micros: i64,
}

/// Template of a notification. The variables are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTemplate {
    /// Name of the template.
    pub name: Label,
    /// Channels on which the template has no text in the recipient's language.
    pub fallback: Vec<Channel>,
}

impl Image {
    /// Returns the time from the due time to the end of the first accepted attempt, without deliberate waits.
    /// Returns `None` without an accepted attempt.
    #[must_use]
    pub fn latency_ms(&self) -> Option<u64> {
        let accepted = self.attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Accepted);
        let accepted = accepted.map(Attempt::ended_ms).min()?;
        let since_due = accepted.saturating_sub(self.due_at.as_millisecond());
        // Clock skew between two machines can make the difference negative.
        Some(u64::try_from(since_due).unwrap_or(0).saturating_sub(self.waited_ms))
    }

    /// Returns the cost of all attempts, in micro-euros.
    #[must_use]
    pub fn cost_micros(&self) -> i64 {
        self.attempts.iter().map(|attempt| attempt.cost_micros).fold(0, i64::saturating_add)
    }
}

/// Members of the attribute `template`.
#[derive(Deserialize)]
struct StoredTemplate {
    name: String,
    locale: Option<StoredLocale>,
}

#[derive(Deserialize)]
struct StoredLocale {
    #[serde(default)]
    fallback: Vec<Channel>,
}

fn template(json: &str) -> Result<ImageTemplate, MalformedImageError> {
    let stored: StoredTemplate = serde_json::from_str(json).map_err(|_| MalformedImageError("template"))?;
    let name = stored.name.parse().map_err(|_| MalformedImageError("template"))?;
    Ok(ImageTemplate { name, fallback: stored.locale.map(|locale| locale.fallback).unwrap_or_default() })
}

/// Attributes of the stored item.
#[derive(Deserialize)]
struct Item {
    status: String,
    version: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    campaign: Option<String>,
    template: Option<String>,
    test: Option<i64>,
    reason: Option<String>,
    attempts: Option<String>,
    due_at: i64,
    updated_at: i64,
    waited_ms: Option<i64>,
    delivered_on: Option<String>,
    opened_at: Option<i64>,
    reports: Option<String>,
    clicked_at: Option<i64>,
    dismissed_at: Option<i64>,
    converted_at: Option<i64>,
    conversion_value_micros: Option<i64>,
    wasted_cost_micros: Option<i64>,
}

/// Error in an item. It names the attribute, never its value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the attribute `{0}` has an unknown shape")]
struct MalformedImageError(&'static str);

impl TryFrom<Item> for Image {
    type Error = MalformedImageError;

    fn try_from(item: Item) -> Result<Self, MalformedImageError> {
        let attempts = item.attempts.as_deref().unwrap_or("[]");
        let reports =
            item.reports.map(|json| serde_json::from_str::<Reports>(&json).map_err(|_| MalformedImageError("reports")));
        let reports = reports.transpose()?.unwrap_or_default();
        let time = |name, millis| Timestamp::from_millisecond(millis).map_err(|_| MalformedImageError(name));
        Ok(Self {
            status: Status::parse(&item.status).ok_or(MalformedImageError("status"))?,
            cohort: item
                .version
                .map_or(Ok(Cohort::Undecided), |name| Cohort::parse(&name).ok_or(MalformedImageError("version")))?,
            kind: item.kind.parse().map_err(|_| MalformedImageError("type"))?,
            campaign: item
                .campaign
                .map(|text| text.parse().map_err(|_| MalformedImageError("campaign")))
                .transpose()?,
            template: item.template.as_deref().map(template).transpose()?,
            is_test: item.test.is_some(),
            reason: item.reason.map(|code| Reason::parse(&code).ok_or(MalformedImageError("reason"))).transpose()?,
            attempts: serde_json::from_str(attempts).map_err(|_| MalformedImageError("attempts"))?,
            due_at: time("due_at", item.due_at)?,
            updated_at: time("updated_at", item.updated_at)?,
            waited_ms: item.waited_ms.and_then(|waited_ms| waited_ms.try_into().ok()).unwrap_or(0),
            delivered_on: item
                .delivered_on
                .map(|name| Channel::parse(&name).ok_or(MalformedImageError("delivered_on")))
                .transpose()?,
            opened: item.opened_at.is_some(),
            clicked: item.clicked_at.is_some(),
            complained: reports.is_complaint(),
            opted_out: reports.opted_out_at.is_some(),
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
    fn an_item_is_parsed_into_an_image() {
        let image: Image = serde_json::from_value(item()).unwrap();
        assert_eq!((image.status, image.cohort, image.kind.as_str()), (Status::Accepted, Cohort::V2, "DEFAULT"));
        assert_eq!((image.attempts.len(), image.clicked, image.converted), (2, true, false));
        assert_eq!(image.latency_ms(), Some(3_040 - 1_000 - 1_500));
    }

    #[test]
    fn complaints_and_opt_outs_are_in_the_reports() {
        let told =
            |reports: &str| with("reports", json!(reports)).map(|image| (image.complained, image.opted_out)).unwrap();
        assert_eq!(told(r#"{"email":{"c":5,"n":"complaint"}}"#), (true, false));
        assert_eq!(told(r#"{"sms":{"f":"complaint"},"o":7}"#), (true, true));
        assert_eq!(told(r#"{"email":{"f":"bounced"}}"#), (false, false));
    }

    #[test]
    fn the_latency_ends_with_the_first_accepted_attempt_and_is_never_below_zero() {
        assert_eq!(with("waited_ms", json!(99_000)).unwrap().latency_ms(), Some(0));
        assert_eq!(with("due_at", json!(7_000)).unwrap().latency_ms(), Some(0));
        assert_eq!(with("attempts", Value::Null).unwrap().latency_ms(), None);
    }

    #[test]
    fn the_error_of_an_unknown_shape_contains_no_value() {
        let bad = [
            ("status", json!("lost")),
            ("status", Value::Null),
            ("version", json!("v3")),
            ("type", json!("a/b")),
            ("reason", json!("Ada")),
            ("attempts", json!("[{\"c\":\"pigeon for Ada\"}]")),
            ("attempts", json!([1])),
            ("reports", json!("{\"email\":\"for Ada\"}")),
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
