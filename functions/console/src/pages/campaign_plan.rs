//! Plan of a campaign as pages show it: people, cost, warnings and samples.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::send_explanation::{ShownMessage, message};
use crate::site::{count, duration_text, euro, number_of};

/// Number of people above which the number is typed and the login must be recent.
pub const MANY_PEOPLE: i64 = 10_000;

/// Rows of a table of numbers: name and number.
pub type CountRows = Vec<(String, String)>;

/// Numbers of a pass over the audience.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CampaignCounts {
    pub tasks: i64,
    pub tasks_done: i64,
    pub people: i64,
    pub matched: i64,
    pub sent: i64,
    pub waiting: i64,
    pub held: i64,
    pub failed: i64,
    pub failed_by_reason: std::collections::BTreeMap<String, i64>,
    pub skipped: std::collections::BTreeMap<String, i64>,
    pub holdout: i64,
    pub erased: i64,
    pub by_channel: std::collections::BTreeMap<String, i64>,
    pub by_variant: std::collections::BTreeMap<String, i64>,
    pub by_locale: std::collections::BTreeMap<String, i64>,
    pub by_time_zone: std::collections::BTreeMap<String, i64>,
    pub cost_micros: i64,
    pub most_cost_micros: i64,
    pub malformed: i64,
    pub balanced: bool,
}

impl CampaignCounts {
    /// Returns the number of people who are skipped.
    #[must_use]
    pub fn all_skipped(&self) -> i64 {
        self.skipped.values().sum()
    }

    /// Returns the reasons of skips with the number of people, largest first.
    #[must_use]
    pub fn skips(&self) -> CountRows {
        largest_first(&self.skipped)
    }

    /// Returns the reasons of failures with the number of people, largest first.
    #[must_use]
    pub fn failures(&self) -> CountRows {
        largest_first(&self.failed_by_reason)
    }

    /// Returns the tables of reasons whose people can be retried: outcome, caption, rows.
    #[must_use]
    pub fn reasons(&self) -> Vec<(&'static str, &'static str, CountRows)> {
        let tables = [
            ("failed", "Failed people by reason", self.failures()),
            ("skipped", "Skipped people by reason", self.skips()),
        ];
        tables.into_iter().filter(|(_, _, rows)| !rows.is_empty()).collect()
    }

    /// Returns the number of people to whom something is sent, now or later.
    #[must_use]
    pub fn reached(&self) -> i64 {
        self.matched - self.holdout - self.all_skipped()
    }

    /// Returns the parts that the numbers are divided into: heading of the first column, and rows.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, CountRows)> {
        let parts = [
            ("Channel", &self.by_channel),
            ("Variant", &self.by_variant),
            ("Locale", &self.by_locale),
            ("Time zone", &self.by_time_zone),
        ];
        let filled = parts.into_iter().filter(|(_, rows)| !rows.is_empty());
        filled.map(|(name, rows)| (name, largest_first(rows))).collect()
    }
}

fn largest_first(rows: &std::collections::BTreeMap<String, i64>) -> CountRows {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|(one, a), (other, b)| b.cmp(a).then(one.cmp(other)));
    rows.iter().take(50).map(|(name, number)| ((*name).clone(), count(**number))).collect()
}

/// Plan.
#[derive(Debug, Clone, Deserialize)]
pub struct CampaignPlan {
    pub number: i64,
    pub hash: String,
    pub at: Timestamp,
    pub is_complete: bool,
    pub numbers: CampaignCounts,
    #[serde(default)]
    pub duration_seconds: i64,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(default)]
    samples: Vec<Value>,
}

/// Message that a person of the plan would get.
#[derive(Debug)]
pub struct CampaignSample {
    /// Masked id and addresses.
    pub person: String,
    /// Variant; empty without variants.
    pub variant: String,
    /// Messages by channel.
    pub channels: Vec<CampaignSampleMessage>,
}

/// Message of a sample on one channel.
#[derive(Debug)]
pub struct CampaignSampleMessage {
    /// Channel.
    pub name: String,
    /// Message; `None` if it cannot be composed.
    pub message: Option<ShownMessage>,
}

impl CampaignPlan {
    /// Returns people and cost in one text, as buttons have it.
    #[must_use]
    pub fn effect(&self) -> String {
        format!("{}, {}", number_of(self.numbers.reached(), "person", "people"), self.cost())
    }

