//! Bodies of the API that the forms of a campaign become.

use serde_json::{Map, Number, Value, json};

use super::campaign_fields::{CampaignFields, STEP_CRITERIA, VARIANT_SLOTS, instant_of};
use super::form_zone::{FormZone, ZONE_FIELD};
use crate::site::ApiProblem;

type Body = Map<String, Value>;

/// Shares at which a campaign pauses itself, in the order of the form, with their defaults.
pub const SHARE_GUARDS: [(&str, &str, &str); 4] = [
    ("max_failed_percent", "Failed messages, in percent of the attempted", "10"),
    ("max_missing_variable_percent", "People without a variable, in percent of those who match", "5"),
    ("max_complained_percent", "Complaints, in percent of the reached", "0.3"),
    ("max_opted_out_percent", "Opt-outs by the link of the message, in percent of the reached", "2"),
];

/// Returns the change of a draft that a step of the form requests. `stored` is the campaign before it.
///
/// # Errors
/// Names the field that cannot be read.
pub fn body_of_step(step: &str, form: &CampaignFields, stored: &Value) -> Result<Body, ApiProblem> {
    match step {
        "audience" => audience(form),
        "content" => content(form, stored),
        "time" => time(form, stored),
        "guards" => guards(form),
        _ => Err(ApiProblem::own(404, "There is no such step.")),
    }
}

/// Returns the body that changes the pace of a paused campaign. `stored` is the campaign before it.
///
/// # Errors
/// Names the field that cannot be read.
pub fn pace(form: &CampaignFields, stored: &Value) -> Result<Body, ApiProblem> {
    let mut body = guards(form)?;
    body.insert("rate_per_second".to_owned(), number(form, "rate_per_second")?);
    body.insert("not_after".to_owned(), instant(form, "not_after", stored)?);
    Ok(body)
}

fn audience(form: &CampaignFields) -> Result<Body, ApiProblem> {
    let mut body = object(json!({
        "title": form.get("title").trim(), "type": form.get("type"),
        "segment": null, "filter": null, "exclude": null, "holdout_percent": number(form, "holdout_percent")?,
    }));
    match form.get("audience") {
        // The stored list is kept.
        "list" => {}
        "recipients" => {
            let ids: Vec<_> = lines(form.get("recipients")).collect();
            body.insert("recipients".to_owned(), json!(ids));
        }
        kind => {
            body.insert("recipients".to_owned(), Value::Null);
            if kind == "filter" {
                body.insert("filter".to_owned(), json_of(form, "filter")?);
            } else if let Some(segment) = given(form, "segment") {
                body.insert("segment".to_owned(), json!(segment));
            }
        }
    }
    match form.get("exclude") {
        "segment" => _ = body.insert("exclude".to_owned(), json!({"segment": form.get("exclude.segment")})),
        "filter" => _ = body.insert("exclude".to_owned(), json!({"filter": json_of(form, "exclude.filter")?})),
        _ => {}
    }
    Ok(body)
}

fn content(form: &CampaignFields, stored: &Value) -> Result<Body, ApiProblem> {
    let kind = form.get("message");
    let mut body = object(json!({"content": null, "template": null, "variants": null, "variables": null}));
    body.insert("variables_from".to_owned(), Value::Null);
    match kind {
        "content" => _ = body.insert("content".to_owned(), text_of(form, "content", &stored["content"])),
        "template" => _ = body.insert("template".to_owned(), template_of(form, "template")?),
        _ => _ = body.insert("variants".to_owned(), variants(form, stored)?),
    }
    if kind != "content" {
        body.insert("variables".to_owned(), json_of(form, "variables")?);
        body.insert("variables_from".to_owned(), variables_from(form)?);
    }
    let is_tested = kind == "variants" && given(form, "test.share_percent").is_some();
    if is_tested {
        let (share, hours) = (number(form, "test.share_percent")?, number(form, "test.hours")?);
        let test = json!({"share_percent": share, "hours": hours, "metric": form.get("test.metric"), "then": "winner"});
        body.insert("test".to_owned(), test);
    } else if !stored["test"].is_null() {
        body.insert("test".to_owned(), Value::Null);
    }
    Ok(body)
}

