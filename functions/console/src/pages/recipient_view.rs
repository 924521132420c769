//! A recipient as pages show them: addresses, the matrix of choices, and quiet hours.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::masking::{masked_email, masked_phone};
use platform::private::Private;

/// Channels, in the order of the columns.
const CHANNELS: [&str; 3] = ["push", "email", "sms"];
/// Maximum number of rows of the matrix.
const MAX_ROWS: usize = 50;

/// Profile of the API.
#[derive(Debug, Clone, Deserialize)]
pub struct RecipientProfile {
    pub email: Option<Private<String>>,
    pub phone: Option<Private<String>>,
    pub locale: Option<String>,
    pub time_zone: Option<String>,
    pub attributes: Private<Map<String, Value>>,
    pub preferences: Value,
    pub unsubscribed_types: Vec<String>,
    pub suppressed_channels: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default)]
    pub devices: Vec<RecipientDevice>,
}

/// Device of a recipient.
#[derive(Debug, Clone, Deserialize)]
pub struct RecipientDevice {
    pub device_id: String,
    pub host: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// Notification in the history of a recipient.
#[derive(Debug, Deserialize)]
pub struct RecipientNotification {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
    pub created_at: Timestamp,
    #[serde(default)]
    attempts: Vec<RecipientAttempt>,
}

#[derive(Debug, Deserialize)]
struct RecipientAttempt {
    channel: String,
    outcome: String,
    at: Option<Timestamp>,
}

/// Address of a channel.
#[derive(Debug)]
pub struct RecipientAddress {
    pub channel: &'static str,
    pub address: Private<String>,
    pub is_suppressed: bool,
    pub last: Option<LastResult>,
}

/// Last attempt on a channel.
#[derive(Debug)]
pub struct LastResult {
    pub notification: String,
    pub outcome: String,
    pub at: Option<Timestamp>,
}

/// Row of the matrix of choices.
#[derive(Debug)]
pub struct ChoiceRow {
    /// Type; `Every type` for the first row.
    pub label: String,
    /// Every channel, then each channel.
    pub cells: Vec<ChoiceCell>,
}

/// Choice about a type and a channel.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChoiceCell {
    pub text: &'static str,
    pub class: &'static str,
    /// Author; empty if there is no choice.
    pub by: &'static str,
    pub at: Option<Timestamp>,
}

/// Returns the addresses that a recipient has, masked unless they may be seen in full.
#[must_use]
pub fn addresses(
    profile: &RecipientProfile,
    history: &[RecipientNotification],
    is_shown_in_full: bool,
) -> Vec<RecipientAddress> {
    let shown = |text: &Private<String>, mask: fn(&str) -> String| {
        if is_shown_in_full { text.clone() } else { Private::new(mask(text.expose())) }
    };
    let email = profile.email.as_ref().map(|address| ("email", shown(address, masked_email)));
    let phone = profile.phone.as_ref().map(|number| ("sms", shown(number, masked_phone)));
    let address = |(channel, address): (&'static str, Private<String>)| RecipientAddress {
        channel,
        address,
        is_suppressed: profile.suppressed_channels.iter().any(|own| own == channel),
        last: last_result(channel, history),
    };
    email.into_iter().chain(phone).map(address).collect()
}

/// Returns the last attempt on a channel. The history has the newest notification first.
#[must_use]
pub fn last_result(channel: &str, history: &[RecipientNotification]) -> Option<LastResult> {
    let attempts = history.iter().flat_map(|it| it.attempts.iter().map(move |attempt| (it, attempt)));
    let on_channel = attempts.filter(|(_, attempt)| attempt.channel == channel);
    let last = on_channel.max_by_key(|(it, attempt)| attempt.at.unwrap_or(it.created_at));
    last.map(|(it, attempt)| LastResult {
        notification: it.id.clone(),
        outcome: attempt.outcome.replace('_', " "),
        at: attempt.at,
    })
}

/// Returns the matrix of choices: every type, then each type with a choice, then the other types that are in use.
#[must_use]
pub fn choice_rows(preferences: &Value, types: &[String]) -> Vec<ChoiceRow> {
    let choices = preferences["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let chosen: BTreeSet<&str> = choices.iter().filter_map(|choice| choice["type"].as_str()).collect();
    let others = types.iter().map(String::as_str).filter(|kind| !chosen.contains(kind));
    let rows = [None].into_iter().chain(chosen.iter().copied().chain(others).map(Some));
    let row = |kind: Option<&str>| ChoiceRow {
        label: kind.unwrap_or("Every type").to_owned(),
        cells: [None].into_iter().chain(CHANNELS.map(Some)).map(|channel| cell(choices, kind, channel)).collect(),
    };
    rows.take(MAX_ROWS).map(row).collect()
}

fn cell(choices: &[Value], kind: Option<&str>, channel: Option<&str>) -> ChoiceCell {
    let is_of = |choice: &&Value, kind: Option<&str>, channel: Option<&str>| {
        choice["type"].as_str() == kind && choice["channel"].as_str() == channel
    };
    let found = |kind, channel| choices.iter().find(|choice| is_of(choice, kind, channel));
    let refuses = |choice: Option<&Value>| choice.is_some_and(|choice| choice["wants"] == false);
    match found(kind, channel) {
        Some(choice) => {
            let wants = choice["wants"] == true;
            ChoiceCell {
                text: if wants { "wanted" } else { "refused" },
                class: if wants { "good" } else { "bad" },
                by: author(choice["by"].as_str().unwrap_or_default()),
                at: choice["at"].as_str().and_then(|at| at.parse().ok()),
            }
        }
        None if kind.is_some() && channel.is_some() && refuses(found(kind, None)) => {
            ChoiceCell { text: "refused with the type", ..ChoiceCell::default() }
        }
        None if kind.is_some() && channel.is_some() && refuses(found(None, channel)) => {
            ChoiceCell { text: "refused with the channel", ..ChoiceCell::default() }
        }
        None => ChoiceCell { text: "–", ..ChoiceCell::default() },
    }
}

fn author(by: &str) -> &'static str {
    match by {
        "person" => "the person",
        "link" => "the person, by a link in a message",
        _ => "your systems",
    }
}

