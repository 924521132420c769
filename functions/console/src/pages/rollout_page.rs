//! Rollout: the percentage with both arms, the guard's distance to each threshold, the plan, the history, and the way
//! back to 0 %.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard_rows::{GuardRow, guard_action, guard_rows};
use crate::site::{
    ApiCall, ApiProblem, ChangeNote, Fields, Frame, IntervalChart, IntervalRow, IntervalUnit, PageReply, Visit, count,
    euro, millis, percent, rendered,
};

/// Hours of the comparison of both versions.
const WEEK_HOURS: &str = "168";
/// Rates of both versions: name in the API, and label.
const RATES: [(&str, &str); 4] = [
    ("delivery_rate", "Delivery rate"),
    ("error_rate", "Error rate"),
    ("ctr", "Click rate"),
    ("conversion_rate", "Conversion rate"),
];

#[derive(Debug, Template)]
#[template(path = "rollout.html")]
struct RolloutPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    rollout: RolloutState,
    arms: Vec<ArmRow>,
    bands: IntervalChart,
    rules: Vec<GuardRow>,
    guard_action: String,
    people_an_hour: String,
    typed: TypedChange,
}

#[derive(Debug, Deserialize)]
struct RolloutState {
    percentage: serde_json::Number,
    source: String,
    invalid: Option<InvalidPercentage>,
    changed_at: Option<Timestamp>,
    listed: i64,
    arms: Arms,
    sample_ratio: SplitCheck,
    plan: Option<PlanProgress>,
    guard: GuardState,
    changes: Vec<RolloutChangeRow>,
}

