//! Fields of a campaign's forms, as they are typed or as the stored campaign has them.
//!
//! A field is called like that of the API, so that an error of the API leads to its input.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::form_zone::{FormZone, ZONE_FIELD};
use crate::site::{Fields, number_of};

/// Maximum number of variants, and number of blank ones in the form.
pub const VARIANT_SLOTS: usize = 5;

/// Criteria of the steps of a rollout, in the order of the form.
pub const STEP_CRITERIA: [(&str, &str); 3] = [
    ("min_delivered_percent", "Least share with a confirmed delivery"),
    ("min_clicked_percent", "Least share with a click"),
    ("min_converted_percent", "Least share with a conversion"),
];

/// Values of the form's inputs by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignFields(BTreeMap<String, String>);

impl CampaignFields {
    /// Returns the fields as they were typed.
    #[must_use]
    pub fn of_form(form: &Fields) -> Self {
        let mut fields = Self::default();
        for (name, value) in form.iter() {
            fields.0.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        fields
    }

    /// Returns the fields of a campaign of the API, with its times in a zone.
    #[must_use]
    pub fn of_campaign(campaign: &Value, zone: &FormZone) -> Self {
        let mut fields = Self::default();
        fields.copy(campaign, "", &["title", "type", "segment", "filter", "holdout_percent"]);
        fields.copy(campaign, "", &["variables", "rate_per_second", "ttl_seconds", "urgency"]);
        let audience = ["recipients", "segment", "filter"].into_iter().find(|name| !campaign[*name].is_null());
        fields.set("audience", if audience == Some("recipients") { "list" } else { audience.unwrap_or("segment") });
        fields.set("recipients.count", text(&campaign["recipients"]["count"]));
        let exclude = ["segment", "filter"].into_iter().find(|name| !campaign["exclude"][*name].is_null());
        fields.set("exclude", exclude.unwrap_or_default());
        fields.copy(&campaign["exclude"], "exclude.", &["segment", "filter"]);
        fields.set_message(campaign);
        fields.set_time(campaign, zone);
        fields.copy(&campaign["test"], "test.", &["share_percent", "hours", "metric"]);
        for (name, value) in campaign["guards"].as_object().into_iter().flatten() {
            fields.set(&format!("guards.{name}"), text(value));
        }
        fields
    }

    /// Returns the fields of a new campaign.
    #[must_use]
    pub fn of_new() -> Self {
        let mut fields = Self::default();
        fields.set("audience", "segment");
        fields.set("message", "content");
        fields.set("timing", "now");
        fields
    }

    /// Returns a value; the empty text if the field is missing.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns a value of one of several parts, such as those of a variant.
    #[must_use]
    pub fn of(&self, part: &str, name: &str) -> &str {
        self.get(&format!("{part}.{name}"))
    }

    /// Returns the name of the zone in which the times are.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        match self.get(ZONE_FIELD) {
            "" => "UTC",
            name => name,
        }
    }

    /// Returns the number of people of the stored list.
    #[must_use]
    pub fn listed_people(&self) -> String {
        number_of(self.get("recipients.count").parse::<i64>().unwrap_or_default(), "person", "people")
    }

    /// Returns `true` if a field has a value.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// Returns `true` if a field of one of several parts has a value.
    #[must_use]
    pub fn of_is(&self, part: &str, name: &str, value: &str) -> bool {
        self.of(part, name) == value
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn copy(&mut self, from: &Value, prefix: &str, names: &[&str]) {
        for name in names {
            self.set(&format!("{prefix}{name}"), text(&from[*name]));
        }
    }

    fn set_message(&mut self, campaign: &Value) {
        let kind = ["variants", "template", "content"].into_iter().find(|name| !campaign[*name].is_null());
        self.set("message", kind.unwrap_or("content"));
        self.copy(&campaign["content"], "content.", &["title", "body", "url"]);
        self.copy(&campaign["template"], "template.", &["name", "version"]);
        let from = campaign["variables_from"].as_object().into_iter().flatten();
        let lines: Vec<_> = from.map(|(variable, attribute)| format!("{variable} = {}", text(attribute))).collect();
        self.set("variables_from", lines.join("\n"));
        for (place, variant) in campaign["variants"].as_array().into_iter().flatten().enumerate() {
            let prefix = format!("variants[{place}].");
            self.copy(variant, &prefix, &["name", "variables"]);
            self.copy(&variant["content"], &format!("{prefix}content."), &["title", "body", "url"]);
            self.copy(&variant["template"], &format!("{prefix}template."), &["name", "version"]);
            let weight = variant["weight_bp"].as_i64().map(percent_of_points).unwrap_or_default();
            self.set(&format!("{prefix}weight_bp"), weight);
        }
    }

    fn set_time(&mut self, campaign: &Value, zone: &FormZone) {
        let timing = match (&campaign["send_at"], &campaign["at_local"]) {
            (Value::String(_), _) => "at",
            (_, Value::Object(_)) => "local",
            _ => "now",
        };
        self.set("timing", timing);
        self.set(ZONE_FIELD, zone.name());
        for name in ["send_at", "not_after"] {
            self.set(name, instant_of(&campaign[name]).map(|at| zone.local(at)).unwrap_or_default());
        }
        self.set("at_local.date_time", input_time(&campaign["at_local"]["date_time"]));
        self.copy(&campaign["at_local"], "at_local.", &["default_time_zone", "if_passed"]);
        let steps = campaign["rollout"]["steps"].as_array().into_iter().flatten();
        let line =
            |step: &Value| format!("{} for {}", text(&step["percent"]), step["hold_minutes"].as_i64().unwrap_or(0));
        self.copy(&campaign["rollout"]["criteria"], "rollout.criteria.", &STEP_CRITERIA.map(|(name, _)| name));
        self.set("rollout.steps", steps.map(line).collect::<Vec<_>>().join("\n"));
    }
}

/// Returns a value of the API as the text of an input.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // A whole number may be stored with a fraction of zero.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        Value::Bool(flag) => flag.to_string(),
        list => serde_json::to_string_pretty(list).unwrap_or_default(),
    }
}

/// Returns the instant that a field of the API has.
#[must_use]
pub fn instant_of(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns a local time without a zone as an input of the kind `datetime-local` has it.
fn input_time(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.strip_suffix(":00").filter(|short| short.len() == "2026-12-01T09:00".len()).unwrap_or(text).to_owned()
}

/// Returns basis points as percent.
fn percent_of_points(points: i64) -> String {
    let text = format!("{}.{:02}", points / 100, points % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns an object without its members that are null.
#[must_use]
pub fn without_nulls(object: Map<String, Value>) -> Map<String, Value> {
    object.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
