//! A change of a notification as a difference of counters.
//!
//! Counting states and not events is what makes late and missing intermediate records harmless: the differences along any
//! history add up to the counters of its last state.

use super::counters::{CounterName, Counters, Group, Of, Tried};
use super::histogram::bin_of;
use super::image::Image;
use crate::notification::{Attempt, AttemptOutcome, Status};

/// What changed from `old` (`None` for a new notification) to `new`. Counters that fell are negative.
#[must_use]
pub fn fold(old: Option<&Image>, new: &Image) -> Counters {
    let before = old.map(state).unwrap_or_default();
    state(new).since(&before)
}

/// Everything that one notification in this state counts for.
#[must_use]
pub fn state(image: &Image) -> Counters {
    let mut counters = Counters::default();
    for group in [Group::Version(image.cohort), Group::Type(image.kind.clone())] {
        for (of, amount) in notification(image) {
            counters.add(CounterName::Notifications(group.clone(), of), amount);
        }
    }
    for attempt in &image.attempts {
        for (tried, amount) in tried(attempt) {
            counters.add(CounterName::Attempts(attempt.channel, tried), amount);
        }
    }
    counters
}

fn notification(image: &Image) -> impl Iterator<Item = (Of, i64)> {
    let cost_micros = image.attempts.iter().map(|attempt| attempt.cost_micros).fold(0, i64::saturating_add);
    let ones = [
        (!image.attempts.is_empty()).then_some(Of::Sent),
        closed_or_not_sent(image),
        image.clicked.then_some(Of::Clicked),
        image.converted.then_some(Of::Converted),
        image.latency_ms().map(|latency_ms| Of::Latency(bin_of(latency_ms))),
    ];
    ones.into_iter().flatten().map(|of| (of, 1)).chain([(Of::CostMicros, cost_micros)])
}

fn closed_or_not_sent(image: &Image) -> Option<Of> {
    match image.status {
        Status::Accepted => Some(Of::Accepted),
        Status::Delivered => Some(Of::Delivered),
        Status::Failed => Some(Of::Failed),
        Status::Uncertain => Some(Of::Uncertain),
        Status::Expired => Some(Of::Expired),
        Status::Cancelled => Some(Of::Cancelled),
        Status::Skipped => image.reason.map(Of::Skipped),
        Status::Scheduled | Status::Held | Status::Sending | Status::Cascading => None,
    }
}

fn tried(attempt: &Attempt) -> impl Iterator<Item = (Tried, i64)> {
    let outcome = match attempt.outcome {
        AttemptOutcome::Accepted => Tried::Accepted,
        AttemptOutcome::RetryLater => Tried::RetryLater,
        AttemptOutcome::Gone => Tried::Gone,
        AttemptOutcome::Rejected => Tried::Rejected,
        AttemptOutcome::Uncertain => Tried::Uncertain,
    };
    // An attempt that a crash interrupted has no time of its own: nobody saw it end.
    let timed = attempt.outcome != AttemptOutcome::Uncertain || attempt.latency_ms > 0;
    let latency = timed.then(|| (Tried::Latency(bin_of(attempt.latency_ms)), 1));
    [(Tried::Attempts, 1), (outcome, 1), (Tried::CostMicros, attempt.cost_micros)].into_iter().chain(latency)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn image(changes: Value) -> Image {
        let mut item =
            json!({"status": "sending", "version": "v2", "type": "DEFAULT", "due_at": 1_000, "updated_at": 1_000});
        item.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(item).unwrap()
    }

    fn texts(counters: &Counters) -> BTreeMap<String, i64> {
        counters.iter().map(|(name, amount)| (name.to_string(), amount)).collect()
    }

    fn expected(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    const PUSH: &str = r#"{"c":"push","p":"h","o":"gone","l":20,"t":1000}"#;
    const SMS: &str = r#"{"c":"sms","p":"sns","o":"accepted","l":60,"m":70000,"t":1940}"#;

    #[test]
    fn a_fallback_to_sms_counts_each_attempt_and_one_notification() {
        let tried = image(json!({"status": "cascading", "attempts": format!("[{PUSH}]")}));
        let done = image(json!({"status": "accepted", "attempts": format!("[{PUSH},{SMS}]")}));
        assert_eq!(
            texts(&fold(Some(&tried), &done)),
            expected(&[
                ("channel/sms/accepted", 1),
                ("channel/sms/attempts", 1),
                ("channel/sms/cost_micros", 70_000),
                ("channel/sms/lat/205", 1),
                ("type/DEFAULT/accepted", 1),
                ("type/DEFAULT/cost_micros", 70_000),
                ("type/DEFAULT/lat/346", 1),
                ("version/v2/accepted", 1),
                ("version/v2/cost_micros", 70_000),
                ("version/v2/lat/346", 1),
            ])
        );
        assert_eq!(texts(&state(&tried))["version/v2/sent"], 1);
    }

    #[test]
    fn a_confirmation_moves_one_from_accepted_to_delivered() {
        let accepted = image(json!({"status": "accepted", "attempts": format!("[{PUSH}]")}));
        let delivered =
            image(json!({"status": "delivered", "attempts": format!("[{PUSH}]"), "clicked_at": 5, "converted_at": 6}));
        let difference = texts(&fold(Some(&accepted), &delivered));
        let names = ["accepted", "delivered", "clicked", "converted"];
        let moved = names.map(|name| difference[&format!("version/v2/{name}")]);
        assert_eq!((moved, difference.len()), ([-1, 1, 1, 1], 8));
    }

    #[test]
    fn a_skip_is_counted_by_reason_and_is_neither_sent_nor_failed() {
        let skipped = image(json!({"status": "skipped", "reason": "opted_out", "version": "v1"}));
        let both = expected(&[("type/DEFAULT/skipped/opted_out", 1), ("version/v1/skipped/opted_out", 1)]);
        assert_eq!(texts(&fold(None, &skipped)), both);
    }

    #[test]
    fn deciding_the_version_moves_nothing_that_was_not_counted() {
        let scheduled = image(json!({"status": "scheduled", "version": null}));
        assert!(fold(Some(&scheduled), &image(json!({}))).is_empty());
        let cancelled = image(json!({"status": "cancelled", "version": null}));
        assert_eq!(texts(&fold(Some(&scheduled), &cancelled))["version/undecided/cancelled"], 1);
    }

    #[test]
    fn an_interrupted_attempt_has_no_latency() {
        let lost = r#"[{"c":"sms","p":"sns","o":"uncertain","l":0,"m":70000,"t":1000}]"#;
        let counters = texts(&state(&image(json!({"status": "uncertain", "attempts": lost}))));
        assert!(counters.keys().all(|name| !name.contains("/lat/")), "{counters:?}");
    }
}