#[derive(Debug, Deserialize)]
struct InvalidPercentage {
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Arms {
    v1: i64,
    v2: i64,
    v2_share: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct SplitCheck {
    verdict: String,
    note: String,
}

#[derive(Debug, Deserialize)]
struct PlanProgress {
    steps: Vec<PlanStep>,
    step: usize,
    started_at: Timestamp,
    next_step_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct PlanStep {
    percentage: serde_json::Number,
    hold_minutes: u32,
}

#[derive(Debug, Deserialize)]
struct GuardState {
    at: Option<Timestamp>,
    verdict: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct RolloutChangeRow {
    at: Timestamp,
    parameter: String,
    who: String,
    #[serde(default)]
    name: String,
    old: Option<String>,
    new: String,
    #[serde(default)]
    reason: String,
}

/// Figure of both arms, and their difference with its interval.
#[derive(Debug)]
struct ArmRow {
    figure: &'static str,
    v1: String,
    v2: String,
    interval: String,
    verdict: String,
}

/// Fields of the forms, as they were typed.
#[derive(Debug, Default)]
struct TypedChange {
    percentage: String,
    reason: String,
    steps: String,
}

/// Shows the rollout, or changes it.
///
/// # Errors
/// The API's problem, unless a form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let body = match action {
        "" => return show(visit, 200, None).await,
        "percentage" => Ok(with_reason(json!({"percentage": visit.form().get("percentage")}), visit.form())),
        "plan" => plan_of(visit.form()),
        "stop_plan" => Ok(with_reason(json!({"plan": null}), visit.form())),
        _ => Ok(zero()),
    };
    let stale = if action == "zero" { None } else { stale_form(visit).await? };
    let answer = match (stale, body) {
        (Some(problem), _) | (None, Err(problem)) => Err(problem),
        (None, Ok(body)) => visit.call(ApiCall::put("/v1/rollout", body)).await.ok(),
    };
    match answer {
        Ok(_) => Ok(visit.redirect("rollout", "rollout")),
        Err(problem) => show(visit, problem.status, Some(problem)).await,
    }
}

/// Refuses a form that was filled while another percentage was in force, and names the last change. "Back to 0 %" is
/// never refused.
async fn stale_form(visit: &Visit<'_>) -> Result<Option<ApiProblem>, ApiProblem> {
    let Some(was) = visit.form().optional("was") else { return Ok(None) };
    let rollout: RolloutState = visit.call(ApiCall::get("/v1/rollout").query("limit", "20")).await.read()?;
    Ok(refusal_of_stale(was, &rollout))
}

fn refusal_of_stale(was: &str, rollout: &RolloutState) -> Option<ApiProblem> {
    let present = rollout.percentage.to_string();
    if was == present {
        return None;
    }
    let change = |row: &RolloutChangeRow| ChangeNote {
        at: row.at,
        by: format!("{} {}", row.who, row.name).trim().to_owned(),
        values: vec![(row.parameter.clone(), row.old.clone().unwrap_or_else(|| "–".to_owned()), row.new.clone())],
    };
    // The history has the settings too, and writes of the same value.
    let is_change =
        |row: &&RolloutChangeRow| row.parameter.ends_with("percentage") && row.old.as_deref() != Some(row.new.as_str());
    let detail = format!(
        "The page showed {was} %, and {present} % are in force now. Your values are kept: send them again to replace the \
         present ones."
    );
    Some(ApiProblem {
        title: "Another person changed the rollout meanwhile".into(),
        changes: rollout.changes.iter().filter(is_change).take(1).map(change).collect(),
        ..ApiProblem::own(409, detail)
    })
}

fn with_reason(mut body: Value, form: &Fields) -> Value {
    if let Some(reason) = form.optional("reason") {
        body["reason"] = json!(reason);
    }
    body
}

/// Reads the steps of a plan: one line each, such as `10 for 60`.
fn plan_of(form: &Fields) -> Result<Value, ApiProblem> {
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
    Ok(with_reason(json!({"plan": {"steps": steps}}), form))
}

async fn show(visit: &Visit<'_>, status: u16, problem: Option<ApiProblem>) -> Result<PageReply, ApiProblem> {
    let (rollout, comparison) = tokio::join!(
        visit.call(ApiCall::get("/v1/rollout").query("limit", "20")),
        visit.call(ApiCall::get("/v1/rollout/comparison").query("hours", WEEK_HOURS))
    );
    let rollout: RolloutState = rollout.read()?;
    let comparison = comparison.ok()?;
    let verdict = rollout.guard.verdict.clone().unwrap_or_default();
    let form = visit.form();
    for body in form_bodies(form, &rollout) {
        visit.offers(ApiCall::put("/v1/rollout", body));
    }
    let page = RolloutPage {
        arms: arm_rows(&comparison),
        bands: differences(&comparison),
        rules: guard_rows(&verdict),
        guard_action: guard_action(&verdict),
        people_an_hour: people_an_hour(&rollout.arms),
        typed: TypedChange {
            percentage: form.raw("percentage").to_owned(),
            reason: form.raw("reason").to_owned(),
            steps: form.raw("steps").to_owned(),
        },
        frame: visit.frame("rollout", "Rollout"),
        problem,
        rollout,
    };
    rendered(status, &page)
}

/// Returns the bodies of the page's forms, with what was typed or else what is in force.
fn form_bodies(form: &Fields, rollout: &RolloutState) -> Vec<Value> {
    let present = rollout.percentage.to_string();
    let percentage = form.optional("percentage").unwrap_or(&present);
    let plan = if form.optional("steps").is_some() { plan_of(form).ok() } else { None };
    let mut bodies = vec![with_reason(json!({"percentage": percentage}), form), zero()];
    bodies.extend(plan);
    bodies.extend(rollout.plan.is_some().then(|| json!({"plan": null})));
    bodies
}

fn zero() -> Value {
    json!({"percentage": "0", "reason": "back to 0 % from the console"})
}

/// Shows one figure.
type ShowFigure = fn(&Value) -> String;

/// Returns the chart of the differences that have an interval.
fn differences(comparison: &Value) -> IntervalChart {
    let row = |(name, label): (&str, &str)| {
        let difference = &comparison["differences"][name];
        Some(IntervalRow {
            label: label.to_owned(),
            value: difference["difference"].as_f64()?,
            low: difference["low"].as_f64()?,
            high: difference["high"].as_f64()?,
        })
    };
    IntervalChart {
        title: "Difference v2 − v1".to_owned(),
        unit: IntervalUnit::Points,
        confidence: "95 %",
        rows: RATES.into_iter().filter_map(row).collect(),
    }
}

fn arm_rows(comparison: &Value) -> Vec<ArmRow> {
    let rate: ShowFigure = |value| percent(value.as_f64());
    let [delivery, error, ctr, conversion] = RATES.map(|(name, label)| (name, label, rate));
    let figures: [(&str, &str, ShowFigure); 6] = [
        delivery,
        error,
        ctr,
        conversion,
        ("latency_p95_ms", "95 % were accepted within", |value| millis(whole(value))),
        ("cost_per_delivery_micros", "Cost of a delivery", |value| whole(value).map_or_else(|| "–".into(), euro)),
    ];
    let row = |(name, figure, show): (&str, &'static str, ShowFigure)| {
        let difference = &comparison["differences"][name];
        let (low, high) = (&difference["low"], &difference["high"]);
        let interval = if low.is_null() { "–".to_owned() } else { format!("{} to {}", show(low), show(high)) };
        ArmRow {
            figure,
            v1: show(&comparison["v1"][name]),
            v2: show(&comparison["v2"][name]),
            interval,
            verdict: difference["verdict"].as_str().unwrap_or_default().to_owned(),
        }
    };
    figures.into_iter().map(row).collect()
}

fn whole(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation)] // milliseconds and micro-euro
    value.as_f64().map(|number| number.round() as i64)
}

