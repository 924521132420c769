//! What must be true of the whole world once nothing is due any more, whichever line a function died at.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use world::World;

/// The recipients that stories may write to: each with the device, address and number that this gives them.
pub const PEOPLE: [&str; 4] = ["ada", "bob", "eve", "joe"];

/// A number for each of them, in the sender's own country.
pub fn phone(id: &str) -> String {
    format!("+39333123456{}", PEOPLE.iter().position(|known| *known == id).unwrap())
}

/// The price of an SMS to one of them, and of an e-mail.
pub const SMS_MICROS: i64 = 80_000;
pub const EMAIL_MICROS: i64 = 92;

/// What a story leaves open.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// How many notifications there are in the end, at least and at most.
    pub notifications: (usize, usize),
    /// How many messages a push service gets for one device if nobody dies.
    pub pushes: usize,
    /// How often a function died.
    pub deaths: usize,
}

/// What is wrong, in words; nothing when all is as it must be.
pub async fn wrongs(world: &World, allowed: Allowed) -> Vec<String> {
    let mut wrongs = Vec::new();
    let items = world.items("notifications");
    let (least, most) = allowed.notifications;
    if items.len() < least || items.len() > most {
        wrongs.push(format!("{} notifications", items.len()));
    }
    let mut ends = Vec::new();
    for item in &items {
        let shown = world.get_as("ops-client", "ops", &id_of(item)).await.body;
        wrongs.extend(unfinished(item, &shown));
        ends.push(shown);
    }
    for person in PEOPLE {
        wrongs.extend(sent_too_often(world, person, &ends, allowed));
    }
    let metrics = world.metrics_of_last(24 * 60).await;
    wrongs.extend(miscounted(&metrics, &ends));
    world.redeliver_stream_to_rollup();
    if world.metrics_of_last(24 * 60).await != metrics {
        wrongs.push("the same records again change the metrics".to_owned());
    }
    wrongs.extend(misspent(world, &ends));
    wrongs
}

pub fn id_of(item: &Value) -> String {
    format!("{}-{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap())
}

fn attempts<'a>(end: &'a Value, channel: &'a str) -> impl Iterator<Item = &'a Value> {
    end["attempts"].as_array().unwrap().iter().filter(move |attempt| attempt["channel"] == channel)
}

fn outcomes<'a>(ends: &'a [Value], channel: &'a str, outcome: &'a str) -> impl Iterator<Item = &'a Value> {
    ends.iter().flat_map(move |end| attempts(end, channel)).filter(move |attempt| attempt["outcome"] == outcome)
}

/// A final status, and nothing left in `due` or claimed.
fn unfinished(item: &Value, shown: &Value) -> Vec<String> {
    let open = ["scheduled", "held", "sending", "cascading"].contains(&shown["status"].as_str().unwrap());
    let left =
        ["due_shard", "next_action_at", "in_flight", "in_flight_micros"].map(|name| item.get(name).map(|_| name));
    let unsaid = shown["status"] != "uncertain" && shown["attempts"].as_array().unwrap().last().is_some_and(is_unknown);
    let mut wrongs: Vec<_> = left.into_iter().flatten().map(|name| format!("{name} is left")).collect();
    wrongs.extend(open.then(|| format!("ends as {}", shown["status"])));
    wrongs.extend(unsaid.then(|| "an unknown outcome is hidden".to_owned()));
    wrongs
}

fn is_unknown(attempt: &Value) -> bool {
    attempt["outcome"] == "uncertain"
}

/// Paid providers were called once at most, and the record knows of it.
fn sent_too_often(world: &World, person: &str, ends: &[Value], allowed: Allowed) -> Vec<String> {
    let theirs: Vec<_> = ends.iter().filter(|end| end["to"] == person).cloned().collect();
    let mut wrongs = Vec::new();
    let to = format!("To: <{person}@example.com>");
    let mails = world.mails().iter().filter(|mail| mail.contains(&to)).count();
    let texts = world.texts().iter().filter(|(number, _)| *number == phone(person)).count();
    for (channel, calls) in [("email", mails), ("sms", texts)] {
        let known = theirs.iter().flat_map(|end| attempts(end, channel)).count();
        // A call that was certainly not taken may be made again.
        let not_taken = outcomes(&theirs, channel, "retry_later").count();
        if calls > theirs.len() + not_taken || calls > known {
            wrongs.push(format!("{calls} calls for {person} by {channel}, {known} recorded"));
        }
        if outcomes(&theirs, channel, "accepted").count() > calls {
            wrongs.push(format!("{channel} accepted for {person} and never called"));
        }
    }
    wrongs.extend(pushed_wrongly(world, person, &theirs, allowed));
    wrongs
}

