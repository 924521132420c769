//! Cards of the overview about what limits sending now: the age of due work, and the quota of SES.

use jiff::SignedDuration;
use serde_json::Value;

use crate::site::{count, duration_text};

/// Age of due work up to which nothing is wrong: the cascade function starts every minute.
const NORMAL_AGE_S: i64 = 60;
/// Age above which the alarm about due work is raised.
const ALARM_AGE_S: i64 = 300;
/// Used share of the quota from which the card is a warning.
const QUOTA_WARNING: f64 = 0.8;

/// Quota of an account in the sandbox of SES.
const SANDBOX: f64 = 200.0;

/// Card of the overview.
#[derive(Debug, PartialEq)]
pub struct CapacityCard {
    /// Label.
    pub label: &'static str,
    /// Figure.
    pub value: String,
    /// Colour of the figure.
    pub class: &'static str,
    /// Meaning of the figure.
    pub note: String,
    /// Used share, from 0 to 1.
    pub share: Option<f64>,
}

/// Returns the cards of an answer of `GET /v1/capacity`. A card whose data could not be read shows "not available".
#[must_use]
pub fn capacity_cards(capacity: &Value) -> Vec<CapacityCard> {
    vec![due(&capacity["due"]), quota(&capacity["email_quota"])]
}

fn not_available(label: &'static str, note: &str) -> CapacityCard {
    CapacityCard { label, value: "not available".to_owned(), class: "warn", note: note.to_owned(), share: None }
}

fn due(due: &Value) -> CapacityCard {
    const LABEL: &str = "Age of the oldest due work";
    let Some(age) = due["age_s"].as_i64() else {
        return not_available(LABEL, "The index of due work did not answer. Sending goes on.");
    };
    if due["oldest_at"].is_null() {
        let note = "Every step whose time has come was taken.".to_owned();
        return CapacityCard { label: LABEL, value: "nothing is due".to_owned(), class: "good", note, share: None };
    }
    let class = if age > ALARM_AGE_S {
        "bad"
    } else if age > NORMAL_AGE_S {
        "warn"
    } else {
        "good"
    };
    let note = "Later attempts and scheduled sends. Up to 60 s is normal; an alarm is raised at 5 min.".to_owned();
    CapacityCard { label: LABEL, value: duration_text(SignedDuration::from_secs(age)), class, note, share: None }
}

fn quota(quota: &Value) -> CapacityCard {
    const LABEL: &str = "SES quota, 24 h";
    let Some(sent) = quota["sent"].as_f64() else {
        return not_available(LABEL, "SES did not return its quota. Sending goes on; the next try is in a minute.");
    };
    let rate = format!("{} e-mails a second", whole(quota["per_second"].as_f64().unwrap_or(0.0)));
    let Some(most) = quota["per_day"].as_f64() else {
        let note = format!("recipients; no limit a day. {rate}.");
        return CapacityCard { label: LABEL, value: whole(sent), class: "", note, share: None };
    };
    let share = if most > 0.0 { (sent / most).clamp(0.0, 1.0) } else { 1.0 };
    let class = if share >= 1.0 {
        "bad"
    } else if share >= QUOTA_WARNING {
        "warn"
    } else {
        "good"
    };
    let left = whole((most - sent).max(0.0));
    let sandbox = if most <= SANDBOX { " This is the quota of the sandbox of SES." } else { "" };
    let note = format!("recipients; {left} are left. {rate}.{sandbox}");
    CapacityCard { label: LABEL, value: format!("{} of {}", whole(sent), whole(most)), class, note, share: Some(share) }
}

fn whole(number: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // counts
    count(number.round() as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cards_say_what_is_known() {
        let shown = |capacity: Value| {
            capacity_cards(&capacity).into_iter().map(|card| (card.value, card.class)).collect::<Vec<_>>()
        };
        let not = || ("not available".to_owned(), "warn");
        assert_eq!(shown(Value::Null), [not(), not()]);
        let due = |age: i64| json!({"oldest_at": "2026-11-29T00:00:00Z", "age_s": age});
        let quota = |sent: f64, most: Value| json!({"per_day": most, "sent": sent, "per_second": 14.0});
        let text = |text: &str, class| (text.to_owned(), class);
        for (capacity, expected) in [
            (
                json!({"due": {"oldest_at": null, "age_s": 0}, "email_quota": quota(12_000.0, json!(50_000.0))}),
                [text("nothing is due", "good"), text("12,000 of 50,000", "good")],
            ),
            (
                json!({"due": due(59), "email_quota": quota(40_000.0, json!(50_000.0))}),
                [text("59 s", "good"), text("40,000 of 50,000", "warn")],
            ),
            (
                json!({"due": due(200), "email_quota": quota(200.0, json!(200.0))}),
                [text("3 min 20 s", "warn"), text("200 of 200", "bad")],
            ),
            (
                json!({"due": due(301), "email_quota": quota(7.0, Value::Null)}),
                [text("5 min 1 s", "bad"), text("7", "")],
            ),
        ] {
            assert_eq!(shown(capacity), expected);
        }
    }
}
