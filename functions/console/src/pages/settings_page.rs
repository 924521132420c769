//! Settings: each with its meaning, default and range and a form of its own, one form of all with the API's checks, and
//! the history to go back to.

use askama::Template;
use jiff::Timestamp;
use serde_json::Value;

use super::edit_conflict::with_changes;
use super::field_difference::FieldDifference;
use super::setting_form;
use super::setting_value::setting_differences;
use super::settings_view::{SettingAnswer, SettingsAnswer, SettingsVersionAnswer};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, rendered};

#[derive(Debug, Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    invalid: Option<String>,
    source: String,
    version: String,
    sections: Vec<SettingsSection>,
    document: String,
    tag: String,
    reverted: Option<i64>,
    present: Option<String>,
    checked: Option<CheckedSettings>,
    latest: Option<VersionRow>,
    versions: Vec<VersionRow>,
}

/// Effect of the document in the form, from a dry run.
#[derive(Debug)]
struct CheckedSettings {
    differences: Vec<FieldDifference>,
    /// Always `false`: the button that saves shows no effect first.
    is_stale: bool,
}

/// Settings below one name.
#[derive(Debug)]
struct SettingsSection {
    name: String,
    settings: Vec<SettingAnswer>,
}

/// Version of the settings.
#[derive(Debug, Clone)]
struct VersionRow {
    version: i64,
    href: String,
    at: Option<Timestamp>,
    by: String,
    state: String,
    is_valid: bool,
    is_present: bool,
}

/// Shows the settings, or changes them.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    match (action, visit.query().optional("change")) {
        ("", Some(path)) => return setting_form::show(visit, path).await,
        ("", None) => return show(visit, None, None).await,
        ("check_one" | "save_one", _) => return setting_form::change(visit, action == "save_one").await,
        _ => {}
    }
    let form = visit.form();
    let answer = match serde_json::from_str::<Value>(form.get("document")) {
        Ok(document) => {
            let tag = Some(form.get("if_match")).filter(|tag| !tag.is_empty()).unwrap_or("\"0\"");
            let call = ApiCall::put("/v1/settings", document).if_match(tag);
            let call = if action == "check" { call.query("dry_run", "true") } else { call };
            visit.call(call).await.read::<SettingsAnswer>()
        }
        Err(error) => {
            let place = format!("is not JSON (line {}, column {})", error.line(), error.column());
            Err(ApiProblem::field("body", &place))
        }
    };
    match answer {
        Ok(after) if action == "check" => show(visit, None, Some(after)).await,
        Ok(_) => Ok(visit.redirect("settings", "settings")),
        Err(problem) => show(visit, Some(with_changes(visit, problem, "settings", "settings").await), None).await,
    }
}

/// Returns the settings as an earlier version would leave them. `None` for a person who may not go back to it, and if
/// the version is not valid any more: the form says so once it is sent.
async fn after_revert(visit: &Visit<'_>, document: Option<&Value>, tag: &str) -> Option<SettingsAnswer> {
    let document = document.filter(|_| visit.may("settings", "check"))?;
    let call = ApiCall::put("/v1/settings", document.clone()).if_match(tag).query("dry_run", "true");
    visit.call(call).await.read().ok()
}

/// Shows the page, after an action with its problem, or with the settings as the document of the form would leave them.
async fn show(
    visit: &Visit<'_>,
    problem: Option<ApiProblem>,
    after: Option<SettingsAnswer>,
) -> Result<PageReply, ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/settings").query("history", "true")).await;
    let tag = answer.etag.clone().unwrap_or_default();
    let settings: SettingsAnswer = answer.read()?;
    let history = settings.history.as_deref().unwrap_or_default();
    let wanted = visit.query().optional("revert").and_then(|version| version.parse::<i64>().ok());
    let reverted = history.iter().find(|it| Some(it.version) == wanted).filter(|it| it.document.is_some());
    let present = pretty(&settings.document);
    let is_typed = visit.request.is_post;
    let document = match (is_typed, reverted.and_then(|it| it.document.as_ref())) {
        (true, _) => visit.form().raw("document").to_owned(),
        (false, Some(document)) => pretty(document),
        (false, None) => present.clone(),
    };
    let after = match after {
        Some(after) => Some(after),
        None if is_typed => None,
        None => after_revert(visit, reverted.and_then(|it| it.document.as_ref()), &tag).await,
    };
    let checked = after.map(|after| CheckedSettings {
        differences: setting_differences(&settings.settings, &after.settings),
        is_stale: false,
    });
    let is_stale = problem.as_ref().is_some_and(|problem| problem.status == 412);
    let status = problem.as_ref().map_or(200, |problem| problem.status);
    // After a refused field the tag stays the one that the person saw. A stale one is replaced, since the page now
    // shows the present values.
    let tag = if is_typed && !is_stale { visit.form().get("if_match").to_owned() } else { tag };
    if let (true, Ok(body)) = (visit.may("settings", "save"), serde_json::from_str(&document)) {
        visit.show_call(ApiCall::put("/v1/settings", body).if_match(&tag));
    }
    let frame = visit.frame("settings", "Settings");
    let versions: Vec<_> = history.iter().map(|it| version_row(&frame, it, settings.version)).collect();
    let page = SettingsPage {
        invalid: settings.invalid.as_ref().map(|invalid| invalid.reason.clone()),
        version: settings.version.map_or_else(|| "–".to_owned(), |version| version.to_string()),
        sections: sections(&settings.settings),
        tag,
        reverted: reverted.map(|it| it.version),
        present: is_stale.then_some(present),
        checked,
        latest: versions.first().cloned(),
        versions,
        source: settings.source,
        document,
        frame,
        problem,
    };
    rendered(status, &page)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn version_row(frame: &Frame, it: &SettingsVersionAnswer, present: Option<i64>) -> VersionRow {
    let by = it.by.as_ref().map_or_else(String::new, |by| format!("{} {}", by.who, by.name));
    let is_present = present == Some(it.version);
    let state = match &it.invalid {
        Some(reason) => format!("not valid: {reason}"),
        None => "valid".to_owned(),
    };
    VersionRow {
        version: it.version,
        href: frame.href_of("settings", "revert", &it.version.to_string()),
        at: it.at,
        by: by.trim().to_owned(),
        state,
        is_valid: it.invalid.is_none(),
        is_present,
    }
}

/// Groups the settings by all but the last name of their paths.
fn sections(settings: &[SettingAnswer]) -> Vec<SettingsSection> {
    let parent =
        |it: &SettingAnswer| it.path.rsplit_once('.').map_or_else(String::new, |(parent, _)| parent.to_owned());
    let groups = settings.chunk_by(|one, other| parent(one) == parent(other));
    groups.map(|group| SettingsSection { name: parent(&group[0]), settings: group.to_vec() }).collect()
}
