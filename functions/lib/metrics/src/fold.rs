//! A change of a notification as a difference of counters.
//!
//! Counting states and not events is what makes late and missing intermediate records harmless: the differences along any
//! history add up to the counters of its last state.

use super::counters::{Cohort, CounterName, Counters, Group, Of, Tried};
use super::histogram::bin_of;
use super::image::Image;
use super::sides::{PushService, Reach, Side};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Status};

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
    for channel in Channel::ALL {
        if let Some(reach) = reach(image, channel) {
            counters.add(CounterName::Reach(image.cohort, channel, reach), 1);
        }
    }
    if image.cohort != Cohort::Undecided {
        sides(image).for_each(|side| counters.add(CounterName::Side(image.cohort, side), 1));
        costs(image).into_iter().for_each(|(side, sum)| counters.add(CounterName::Side(image.cohort, side), sum));
    }
    counters
}

/// What became of it on one channel; `None` while that is open, was never tried, or its caller called it off.
fn reach(image: &Image, channel: Channel) -> Option<Reach> {
    let came_to = |outcome| image.attempts.iter().any(|one| one.channel == channel && one.outcome == outcome);
    let last = image.attempts.iter().rposition(|attempt| attempt.channel == channel)?;
    let went_on = last + 1 < image.attempts.len();
    if came_to(AttemptOutcome::Accepted) || image.delivered_on == Some(channel) {
        Some(Reach::Reached)
    } else if came_to(AttemptOutcome::Uncertain) {
        Some(Reach::Uncertain)
    } else {
        let is_over = image.status.is_final() && image.status != Status::Cancelled;
        (went_on || is_over).then_some(Reach::Missed)
    }
}

/// What the comparison of the two sides, and the guard, ask of it.
fn sides(image: &Image) -> impl Iterator<Item = Side> {
    let pushes = || image.attempts.iter().enumerate().filter(|(_, attempt)| attempt.channel == Channel::Push);
    let is_first = move |(at, attempt): &(usize, &Attempt)| {
        !pushes().take_while(|(before, _)| before < at).any(|(_, before)| before.device == attempt.device)
    };
    let first = pushes().filter(is_first).filter(|(_, attempt)| attempt.outcome != AttemptOutcome::Gone);
    let first = first.flat_map(|(_, attempt)| {
        let failed = attempt.outcome != AttemptOutcome::Accepted;
        [Some(Side::FirstPushes), failed.then_some(Side::FirstPushesFailed)].into_iter().flatten()
    });
    let is_v2 = image.cohort == Cohort::V2;
    let services = pushes().filter(move |_| is_v2).map(|(_, one)| Side::PushesTo(PushService::of_host(&one.provider)));
    std::iter::once(Side::Assigned).chain(first).chain(ended_after_push(image)).chain(services)
}

/// How it ended, if version 1 would have had a chance with it.
fn ended_after_push(image: &Image) -> impl Iterator<Item = Side> {
    let is_push = |attempt: &Attempt| attempt.channel == Channel::Push && attempt.outcome != AttemptOutcome::Gone;
    let is_bad = match image.status {
        Status::Failed | Status::Expired => Some(true),
        Status::Accepted | Status::Delivered | Status::Uncertain => Some(false),
        _ => None,
    };
    let is_bad = is_bad.filter(|_| image.attempts.iter().any(is_push));
    let both = is_bad.map(|is_bad| [Some(Side::PushClosed), is_bad.then_some(Side::PushEndedBadly)]);
    both.into_iter().flatten().flatten()
}

fn cost_micros(image: &Image) -> i64 {
    image.attempts.iter().map(|attempt| attempt.cost_micros).fold(0, i64::saturating_add)
}

/// What the comparison needs to say how costs scatter.
fn costs(image: &Image) -> [(Side, i64); 2] {
    let cost_micros = cost_micros(image);
    let is_reached = matches!(image.status, Status::Accepted | Status::Delivered);
    let of_reached = if is_reached { cost_micros } else { 0 };
    [(Side::CostSquares, cost_micros.saturating_mul(cost_micros)), (Side::CostOfReachedMicros, of_reached)]
}

