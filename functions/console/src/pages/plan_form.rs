//! Form of a plan of the rollout: its steps and its criteria.

use domain::rollout::ramp::Criteria;
use serde_json::{Map, Value, json};

use crate::site::{ApiProblem, Fields};

/// Criteria that are numbers, in the order of the form: name of the API, and label.
const NUMBERS: [(&str, &str); 4] = [
    ("delivery_above_percent", "Delivery rate of v2 above, in percent (0 to 99)"),
    ("error_below_percent", "Error rate of v2 below, in percent (1 to 100)"),
    ("p95_below_ms", "95 % of v2 accepted within, in milliseconds (1 to 3,600,000)"),
    ("sample", "Least number of ended notifications to judge by (1 to 1,000,000)"),
];
/// Criterion that is a choice.
const BREAKERS: &str = "breakers_closed";

/// Criterion as the form has it.
#[derive(Debug, PartialEq, Eq)]
pub struct CriterionInput {
    /// Path of the API, which is also the name of the input.
    pub path: String,
    /// Label.
    pub label: &'static str,
    /// Typed value, or else the default.
    pub value: String,
}

/// Criteria as the form has them.
#[derive(Debug)]
pub struct CriteriaInputs {
    /// Numbers.
    pub numbers: [CriterionInput; NUMBERS.len()],
    /// Choice about the circuit breakers.
    pub breakers: CriterionInput,
}

/// Returns the inputs of the criteria, with what was typed or else the defaults.
#[must_use]
pub fn criteria_inputs(form: &Fields) -> CriteriaInputs {
    let defaults = serde_json::to_value(Criteria::default()).unwrap_or_default();
    let input = |(name, label): (&str, &'static str)| {
        let path = path_of(name);
        let value = if form.is_ticked(&path) { form.raw(&path).to_owned() } else { defaults[name].to_string() };
        CriterionInput { path, label, value }
    };
    CriteriaInputs {
        numbers: NUMBERS.map(input),
        breakers: input((BREAKERS, "Circuit breakers of the push services of v2")),
    }
}

fn path_of(name: &str) -> String {
    format!("plan.criteria.{name}")
}

/// Reads a plan. A step is a line such as `10 for 60`. An empty criterion has its default.
///
/// # Errors
/// Names the field that cannot be read.
pub fn plan_of(form: &Fields) -> Result<Value, ApiProblem> {
    let mut steps = Vec::new();
    for line in form.get("steps").lines().map(str::trim).filter(|line| !line.is_empty()) {
        let step = line.split_once("for").and_then(|(percentage, minutes)| {
            let minutes = minutes.trim().trim_end_matches("minutes").trim().parse::<u32>().ok()?;
            Some(json!({"percentage": percentage.trim().trim_end_matches('%').trim(), "hold_minutes": minutes}))
        });
        steps.push(step.ok_or_else(|| {
            ApiProblem::field("plan.steps", "each line must be a percentage and its minutes, such as: 10 for 60")
        })?);
    }
    let criteria = criteria(form)?;
    Ok(if criteria.is_empty() { json!({"steps": steps}) } else { json!({"steps": steps, "criteria": criteria}) })
}

fn criteria(form: &Fields) -> Result<Map<String, Value>, ApiProblem> {
    let mut criteria = Map::new();
    for (name, _) in NUMBERS {
        let path = path_of(name);
        if let Some(text) = form.optional(&path) {
            let number = text.parse::<u64>();
            let number = number.map_err(|_| ApiProblem::field(&path, "must be a whole number, such as 95"))?;
            criteria.insert(name.to_owned(), json!(number));
        }
    }
    let path = path_of(BREAKERS);
    if let Some(choice) = form.optional(&path) {
        let is_closed = choice.parse::<bool>().map_err(|_| ApiProblem::field(&path, "must be true or false"))?;
        criteria.insert(BREAKERS.to_owned(), json!(is_closed));
    }
    Ok(criteria)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(form: &str) -> Result<Value, ApiProblem> {
        plan_of(&Fields::parse(form.as_bytes()))
    }

    #[test]
    fn a_plan_is_a_percentage_and_minutes_a_line() {
        let expected = json!({"steps": [
            {"percentage": "10", "hold_minutes": 60}, {"percentage": "50", "hold_minutes": 30}]});
        assert_eq!(plan("steps=10+for+60%0A%0A50+%25+for+30+minutes").unwrap(), expected);
        for malformed in ["steps=10", "steps=10+for+x", "steps=10+for+-1"] {
            assert_eq!(plan(malformed).unwrap_err().errors[0].0, "plan.steps", "{malformed}");
        }
    }

    #[test]
    fn criteria_are_those_of_the_form_and_empty_ones_have_their_defaults() {
        let form = "plan.criteria.delivery_above_percent=90&plan.criteria.error_below_percent=+&\
                    plan.criteria.p95_below_ms=2500&plan.criteria.breakers_closed=false";
        let expected = json!({"delivery_above_percent": 90, "p95_below_ms": 2_500, "breakers_closed": false});
        assert_eq!(plan(form).unwrap()["criteria"], expected);
        for (name, value) in [("sample", "few"), ("p95_below_ms", "-1"), ("sample", "1,5"), ("breakers_closed", "open")]
        {
            let problem = plan(&format!("plan.criteria.{name}={value}")).unwrap_err();
            assert_eq!(problem.errors[0].0, format!("plan.criteria.{name}"), "{value}");
        }
    }

    #[test]
    fn the_inputs_have_the_defaults_of_the_api_until_something_is_typed() {
        let values = |form: &str| {
            let inputs = criteria_inputs(&Fields::parse(form.as_bytes()));
            inputs.numbers.into_iter().chain([inputs.breakers]).map(|input| input.value).collect::<Vec<_>>()
        };
        assert_eq!(values(""), ["95", "5", "3000", "100", "true"]);
        let typed = "plan.criteria.delivery_above_percent=x&plan.criteria.sample=&plan.criteria.breakers_closed=false";
        assert_eq!(values(typed), ["x", "5", "3000", "", "false"]);
        let shown = criteria_inputs(&Fields::default());
        let form = shown.numbers.iter().chain([&shown.breakers]).map(|it| format!("{}={}", it.path, it.value));
        let plan = plan(&form.collect::<Vec<_>>().join("&")).unwrap();
        assert_eq!(plan["criteria"], serde_json::to_value(Criteria::default()).unwrap(), "every criterion is there");
    }
}
