//! The function `console`: metrics, channels, costs, health, the settings, the audit, the rollout, the comparison of
//! both versions, the weekly report, and the web console.
//!
//! Figures are pure functions of a window's [`::metrics::Counters`], so their cost does not depend on the traffic.
//! [`api`] reads the counters and the other state.

pub mod api;
pub mod audit;
pub mod capacity;
pub mod change_request;
pub mod channels;
pub mod comparison;
pub mod config;
pub mod costs;
pub mod ended_sessions;
pub mod handler;
pub mod health;
mod incidents;
mod markdown;
pub mod metrics;
pub mod pages;
pub mod report;
pub mod rollout;
pub mod sample_ratio;
pub mod series;
pub mod sessions;
pub mod settings;
pub mod site;
pub mod targets;

pub use api::ConsoleApi;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// Objects whose keys are names of channels, types, templates, campaigns, arms or reasons instead of fields.
    const MAPS: [&str; 7] =
        ["by_campaign", "by_channel", "by_template", "by_type", "by_version", "channels", "skipped"];

    /// Collects the field names of an answer, at any depth.
    fn fields(value: &Value, is_map: bool, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    if !is_map {
                        found.insert(name.clone());
                    }
                    // In the report, `channels` is a complete answer, which begins with its window.
                    let holds_names = MAPS.contains(&name.as_str()) && value.get("window").is_none();
                    fields(value, holds_names, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| fields(item, false, found)),
            _ => {}
        }
    }

    #[test]
    fn the_docs_name_every_field_of_every_answer() {
        let docs = include_str!("../../../docs/api.md");
        let (_, section) = docs.split_once("\n## Metrics\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let in_code = section.split('`').skip(1).step_by(2);
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let named: BTreeSet<_> = in_code.flat_map(|code| code.split(|letter| !is_of_name(letter))).collect();
        let answers = [
            include_str!("golden/metrics.json"),
            include_str!("golden/channels.json"),
            include_str!("golden/costs.json"),
            include_str!("golden/health.json"),
            include_str!("golden/comparison.json"),
            include_str!("golden/report.json"),
            include_str!("golden/series.json"),
        ];
        let mut all = BTreeSet::new();
        answers.iter().for_each(|answer| fields(&serde_json::from_str(answer).unwrap(), false, &mut all));
        let missing: Vec<_> = all.iter().filter(|field| !named.contains(field.as_str())).collect();
        assert!(missing.is_empty() && all.len() > 80, "{missing:?} of {}", all.len());
    }
}