fn notification(image: &Image) -> impl Iterator<Item = (Of, i64)> {
    let ones = [
        (!image.attempts.is_empty()).then_some(Of::Sent),
        closed_or_not_sent(image),
        image.opened.then_some(Of::Opened),
        image.clicked.then_some(Of::Clicked),
        image.dismissed.then_some(Of::Dismissed),
        image.converted.then_some(Of::Converted),
        image.latency_ms().map(|latency_ms| Of::Latency(bin_of(latency_ms))),
    ];
    let sums = [
        (Of::CostMicros, cost_micros(image)),
        (Of::WastedCostMicros, image.wasted_cost_micros),
        (Of::ConversionValueMicros, image.conversion_value_micros),
    ];
    ones.into_iter().flatten().map(|of| (of, 1)).chain(sums)
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
    let sum_ms = i64::try_from(attempt.latency_ms).unwrap_or(i64::MAX);
    let latency = [(Tried::Latency(bin_of(attempt.latency_ms)), 1), (Tried::LatencySumMs, sum_ms)];
    let latency = latency.into_iter().filter(move |_| timed);
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
        assert_eq!(texts(&state(&tried))["version/v2/sent"], 1);
    }

    #[test]
    fn a_confirmation_moves_one_from_accepted_to_delivered() {
        let accepted = image(json!({"status": "accepted", "attempts": format!("[{PUSH}]")}));
        let delivered = image(json!({
            "status": "delivered", "attempts": format!("[{PUSH}]"), "opened_at": 4, "clicked_at": 5, "dismissed_at": 6,
            "converted_at": 7, "conversion_value_micros": 19_900_000, "wasted_cost_micros": 92,
        }));
        let difference = texts(&fold(Some(&accepted), &delivered));
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
        assert_eq!(texts(&fold(None, &skipped)), expected(&all));
    }

    #[test]
    fn deciding_the_version_moves_nothing_that_was_not_counted() {
        let scheduled = image(json!({"status": "scheduled", "version": null}));
        assert_eq!(texts(&fold(Some(&scheduled), &image(json!({})))), expected(&[("side/v2/assigned", 1)]));
        let cancelled = image(json!({"status": "cancelled", "version": null}));
        assert_eq!(texts(&fold(Some(&scheduled), &cancelled))["version/undecided/cancelled"], 1);
    }

    #[test]
    fn an_interrupted_attempt_has_no_latency() {
        let lost = r#"[{"c":"sms","p":"sns","o":"uncertain","l":0,"m":70000,"t":1000}]"#;
        let counters = texts(&state(&image(json!({"status": "uncertain", "attempts": lost}))));
        assert!(counters.keys().all(|name| !name.contains("/lat")), "{counters:?}");
        assert_eq!(counters["on/v2/sms/uncertain"], 1);
        let proven = json!({"status": "delivered", "attempts": lost, "delivered_on": "sms"});
        assert_eq!(texts(&state(&image(proven)))["on/v2/sms/reached"], 1);
    }

    fn sides_of(version: &str, attempts: &str) -> BTreeMap<String, i64> {
        let all = texts(&state(&image(json!({"status": "accepted", "version": version, "attempts": attempts}))));
        all.into_iter().filter(|(name, _)| name.starts_with("side/") && !name.ends_with("/assigned")).collect()
    }

    #[test]
    fn the_first_try_of_each_device_counts_and_a_gone_one_is_left_out() {
        let attempts = r#"[{"c":"push","p":"fcm.googleapis.com","o":"retry_later","l":1,"t":1,"v":"a"},
            {"c":"push","p":"web.push.apple.com","o":"gone","l":1,"t":1,"v":"b"},
            {"c":"push","p":"127.0.0.1:9","o":"rejected","l":1,"t":1,"v":"c"},
            {"c":"push","p":"fcm.googleapis.com","o":"accepted","l":1,"t":9,"v":"a"}]"#;
        let counts = [
            ("side/v2/first_pushes", 2),
            ("side/v2/first_pushes_failed", 2),
            ("side/v2/push_closed", 1),
            ("side/v2/pushes/apple", 1),
            ("side/v2/pushes/google", 2),
            ("side/v2/pushes/other", 1),
        ];
        assert_eq!(sides_of("v2", attempts), expected(&counts));
        let counts = [("side/v1/first_pushes", 2), ("side/v1/first_pushes_failed", 2), ("side/v1/push_closed", 1)];
        assert_eq!(sides_of("v1", attempts), expected(&counts));
    }

    #[test]
    fn only_where_a_device_was_tried_could_version_1_have_done_better() {
        const REJECTED: &str = r#"{"c":"push","p":"h","o":"rejected","l":20,"t":1000}"#;
        const MAIL: &str = r#"{"c":"email","p":"ses","o":"uncertain","l":9,"t":1940}"#;
        let counts = |status: &str, attempts: String| {
            let counters = texts(&state(&image(json!({"status": status, "attempts": attempts}))));
            ["side/v2/push_closed", "side/v2/push_ended_badly"].map(|name| counters.get(name).copied().unwrap_or(0))
        };
        assert_eq!(counts("failed", format!("[{REJECTED}]")), [1, 1]);
        assert_eq!(counts("expired", format!("[{REJECTED}]")), [1, 1]);
        assert_eq!(counts("accepted", format!("[{REJECTED},{SMS}]")), [1, 0]);
        assert_eq!(counts("uncertain", format!("[{REJECTED},{MAIL}]")), [1, 0], "version 1 has no e-mail");
        assert_eq!(counts("failed", format!("[{PUSH},{MAIL}]")), [0, 0], "its only device was gone");
        assert_eq!(counts("failed", format!("[{MAIL}]")), [0, 0]);
        assert_eq!(counts("expired", "[]".to_owned()), [0, 0]);
        assert_eq!(counts("cascading", format!("[{REJECTED}]")), [0, 0], "it goes on");
        assert_eq!(counts("cancelled", format!("[{REJECTED}]")), [0, 0]);
    }

    #[test]
    fn a_channel_is_settled_when_it_worked_or_nothing_more_is_tried_on_it() {
        const LATER: &str = r#"{"c":"push","p":"h","o":"retry_later","l":20,"t":1000}"#;
        let on = |status: &str, attempts: String| {
            let counters = texts(&state(&image(json!({"status": status, "attempts": attempts}))));
            counters.into_keys().filter(|name| name.starts_with("on/")).collect::<Vec<_>>()
        };
        assert!(on("cascading", format!("[{LATER}]")).is_empty(), "it is tried again");
        assert!(on("cancelled", format!("[{LATER}]")).is_empty(), "its caller called it off");
        assert_eq!(on("expired", format!("[{LATER}]")), ["on/v2/push/missed"]);
        assert_eq!(on("accepted", format!("[{LATER},{SMS}]")), ["on/v2/push/missed", "on/v2/sms/reached"]);
    }
}
