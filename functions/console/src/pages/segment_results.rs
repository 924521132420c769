//! Results of the buttons of the segment editor: a sample of people, the test of one person, and the people that each
//! condition leaves.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::segment_count::{CountedRow, counted};
use super::segment_filter::{condition_line, one_line};
use crate::site::{ApiCall, ApiProblem, FULL_ADDRESSES, Visit};

/// Maximum number of rows of a funnel. Each is an estimate of its own.
const MAX_FUNNEL: usize = 8;

/// Results of the buttons of the editor.
#[derive(Debug, Default)]
pub struct EditorResults {
    pub sample: Option<SegmentSampleView>,
    pub test: Option<TestedPerson>,
    pub funnel: Vec<FunnelRow>,
}

/// Sample of the people of a filter.
#[derive(Debug, Deserialize)]
pub struct SegmentSampleView {
    pub items: Vec<SampledPerson>,
    pub read: i64,
    pub is_complete: bool,
}

/// Person of a sample. The addresses are masked.
#[derive(Debug, Deserialize)]
pub struct SampledPerson {
    pub id: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub locale: Option<String>,
    pub devices: i64,
    pub created_at: Timestamp,
    pub last_engaged_at: Option<Timestamp>,
}

/// Result of a test of one person.
#[derive(Debug)]
pub struct TestedPerson {
    pub matches: bool,
    pub rows: Vec<TestedCondition>,
}

/// Condition, with the person's value and the result.
#[derive(Debug)]
pub struct TestedCondition {
    pub line: String,
    pub path: String,
    pub value: String,
    pub matches: bool,
}

/// People who are left after a part of the filter and all parts before it.
#[derive(Debug)]
pub struct FunnelRow {
    pub line: String,
    pub people: CountedRow,
}

/// Tests a person against a stored segment.
///
/// # Errors
/// The API's problem.
pub async fn tested(visit: &Visit<'_>, segment: &str, recipient: &str) -> Result<TestedPerson, ApiProblem> {
    let body = json!({"recipient": recipient});
    let answer = visit.call(ApiCall::post("/v1/segments/{id}/explain", body).path("id", segment)).await.ok()?;
    let is_masked = visit.session.role < FULL_ADDRESSES;
    let is_attribute = |condition: &Value| {
        condition["condition"]["field"].as_str().is_some_and(|field| field.starts_with("attributes."))
    };
    let conditions = answer["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |condition: &Value| TestedCondition {
        line: condition_line(&condition["condition"]),
        path: condition["path"].as_str().unwrap_or_default().to_owned(),
        value: match &condition["value"] {
            Value::Null => "missing".to_owned(),
            // An attribute may contain an address.
            _ if is_masked && is_attribute(condition) => "…".to_owned(),
            value => value.to_string(),
        },
        matches: condition["matches"] == true,
    };
    Ok(TestedPerson { matches: answer["matches"] == true, rows: conditions.iter().map(row).collect() })
}

/// Estimates the people who are left after each part of a filter, in order.
///
/// # Errors
/// The API's problem.
pub async fn funnel(visit: &Visit<'_>, filter: &Value) -> Result<Vec<FunnelRow>, ApiProblem> {
    let whole = [filter.clone()];
    let parts = filter["all"].as_array().map_or(whole.as_slice(), Vec::as_slice);
    let mut rows = Vec::new();
    for number in 0..=parts.len().min(MAX_FUNNEL) {
        let body = json!({"filter": {"all": parts[..number]}});
        let answer = visit.call(ApiCall::post("/v1/segments/count", body)).await.ok()?;
        let line = if number == 0 { "everybody".to_owned() } else { one_line(&parts[number - 1]) };
        rows.push(FunnelRow { line, people: counted(&answer).people });
    }
    Ok(rows)
}
