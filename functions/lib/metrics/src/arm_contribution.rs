//! Contribution of one notification to the counters of its arm of the rollout.
//!
//! Each count is one of notifications. A person with several devices or a retry counts once, so that the guard compares
//! the same thing in both arms: version 1 makes one push.

use std::collections::BTreeSet;

use super::arm_metrics::{PushVendor, RolloutArmMetric};
use super::counters::Cohort;
use super::image::Image;
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Status};

/// Returns the metrics of a notification for its arm, each with its amount.
pub(super) fn arm_metrics(image: &Image) -> impl Iterator<Item = (RolloutArmMetric, i64)> {
    let first = first_push(image);
    let ones = [
        Some(RolloutArmMetric::Assigned),
        first.map(|_| RolloutArmMetric::FirstPushes),
        first.filter(|first| *first != AttemptOutcome::Accepted).map(|_| RolloutArmMetric::FirstPushesFailed),
        first.filter(|first| is_unavailable(*first)).map(|_| RolloutArmMetric::FirstPushesUnavailable),
    ];
    let ones = ones.into_iter().flatten().chain(end_after_push(image, first)).chain(vendors(image));
    ones.map(|metric| (metric, 1)).chain(costs(image))
}

fn pushes(image: &Image) -> impl Iterator<Item = &Attempt> {
    image.attempts.iter().filter(|attempt| attempt.channel == Channel::Push)
}

/// Returns the outcome of the first push: the best outcome of the devices that were called together. Devices that no
/// longer exist are left out. Returns `None` if no other device was called.
///
/// A device that was not waited for is no failure: another one of the same call accepted the message.
fn first_push(image: &Image) -> Option<AttemptOutcome> {
    let existing = || pushes(image).filter(|attempt| attempt.outcome != AttemptOutcome::Gone);
    let first = existing().next()?;
    existing().filter(|attempt| attempt.at_ms == first.at_ms).map(|attempt| attempt.outcome).min()
}

/// Returns `true` if the push service was not available to either version: it throttled, had an error of its own, or
/// did not answer.
fn is_unavailable(first: AttemptOutcome) -> bool {
    first == AttemptOutcome::RetryLater
}

/// Returns the counts of a notification's end. Returns none if version 1 could not have delivered it: no device with an
/// existing address was tried.
fn end_after_push(image: &Image, first: Option<AttemptOutcome>) -> impl Iterator<Item = RolloutArmMetric> {
    let is_bad = match image.status {
        Status::Failed | Status::Expired => Some(true),
        Status::Accepted | Status::Delivered | Status::Uncertain => Some(false),
        _ => None,
    };
    let end = first.zip(is_bad).map(|(first, is_bad)| {
        [
            Some(RolloutArmMetric::PushClosed),
            is_bad.then_some(RolloutArmMetric::PushEndedBadly),
            (is_bad && is_unavailable(first)).then_some(RolloutArmMetric::PushEndedBadlyUnavailable),
        ]
    });
    end.into_iter().flatten().flatten()
}

/// Returns the push services that version 2 called, each once.
fn vendors(image: &Image) -> impl Iterator<Item = RolloutArmMetric> {
    let is_v2 = image.cohort == Cohort::V2;
    let called = pushes(image).filter(|_| is_v2).map(|attempt| PushVendor::of_host(&attempt.provider));
    called.collect::<BTreeSet<_>>().into_iter().map(RolloutArmMetric::PushesTo)
}