/// A push came once more at most for each death, each time with the same topic and tag.
fn pushed_wrongly(world: &World, person: &str, theirs: &[Value], allowed: Allowed) -> Vec<String> {
    let mut wrongs = Vec::new();
    if world.push.count(person) == 0 {
        return wrongs;
    }
    let pushed = world.push.all_opened(person, &World::browser(person));
    let recorded = theirs.iter().flat_map(|end| attempts(end, "push")).count();
    if pushed.len() > allowed.pushes * theirs.len() + allowed.deaths || recorded > pushed.len() {
        wrongs.push(format!("{} pushes to {person}, {recorded} recorded", pushed.len()));
    }
    let mut marks: Vec<_> = pushed.iter().map(|(arrival, _)| arrival.header("topic")).collect();
    if pushed.iter().any(|(arrival, message)| message["tag"] != arrival.header("topic")) {
        wrongs.push(format!("{person}'s tag is not the topic"));
    }
    marks.sort_unstable();
    marks.dedup();
    if marks.len() > theirs.len() {
        wrongs.push(format!("{} topics for {person}", marks.len()));
    }
    wrongs
}

/// The metrics, folded from the stream, against the final states themselves.
fn miscounted(metrics: &Value, ends: &[Value]) -> Vec<String> {
    let mut wrongs = Vec::new();
    let mut same = |what: String, counted: &Value, is: Value| {
        if counted.as_i64().unwrap_or(0) != is.as_i64().unwrap() {
            wrongs.push(format!("{what}: counted {counted}, is {is}"));
        }
    };
    let summary = &metrics["summary"];
    let mut skipped = BTreeMap::new();
    for end in ends.iter().filter(|end| end["status"] == "skipped") {
        *skipped.entry(end["reason"].as_str().unwrap()).or_insert(0) += 1;
    }
    for (reason, is) in skipped {
        same(format!("skipped {reason}"), &summary["skipped"][reason], json!(is));
    }
    for status in ["accepted", "delivered", "failed", "uncertain", "expired", "cancelled"] {
        let is = ends.iter().filter(|end| end["status"] == status).count();
        same(status.to_owned(), &summary[status], json!(is));
    }
    let cost = |micros: i64, end: &Value| micros + end["cost_micros"].as_i64().unwrap();
    same("cost".to_owned(), &summary["cost_micros"], json!(ends.iter().fold(0, cost)));
    let sent = ends.iter().filter(|end| end["attempts"] != json!([])).count();
    same("sent".to_owned(), &summary["sent"], json!(sent));
    for channel in ["push", "email", "sms"] {
        let counted = &metrics["by_channel"][channel];
        for outcome in ["accepted", "retry_later", "gone", "rejected", "uncertain"] {
            let is = outcomes(ends, channel, outcome).count();
            same(format!("{channel} {outcome}"), &counted[outcome], json!(is));
        }
        let micros = ends.iter().flat_map(|end| attempts(end, channel)).map(|one| one["cost_micros"].as_i64().unwrap());
        same(format!("{channel} cost"), &counted["cost_micros"], json!(micros.sum::<i64>()));
    }
    wrongs
}

/// What is set aside is what was spent or may have been; where a refusal was stored and its money not given back for a death
/// just then, it is too high by that, never too low. What an attempt costs is its price.
fn misspent(world: &World, ends: &[Value]) -> Vec<String> {
    let number = |channel, outcomes_of: [&str; 2]| {
        outcomes_of.into_iter().flat_map(|outcome| outcomes(ends, channel, outcome)).count() as i64
    };
    let spent = |channel| number(channel, ["accepted", "uncertain"]);
    let refused = |channel| number(channel, ["rejected", "retry_later"]);
    let mut wrongs = Vec::new();
    let (texts, texts_micros) = (world.counted_sms(), world.sum("sms"));
    let sms = spent("sms")..=spent("sms") + refused("sms");
    if !sms.contains(&texts) || texts_micros != texts * SMS_MICROS {
        wrongs.push(format!("{texts_micros} set aside for {texts} SMS, where there are {sms:?}"));
    }
    // Where a month has a budget, e-mails are counted too.
    let has_month = world.parameter("settings").contains("month_micros");
    let day = world.sum("day");
    let mails_micros = day - texts_micros;
    let mails = if has_month { spent("email")..=spent("email") + refused("email") } else { 0..=0 };
    if mails_micros % EMAIL_MICROS != 0 || !mails.contains(&(mails_micros / EMAIL_MICROS)) {
        wrongs.push(format!("{mails_micros} set aside for e-mails, where there are {mails:?}"));
    }
    let hours: i64 = (0..24).map(|hour| world.sum(&format!("h{hour:02}"))).sum();
    if hours != day || (has_month && world.sum("month") != day) {
        wrongs.push(format!("{hours} in all hours, {day} in all days, {} in all months", world.sum("month")));
    }
    let cost: i64 = ends.iter().map(|end| end["cost_micros"].as_i64().unwrap()).sum();
    if cost != spent("sms") * SMS_MICROS + spent("email") * EMAIL_MICROS {
        wrongs.push(format!("costs {cost}"));
    }
    wrongs
}
