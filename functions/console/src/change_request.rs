//! The body of `PUT /v1/rollout`: parsed exactly, or refused with the name of the field.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use domain::rollout::Percentage;
use domain::rollout::ramp::{Criteria, MAX_STEPS, RampStep};
use domain::text::is_line;
use platform::http::Request;
use platform::problem::{FieldError, Problem};
use rollout::RolloutCommand;

/// Maximum length of a reason, in characters.
const MAX_REASON_CHARS: usize = 500;

/// A requested change with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// The requested change.
    pub command: RolloutCommand,
    /// The reason, as the caller wrote it.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, deserialize_with = "given")]
    percentage: Option<Value>,
    /// `null` ends a plan. If the field is absent, `percentage` is required.
    #[serde(default, deserialize_with = "given")]
    plan: Option<Option<PlanBody>>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanBody {
    steps: Vec<StepBody>,
    #[serde(default)]
    criteria: Criteria,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    percentage: Value,
    hold_minutes: u32,
}

/// Distinguishes `null` from an absent field.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl ChangeRequest {
    /// Parses a request's body. The numbers of a plan are checked later, when the present percentage is known.
    ///
    /// # Errors
    /// 400, 413, or 422 naming each invalid field.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let body: Body = request.json()?;
        let mut errors = Vec::new();
        let reason = body.reason.map(|reason| reason.trim().to_owned());
        if reason.as_deref().is_some_and(is_invalid_reason) {
            errors.push(FieldError::new("reason", "must be 1 to 500 printable characters"));
        }
        let command = match (body.percentage, body.plan) {
            (Some(_), Some(_)) => Err(vec![FieldError::new("plan", "cannot be given together with percentage")]),
            (None, None) => Err(vec![FieldError::new("percentage", "is required, or a plan")]),
            (Some(value), None) => {
                percentage("percentage", &value).map(RolloutCommand::Percentage).map_err(|error| vec![error])
            }
            (None, Some(None)) => Ok(RolloutCommand::NoRamp),
            (None, Some(Some(plan))) => ramp(plan),
        };
        match command {
            Ok(command) if errors.is_empty() => Ok(Self { command, reason }),
            Ok(_) => Err(Problem::invalid(errors)),
            Err(more) => Err(Problem::invalid(more.into_iter().chain(errors).collect())),
        }
    }
}

fn is_invalid_reason(reason: &str) -> bool {
    !is_line(reason, MAX_REASON_CHARS)
}