/// Returns a text. Members that the form does not show stay as they are.
fn text_of(form: &CampaignFields, part: &str, stored: &Value) -> Value {
    let mut content = stored.as_object().cloned().unwrap_or_default();
    content.insert("title".to_owned(), json!(form.of(part, "title")));
    content.insert("body".to_owned(), json!(form.of(part, "body").replace("\r\n", "\n")));
    match form.of(part, "url").trim() {
        "" => _ = content.remove("url"),
        url => _ = content.insert("url".to_owned(), json!(url)),
    }
    Value::Object(content)
}

fn template_of(form: &CampaignFields, part: &str) -> Result<Value, ApiProblem> {
    let mut template = object(json!({"name": form.of(part, "name")}));
    let version = number(form, &format!("{part}.version"))?;
    if !version.is_null() {
        template.insert("version".to_owned(), version);
    }
    Ok(Value::Object(template))
}

fn variants(form: &CampaignFields, stored: &Value) -> Result<Value, ApiProblem> {
    let mut variants = Vec::new();
    let slots = (0..VARIANT_SLOTS).map(|place| format!("variants[{place}]"));
    for slot in slots.filter(|slot| !form.of(slot, "name").trim().is_empty()) {
        let name = form.of(&slot, "name").trim();
        let weight = points(form, &format!("{slot}.weight_bp"))?;
        let mut variant = object(json!({"name": name, "weight_bp": weight}));
        if form.of(&slot, "template.name").is_empty() {
            let before = stored["variants"].as_array().into_iter().flatten().find(|before| before["name"] == name);
            let before = before.map_or(&Value::Null, |before| &before["content"]);
            variant.insert("content".to_owned(), text_of(form, &format!("{slot}.content"), before));
        } else {
            variant.insert("template".to_owned(), template_of(form, &format!("{slot}.template"))?);
            let variables = json_of(form, &format!("{slot}.variables"))?;
            if !variables.is_null() {
                variant.insert("variables".to_owned(), variables);
            }
        }
        variants.push(Value::Object(variant));
    }
    Ok(Value::Array(variants))
}

fn variables_from(form: &CampaignFields) -> Result<Value, ApiProblem> {
    let mut from = Map::new();
    for line in lines(form.get("variables_from")) {
        let (variable, attribute) = line.split_once('=').ok_or_else(|| {
            ApiProblem::field(
                "variables_from",
                "each line must be a variable and an attribute, such as: name = first_name",
            )
        })?;
        from.insert(variable.trim().to_owned(), json!(attribute.trim()));
    }
    Ok(if from.is_empty() { Value::Null } else { Value::Object(from) })
}

fn time(form: &CampaignFields, stored: &Value) -> Result<Body, ApiProblem> {
    let mut body = object(json!({
        "send_at": null, "at_local": null, "not_after": instant(form, "not_after", stored)?,
        "rate_per_second": number(form, "rate_per_second")?, "ttl_seconds": number(form, "ttl_seconds")?,
        "urgency": given(form, "urgency"), "rollout": steps(form)?,
    }));
    match form.get("timing") {
        "at" => _ = body.insert("send_at".to_owned(), instant(form, "send_at", stored)?),
        "local" => {
            let mut local = object(json!({
                "date_time": form.get("at_local.date_time"), "default_time_zone": form.get("at_local.default_time_zone"),
            }));
            if let Some(if_passed) = given(form, "at_local.if_passed") {
                local.insert("if_passed".to_owned(), json!(if_passed));
            }
            body.insert("at_local".to_owned(), Value::Object(local));
        }
        _ => {}
    }
    Ok(body)
}

/// Reads the steps of a rollout: one line each, such as `10 for 15`.
fn steps(form: &CampaignFields) -> Result<Value, ApiProblem> {
    let mut steps = Vec::new();
    for line in lines(form.get("rollout.steps")) {
        let (percent, minutes) = line.split_once("for").unwrap_or((line, "0"));
        let percent = serde_json::from_str::<Number>(percent.trim().trim_end_matches('%').trim()).ok();
        let minutes = minutes.trim().trim_end_matches("minutes").trim().parse::<u32>().ok();
        let step = percent.zip(minutes).map(|(percent, hold)| json!({"percent": percent, "hold_minutes": hold}));
        steps.push(step.ok_or_else(|| {
            ApiProblem::field("rollout.steps", "each line must be a percentage and its minutes, such as: 10 for 15")
        })?);
    }
    let mut criteria = Map::new();
    for (name, _) in STEP_CRITERIA {
        let limit = number(form, &format!("rollout.criteria.{name}"))?;
        if !limit.is_null() {
            criteria.insert(name.to_owned(), limit);
        }
    }
    Ok(match (steps.is_empty(), criteria.is_empty()) {
        (true, true) => Value::Null,
        (_, true) => json!({"steps": steps}),
        (_, false) => json!({"steps": steps, "criteria": criteria}),
    })
}

