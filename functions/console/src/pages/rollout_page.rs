//! Rollout: the percentage with both arms, the guard's distance to each threshold, the plan, the history, and the way
//! back to 0 %.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard_rows::{GuardRow, guard_action, guard_rows};
use super::plan_form::{CriteriaInputs, criteria_inputs, plan_of};
use super::rollout_arms::{ShownComparison, WeekComparison};
use super::rollout_plan::PlanProgress;
use super::week_volume::WeekVolume;
use crate::site::{ApiCall, ApiProblem, ConcurrentChange, Fields, Frame, PageReply, Visit, number_of, rendered};

/// Fields of the number that is typed to change the percentage, and to start a plan.
const TYPED_VOLUMES: [&str; 2] = ["volume", "plan_volume"];

#[derive(Debug, Template)]
#[template(path = "rollout.html")]
struct RolloutPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    /// `None` if it could not be read. The way back to 0 % is shown all the same.
    rollout: Option<ShownRollout>,
    comparison: Option<ShownComparison>,
    volume: WeekVolume,
    /// Criteria of a plan that is started here.
    criteria: CriteriaInputs,
    typed: TypedChange,
}

/// Rollout with everything that is derived from it.
#[derive(Debug)]
struct ShownRollout {
    it: RolloutState,
    rules: Vec<GuardRow>,
    guard_action: String,
    people_an_hour: String,
}

#[derive(Debug, Deserialize)]
struct RolloutState {
    percentage: serde_json::Number,
    source: String,
    invalid: Option<InvalidPercentage>,
    changed_at: Option<Timestamp>,
    listed: i64,
    /// `None` while the metrics cannot be read.
    arms: Option<Arms>,
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
        "" => return show(visit, 200, None, None).await,
        "percentage" => Ok(with_reason(json!({"percentage": visit.form().get("percentage")}), visit.form())),
        "plan" => plan_of(visit.form()).map(|plan| with_reason(json!({"plan": plan}), visit.form())),
        "stop_plan" => Ok(with_reason(json!({"plan": null}), visit.form())),
        _ => Ok(zero()),
    };
    let refused = match action {
        "zero" => None,
        _ => stale_form(visit, action).await?,
    };
    let typed_field = typed_volume(action).filter(|_| refused.is_none() && body.is_ok());
    let week = match typed_field {
        Some(_) => Some(WeekComparison::read(visit).await),
        None => None,
    };
    let volume_refusal = |(week, field): (&WeekComparison, &'static str)| {
        week.volume(visit, &TYPED_VOLUMES).refusal(visit.form(), field)
    };
    let refused = refused.or_else(|| week.as_ref().zip(typed_field).and_then(volume_refusal));
    let answer = match (refused, body) {
        (Some(problem), _) | (None, Err(problem)) => Err(problem),
        (None, Ok(body)) => visit.call(ApiCall::put("/v1/rollout", body)).await.ok(),
    };
    match answer {
        Ok(_) => Ok(visit.redirect("rollout", done(action))),
        Err(problem) => show(visit, problem.status, Some((action, problem)), week).await,
    }
}

/// Returns the notice of an action.
fn done(action: &str) -> &'static str {
    match action {
        "plan" => "plan",
        "stop_plan" => "plan_stopped",
        "zero" => "zero",
        _ => "rollout",
    }
}

/// Returns the field of the number that is typed if many people are concerned. Neither "Back to 0 %" nor the stop of a
/// plan needs it.
fn typed_volume(action: &str) -> Option<&'static str> {
    match action {
        "percentage" => Some(TYPED_VOLUMES[0]),
        "plan" => Some(TYPED_VOLUMES[1]),
        _ => None,
    }
}

/// Refuses a form that was filled while another percentage was in force, and names the last change; and one that would
/// stop another plan than the page showed. "Back to 0 %" is never refused.
async fn stale_form(visit: &Visit<'_>, action: &str) -> Result<Option<ApiProblem>, ApiProblem> {
    let Some(was) = visit.form().optional("was") else { return Ok(None) };
    let rollout: Result<RolloutState, _> = visit.call(ApiCall::get("/v1/rollout").query("limit", "20")).await.read();
    match (action, rollout) {
        ("stop_plan", Ok(rollout)) => Ok(refusal_of_another_plan(was, rollout.plan.as_ref())),
        // The page reads more than the change needs, and a plan must stop while the metrics cannot be read.
        ("stop_plan", Err(_)) => Ok(None),
        (_, rollout) => Ok(refusal_of_stale(was, &rollout?)),
    }
}

fn refusal_of_another_plan(was: &str, plan: Option<&PlanProgress>) -> Option<ApiProblem> {
    let (title, detail) = match plan {
        Some(plan) if plan.started_at.to_string() == was => return None,
        Some(_) => (
            "Another plan runs",
            "The plan of the page is over, and another person started the one below. To stop that one, press the button \
             again.",
        ),
        None => ("No plan runs any more", "The plan is over, or another person stopped it."),
    };
    Some(ApiProblem { title: title.into(), ..ApiProblem::own(409, detail) })
}

