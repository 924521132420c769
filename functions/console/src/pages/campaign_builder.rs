//! Filter of a campaign's audience: the builder of segments within the campaign's form, with its estimate.

use serde_json::{Value, json};

use super::campaign_fields::CampaignFields;
use super::segment_builder::{BuilderRow, all_people, rows};
use super::segment_count::{CountedPeople, counted};
use super::segment_draft::EditedSegment;
use crate::site::{ApiCall, ApiProblem, Visit};

/// Names of the filter's JSON in the form: the field, and the one with what the page showed.
const NAMES: (&str, &str) = ("filter", "filter_was");

/// Builder as the page shows it.
#[derive(Debug)]
pub struct AudienceBuilder {
    /// Rows of the form; empty if a form cannot show the filter.
    pub rows: Vec<BuilderRow>,
    /// The filter as JSON.
    pub json: String,
    /// The filter as the page shows it, to find out what is changed.
    pub json_was: String,
    /// `true` if the form and the JSON were both changed.
    pub is_ambiguous: bool,
    /// Requested estimate.
    pub estimate: Option<CountedPeople>,
    /// Reason for which there is no estimate.
    pub estimate_problem: Option<ApiProblem>,
}

/// Returns the builder of a form that was sent, or of the filter in `typed`. A button of the builder changes the
/// filter, which then is the audience.
pub async fn audience_builder(
    visit: &Visit<'_>,
    typed: &mut CampaignFields,
    problem: &mut Option<ApiProblem>,
) -> AudienceBuilder {
    let is_edited = visit.request.is_post && visit.form().get("action") == "edit";
    let draft = if visit.request.is_post {
        edited(visit)
    } else {
        let stored = serde_json::from_str(typed.get("filter")).ok();
        EditedSegment::of_filter(stored.unwrap_or_else(|| all_people().to_json()))
    };
    let mut builder = AudienceBuilder {
        rows: Vec::new(),
        json: draft.json,
        json_was: draft.json_was,
        is_ambiguous: draft.is_ambiguous,
        estimate: None,
        estimate_problem: None,
    };
    if is_edited {
        if visit.query().optional("do").is_some() {
            typed.set("audience", "filter");
        }
        let is_filter = typed.is("audience", "filter");
        match (is_filter, draft.problem, &draft.filter) {
            (true, Some(refused), _) => *problem = Some(refused),
            (true, None, Some(filter)) => builder.count(visit, json!({"filter": filter}), typed).await,
            _ if typed.is("audience", "segment") && !typed.get("segment").is_empty() => {
                builder.count(visit, json!({"segment": typed.get("segment")}), typed).await;
            }
            _ => {}
        }
    }
    match &draft.node {
        Some(node) => builder.rows = rows(node, problem.as_ref().or(builder.estimate_problem.as_ref())),
        // Without the form, the JSON is the only input.
        None => problem.iter_mut().for_each(lead_to_json),
    }
    builder
}

impl AudienceBuilder {
    async fn count(&mut self, visit: &Visit<'_>, mut body: Value, typed: &CampaignFields) {
        if !typed.get("type").is_empty() {
            body["type"] = json!(typed.get("type"));
        }
        match visit.call(ApiCall::post("/v1/segments/count", body)).await.ok() {
            Ok(answer) => self.estimate = Some(counted(&answer)),
            Err(refused) => self.estimate_problem = Some(refused),
        }
    }
}

fn edited(visit: &Visit<'_>) -> EditedSegment {
    EditedSegment::of_names(visit.form(), NAMES, visit.query().get("do"), visit.query().get("at"))
}

/// Returns the fields with the filter that the form and its JSON mean together.
///
/// # Errors
/// The audience is a filter, and it is not known which one.
pub fn with_filter(visit: &Visit<'_>, typed: &CampaignFields) -> Result<CampaignFields, ApiProblem> {
    let (draft, mut decided) = (edited(visit), typed.clone());
    match (draft.filter, draft.problem) {
        (Some(filter), _) => decided.set("filter", filter.to_string()),
        (None, Some(problem)) if typed.is("audience", "filter") => return Err(problem),
        _ => {}
    }
    Ok(decided)
}

/// Leads the errors of parts of the filter to its JSON.
fn lead_to_json(problem: &mut ApiProblem) {
    for (field, message) in &mut problem.errors {
        if field.strip_prefix("filter").is_some_and(|rest| rest.starts_with(['.', '['])) {
            *message = format!("at {field}: {message}");
            "filter".clone_into(field);
        }
    }
}