fn guards(form: &CampaignFields) -> Result<Body, ApiProblem> {
    let mut guards = Map::new();
    for name in SHARE_GUARDS.map(|(name, _, _)| name).into_iter().chain(["min_people"]) {
        let limit = number(form, &format!("guards.{name}"))?;
        if !limit.is_null() {
            guards.insert(name.to_owned(), limit);
        }
    }
    let guards = if guards.is_empty() { Value::Null } else { Value::Object(guards) };
    Ok([("guards".to_owned(), guards)].into_iter().collect())
}

/// Names the inputs of the form in the errors of the API: a part of a list or of a filter is a line of one input.
#[must_use]
pub fn link_errors_to_inputs(mut problem: ApiProblem) -> ApiProblem {
    for (field, message) in &mut problem.errors {
        for input in ["rollout.steps", "recipients", "to", "exclude.filter", "variables", "variables_from"] {
            let Some(rest) = field.strip_prefix(input).filter(|rest| rest.starts_with(['.', '['])) else { continue };
            let line = rest.strip_prefix('[').and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
            let is_list = ["rollout.steps", "recipients", "to"].contains(&input);
            *message = match line.filter(|_| is_list) {
                Some(place) => format!("line {}: {message}", place + 1),
                None => format!("at {field}: {message}"),
            };
            input.clone_into(field);
            break;
        }
    }
    problem
}

fn object(value: Value) -> Body {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn given<'a>(form: &'a CampaignFields, name: &str) -> Option<&'a str> {
    Some(form.get(name).trim()).filter(|text| !text.is_empty())
}

/// Returns the lines that are not blank.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Reads a number; null if the field is blank.
fn number(form: &CampaignFields, name: &str) -> Result<Value, ApiProblem> {
    let Some(text) = given(form, name) else { return Ok(Value::Null) };
    let number = serde_json::from_str::<Number>(text.trim_end_matches('%').trim());
    number.map(Value::Number).map_err(|_| ApiProblem::field(name, "must be a number, such as 5"))
}

/// Reads percent as basis points.
fn points(form: &CampaignFields, name: &str) -> Result<i64, ApiProblem> {
    let refused = || ApiProblem::field(name, "must be a percentage with at most two decimals, such as 33.34");
    let points = number(form, name)?.as_f64().ok_or_else(refused)? * 100.0;
    if !(0.0..=10_000.0).contains(&points) || (points - points.round()).abs() > 1e-6 {
        return Err(refused());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is from 0 to 10,000")]
    let points = points.round() as i64;
    Ok(points)
}

/// Reads JSON; null if the field is blank.
fn json_of(form: &CampaignFields, name: &str) -> Result<Value, ApiProblem> {
    let Some(text) = given(form, name) else { return Ok(Value::Null) };
    serde_json::from_str(text).map_err(|error| ApiProblem::field(name, &format!("must be JSON: {error}")))
}

/// Returns the instant of a typed time; null if the field is blank. What the page showed of the stored instant is that
/// instant, because a local time that occurs twice would not name it.
fn instant(form: &CampaignFields, name: &str, stored: &Value) -> Result<Value, ApiProblem> {
    let Some(text) = given(form, name) else { return Ok(Value::Null) };
    let zone = FormZone::named(form.get(ZONE_FIELD).trim())?;
    let before = &stored[name];
    if instant_of(before).is_some_and(|at| zone.shows(at, text)) {
        return Ok(before.clone());
    }
    zone.instant(name, text).map(|at| json!(at.to_string()))
}

#[cfg(test)]
#[path = "campaign_body_tests.rs"]
mod tests;