fn ramp(plan: PlanBody) -> Result<RolloutCommand, Vec<FieldError>> {
    if plan.steps.len() > MAX_STEPS {
        return Err(vec![FieldError::new("plan.steps", "must have 1 to 10 steps")]);
    }
    let (mut steps, mut errors) = (Vec::new(), Vec::new());
    for (place, StepBody { percentage: value, hold_minutes }) in plan.steps.into_iter().enumerate() {
        match percentage(&format!("plan.steps[{place}].percentage"), &value) {
            Ok(percentage) => steps.push(RampStep { percentage, hold_minutes }),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(RolloutCommand::Ramp(steps, plan.criteria)) } else { Err(errors) }
}

/// Parses a percentage from a JSON number or a text, by the rule of the parameter.
fn percentage(field: &str, value: &Value) -> Result<Percentage, FieldError> {
    let text = match value {
        Value::String(text) => text.parse::<Percentage>(),
        Value::Number(number) => number.to_string().parse(),
        _ => return Err(FieldError::new(field, "must be a number from 0 to 100")),
    };
    let why = |error| format!("must be a number from 0 to 100 with up to two decimals, such as 12.5; {error}");
    text.map_err(|error| FieldError::new(field, why(error)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use platform::private::Private;
    use platform::problem::ProblemKind;

    fn read(body: &str) -> Result<ChangeRequest, Problem> {
        ChangeRequest::of(&Request { body: Private::new(body.as_bytes().to_vec()), ..Request::default() })
    }

    fn fields(body: &Value) -> Vec<String> {
        let problem = read(&body.to_string()).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Invalid, "{body}");
        problem.errors.into_iter().map(|error| error.field).collect()
    }

    fn command(body: &Value) -> RolloutCommand {
        read(&body.to_string()).unwrap().command
    }

    #[test]
    fn a_percentage_is_a_number_or_the_parameters_text() {
        for (value, hundredths) in [
            (json!(0), 0),
            (json!(12.5), 1_250),
            (json!(33.33), 3_333),
            (json!(100), 10_000),
            (json!("0.5"), 50),
            (json!("10\n"), 1_000),
        ] {
            let expected = Percentage::from_hundredths(hundredths).unwrap();
            assert_eq!(command(&json!({"percentage": value})), RolloutCommand::Percentage(expected), "{value}");
        }
    }

    #[test]
    fn a_malformed_percentage_is_a_problem_that_names_the_field_and_does_not_repeat_it() {
        let long = "9".repeat(4_096);
        for malformed in ["10%", "0,5", "101", "-1", "NaN", "", "1e1", "05", "canary", &long] {
            let problem = read(&json!({"percentage": malformed}).to_string()).unwrap_err();
            assert_eq!(
                (problem.kind, problem.errors[0].field.as_str()),
                (ProblemKind::Invalid, "percentage"),
                "{malformed}"
            );
            assert!(!problem.detail.contains("canary") && problem.detail.len() < 200);
        }
        for malformed in
            [json!(101), json!(-1), json!(0.001), json!(-0.0), json!(true), json!(null), json!([]), json!({})]
        {
            assert_eq!(fields(&json!({"percentage": malformed})), ["percentage"], "{malformed}");
        }
        assert_eq!(read(r#"{"percentage": NaN}"#).unwrap_err().kind, ProblemKind::NotJson);
        assert_eq!(read("").unwrap_err().kind, ProblemKind::NotJson);
    }

    #[test]
    fn a_plan_begins_and_null_ends_one() {
        let plan = json!({"steps": [{"percentage": 10, "hold_minutes": 60}, {"percentage": "50", "hold_minutes": 30}],
                          "criteria": {"p95_below_ms": 2_000}});
        let RolloutCommand::Ramp(steps, criteria) = command(&json!({"plan": plan, "reason": "go"})) else {
            unreachable!()
        };
        assert_eq!((steps.len(), steps[1].percentage.hundredths(), steps[1].hold_minutes), (2, 5_000, 30));
        assert_eq!((criteria.p95_below_ms, criteria.error_below_percent), (2_000, 5));
        assert_eq!(command(&json!({"plan": null})), RolloutCommand::NoRamp);
    }

    #[test]
    fn an_unknown_or_invalid_field_is_named() {
        let step = json!({"percentage": 10, "hold_minutes": 60});
        for (body, named) in [
            (json!({}), "percentage"),
            (json!({"percentage": 1, "plan": null}), "plan"),
            (json!({"percent": 1}), "percent"),
            (json!({"percentage": 1, "reason": ""}), "reason"),
            (json!({"percentage": 1, "reason": "a\nb"}), "reason"),
            (json!({"percentage": 1, "reason": "a\u{2028}b"}), "reason"),
            (json!({"percentage": 1, "reason": "\u{200b}"}), "reason"),
            (json!({"percentage": 1, "reason": "x".repeat(501)}), "reason"),
            (json!({"plan": {}}), "plan.steps"),
            (json!({"plan": []}), "plan"),
            (json!({"plan": {"steps": vec![&step; 11]}}), "plan.steps"),
            (json!({"plan": {"steps": [{"percentage": "10%", "hold_minutes": 1}]}}), "plan.steps[0].percentage"),
            (json!({"plan": {"steps": [{"percentage": 10}]}}), "plan.steps[0].hold_minutes"),
            (json!({"plan": {"steps": [{"percentage": 10, "hold_minutes": -1}]}}), "plan.steps[0].hold_minutes"),
            (json!({"plan": {"steps": [step], "criteria": {"p95": 1}}}), "plan.criteria.p95"),
            (json!({"plan": {"steps": [step], "criteria": {"sample": "x"}}}), "plan.criteria.sample"),
        ] {
            assert_eq!(fields(&body), [named], "{body}");
        }
        assert_eq!(fields(&json!({"percentage": "x", "reason": ""})), ["percentage", "reason"]);
    }
}
