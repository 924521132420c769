//! Recipients: everything about one person, and what an operator may do for them.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::recipient_view::{
    ChoiceRow, RecipientAddress, RecipientNotification, RecipientProfile, addresses, choice_rows, quiet_hours,
};
use crate::site::{ApiCall, ApiProblem, FULL_ADDRESSES, Frame, PageReply, Visit, encoded, rendered};
use platform::private::Private;

/// Number of notifications on a page.
const PAGE_SIZE: &str = "50";

#[derive(Debug, Template)]
#[template(path = "recipients.html")]
struct RecipientsPage {
    frame: Frame,
}

#[derive(Debug, Template)]
#[template(path = "recipient.html")]
struct RecipientPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    id: String,
    profile: Option<ShownProfile>,
    history: Vec<RecipientNotification>,
    first: Option<String>,
    next: Option<String>,
    typed: TypedErasure,
    /// `true` if an address was searched, under which nothing is stored.
    is_address: bool,
}

/// Profile with everything that is derived from it.
#[derive(Debug)]
struct ShownProfile {
    it: RecipientProfile,
    addresses: Vec<RecipientAddress>,
    is_masked: bool,
    quiet_hours: Option<String>,
    choices: Vec<ChoiceRow>,
    attributes: Vec<(String, Private<String>)>,
    caps: RecipientCapsView,
}

/// Fields of the forms for export and erasure, as they were typed.
#[derive(Debug, Default)]
struct TypedErasure {
    confirm: String,
    after: String,
}

#[derive(Debug, Default, Deserialize)]
struct RecipientCapsView {
    time_zone: String,
    rules: Vec<RecipientCapRow>,
}

#[derive(Debug, Deserialize)]
struct RecipientCapRow {
    rule: String,
    max: i64,
    per: String,
    used: i64,
    left: i64,
    next_slot_at: Option<Timestamp>,
}

#[derive(Debug, Template)]
#[template(path = "recipient_erased.html")]
struct RecipientErasedPage {
    frame: Frame,
    id: String,
    erased_at: Timestamp,
    rows: Vec<(String, String, i64)>,
    runs_out: Vec<ExpiringRow>,
    keeps: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ExpiringRow {
    what: String,
    by: Timestamp,
}

/// Shows the search.
///
/// # Errors
/// A template that could not be rendered.
pub fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    rendered(200, &RecipientsPage { frame: visit.frame("recipients", "Recipients") })
}

/// Shows a person, or acts for them.
///
/// # Errors
/// The API's problem, unless the page can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    if action.is_empty() {
        return show(visit, visit.query().get("id"), None).await;
    }
    let id = form.get("id");
    let done = match action {
        "lift" => {
            let call = ApiCall::delete("/v1/recipients/{id}/suppressions/{channel}").path("id", id);
            visit.call(call.path("channel", form.get("channel"))).await.ok().map(|_| back(visit, id, "lifted"))
        }
        "remove_device" => {
            let call = ApiCall::delete("/v1/recipients/{id}/devices/{device_id}").path("id", id);
            visit.call(call.path("device_id", form.get("device_id"))).await.ok().map(|_| back(visit, id, "device"))
        }
        "export" => export(visit, id).await,
        _ => erase(visit, id).await,
    };
    match done {
        Ok(reply) => Ok(reply),
        Err(problem) => show(visit, id, Some(problem)).await,
    }
}

fn back(visit: &Visit<'_>, id: &str, done: &str) -> PageReply {
    visit.redirect(&format!("recipient?id={}", encoded(id)), done)
}

async fn export(visit: &Visit<'_>, id: &str) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::get("/v1/recipients/{id}/export").path("id", id);
    let document = visit.call(call.query_if("after", visit.form().optional("after"))).await.ok()?;
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    Ok(PageReply::download("application/json", "recipient.json", text))
}

/// Erases a person whose id was typed, and shows the certificate.
async fn erase(visit: &Visit<'_>, id: &str) -> Result<PageReply, ApiProblem> {
    if visit.form().get("confirm") != id {
        return Err(ApiProblem::field("confirm", "must be the id of this person, exactly as it stands above"));
    }
    let mut answer = visit.call(ApiCall::delete("/v1/recipients/{id}").path("id", id)).await.ok()?;
    let unclear = || ApiProblem::own(500, "The page does not understand the certificate. The person was erased.");
    let erased_at = serde_json::from_value(answer["erased_at"].take()).map_err(|_| unclear())?;
    let page = RecipientErasedPage {
        erased_at,
        rows: certificate_rows(&answer["tables"]),
        runs_out: serde_json::from_value(answer["runs_out"].take()).map_err(|_| unclear())?,
        keeps: serde_json::from_value(answer["keeps"].take()).map_err(|_| unclear())?,
        id: id.to_owned(),
        frame: visit.frame("recipients", "Certificate of the erasure"),
    };
    rendered(200, &page)
}