/// Returns the effect of a percentage on an hour like the last one, in one sentence.
fn people_an_hour(arms: &Arms) -> String {
    let all = arms.v1 + arms.v2;
    if all == 0 {
        return "Nothing was sent in the last hour.".to_owned();
    }
    #[allow(clippy::cast_precision_loss)] // counts of notifications
    let each = all as f64 / 100.0;
    let noun = if all == 1 { "notification" } else { "notifications" };
    format!("The last hour had {} {noun}: each percent moves about {each:.1} people an hour to v2.", count(all))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_percent_is_a_number_of_people_an_hour() {
        let arms = |v1, v2| Arms { v1, v2, v2_share: None };
        assert!(
            people_an_hour(&arms(900, 1_100)).contains("2,000 notifications: each percent moves about 20.0 people")
        );
        assert_eq!(people_an_hour(&arms(0, 0)), "Nothing was sent in the last hour.");
    }

    #[test]
    fn a_form_of_another_percentage_is_refused_with_the_last_change() {
        let rollout: RolloutState = serde_json::from_value(json!({
            "percentage": 25, "source": "parameter", "invalid": null, "changed_at": null, "listed": 0,
            "arms": {"v1": 0, "v2": 0, "v2_share": null}, "sample_ratio": {"verdict": "", "note": ""}, "plan": null,
            "guard": {"at": null, "verdict": null},
            "changes": [{"at": "2026-11-29T11:00:00Z", "parameter": "settings", "who": "api", "old": null, "new": "{}"},
                {"at": "2026-11-29T10:00:00Z", "parameter": "percentage", "who": "operator", "name": "eve",
                "old": "10", "new": "25"}]}))
        .unwrap();
        assert_eq!(refusal_of_stale("25", &rollout), None);
        let problem = refusal_of_stale("10", &rollout).unwrap();
        assert!(problem.status == 409 && problem.detail.contains("10 %") && problem.detail.contains("25 %"));
        assert_eq!(problem.changes[0].by, "operator eve");
        assert_eq!(problem.changes[0].values, [("percentage".to_owned(), "10".to_owned(), "25".to_owned())]);
    }

    #[test]
    fn a_plan_is_a_percentage_and_minutes_a_line() {
        let form = Fields::parse(b"steps=10+for+60%0A%0A50+%25+for+30+minutes&reason=v2");
        let expected = json!({"plan": {"steps": [
            {"percentage": "10", "hold_minutes": 60}, {"percentage": "50", "hold_minutes": 30}]}, "reason": "v2"});
        assert_eq!(plan_of(&form).unwrap(), expected);
        for junk in ["steps=10", "steps=10+for+x", "steps=10+for+-1"] {
            assert_eq!(plan_of(&Fields::parse(junk.as_bytes())).unwrap_err().errors[0].0, "plan.steps", "{junk}");
        }
    }
}
