//! Plan of the rollout: its steps, and each criterion with the figure that was measured last.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::settings_view::VersionAuthor;
use crate::site::count;

/// Plan of an answer of `GET /v1/rollout`.
#[derive(Debug, Deserialize)]
pub struct PlanProgress {
    steps: Vec<PlanStep>,
    /// Number of the present step, from 1.
    pub step: usize,
    /// Author.
    pub by: VersionAuthor,
    /// Start.
    pub started_at: Timestamp,
    /// Time of the next step, if the criteria go on to hold.
    pub next_step_at: Option<Timestamp>,
    /// Result of the last evaluation.
    last: Option<Value>,
}

/// Step of a plan.
#[derive(Debug, Clone, Deserialize)]
pub struct PlanStep {
    /// Percentage.
    pub percentage: serde_json::Number,
    /// Minutes for which the criteria must hold.
    pub hold_minutes: u32,
    /// `true` for the step in force.
    #[serde(skip)]
    pub is_present: bool,
}

#[derive(Debug, Deserialize)]
struct PlanEvaluation {
    next: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    criteria: Vec<PlanCriterion>,
}

#[derive(Debug, Deserialize)]
struct PlanCriterion {
    name: String,
    holds: Option<bool>,
    found: Option<String>,
    wanted: String,
    sample: i64,
}

/// Criterion as the page shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct CriterionRow {
    /// Name.
    pub name: String,
    /// Measured value.
    pub found: String,
    /// Limit.
    pub wanted: String,
    /// Number of notifications.
    pub sample: String,
    /// State in words.
    pub state: &'static str,
    /// Colour.
    pub class: &'static str,
}

impl PlanProgress {
    /// Returns the steps.
    #[must_use]
    pub fn steps(&self) -> Vec<PlanStep> {
        let step = |(place, step): (usize, &PlanStep)| PlanStep { is_present: place + 1 == self.step, ..step.clone() };
        self.steps.iter().enumerate().map(step).collect()
    }

    /// Returns the author.
    #[must_use]
    pub fn author(&self) -> &str {
        if self.by.name.is_empty() { &self.by.who } else { &self.by.name }
    }

    /// Returns the reason why the next step is not taken yet, in one sentence.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let Some(last) = self.evaluation() else { return "It was not evaluated yet. It is evaluated every minute." };
        match (last.next.as_str(), last.why.as_str()) {
            (_, "holding") => "No criterion is broken, and the minutes of the step are not over.",
            (_, "criteria") => "A criterion does not hold, so the minutes of the step begin again.",
            (_, "no_data") => "The minutes of the step are over, but too few notifications ended to judge it.",
            ("raise", _) => "The criteria held: the next step is being taken.",
            ("done", _) => "The last step held, so the plan ends.",
            ("overtaken", _) => "Another change of the percentage ends the plan.",
            _ => "",
        }
    }

    /// Returns the criteria as they were measured last.
    #[must_use]
    pub fn criteria(&self) -> Vec<CriterionRow> {
        self.evaluation().iter().flat_map(|last| &last.criteria).map(criterion_row).collect()
    }

    /// Reads the result of the last evaluation. The page can do without it.
    fn evaluation(&self) -> Option<PlanEvaluation> {
        serde_json::from_value(self.last.clone()?).ok()
    }
}

fn criterion_row(criterion: &PlanCriterion) -> CriterionRow {
    let (state, class) = match criterion.holds {
        Some(true) => ("holds", "good"),
        Some(false) => ("does not hold", "bad"),
        None => ("too few notifications", "warn"),
    };
    let name = match criterion.name.as_str() {
        "delivery" => "Delivery rate",
        "error" => "Error rate",
        "p95" => "95 % were accepted within",
        "breakers" => "Circuit breakers",
        other => other,
    };
    CriterionRow {
        name: name.to_owned(),
        found: criterion.found.clone().unwrap_or_else(|| "–".to_owned()),
        wanted: criterion.wanted.clone(),
        sample: count(criterion.sample),
        state,
        class,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn plan(last: &Value) -> PlanProgress {
        serde_json::from_value(json!({
            "steps": [{"percentage": 10, "hold_minutes": 60}, {"percentage": 50, "hold_minutes": 30}], "step": 2,
            "by": {"who": "api", "name": "ops"}, "started_at": "2026-11-23T10:00:00Z", "next_step_at": null,
            "last": last}))
        .unwrap()
    }

    #[test]
    fn a_criterion_that_does_not_hold_is_named_with_its_figure() {
        let criteria = json!([
            {"name": "delivery", "holds": false, "found": "90.00 %", "wanted": "> 95 %", "sample": 1_200},
            {"name": "p95", "holds": null, "found": null, "wanted": "< 3000 ms", "sample": 1_200}]);
        let plan = plan(&json!({"next": "wait", "why": "criteria", "criteria": criteria}));
        assert_eq!(plan.state(), "A criterion does not hold, so the minutes of the step begin again.");
        let rows = plan.criteria();
        assert_eq!(
            (rows[0].name.as_str(), rows[0].found.as_str(), rows[0].state),
            ("Delivery rate", "90.00 %", "does not hold")
        );
        assert_eq!((rows[1].found.as_str(), rows[1].class, rows[1].sample.as_str()), ("–", "warn", "1,200"));
        assert_eq!(plan.steps().iter().map(|step| step.is_present).collect::<Vec<_>>(), [false, true]);
        assert_eq!(plan.author(), "ops");
    }

    #[test]
    fn every_result_of_an_evaluation_has_a_sentence() {
        assert!(plan(&Value::Null).state().contains("not evaluated yet"));
        let results = [("wait", "holding"), ("wait", "criteria"), ("wait", "no_data"), ("raise", ""), ("done", "")];
        for (next, why) in results.into_iter().chain([("overtaken", "")]) {
            assert!(plan(&json!({"next": next, "why": why})).state().ends_with('.'), "{next} {why}");
        }
    }
}