    /// Returns the number of people to whom something is sent.
    #[must_use]
    pub fn people(&self) -> String {
        count(self.numbers.reached())
    }

    /// Returns what a cancellation of the draft means for the people of the plan.
    #[must_use]
    pub fn nothing_for(&self) -> String {
        let people = number_of(self.numbers.reached(), "person of the plan gets", "people of the plan get");
        format!("The {people} nothing.")
    }

    /// Returns the range of the cost.
    #[must_use]
    pub fn cost(&self) -> String {
        let (low, high) = (self.numbers.cost_micros, self.numbers.most_cost_micros);
        if low >= high { euro(low) } else { format!("{} to {}", euro(low), euro(high)) }
    }

    /// Returns the duration at the rate.
    #[must_use]
    pub fn duration(&self) -> String {
        duration_text(SignedDuration::from_secs(self.duration_seconds))
    }

    /// Returns `true` if the number of people must be typed before the launch.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.numbers.reached() > MANY_PEOPLE
    }

    /// Returns what a few people would get.
    #[must_use]
    pub fn samples(&self) -> Vec<CampaignSample> {
        self.samples.iter().map(sample).collect()
    }
}

fn sample(sample: &Value) -> CampaignSample {
    let person = ["id", "email", "phone", "locale"].map(|name| sample["recipient"][name].as_str());
    let channels = sample["messages"].as_object().into_iter().flatten();
    CampaignSample {
        person: person.into_iter().flatten().collect::<Vec<_>>().join(", "),
        variant: sample["variant"].as_str().unwrap_or_default().to_owned(),
        channels: channels
            .map(|(name, text)| CampaignSampleMessage { name: name.clone(), message: message(text) })
            .collect(),
    }
}

/// Returns the requirement that a typed number of people does not meet: before a launch, the people of the plan; before
/// a resumption, those who are left. A space or a comma between thousands is allowed.
#[must_use]
pub fn refusal_of_typed(plan: &CampaignPlan, left: Option<i64>, typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != ',').collect();
    let (people, whose) = match left {
        Some(left) => (left, "who are left"),
        None => (plan.numbers.reached(), "of the plan"),
    };
    let is_right = !plan.is_large() || digits.parse() == Ok(people);
    (!is_right).then(|| format!("must be the number of people {whose}: {}", count(people)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn plan(matched: i64) -> CampaignPlan {
        serde_json::from_value(json!({
            "number": 1, "hash": "h", "at": "2026-12-01T09:00:00Z", "is_complete": true,
            "numbers": {"matched": matched, "holdout": 1, "skipped": {"no_channel": 2}, "cost_micros": 1_000_000,
                "most_cost_micros": 2_000_000, "by_locale": {"it": 1, "de": 5, "en": 1}},
            "samples": [{"recipient": {"id": "ad…", "email": null, "phone": "+39…1", "locale": "it"}, "variant": "a",
                "messages": {"push": {"title": "T"}, "sms": null}}],
        }))
        .unwrap()
    }

    #[test]
    fn the_number_is_typed_above_10_000_people() {
        assert_eq!(refusal_of_typed(&plan(10_003), None, ""), None);
        let many = plan(10_004);
        assert!(refusal_of_typed(&many, None, "").unwrap().ends_with("of the plan: 10,001"));
        assert!(refusal_of_typed(&many, None, "10000").is_some());
        for typed in ["10001", " 10,001 ", "10 001"] {
            assert_eq!(refusal_of_typed(&many, None, typed), None, "{typed}");
        }
        assert!(refusal_of_typed(&many, Some(700), "10001").unwrap().ends_with("who are left: 700"));
        assert_eq!(refusal_of_typed(&many, Some(700), "700"), None);
    }

    #[test]
    fn a_plan_is_shown_with_people_cost_and_samples() {
        let plan = plan(8);
        assert_eq!(plan.effect(), "5 people, 1.00 EUR to 2.00 EUR");
        assert_eq!(plan.nothing_for(), "The 5 people of the plan get nothing.");
        assert_eq!(
            plan.numbers.parts()[0].1,
            [("de", "5"), ("en", "1"), ("it", "1")].map(|(name, number)| (name.to_owned(), number.to_owned()))
        );
        let samples = plan.samples();
        assert_eq!((samples[0].person.as_str(), samples[0].channels.len()), ("ad…, +39…1, it", 2));
        assert!(samples[0].channels[0].message.is_some() && samples[0].channels[1].message.is_none());
    }
}
