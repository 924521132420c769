//! Form of one setting: its meaning, default, range and value, and what a change would do before it is made.

use askama::Template;
use serde_json::Value;

use super::edit_conflict::with_changes;
use super::field_difference::FieldDifference;
use super::setting_value::{SettingInput, setting_differences, text_of, typed_value, with_value};
use super::settings_view::{SettingAnswer, SettingsAnswer};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, rendered};

#[derive(Debug, Template)]
#[template(path = "setting.html")]
struct SettingPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    setting: SettingAnswer,
    input: SettingInput,
    typed: String,
    is_default: bool,
    tag: String,
    checked: Option<CheckedSetting>,
}

/// Effect of a change, from a dry run.
#[derive(Debug)]
struct CheckedSetting {
    /// The document that was checked.
    document: String,
    differences: Vec<FieldDifference>,
    /// `true` if the form was to be saved and was not checked as it is.
    is_stale: bool,
}

impl SettingPage {
    /// Returns `true` if the input is of a kind.
    fn has(&self, kind: &str) -> bool {
        match self.input {
            SettingInput::Flag => kind == "flag",
            SettingInput::Number => kind == "number",
            SettingInput::Text => kind == "text",
            SettingInput::Json => kind == "json",
        }
    }
}

/// Settings as they were read, and their tag.
struct ReadSettings {
    answer: SettingsAnswer,
    tag: String,
}

async fn read(visit: &Visit<'_>) -> Result<ReadSettings, ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/settings")).await;
    let tag = answer.etag.clone().unwrap_or_default();
    Ok(ReadSettings { answer: answer.read()?, tag })
}

/// Shows the form of the setting that the address names.
///
/// # Errors
/// The API's problem, or a setting that does not exist.
pub async fn show(visit: &Visit<'_>, path: &str) -> Result<PageReply, ApiProblem> {
    let present = read(visit).await?;
    let setting = setting_of(&present, path)?;
    let typed = text_of(&setting, &present.answer.document);
    page(visit, &present, setting, Shown { typed, ..Shown::default() })
}

/// Checks a change of one setting, and makes it if it is the one that was checked before.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn change(visit: &Visit<'_>, is_save: bool) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let present = read(visit).await?;
    let setting = setting_of(&present, form.get("path"))?;
    let is_default = form.is_ticked("default");
    let typed = form.raw("value").to_owned();
    let tag = form.get("if_match").to_owned();
    let shown = Shown { typed, is_default, tag: Some(tag.clone()), ..Shown::default() };
    let value = if is_default { Ok(None) } else { typed_value(&setting, form.get("value")).map(Some) };
    let document = match value {
        Ok(value) => with_value(&present.answer.document, &setting.path, value),
        Err(problem) => return page(visit, &present, setting, Shown { problem: Some(problem), ..shown }),
    };
    let text = document.to_string();
    let is_checked = form.get("checked") == text;
    let call = ApiCall::put("/v1/settings", document).if_match(&tag);
    let call = if is_save && is_checked { call } else { call.query("dry_run", "true") };
    let shown = match visit.call(call).await.read::<SettingsAnswer>() {
        Ok(_) if is_save && is_checked => return Ok(visit.redirect("settings", "settings")),
        Ok(after) => {
            let differences = setting_differences(&present.answer.settings, &after.settings);
            Shown { checked: Some(CheckedSetting { document: text, differences, is_stale: is_save }), ..shown }
        }
        Err(problem) => {
            let problem = with_changes(visit, problem, "settings", "settings").await;
            // The page shows the value of the other person, so the form may replace it.
            let tag = if problem.status == 412 { None } else { shown.tag };
            Shown { problem: Some(problem), tag, ..shown }
        }
    };
    page(visit, &present, setting, shown)
}

/// Parts of the page that depend on what was done.
#[derive(Default)]
struct Shown {
    problem: Option<ApiProblem>,
    typed: String,
    is_default: bool,
    /// Tag of the form; `None` for that of the present settings.
    tag: Option<String>,
    checked: Option<CheckedSetting>,
}

fn page(
    visit: &Visit<'_>,
    present: &ReadSettings,
    setting: SettingAnswer,
    shown: Shown,
) -> Result<PageReply, ApiProblem> {
    let tag = shown.tag.unwrap_or_else(|| present.tag.clone());
    let value = if shown.is_default { Ok(None) } else { typed_value(&setting, &shown.typed).map(Some) };
    if let (true, Ok(value)) = (visit.may("settings", "save_one"), value) {
        let document: Value = with_value(&present.answer.document, &setting.path, value);
        visit.show_call(ApiCall::put("/v1/settings", document).if_match(&tag));
    }
    let status = shown.problem.as_ref().map_or(200, |problem| problem.status);
    let page = SettingPage {
        frame: visit.frame("settings", format!("Setting {}", setting.path)),
        problem: shown.problem,
        input: SettingInput::of(&setting),
        typed: shown.typed,
        is_default: shown.is_default,
        checked: shown.checked,
        tag,
        setting,
    };
    rendered(status, &page)
}

fn setting_of(present: &ReadSettings, path: &str) -> Result<SettingAnswer, ApiProblem> {
    let found = present.answer.settings.iter().find(|it| it.path == path);
    found.cloned().ok_or_else(|| ApiProblem::own(404, "There is no such setting."))
}