/// Returns the sums from which the comparison computes the variance of the costs.
fn costs(image: &Image) -> [(RolloutArmMetric, i64); 2] {
    let cost_micros = image.cost_micros();
    let is_reached = matches!(image.status, Status::Accepted | Status::Delivered);
    let of_reached = if is_reached { cost_micros } else { 0 };
    [
        (RolloutArmMetric::CostSquares, cost_micros.saturating_mul(cost_micros)),
        (RolloutArmMetric::CostOfReachedMicros, of_reached),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    /// Returns the counts of a notification, without that of the assignment and without the costs.
    fn counts(version: &str, status: &str, attempts: &Value) -> BTreeMap<String, i64> {
        let item = json!({"status": status, "version": version, "type": "DEFAULT", "due_at": 1_000, "updated_at": 1_000,
            "attempts": attempts.to_string()});
        let image: Image = serde_json::from_value(item).unwrap();
        let metrics = arm_metrics(&image).filter(|(_, amount)| *amount != 0);
        let mut counts = BTreeMap::new();
        metrics.for_each(|(metric, amount)| *counts.entry(metric.text()).or_insert(0) += amount);
        assert_eq!(counts.remove("assigned"), Some(1));
        counts.retain(|name, _| !name.starts_with("cost"));
        counts
    }

    /// Returns an attempt on a device, at a time in milliseconds.
    fn push(device: &str, host: &str, outcome: &str, at_ms: i64) -> Value {
        json!({"c": "push", "p": host, "o": outcome, "l": 1, "t": at_ms, "v": device})
    }

    fn expected(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    fn pushes_to(host: &str) -> String {
        RolloutArmMetric::PushesTo(PushVendor::of_host(host)).text()
    }

    const GOOGLE: &str = "fcm.googleapis.com";
    const WINDOWS: &str = "wns2-par02p.notify.windows.com";

    #[test]
    fn a_slow_or_outdated_device_beside_one_that_accepts_is_no_failed_first_push() {
        let mut slow = push("laptop", WINDOWS, "retry_later", 1);
        slow["d"] = json!("not waited for: another device accepted the message");
        let windows = pushes_to(WINDOWS);
        let well = [("first_pushes", 1), ("push_closed", 1), ("pushes/google", 1), (windows.as_str(), 1)];
        for second in [slow, push("old", WINDOWS, "rejected", 1), push("old", WINDOWS, "retry_later", 1)] {
            for both in [
                json!([push("phone", GOOGLE, "accepted", 1), second]),
                json!([second, push("phone", GOOGLE, "accepted", 1)]),
            ] {
                assert_eq!(counts("v2", "accepted", &both), expected(&well), "{both}");
            }
        }
    }

    #[test]
    fn the_best_device_of_the_first_call_counts_and_a_gone_one_is_left_out() {
        let gone = push("b", "web.push.apple.com", "gone", 1);
        let attempts = json!([
            push("a", GOOGLE, "retry_later", 1),
            gone,
            push("c", "127.0.0.1:9", "rejected", 1),
            push("a", GOOGLE, "accepted", 9),
        ]);
        let first =
            [("first_pushes", 1), ("first_pushes_failed", 1), ("first_pushes_unavailable", 1), ("push_closed", 1)];
        let other = pushes_to("127.0.0.1:9");
        let services = [("pushes/apple", 1), ("pushes/google", 1), (other.as_str(), 1)];
        assert_eq!(counts("v2", "accepted", &attempts), expected(&[&first[..], &services].concat()));
        assert_eq!(counts("v1", "accepted", &attempts), expected(&first));
        let later = json!([gone, push("c", GOOGLE, "rejected", 7), push("d", GOOGLE, "accepted", 9)]);
        let first = [("first_pushes", 1), ("first_pushes_failed", 1), ("push_closed", 1)];
        assert_eq!(counts("v1", "accepted", &later), expected(&first), "the gone device was called alone");
        assert_eq!(counts("v1", "failed", &json!([gone])), expected(&[]));
    }

    /// Retries of one device do not make its push service a larger part of all pushes.
    #[test]
    fn a_push_service_counts_once_for_each_notification() {
        let tries: Vec<_> = (0..4).map(|number| push("a", WINDOWS, "retry_later", number * 1_000)).collect();
        assert_eq!(counts("v2", "cascading", &json!(tries))[&pushes_to(WINDOWS)], 1);
    }

    #[test]
    fn an_end_counts_for_the_arm_only_if_an_existing_device_was_tried() {
        let (rejected, gone) = (push("a", GOOGLE, "rejected", 1), push("a", GOOGLE, "gone", 1));
        let unavailable = push("a", GOOGLE, "retry_later", 1);
        let mail = json!({"c": "email", "p": "ses", "o": "uncertain", "l": 9, "t": 1_940});
        let sms = json!({"c": "sms", "p": "sns", "o": "accepted", "l": 60, "m": 70_000, "t": 1_940});
        let ends = |status: &str, attempts: Value| {
            let counts = counts("v2", status, &attempts);
            ["push_closed", "push_ended_badly", "push_ended_badly_unavailable"]
                .map(|name| counts.get(name).copied().unwrap_or(0))
        };
        assert_eq!(ends("failed", json!([rejected])), [1, 1, 0]);
        assert_eq!(ends("expired", json!([rejected])), [1, 1, 0]);
        assert_eq!(ends("failed", json!([unavailable, push("a", GOOGLE, "rejected", 2)])), [1, 1, 1]);
        assert_eq!(ends("expired", json!([gone, unavailable])), [1, 1, 1]);
        assert_eq!(ends("accepted", json!([unavailable, sms])), [1, 0, 0]);
        assert_eq!(ends("accepted", json!([rejected, sms])), [1, 0, 0]);
        assert_eq!(ends("uncertain", json!([rejected, mail])), [1, 0, 0], "version 1 has no e-mail");
        assert_eq!(ends("failed", json!([gone, mail])), [0, 0, 0], "its only device was gone");
        assert_eq!(ends("failed", json!([mail])), [0, 0, 0]);
        assert_eq!(ends("expired", json!([])), [0, 0, 0]);
        assert_eq!(ends("cascading", json!([rejected])), [0, 0, 0], "it goes on");
        assert_eq!(ends("cancelled", json!([rejected])), [0, 0, 0]);
    }
}