/// Returns the quiet hours in words; `None` if there are none.
#[must_use]
pub fn quiet_hours(preferences: &Value) -> Option<String> {
    let hours = preferences["quiet_hours"].as_object()?;
    let also = hours.get("also").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = Value::Object(hours.clone());
    let windows: Vec<String> = [&own].into_iter().chain(also).map(window).collect();
    let by = preferences["quiet_hours_choice"]["by"].as_str();
    let by = by.map(|by| format!(" (set by {})", author(by))).unwrap_or_default();
    Some(format!("{}{by}", windows.join("; ")))
}

fn window(window: &Value) -> String {
    let text = |name: &str| window[name].as_str().unwrap_or_default();
    let days = window["days"].as_array().map(Vec::as_slice).unwrap_or_default();
    let days: Vec<&str> = days.iter().filter_map(Value::as_str).collect();
    let on = if days.is_empty() { String::new() } else { format!(" on {}", days.join(", ")) };
    format!("{} to {}{on}", text("start"), text("end"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_matrix_shows_own_choices_and_those_that_cover_them() {
        let preferences = json!({"choices": [
            {"type": "PAYMENT_DUE", "wants": false, "by": "link", "at": "2026-11-23T10:00:00Z"},
            {"channel": "sms", "wants": false, "by": "caller", "at": "2026-11-20T08:00:00Z"},
            {"type": "DEFAULT", "channel": "email", "wants": true, "by": "person", "at": "2026-11-22T19:30:00Z"}]});
        let types = ["DEFAULT", "NEWS", "PAYMENT_DUE"].map(str::to_owned);
        let rows = choice_rows(&preferences, &types);
        let texts: Vec<(&str, Vec<&str>)> =
            rows.iter().map(|row| (row.label.as_str(), row.cells.iter().map(|cell| cell.text).collect())).collect();
        let with_channel = "refused with the channel";
        let with_type = "refused with the type";
        assert_eq!(
            texts,
            [
                ("Every type", vec!["–", "–", "–", "refused"]),
                ("DEFAULT", vec!["–", "–", "wanted", with_channel]),
                ("PAYMENT_DUE", vec!["refused", with_type, with_type, with_type]),
                ("NEWS", vec!["–", "–", "–", with_channel]),
            ]
        );
        assert_eq!(rows[2].cells[0].by, "the person, by a link in a message");
        assert_eq!(rows[1].cells[2].at, Some("2026-11-22T19:30:00Z".parse().unwrap()));
    }

    #[test]
    fn quiet_hours_are_words() {
        assert_eq!(quiet_hours(&json!({})), None);
        let hours = json!({"quiet_hours": {"start": "22:00", "end": "07:30", "days": ["sun", "mon"],
            "also": [{"start": "23:30", "end": "09:00"}]}, "quiet_hours_choice": {"by": "person"}});
        assert_eq!(quiet_hours(&hours).unwrap(), "22:00 to 07:30 on sun, mon; 23:30 to 09:00 (set by the person)");
    }

    #[test]
    fn the_last_result_is_that_of_the_latest_attempt() {
        let history: Vec<RecipientNotification> = serde_json::from_value(json!([
            {"id": "two", "type": "T", "status": "failed", "reason": null, "created_at": "2026-11-23T10:00:00Z", "attempts": [
                {"channel": "push", "outcome": "gone", "at": "2026-11-23T10:00:01Z"}]},
            {"id": "one", "type": "T", "status": "failed", "reason": null, "created_at": "2026-11-22T10:00:00Z", "attempts": [
                {"channel": "email", "outcome": "retry_later", "at": null},
                {"channel": "email", "outcome": "accepted", "at": "2026-11-23T11:00:00Z"}]}]))
        .unwrap();
        let last = last_result("email", &history).unwrap();
        assert_eq!((last.notification.as_str(), last.outcome.as_str()), ("one", "accepted"));
        assert!(last_result("sms", &history).is_none());
    }
}
