//! Invariants of the whole world once nothing is due any more, whichever call a function crashed at.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use world::World;

/// Recipients of the stories, each with a device, an address and a number derived from its name.
pub const PEOPLE: [&str; 4] = ["ada", "bob", "eve", "joe"];

/// Numbers of the recipients, in the sender's own country.
pub fn phone(id: &str) -> String {
    format!("+39333123456{}", PEOPLE.iter().position(|known| *known == id).unwrap())
}

/// Prices of an SMS to one of them, and of an e-mail.
pub const SMS_MICROS: i64 = 80_000;
pub const EMAIL_MICROS: i64 = 92;

/// Bounds that depend on the story.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Minimum and maximum number of notifications at the end.
    pub notifications: (usize, usize),
    /// Number of messages for one device at a push service without crashes.
    pub pushes: usize,
    /// Number of crashes.
    pub crashes: usize,
}

/// Returns the violated invariants as text.
pub async fn violations(world: &World, allowed: Allowed) -> Vec<String> {
    let mut violations = Vec::new();
    let items = world.items("notifications");
    let (least, most) = allowed.notifications;
    if items.len() < least || items.len() > most {
        violations.push(format!("{} notifications", items.len()));
    }
    let mut outcome_counts = Vec::new();
    for item in &items {
        let shown = world.get_as("ops-client", "ops", &id_of(item)).await.body;
        violations.extend(unfinished(item, &shown));
        outcome_counts.push(shown);
    }
    for person in PEOPLE {
        violations.extend(send_errors(world, person, &outcome_counts, allowed));
    }
    let metrics = world.metrics_of_last(24 * 60).await;
    violations.extend(metric_errors(&metrics, &outcome_counts));
    world.redeliver_stream_to_rollup();
    if world.metrics_of_last(24 * 60).await != metrics {
        violations.push("the same records again change the metrics".to_owned());
    }
    violations.extend(budget_errors(world, &outcome_counts));
    violations
}

pub fn id_of(item: &Value) -> String {
    format!("{}-{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap())
}

fn attempts<'a>(end: &'a Value, channel: &'a str) -> impl Iterator<Item = &'a Value> {
    end["attempts"].as_array().unwrap().iter().filter(move |attempt| attempt["channel"] == channel)
}

fn outcomes<'a>(outcome_counts: &'a [Value], channel: &'a str, outcome: &'a str) -> impl Iterator<Item = &'a Value> {
    outcome_counts
        .iter()
        .flat_map(move |end| attempts(end, channel))
        .filter(move |attempt| attempt["outcome"] == outcome)
}

/// Every notification has a final status, and none remains in `due` or claimed.
fn unfinished(item: &Value, shown: &Value) -> Vec<String> {
    let open = ["scheduled", "held", "sending", "cascading"].contains(&shown["status"].as_str().unwrap());
    let left =
        ["due_shard", "next_action_at", "in_flight", "in_flight_micros"].map(|name| item.get(name).map(|_| name));
    let hidden = shown["status"] != "uncertain" && shown["attempts"].as_array().unwrap().last().is_some_and(is_unknown);
    let mut violations: Vec<_> = left.into_iter().flatten().map(|name| format!("{name} is left")).collect();
    violations.extend(open.then(|| format!("ends as {}", shown["status"])));
    violations.extend(hidden.then(|| "an unknown outcome is hidden".to_owned()));
    violations
}

fn is_unknown(attempt: &Value) -> bool {
    attempt["outcome"] == "uncertain"
}

/// Each paid provider was called at most once, and the record shows the call.
fn send_errors(world: &World, person: &str, outcome_counts: &[Value], allowed: Allowed) -> Vec<String> {
    let theirs: Vec<_> = outcome_counts.iter().filter(|end| end["to"] == person).cloned().collect();
    let mut violations = Vec::new();
    let to = format!("To: <{person}@example.com>");
    let mails = world.mails().iter().filter(|mail| mail.contains(&to)).count();
    let texts = world.texts().iter().filter(|(number, _)| *number == phone(person)).count();
    for (channel, calls) in [("email", mails), ("sms", texts)] {
        let known = theirs.iter().flat_map(|end| attempts(end, channel)).count();
        // A call that was certainly refused may be repeated.
        let not_taken = outcomes(&theirs, channel, "retry_later").count();
        if calls > theirs.len() + not_taken || calls > known {
            violations.push(format!("{calls} calls for {person} by {channel}, {known} recorded"));
        }
        if outcomes(&theirs, channel, "accepted").count() > calls {
            violations.push(format!("{channel} accepted for {person} and never called"));
        }
    }
    violations.extend(push_errors(world, person, &theirs, allowed));
    violations
}

