//! Numbers of people of a segment: estimates with their intervals, and exact counts with progress.

use askama::Template;
use serde_json::{Value, json};

use crate::site::{
    ApiCall, ApiProblem, Frame, IntervalChart, IntervalRow, IntervalUnit, PageReply, Visit, count, encoded, number_of,
    rendered,
};

/// Numbers of people.
#[derive(Debug)]
pub struct CountedPeople {
    pub people: CountedRow,
    /// Noun after the estimate: `person` or `people`.
    pub noun: &'static str,
    pub rows: Vec<CountedRow>,
    /// Chart of the numbers that are estimates; without rows if all are exact.
    pub bands: IntervalChart,
    /// Part of the table that was read.
    pub read: String,
}

/// Number of people with its interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedRow {
    pub label: &'static str,
    pub estimate: String,
    pub interval: String,
}

#[derive(Debug, Template)]
#[template(path = "segment_count.html")]
struct SegmentCountPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    /// Id of a count that is not finished; empty otherwise.
    id: String,
    segment: String,
    done: i64,
    of: i64,
    counted: Option<CountedPeople>,
    is_unfinished: bool,
}

/// Numbers of an answer: label, and pointer.
const NUMBERS: [(&str, &str); 6] = [
    ("People", "/people"),
    ("reachable by push", "/reachable/push"),
    ("reachable by email", "/reachable/email"),
    ("reachable by sms", "/reachable/sms"),
    ("skipped: no channel", "/skipped/no_channel"),
    ("skipped: opted out of the type", "/skipped/opted_out"),
];

/// Reads an answer of `POST /v1/segments/count`.
#[must_use]
pub fn counted(answer: &Value) -> CountedPeople {
    let row =
        |(label, pointer): (&'static str, &str)| counted_row(label, answer.pointer(pointer).unwrap_or(&Value::Null));
    let [people, others @ ..] = NUMBERS;
    let read = |name: &str| answer["read"][name].as_i64().unwrap_or_default();
    let malformed = answer["read"]["malformed"].as_i64().filter(|malformed| *malformed > 0);
    let malformed = malformed.map(|number| format!(" {} could not be read.", number_of(number, "profile", "profiles")));
    CountedPeople {
        people: row(people),
        noun: if answer.pointer(people.1).is_some_and(|it| it["estimate"] == 1) { "person" } else { "people" },
        rows: others.map(row).to_vec(),
        bands: IntervalChart {
            title: "Estimated people".to_owned(),
            unit: IntervalUnit::People,
            confidence: "95 %",
            rows: NUMBERS.iter().filter_map(|(label, pointer)| band(label, answer.pointer(pointer)?)).collect(),
        },
        read: format!(
            "{} read, in {} of {} of the table.{}",
            number_of(read("people"), "person was", "people were"),
            count(read("segments")),
            number_of(read("of_segments"), "part", "parts"),
            malformed.unwrap_or_default()
        ),
    }
}

fn band(label: &str, number: &Value) -> Option<IntervalRow> {
    let is_estimate = number["exact"] == false;
    let [value, low, high] = ["estimate", "at_least", "at_most"].map(|name| number[name].as_f64());
    let row = IntervalRow { label: label.to_owned(), value: value?, low: low?, high: high? };
    is_estimate.then_some(row)
}

fn counted_row(label: &'static str, value: &Value) -> CountedRow {
    let whole = |name: &str| count(value[name].as_i64().unwrap_or_default());
    let interval = if value["exact"] == true {
        "exact".to_owned()
    } else {
        format!("{} to {} (95 %)", whole("at_least"), whole("at_most"))
    };
    CountedRow { label, estimate: whole("estimate"), interval }
}

/// Starts an exact count of a filter.
///
/// # Errors
/// The API's problem.
pub async fn start(
    visit: &Visit<'_>,
    filter: &Value,
    kind: Option<&str>,
    segment: &str,
) -> Result<PageReply, ApiProblem> {
    let mut body = json!({"filter": filter, "exact": true});
    if let Some(kind) = kind {
        body["type"] = json!(kind);
    }
    let answer = visit.call(ApiCall::post("/v1/segments/count", body)).await;
    let is_unfinished = answer.status == 202;
    let answer = answer.ok()?;
    if is_unfinished {
        let id = encoded(answer["id"].as_str().unwrap_or_default());
        let page = format!("{}/segment_count?id={id}&segment={}", visit.base, encoded(segment));
        return Ok(PageReply::redirect(page));
    }
    render(visit, segment, "", &json!({"result": answer}), None)
}

/// Continues an exact count and shows its progress, or cancels it.
///
/// # Errors
/// The API's problem.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let fields = if action.is_empty() { visit.query() } else { visit.form() };
    let (id, segment) = (fields.get("id"), fields.get("segment"));
    if action == "cancel" {
        visit.call(ApiCall::delete("/v1/segments/counts/{id}").path("id", id)).await.ok()?;
        let to = if segment.is_empty() { "segments".to_owned() } else { format!("segment?id={}", encoded(segment)) };
        return Ok(visit.redirect(&to, "count_cancelled"));
    }
    match visit.call(ApiCall::get("/v1/segments/counts/{id}").path("id", id)).await.ok() {
        Ok(progress) => render(visit, segment, id, &progress, None),
        // Another request continues the count, such as one of a second tab.
        Err(problem) if problem.status == 409 => render(visit, segment, id, &Value::Null, Some(problem)),
        Err(problem) => Err(problem),
    }
}

fn render(
    visit: &Visit<'_>,
    segment: &str,
    id: &str,
    progress: &Value,
    problem: Option<ApiProblem>,
) -> Result<PageReply, ApiProblem> {
    let result = Some(&progress["result"]).filter(|result| result.is_object());
    let whole = |name: &str| progress[name].as_i64().unwrap_or_default();
    let page = SegmentCountPage {
        frame: visit.frame("segments", "Exact count"),
        id: id.to_owned(),
        segment: segment.to_owned(),
        done: whole("done"),
        of: whole("of"),
        counted: result.map(counted),
        is_unfinished: result.is_none(),
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_how_sure_it_is() {
        let row =
            counted_row("People", &json!({"estimate": 12_345, "at_least": 11_000, "at_most": 13_700, "exact": false}));
        assert_eq!((row.estimate.as_str(), row.interval.as_str()), ("12,345", "11,000 to 13,700 (95 %)"));
        let exact = counted_row("People", &json!({"estimate": 4, "at_least": 4, "at_most": 4, "exact": true}));
        assert_eq!(exact.interval, "exact");
    }
}
