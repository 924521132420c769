//! Rules for the values of new requests. Earlier releases accepted other values, and stored definitions may have them.
//! So only the values of a request are checked.

use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::retry_selection::RetryOf;
use domain::time_zone;
use platform::problem::{FieldError, Problem};

/// Forms of a local time, in which `d` is any digit.
const LOCAL_TIMES: [&str; 2] = ["dddd-dd-ddTdd:dd:dd", "dddd-dd-ddTdd:dd"];

/// Checks the values of a request, in addition to the rules for every definition.
///
/// # Errors
/// 422 with every field that is wrong.
pub fn check_new_values(given: &Map<String, Value>) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let local = given.get("at_local").and_then(|local| local.get("date_time")).and_then(Value::as_str);
    if local.is_some_and(|text| !is_local_time(text)) {
        let message = "must be a local time such as 2026-12-01T09:00:00, without an offset or a zone";
        errors.push(FieldError::new("at_local.date_time", message));
    }
    let zone = given.get("at_local").and_then(|local| local.get("default_time_zone")).and_then(Value::as_str);
    if zone.is_some_and(|name| time_zone::parse(name).is_none()) {
        errors.push(FieldError::new("at_local.default_time_zone", time_zone::NOT_A_TIME_ZONE));
    }
    if given.get("rollout").is_some_and(has_idle_criteria) {
        errors
            .push(FieldError::new("rollout.criteria", "need at least two steps: criteria decide about the next step"));
    }
    let retry = given.get("retry_of").and_then(|retry| RetryOf::deserialize(retry).ok());
    if let Some(FieldError { field, message }) = retry.and_then(|retry| retry.check().err()) {
        errors.push(FieldError::new(format!("retry_of.{field}"), message));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Returns `true` if a rollout has criteria, and no step follows another one.
fn has_idle_criteria(rollout: &Value) -> bool {
    let limits = rollout.get("criteria").and_then(Value::as_object);
    let has_criteria = limits.is_some_and(|limits| limits.values().any(|limit| !limit.is_null()));
    has_criteria && rollout.get("steps").and_then(Value::as_array).is_none_or(|steps| steps.len() < 2)
}

/// Returns `true` if the text is a date and a time of day that exist, and nothing else. The parser ignores an offset
/// and takes second 60 as 59.
fn is_local_time(text: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'd' { byte.is_ascii_digit() } else { byte == form };
    let has_form = |form: &&str| text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits);
    LOCAL_TIMES.iter().any(has_form) && !text[16..].starts_with(":6") && text.parse::<DateTime>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong(given: Value) -> Vec<String> {
        let Value::Object(given) = given else { panic!() };
        match check_new_values(&given) {
            Ok(()) => Vec::new(),
            Err(problem) => problem.errors.into_iter().map(|error| error.field).collect(),
        }
    }

    #[test]
    fn a_local_time_has_no_offset_and_exists() {
        for text in ["2026-12-01T09:00:00", "2026-12-01T09:00", "2028-02-29T23:59:59"] {
            assert_eq!(wrong(json!({"at_local": {"date_time": text}})), Vec::<String>::new(), "{text}");
        }
        for text in [
            "2026-12-01T09:00:00-05:00",
            "2026-12-01T09:00:00Z",
            "2026-12-01T09:00:00[Europe/Rome]",
            "2026-12-01T09:00:60",
            "2026-12-01T09:00:61",
            "2026-12-01T09:60",
            "2026-12-01T24:00",
            "2026-02-29T09:00",
            "2026-12-01",
            "2026-12-01T09",
            "+002026-12-01T09:00:00",
            "20261201T090000",
            "2026-12-01T09:00:00.5",
            "",
            "2026-12-01T09:00:0é",
        ] {
            assert_eq!(wrong(json!({"at_local": {"date_time": text}})), ["at_local.date_time"], "{text}");
        }
    }

    #[test]
    fn a_retry_that_excludes_all_people_is_refused() {
        let of = |outcomes: Value, reasons: Value| {
            let campaign = "0123456789abcdefghjkmnpqrs";
            wrong(json!({"retry_of": {"campaign": campaign, "outcomes": outcomes, "reasons": reasons}}))
        };
        assert_eq!(of(json!(["failed", "skipped", "sent", "held"]), json!([])), Vec::<String>::new());
        assert_eq!(of(json!(["failed"]), json!(["gone"])), Vec::<String>::new());
        assert_eq!(of(json!(["failed", "holdout"]), json!([])), ["retry_of.outcomes"]);
        assert_eq!(of(json!(["erased"]), json!([])), ["retry_of.outcomes"]);
        assert_eq!(of(json!([]), json!([])), ["retry_of.outcomes"]);
        assert_eq!(of(json!(["sent", "held"]), json!(["gone"])), ["retry_of.reasons"], "these have no reason");
    }

    #[test]
    fn criteria_without_a_next_step_are_refused() {
        let of = |steps: Value, criteria: Value| wrong(json!({"rollout": {"steps": steps, "criteria": criteria}}));
        let (whole, half) = (json!({"percent": 100}), json!({"percent": 50, "hold_minutes": 5}));
        let criteria = json!({"min_clicked_percent": 1});
        assert_eq!(of(json!([]), criteria.clone()), ["rollout.criteria"]);
        assert_eq!(of(json!([whole]), criteria.clone()), ["rollout.criteria"]);
        assert_eq!(of(json!([half, whole]), criteria), Vec::<String>::new());
        for none in [json!(null), json!({}), json!({"min_clicked_percent": null})] {
            assert_eq!(of(json!([whole]), none), Vec::<String>::new());
        }
    }

    proptest! {
        #[test]
        fn what_passes_reads_back_as_it_was_written(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9](:[0-6][0-9])?.{0,6}") {
            if is_local_time(&text) {
                let parsed: DateTime = text.parse().unwrap();
                prop_assert!(parsed.to_string().starts_with(&text), "{} is {}", text, parsed);
            }
        }
    }
}