/// Each crash adds at most one push, always with the same topic and tag.
fn push_errors(world: &World, person: &str, theirs: &[Value], allowed: Allowed) -> Vec<String> {
    let mut violations = Vec::new();
    if world.push.count(person) == 0 {
        return violations;
    }
    let pushed = world.push.all_opened(person, &World::browser(person));
    let recorded = theirs.iter().flat_map(|end| attempts(end, "push")).count();
    if pushed.len() > allowed.pushes * theirs.len() + allowed.crashes || recorded > pushed.len() {
        violations.push(format!("{} pushes to {person}, {recorded} recorded", pushed.len()));
    }
    let mut marks: Vec<_> = pushed.iter().map(|(arrival, _)| arrival.header("topic")).collect();
    if pushed.iter().any(|(arrival, message)| message["tag"] != arrival.header("topic")) {
        violations.push(format!("{person}'s tag is not the topic"));
    }
    marks.sort_unstable();
    marks.dedup();
    // A request without a key that crashed after its push has no notification.
    let may_be_unstored = usize::from(allowed.notifications.0 == 0);
    if marks.len() > theirs.len().max(may_be_unstored) {
        violations.push(format!("{} topics for {person}", marks.len()));
    }
    violations
}

/// The metrics, folded from the stream, match the final states.
fn metric_errors(metrics: &Value, outcome_counts: &[Value]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut same = |what: String, counted: &Value, is: Value| {
        if counted.as_i64().unwrap_or(0) != is.as_i64().unwrap() {
            violations.push(format!("{what}: counted {counted}, is {is}"));
        }
    };
    let summary = &metrics["summary"];
    let mut skipped = BTreeMap::new();
    for end in outcome_counts.iter().filter(|end| end["status"] == "skipped") {
        *skipped.entry(end["reason"].as_str().unwrap()).or_insert(0) += 1;
    }
    for (reason, is) in skipped {
        same(format!("skipped {reason}"), &summary["skipped"][reason], json!(is));
    }
    for status in ["accepted", "delivered", "failed", "uncertain", "expired", "cancelled"] {
        let is = outcome_counts.iter().filter(|end| end["status"] == status).count();
        same(status.to_owned(), &summary[status], json!(is));
    }
    let cost = |micros: i64, end: &Value| micros + end["cost_micros"].as_i64().unwrap();
    same("cost".to_owned(), &summary["cost_micros"], json!(outcome_counts.iter().fold(0, cost)));
    let sent = outcome_counts.iter().filter(|end| end["attempts"] != json!([])).count();
    same("sent".to_owned(), &summary["sent"], json!(sent));
    for channel in ["push", "email", "sms"] {
        let counted = &metrics["by_channel"][channel];
        for outcome in ["accepted", "retry_later", "gone", "rejected", "uncertain"] {
            let is = outcomes(outcome_counts, channel, outcome).count();
            same(format!("{channel} {outcome}"), &counted[outcome], json!(is));
        }
        let micros = outcome_counts
            .iter()
            .flat_map(|end| attempts(end, channel))
            .map(|one| one["cost_micros"].as_i64().unwrap());
        same(format!("{channel} cost"), &counted["cost_micros"], json!(micros.sum::<i64>()));
    }
    violations
}

/// Reservations equal the amounts that were spent or may have been spent. If a function crashed after storing a refusal
/// and before releasing its reservation, they are higher by that amount, and never lower. The cost of an attempt equals
/// its price.
fn budget_errors(world: &World, outcome_counts: &[Value]) -> Vec<String> {
    let number = |channel, outcomes_of: [&str; 2]| {
        outcomes_of.into_iter().flat_map(|outcome| outcomes(outcome_counts, channel, outcome)).count() as i64
    };
    let spent = |channel| number(channel, ["accepted", "uncertain"]);
    let refused = |channel| number(channel, ["rejected", "retry_later"]);
    let mut violations = Vec::new();
    let (texts, texts_micros) = (world.counted_sms(), world.sum("sms"));
    let sms = spent("sms")..=spent("sms") + refused("sms");
    if !sms.contains(&texts) || texts_micros != texts * SMS_MICROS {
        violations.push(format!("{texts_micros} reserved for {texts} SMS, where there are {sms:?}"));
    }
    // If a month has a budget, e-mails are counted too.
    let has_month = world.parameter("settings").contains("month_micros");
    let day = world.sum("day");
    let mails_micros = day - texts_micros;
    let mails = if has_month { spent("email")..=spent("email") + refused("email") } else { 0..=0 };
    if mails_micros % EMAIL_MICROS != 0 || !mails.contains(&(mails_micros / EMAIL_MICROS)) {
        violations.push(format!("{mails_micros} reserved for e-mails, where there are {mails:?}"));
    }
    let hours: i64 = (0..24).map(|hour| world.sum(&format!("h{hour:02}"))).sum();
    if hours != day || (has_month && world.sum("month") != day) {
        violations.push(format!("{hours} in all hours, {day} in all days, {} in all months", world.sum("month")));
    }
    let cost: i64 = outcome_counts.iter().map(|end| end["cost_micros"].as_i64().unwrap()).sum();
    if cost != spent("sms") * SMS_MICROS + spent("email") * EMAIL_MICROS {
        violations.push(format!("costs {cost}"));
    }
    violations
}
