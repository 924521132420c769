//! Difference of the counters between two states of a notification.
//!
//! States are counted, not events. The differences of a history add up to the counters of its last state, so a late or
//! missing intermediate record does not change the result.

use super::arm_contribution::arm_metrics;
use super::arm_metrics::ChannelResult;
use super::counters::{AttemptMetric, Cohort, CounterName, Counters, Group, NotificationMetric};
use super::histogram::bin_of;
use super::image::{Image, ImageTemplate};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Status};

/// Returns the difference of the counters from `old` (`None` for a new notification) to `new`. Counters that decreased
/// are negative.
#[must_use]
pub fn difference(old: Option<&Image>, new: &Image) -> Counters {
    let before = old.map(contribution).unwrap_or_default();
    contribution(new).since(&before)
}

/// Returns the counters to which one notification in this state contributes.
#[must_use]
pub fn contribution(image: &Image) -> Counters {
    let mut counters = Counters::default();
    if image.is_test {
        return counters;
    }
    for group in [Group::Version(image.cohort), Group::Type(image.kind.clone())] {
        for (metric, amount) in notification_metrics(image) {
            counters.add(CounterName::Notifications(group.clone(), metric), amount);
        }
    }
    let campaign = image.campaign.clone().map(Group::Campaign);
    let template = image.template.clone().map(|used| Group::Template(used.name));
    for group in campaign.into_iter().chain(template) {
        // The latency of a campaign is its rate, and a template has none: neither is counted.
        let metrics =
            notification_metrics(image).filter(|(metric, _)| !matches!(metric, NotificationMetric::Latency(_)));
        for (metric, amount) in metrics {
            counters.add(CounterName::Notifications(group.clone(), metric), amount);
        }
    }
    if let Some(used) = image.template.as_ref().filter(|used| is_locale_fallback(image, used)) {
        let group = Group::Template(used.name.clone());
        counters.add(CounterName::Notifications(group, NotificationMetric::LocaleFallback), 1);
    }
    for attempt in &image.attempts {
        for (metric, amount) in attempt_metrics(attempt) {
            counters.add(CounterName::Attempts(attempt.channel, metric), amount);
        }
    }
    for channel in Channel::ALL {
        if let Some(result) = channel_result(image, channel) {
            counters.add(CounterName::ChannelResult(image.cohort, channel, result), 1);
        }
    }
    if image.cohort != Cohort::Undecided {
        arm_metrics(image).for_each(|(metric, amount)| {
            counters.add(CounterName::RolloutArm(image.cohort, metric), amount);
        });
    }
    counters
}

/// Returns `true` if an attempt was made on a channel on which the template has no text in the recipient's language.
fn is_locale_fallback(image: &Image, used: &ImageTemplate) -> bool {
    image.attempts.iter().any(|attempt| used.fallback.contains(&attempt.channel))
}

/// Returns the result of a notification on one channel. Returns `None` if the channel was not tried, its result is
/// open, or the caller cancelled the notification.
fn channel_result(image: &Image, channel: Channel) -> Option<ChannelResult> {
    let has_attempt = |outcome| image.attempts.iter().any(|one| one.channel == channel && one.outcome == outcome);
    let last = image.attempts.iter().rposition(|attempt| attempt.channel == channel)?;
    let has_later_channel = last + 1 < image.attempts.len();
    if has_attempt(AttemptOutcome::Accepted) || image.delivered_on == Some(channel) {
        Some(ChannelResult::Reached)
    } else if has_attempt(AttemptOutcome::Uncertain) {
        Some(ChannelResult::Uncertain)
    } else {
        let is_over = image.status.is_final() && image.status != Status::Cancelled;
        (has_later_channel || is_over).then_some(ChannelResult::Missed)
    }
}

fn notification_metrics(image: &Image) -> impl Iterator<Item = (NotificationMetric, i64)> {
    let ones = [
        (!image.attempts.is_empty()).then_some(NotificationMetric::Sent),
        outcome_metric(image),
        image.opened.then_some(NotificationMetric::Opened),
        image.clicked.then_some(NotificationMetric::Clicked),
        image.complained.then_some(NotificationMetric::Complained),
        image.opted_out.then_some(NotificationMetric::OptedOut),
        image.dismissed.then_some(NotificationMetric::Dismissed),
        image.converted.then_some(NotificationMetric::Converted),
        image.latency_ms().map(|latency_ms| NotificationMetric::Latency(bin_of(latency_ms))),
    ];
    let sums = [
        (NotificationMetric::CostMicros, image.cost_micros()),
        (NotificationMetric::WastedCostMicros, image.wasted_cost_micros),
        (NotificationMetric::ConversionValueMicros, image.conversion_value_micros),
    ];
    ones.into_iter().flatten().map(|metric| (metric, 1)).chain(sums)
}

