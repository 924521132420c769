//! Campaigns in requests and responses.

use super::hidden_values::shown_definition;
use campaign::{Campaign, CampaignId, CampaignState, MAX_RECIPIENTS, OperatorKind, StateConflictError};
use domain::recipient::{KeyHasher, RecipientId, RecipientKey};
use platform::http::Request;
use platform::problem::{FieldError, Problem, ProblemKind};
use platform::read_only::ReadOnlyFields;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use store::StoredCampaign;

/// Read-only fields of a response. A request may contain them, so that a response can be sent back.
const READ_ONLY: [&str; 13] = [
    "id",
    "state",
    "pause_reason",
    "pause_detail",
    "created_by",
    "plan",
    "approval",
    "launch",
    "sent_at",
    "ended_at",
    "revision",
    "created_at",
    "updated_at",
];

/// Definition of a request, and the recipients that it lists.
pub struct RequestedDefinition {
    pub definition: Map<String, Value>,
    pub keys: Option<(String, Vec<RecipientKey>)>,
    pub read_only: ReadOnlyFields,
}

/// Returns a campaign for operators, with its variables, but without the sensitive ones of a launched campaign.
/// Recipients of a list are not shown.
pub fn shown(stored: &StoredCampaign) -> Value {
    let StoredCampaign { id, campaign, row } = stored;
    let Campaign { state, pause_reason, pause_detail, created_by, plan, approval, launch, .. } = campaign;
    let plan = plan.as_ref().map(|plan| json!({"number": plan.number, "hash": plan.hash, "at": plan.at}));
    let launch = launch.as_ref().map(|launch| {
        let templates: Vec<_> = launch.variants().filter_map(|message| message.template.as_ref()).collect();
        let templates: Vec<_> =
            templates.iter().map(|used| json!({"name": used.name, "version": used.version})).collect();
        json!({"at": launch.at, "by": launch.by, "tasks": launch.tasks(), "slots": launch.slots, "templates": templates,
            "winner": launch.winner})
    });
    let mut shown = shown_definition(campaign);
    let own = json!({
        "id": id, "state": state, "pause_reason": pause_reason, "pause_detail": pause_detail, "created_by": created_by,
        "plan": plan, "approval": approval, "launch": launch, "sent_at": campaign.sent_at, "ended_at": campaign.ended_at,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    });
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    Value::Object(shown)
}

/// Reads the body of a request. A list of recipients becomes its hash and its keys.
///
/// # Errors
/// 422 if the body is not an object, or the list is invalid.
pub fn requested(mut body: Value, hasher: Option<&KeyHasher>) -> Result<RequestedDefinition, Problem> {
    let read_only = ReadOnlyFields::take(&READ_ONLY, &mut body);
    let Value::Object(mut definition) = body else {
        return Err(Problem::invalid_field("body", "must be an object"));
    };
    let (Some(listed), Some(hasher)) = (definition.get("recipients").filter(|list| list.is_array()), hasher) else {
        // Null removes the list.
        let is_stored_form = definition.get("recipients").is_none_or(|list| list.is_object() || list.is_null());
        if !is_stored_form {
            return Err(Problem::invalid_field("recipients", "must be a list of ids"));
        }
        return Ok(RequestedDefinition { definition, keys: None, read_only });
    };
    let ids = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    if ids.is_empty() || ids.len() > MAX_RECIPIENTS {
        return Err(Problem::invalid_field("recipients", "must be 1 to 10,000 ids"));
    }
    let mut keys = Vec::with_capacity(ids.len());
    let mut errors = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        match id.as_str().map(RecipientId::parse) {
            Some(Ok(id)) => keys.push(hasher.recipient_key(&id)),
            Some(Err(wrong)) => errors.push(FieldError::new(format!("recipients[{place}]"), wrong.to_string())),
            None => errors.push(FieldError::new(format!("recipients[{place}]"), "must be a text")),
        }
    }
    if !errors.is_empty() {
        errors.truncate(20);
        return Err(Problem::invalid(errors));
    }
    // Sorted by a keyed hash, so that each task has a random part of the list.
    keys.sort_unstable();
    keys.dedup();
    let text: Vec<_> = keys.iter().map(RecipientKey::as_str).collect();
    let hash = digest(&SHA256, text.join(",").as_bytes());
    let list: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    definition.insert("recipients".to_owned(), json!({"list": list, "count": keys.len()}));
    Ok(RequestedDefinition { definition, keys: Some((list, keys)), read_only })
}

/// Checks the stored form of a list of recipients in a request: only the campaign's own list may be sent back.
///
/// # Errors
/// 422 if it is the list of another campaign or an unknown one.
pub fn check_stored_list(wanted: &Map<String, Value>, stored: Option<&Value>) -> Result<(), Problem> {
    match wanted.get("recipients").filter(|list| list.is_object()) {
        Some(list) if stored != Some(list) => {
            let message =
                "must be a list of ids; the form with list and count stands for the campaign's own list alone";
            Err(Problem::invalid_field("recipients", message))
        }
        _ => Ok(()),
    }
}

/// Returns the kind of the operator who makes a request.
pub const fn operator_kind(request: &Request) -> OperatorKind {
    OperatorKind::of(request.caller.is_subject)
}

/// Returns the problem of a campaign whose list of recipients was deleted, with what the operator can do.
pub fn deleted_list(remedy: &str) -> Problem {
    let detail = format!("The list of recipients was deleted, 180 days after it was given. {remedy}");
    Problem::new(ProblemKind::Conflict, detail)
}

/// Returns the problem of a transition that the state does not allow.
pub fn conflict(found: StateConflictError) -> Problem {
    let StateConflictError { state, action } = found;
    let hint = match (state, action) {
        (CampaignState::Draft, "launched") => " Approve it first.",
        (CampaignState::Scheduled | CampaignState::Running, "changed" | "approved") => " Pause it first.",
        _ => "",
    };
    let detail = format!("A campaign that is {} cannot be {action}.{hint}", state.as_str());
    Problem::new(ProblemKind::Conflict, detail)
}

/// Returns the location of a campaign.
pub fn location(id: &CampaignId) -> String {
    format!("/v1/campaigns/{id}")
}
