//! The body of `PUT /v1/rollout`: read exactly, or refused with a field; the read values equal the written ones.

use console::change_request::ChangeRequest;
use domain::rollout::Percentage;
use domain::rollout::ramp::{MAX_STEPS, RampPlan};
use platform::http::Request;
use platform::problem::ProblemKind;
use rollout::RolloutCommand;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The number of errors that a problem lists of faults in the shape of any body.
const MOST_ERRORS: usize = 20;

pub fn target(data: &[u8]) {
    let request = Request { body: data.to_vec().into(), ..Request::default() };
    let change = match ChangeRequest::of(&request) {
        Ok(change) => change,
        Err(problem) => {
            // By the grammar alone: half of a surrogate pair is JSON that no string can hold.
            let is_json = str::from_utf8(data).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
            assert_eq!(problem.kind == ProblemKind::NotJson, !is_json);
            assert!(!is_json || (problem.kind == ProblemKind::Invalid && !problem.errors.is_empty()));
            assert!(problem.errors.len() <= MOST_ERRORS, "{problem:?}");
            return;
        }
    };
    let given: Value = serde_json::from_slice(data).expect("what was understood is JSON");
    if let Some(reason) = &change.reason {
        assert!(!reason.is_empty() && reason.chars().count() <= 500 && !reason.chars().any(char::is_control));
    }
    match change.command {
        RolloutCommand::Percentage(percentage) => same(percentage, &given["percentage"]),
        RolloutCommand::NoRamp => assert!(given.get("plan").is_some_and(Value::is_null)),
        RolloutCommand::Ramp(steps, criteria) => {
            let given = given["plan"]["steps"].as_array().expect("a plan has steps");
            assert_eq!(steps.len(), given.len());
            steps.iter().zip(given).for_each(|(step, given)| same(step.percentage, &given["percentage"]));
            match RampPlan::new(steps, criteria, Percentage::ZERO) {
                Ok(plan) => rises(&plan),
                Err(problems) => assert!(!problems.is_empty()),
            }
        }
    }
}

/// An independent implementation of the body's rules.
fn same(percentage: Percentage, given: &Value) {
    let text = given.as_str().map_or_else(|| given.to_string(), |text| text.trim_ascii().to_owned());
    let number: f64 = text.parse().expect("a plain number");
    assert_eq!((number * 100.0).round(), f64::from(percentage.hundredths()), "{text}");
}

fn rises(plan: &RampPlan) {
    let steps: Vec<_> = plan.steps.iter().map(|step| step.percentage).collect();
    assert!((1..=MAX_STEPS).contains(&steps.len()) && steps.is_sorted_by(|a, b| a < b) && steps[0] > Percentage::ZERO);
    assert!(plan.steps.iter().all(|step| (1..=10_080).contains(&step.hold_minutes)));
}