/// Returns the metric of a final status. Returns `None` for a status that is not final.
fn outcome_metric(image: &Image) -> Option<NotificationMetric> {
    match image.status {
        Status::Accepted => Some(NotificationMetric::Accepted),
        Status::Delivered => Some(NotificationMetric::Delivered),
        Status::Failed => Some(NotificationMetric::Failed),
        Status::Uncertain => Some(NotificationMetric::Uncertain),
        Status::Expired => Some(NotificationMetric::Expired),
        Status::Cancelled => Some(NotificationMetric::Cancelled),
        Status::Skipped => image.reason.map(NotificationMetric::Skipped),
        Status::Scheduled | Status::Held | Status::Sending | Status::Cascading => None,
    }
}

fn attempt_metrics(attempt: &Attempt) -> impl Iterator<Item = (AttemptMetric, i64)> {
    let outcome = match attempt.outcome {
        AttemptOutcome::Accepted => AttemptMetric::Accepted,
        AttemptOutcome::RetryLater => AttemptMetric::RetryLater,
        AttemptOutcome::Gone => AttemptMetric::Gone,
        AttemptOutcome::Rejected => AttemptMetric::Rejected,
        AttemptOutcome::Uncertain => AttemptMetric::Uncertain,
    };
    // An attempt that was interrupted by a crash has no duration: its end was not recorded.
    let has_duration = attempt.outcome != AttemptOutcome::Uncertain || attempt.latency_ms > 0;
    let sum_ms = i64::try_from(attempt.latency_ms).unwrap_or(i64::MAX);
    let latency = [(AttemptMetric::Latency(bin_of(attempt.latency_ms)), 1), (AttemptMetric::LatencySumMs, sum_ms)];
    let latency = latency.into_iter().filter(move |_| has_duration);
    [(AttemptMetric::Attempts, 1), (outcome, 1), (AttemptMetric::CostMicros, attempt.cost_micros)]
        .into_iter()
        .chain(latency)
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

    #[test]
    fn a_fallback_of_the_locale_counts_only_on_a_channel_that_was_tried() {
        let fallbacks = |channels: Value, attempts: &str| {
            let locale = json!({"tag": "fr", "time_zone": "UTC", "fallback": channels});
            let template = json!({"name": "welcome", "version": 1, "locale": locale}).to_string();
            let counters = contribution(&image(json!({"template": template, "attempts": attempts})));
            let text = texts(&counters);
            let sent = i64::from(attempts != "[]");
            assert_eq!(text.get("template/welcome/sent").copied().unwrap_or(0), sent, "{text:?}");
            assert!(!text.keys().any(|name| name.starts_with("template/welcome/lat")), "{text:?}");
            text.get("template/welcome/locale_fallback").copied().unwrap_or(0)
        };
        let push = format!("[{PUSH}]");
        assert_eq!(fallbacks(json!(["push", "sms"]), &push), 1);
        assert_eq!((fallbacks(json!(["sms"]), &push), fallbacks(json!(["push"]), "[]")), (0, 0));
    }

    const PUSH: &str = r#"{"c":"push","p":"h","o":"gone","l":20,"t":1000}"#;
    const SMS: &str = r#"{"c":"sms","p":"sns","o":"accepted","l":60,"m":70000,"t":1940}"#;

    #[test]
    fn a_fallback_to_sms_counts_each_attempt_and_one_notification() {
        let tried = image(json!({"status": "cascading", "attempts": format!("[{PUSH}]")}));
        let done = image(json!({"status": "accepted", "attempts": format!("[{PUSH},{SMS}]")}));
        assert_eq!(
            texts(&difference(Some(&tried), &done)),
            expected(&[
                ("channel/sms/accepted", 1),
                ("channel/sms/attempts", 1),
                ("channel/sms/cost_micros", 70_000),
                ("channel/sms/lat/206", 1),
                ("channel/sms/latency_sum_ms", 60),
                ("on/v2/push/missed", 1),
                ("on/v2/sms/reached", 1),
                ("side/v2/cost_of_reached_micros", 70_000),
                ("side/v2/cost_squares", 4_900_000_000),
                ("type/DEFAULT/accepted", 1),
                ("type/DEFAULT/cost_micros", 70_000),
                ("type/DEFAULT/lat/346", 1),
                ("version/v2/accepted", 1),
                ("version/v2/cost_micros", 70_000),
                ("version/v2/lat/346", 1),
            ])
        );
        assert_eq!(texts(&contribution(&tried))["version/v2/sent"], 1);
    }

    #[test]
    fn a_confirmation_moves_one_from_accepted_to_delivered() {
        let accepted = image(json!({"status": "accepted", "attempts": format!("[{PUSH}]")}));
        let delivered = image(json!({
            "status": "delivered", "attempts": format!("[{PUSH}]"), "opened_at": 4, "clicked_at": 5, "dismissed_at": 6,
            "converted_at": 7, "conversion_value_micros": 19_900_000, "wasted_cost_micros": 92,
        }));
        let difference = texts(&difference(Some(&accepted), &delivered));
        let names = ["accepted", "delivered", "opened", "clicked", "dismissed", "converted"];
        let moved = names.map(|name| difference[&format!("version/v2/{name}")]);
        assert_eq!((moved, difference.len()), ([-1, 1, 1, 1, 1, 1], 16));
        let sums = ["conversion_value_micros", "wasted_cost_micros"];
        assert_eq!(sums.map(|name| difference[&format!("type/DEFAULT/{name}")]), [19_900_000, 92]);
    }

    #[test]
    fn a_skip_is_counted_by_reason_and_is_neither_sent_nor_failed() {
        let skipped = image(json!({"status": "skipped", "reason": "opted_out", "version": "v1"}));
        let all = [("side/v1/assigned", 1), ("type/DEFAULT/skipped/opted_out", 1), ("version/v1/skipped/opted_out", 1)];
        assert_eq!(texts(&difference(None, &skipped)), expected(&all));
    }

    #[test]
    fn deciding_the_version_counts_the_assignment_alone() {
        let scheduled = image(json!({"status": "scheduled", "version": null}));
        assert_eq!(texts(&difference(Some(&scheduled), &image(json!({})))), expected(&[("side/v2/assigned", 1)]));
        let cancelled = image(json!({"status": "cancelled", "version": null}));
        assert_eq!(texts(&difference(Some(&scheduled), &cancelled))["version/undecided/cancelled"], 1);
    }

    #[test]
    fn an_interrupted_attempt_has_no_latency() {
        let lost = r#"[{"c":"sms","p":"sns","o":"uncertain","l":0,"m":70000,"t":1000}]"#;
        let counters = texts(&contribution(&image(json!({"status": "uncertain", "attempts": lost}))));
        assert!(counters.keys().all(|name| !name.contains("/lat")), "{counters:?}");
        assert_eq!(counters["on/v2/sms/uncertain"], 1);
        let proven = json!({"status": "delivered", "attempts": lost, "delivered_on": "sms"});
        assert_eq!(texts(&contribution(&image(proven)))["on/v2/sms/reached"], 1);
    }

    #[test]
    fn a_channel_has_a_result_once_it_was_accepted_or_no_attempt_follows() {
        const LATER: &str = r#"{"c":"push","p":"h","o":"retry_later","l":20,"t":1000}"#;
        let on = |status: &str, attempts: String| {
            let counters = texts(&contribution(&image(json!({"status": status, "attempts": attempts}))));
            counters.into_keys().filter(|name| name.starts_with("on/")).collect::<Vec<_>>()
        };
        assert!(on("cascading", format!("[{LATER}]")).is_empty(), "it is tried again");
        assert!(on("cancelled", format!("[{LATER}]")).is_empty(), "the caller cancelled it");
        assert_eq!(on("expired", format!("[{LATER}]")), ["on/v2/push/missed"]);
        assert_eq!(on("accepted", format!("[{LATER},{SMS}]")), ["on/v2/push/missed", "on/v2/sms/reached"]);
    }
}