/// Returns the rows of a certificate: table, kind of item, number.
fn certificate_rows(tables: &Value) -> Vec<(String, String, i64)> {
    let rows = |(table, counts): (&String, &Value)| {
        let counts = counts.as_object().cloned().unwrap_or_default();
        let row = |(kind, number): (String, Value)| {
            let kind = if kind == "remaining" { "left, as read again".to_owned() } else { format!("{kind} deleted") };
            (table.clone(), kind, number.as_i64().unwrap_or_default())
        };
        counts.into_iter().map(row).collect::<Vec<_>>()
    };
    tables.as_object().into_iter().flatten().flat_map(rows).collect()
}

async fn show(visit: &Visit<'_>, id: &str, problem: Option<ApiProblem>) -> Result<PageReply, ApiProblem> {
    let (query, form) = (visit.query(), visit.form());
    let about = |template| ApiCall::get(template).path("id", id);
    let history = about("/v1/recipients/{id}/notifications").query("limit", PAGE_SIZE);
    let (profile, caps, history, types) = tokio::join!(
        visit.call(about("/v1/recipients/{id}")),
        visit.call(about("/v1/recipients/{id}/caps")),
        visit.call(history.query_if("after", query.optional("after"))),
        visit.call(ApiCall::get("/v1/types")),
    );
    let mut history = history.ok()?;
    let next = history["next"].as_str().map(|cursor| visit.with_query("after", cursor));
    let items = history["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let history: Vec<RecipientNotification> =
        items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
    let profile = match profile.status {
        404 => None,
        _ => Some(shown(visit, profile.read()?, &history, caps.read()?, &types.ok()?)),
    };
    let is_unknown = profile.is_none() && history.is_empty();
    let status = problem.as_ref().map_or(if is_unknown { 404 } else { 200 }, |problem| problem.status);
    if visit.may("recipient", "erase") {
        let export = about("/v1/recipients/{id}/export").query_if("after", form.optional("after"));
        visit.show_call(export);
        visit.show_call(ApiCall::delete("/v1/recipients/{id}").path("id", id));
    }
    if let Some(profile) = &profile {
        offer_removals(visit, id, profile);
    }
    let page = RecipientPage {
        frame: visit.frame("recipients", "Recipient"),
        problem,
        id: id.to_owned(),
        profile,
        history,
        next,
        is_address: is_unknown && is_address(id),
        first: visit.first_page(),
        typed: TypedErasure { confirm: form.raw("confirm").to_owned(), after: form.raw("after").to_owned() },
    };
    rendered(status, &page)
}

/// Offers the calls that lift a suppression and remove a device.
fn offer_removals(visit: &Visit<'_>, id: &str, profile: &ShownProfile) {
    let about = |template| ApiCall::delete(template).path("id", id);
    if visit.may("recipient", "lift") {
        for row in profile.addresses.iter().filter(|row| row.is_suppressed) {
            visit.show_call(about("/v1/recipients/{id}/suppressions/{channel}").path("channel", row.channel));
        }
    }
    if visit.may("recipient", "remove_device") {
        for device in &profile.it.devices {
            visit.show_call(about("/v1/recipients/{id}/devices/{device_id}").path("device_id", &device.device_id));
        }
    }
}

/// Returns `true` for a text in the form of an e-mail address or of a phone number.
fn is_address(text: &str) -> bool {
    let is_phone =
        |digits: &str| digits.len() > 5 && digits.chars().all(|it| it.is_ascii_digit() || " -()".contains(it));
    text.contains('@') || text.strip_prefix('+').is_some_and(is_phone)
}

fn shown(
    visit: &Visit<'_>,
    it: RecipientProfile,
    history: &[RecipientNotification],
    caps: RecipientCapsView,
    types: &Value,
) -> ShownProfile {
    let is_masked = visit.session.role < FULL_ADDRESSES;
    let types = types["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let in_use = types.iter().filter(|kind| kind["state"] != "archived");
    let names: Vec<String> = in_use.filter_map(|kind| kind["name"].as_str()).map(str::to_owned).collect();
    // An attribute may contain an address.
    let value = |value: &Value| Private::new(if is_masked { "…".to_owned() } else { value.to_string() });
    ShownProfile {
        addresses: addresses(&it, history, !is_masked),
        is_masked,
        quiet_hours: quiet_hours(&it.preferences),
        choices: choice_rows(&it.preferences, &names),
        attributes: it.attributes.expose().iter().map(|(name, own)| (name.clone(), value(own))).collect(),
        caps,
        it,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_told_from_ids() {
        assert!(["ada@example.com", "+393331234567", "+39 333 123-4567"].into_iter().all(is_address));
        assert!(!["customer-7", "+", "+vip", "393331234567"].into_iter().any(is_address));
    }

    #[test]
    fn a_certificate_has_a_row_for_each_count() {
        let tables = json!({"recipients": {"profiles": 1, "remaining": 0}});
        let row = |kind: &str, number| ("recipients".to_owned(), kind.to_owned(), number);
        assert_eq!(certificate_rows(&tables), [row("profiles deleted", 1), row("left, as read again", 0)]);
    }
}