fn refusal_of_stale(was: &str, rollout: &RolloutState) -> Option<ApiProblem> {
    let present = rollout.percentage.to_string();
    if was == present {
        return None;
    }
    let change = |row: &RolloutChangeRow| ConcurrentChange {
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

/// Shows the page, after an action with its problem, and with the figures of the week that the action has read.
///
/// # Errors
/// The problem of an action whose form the page cannot show, because the rollout cannot be read.
async fn show(
    visit: &Visit<'_>,
    status: u16,
    problem: Option<(&str, ApiProblem)>,
    week: Option<WeekComparison>,
) -> Result<PageReply, ApiProblem> {
    let read_week = async {
        match week {
            Some(week) => week,
            None => WeekComparison::read(visit).await,
        }
    };
    let (rollout, week) = tokio::join!(visit.call(ApiCall::get("/v1/rollout").query("limit", "20")), read_week);
    let form = visit.form();
    let (rollout, unread) = match rollout.read().map(shown_rollout) {
        Ok(rollout) => (Some(rollout), None),
        Err(unread) => (None, Some(unread)),
    };
    let problem = match (problem, &rollout) {
        (Some((action, problem)), None) if action != "zero" => return Err(problem),
        (problem, _) => problem.map(|(_, problem)| problem),
    };
    let bodies = rollout.as_ref().map_or_else(|| vec![zero()], |rollout| form_bodies(form, &rollout.it));
    for body in bodies {
        visit.show_call(ApiCall::put("/v1/rollout", body));
    }
    let status = if problem.is_none() { unread.as_ref().map_or(status, |unread| unread.status) } else { status };
    let page = RolloutPage {
        comparison: week.shown(),
        volume: week.volume(visit, &TYPED_VOLUMES),
        criteria: criteria_inputs(form),
        typed: TypedChange {
            percentage: form.raw("percentage").to_owned(),
            reason: form.raw("reason").to_owned(),
            steps: form.raw("steps").to_owned(),
        },
        frame: visit.frame("rollout", "Rollout"),
        problem: problem.or(unread),
        rollout,
    };
    rendered(status, &page)
}

fn shown_rollout(it: RolloutState) -> ShownRollout {
    let verdict = it.guard.verdict.clone().unwrap_or_default();
    ShownRollout {
        rules: guard_rows(&verdict),
        guard_action: guard_action(&verdict),
        people_an_hour: people_an_hour(it.arms.as_ref()),
        it,
    }
}

/// Returns the bodies of the page's forms, with what was typed or else what is in force.
fn form_bodies(form: &Fields, rollout: &RolloutState) -> Vec<Value> {
    let present = rollout.percentage.to_string();
    let percentage = form.optional("percentage").unwrap_or(&present);
    let plan = form.optional("steps").and_then(|_| plan_of(form).ok());
    let mut bodies = vec![with_reason(json!({"percentage": percentage}), form), zero()];
    bodies.extend(plan.map(|plan| with_reason(json!({"plan": plan}), form)));
    bodies.extend(rollout.plan.is_some().then(|| json!({"plan": null})));
    bodies
}

fn zero() -> Value {
    json!({"percentage": "0", "reason": "back to 0 % from the console"})
}

/// Returns the effect of a percentage on an hour like the last one, in one sentence.
fn people_an_hour(arms: Option<&Arms>) -> String {
    let Some(arms) = arms else { return "The figures of the last hour are not available.".to_owned() };
    let all = arms.v1 + arms.v2;
    if all == 0 {
        return "Nothing was sent in the last hour.".to_owned();
    }
    #[allow(clippy::cast_precision_loss)] // counts of notifications
    let each = all as f64 / 100.0;
    let all = number_of(all, "notification", "notifications");
    format!("The last hour had {all}: each percent moves about {each:.1} people an hour to v2.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_percent_is_a_number_of_people_an_hour() {
        let arms = |v1, v2| Arms { v1, v2, v2_share: None };
        assert!(
            people_an_hour(Some(&arms(900, 1_100)))
                .contains("2,000 notifications: each percent moves about 20.0 people")
        );
        assert_eq!(people_an_hour(Some(&arms(0, 0))), "Nothing was sent in the last hour.");
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
    fn a_page_stops_the_plan_that_it_showed_alone() {
        let plan = json!({"steps": [], "step": 1, "by": {"who": "api"}, "started_at": "2026-11-29T10:00:00.25Z",
            "next_step_at": null, "last": null});
        let plan: PlanProgress = serde_json::from_value(plan).unwrap();
        assert_eq!(refusal_of_another_plan("2026-11-29T10:00:00.25Z", Some(&plan)), None);
        let title = |problem: Option<ApiProblem>| problem.unwrap().title.to_string();
        assert_eq!(title(refusal_of_another_plan("2026-11-29T09:00:00Z", Some(&plan))), "Another plan runs");
        assert_eq!(title(refusal_of_another_plan("2026-11-29T09:00:00Z", None)), "No plan runs any more");
    }
}
