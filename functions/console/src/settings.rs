//! `GET` and `PUT /v1/settings`: every setting with its meaning, default and present value, and changes by operators.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ConsoleApi;
use super::rollout::{InvalidValue, refused};
use domain::rollout::ParameterVersion;
use domain::rollout::strict_json::StrictJsonError;
use domain::settings::{SettingField, Settings, value_at};
use domain::{Actor, AuditRecord, ManagedParameter};
use platform::http::{Request, Response};
use platform::preconditions::Preconditions;
use platform::problem::{FieldError, Problem, ProblemKind};
use rollout::CommandError;

/// Maximum length of the parameter's text in SSM's standard tier, in bytes.
const MAX_BYTES: usize = 4_096;
/// Maximum number of versions in the history.
const HISTORY: usize = 20;
/// Seconds after which a caller may retry if SSM does not answer.
const RETRY_S: u32 = 2;

/// The response of `GET /v1/settings`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsView {
    /// Present version of the parameter; null if it does not exist.
    pub version: Option<i64>,
    /// Source of the values. `live` is the present parameter, `last good` the last valid value, `none` the defaults,
    /// because no valid value was ever read.
    pub source: &'static str,
    /// Present value of the parameter if it is not valid.
    pub invalid: Option<InvalidValue>,
    /// JSON object of the values in force, as an operator wrote it.
    pub document: Value,
    /// Every setting.
    pub settings: Vec<SettingView>,
    /// The last versions, newest first; null unless the request includes them.
    pub history: Option<Vec<SettingsVersion>>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingView {
    /// Path, such as `sms.max_parts`.
    pub path: String,
    /// Meaning.
    pub meaning: &'static str,
    /// Unit or kind of the value.
    pub unit: &'static str,
    /// Allowed values.
    pub range: &'static str,
    /// Default.
    pub default: Value,
    /// Value in force.
    pub value: Value,
    /// `parameter` if the parameter sets the value, or else `default`.
    pub source: &'static str,
}

/// Version of the parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsVersion {
    /// Version number.
    pub version: i64,
    /// Time of the write.
    pub at: Option<Timestamp>,
    /// Author, as far as an audit record shows.
    pub by: Option<Actor>,
    /// JSON object; null if the version is not valid, because it may then contain anything.
    pub document: Option<Value>,
    /// Reason why the version is not valid.
    pub invalid: Option<String>,
}

impl SettingsView {
    /// Computes the response from the present version and the last valid text.
    #[must_use]
    pub fn new(present: Option<&ParameterVersion>, last_good: Option<&str>) -> Self {
        let text = present.map(|found| found.value.expose().as_str());
        let reason = ManagedParameter::Settings.invalid_reason(text);
        let version = present.map(|found| found.version);
        let (source, valid) = match (&reason, last_good) {
            (None, _) => ("live", text.unwrap_or("{}")),
            (Some(_), Some(last)) => ("last good", last),
            (Some(_), None) => ("none", "{}"),
        };
        let document = serde_json::from_str(valid).unwrap_or_else(|_| Value::Object(Map::new()));
        let invalid = reason.map(|reason| InvalidValue { version, reason });
        Self { version, source, invalid, settings: settings_of(&document), document, history: None }
    }
}

fn settings_of(document: &Value) -> Vec<SettingView> {
    let view = |SettingField { path, meaning, unit, range, default }: SettingField| {
        let set = value_at(document, &path).cloned();
        let source = if set.is_some() { "parameter" } else { "default" };
        let value = match (set, &default) {
            // Prices by country replace and add to the built-in ones.
            (Some(Value::Object(set)), Value::Object(default)) => default.clone().into_iter().chain(set).collect(),
            (Some(set), _) => set,
            (None, default) => default.clone(),
        };
        SettingView { value, path, meaning, unit, range, default, source }
    };
    SettingField::all().into_iter().map(view).collect()
}

fn versions(history: &[ParameterVersion], records: &[AuditRecord]) -> Vec<SettingsVersion> {
    let view = |found: &ParameterVersion| {
        let text = found.value.expose();
        let invalid = Settings::parse(text).err().map(|error| error.to_string());
        let record = records.iter().find(|record| record.version == found.version);
        SettingsVersion {
            version: found.version,
            at: found.written.as_ref().map(|written| written.at),
            by: record.map(|record| record.by.clone()),
            document: if invalid.is_some() { None } else { serde_json::from_str(text).ok() },
            invalid,
        }
    };
    history.iter().rev().take(HISTORY).map(view).collect()
}

impl ConsoleApi {
    pub(super) async fn settings(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&["history"])?;
        let wants_history = request.flag("history")?;
        let present = self.controller.present_settings().await.map_err(|error| unavailable(&error))?;
        // Reading the configuration also reads the last valid text if the present one is invalid.
        self.config.current().await;
        let last_good = self.config.valid_texts().settings;
        let mut view = SettingsView::new(present.as_ref(), last_good.as_ref().map(|text| text.text.expose().as_str()));
        if wants_history {
            let (history, records) = tokio::join!(
                self.controller.settings_history(),
                self.controller.audit.newest(ManagedParameter::Settings, HISTORY)
            );
            view.history = Some(versions(&history.map_err(|error| unavailable(&error))?, &records?));
        }
        let response = Response::json(200, &view);
        Ok(match view.version {
            Some(version) => response.with_entity_tag(&version.to_string()),
            None => response,
        })
    }

    /// Replaces the whole parameter. A refused request changes nothing, and neither does a dry run.
    pub(super) async fn change_settings(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["dry_run"])?;
        let is_dry_run = request.flag("dry_run")?;
        let by = Actor::Api(request.author()?);
        let conditions = Preconditions::of(request)?;
        if conditions.if_none_match.is_some() {
            return Err(Problem::invalid_field("If-None-Match", "cannot be used here; use If-Match"));
        }
        let Some(expected) = conditions.if_match else {
            return Err(Problem::invalid_field("If-Match", "is required: the ETag of GET /v1/settings, or *"));
        };
        let text = checked_text(&request.json_value()?)?;
        let expects = |version: i64| expected.names_strongly(|tag| tag == version.to_string());
        let version = if is_dry_run {
            self.expected_version(expects).await?
        } else {
            let version = self.controller.write_settings(&text, expects, by, now).await.map_err(not_written)?;
            tracing::info!(caller = request.caller.in_logs(), version, "changed settings");
            version
        };
        let written = ParameterVersion { version, modified_ms: 0, value: text.into(), written: None };
        Ok(Response::json(200, &SettingsView::new(Some(&written), None)).with_entity_tag(&version.to_string()))
    }

    /// Returns the present version if it is the expected one, for a dry run.
    async fn expected_version(&self, expects: impl Fn(i64) -> bool) -> Result<i64, Problem> {
        let present = self.controller.present_settings().await.map_err(|error| unavailable(&error))?;
        let version = present.ok_or_else(|| refused(CommandError::Missing))?.version;
        if expects(version) { Ok(version) } else { Err(refused(CommandError::Superseded)) }
    }
}

fn not_written(error: CommandError) -> Problem {
    match error {
        CommandError::Busy => Problem::new(
            ProblemKind::Conflict,
            "Another change is in progress or was just made, and this one was not applied. Read GET /v1/settings, then retry.",
        ),
        other => refused(other),
    }
}

fn unavailable(error: &aws::parameters::ParameterStoreError) -> Problem {
    tracing::warn!(%error, "failed to read settings");
    Problem::unavailable(RETRY_S)
}

/// Returns the text of valid settings, as the parameter stores it.
fn checked_text(body: &Value) -> Result<String, Problem> {
    if !body.is_object() {
        return Err(Problem::invalid_field("body", "must be an object"));
    }
    let text = body.to_string();
    if text.len() > MAX_BYTES {
        return Err(Problem::invalid_field("body", "must be at most 4,096 bytes"));
    }
    Settings::parse(&text).map_err(|error| Problem::invalid(vec![field_error(error)]))?;
    Ok(text)
}

/// Returns the error with the path of its field; `body` if it concerns the whole text.
fn field_error(error: StrictJsonError) -> FieldError {
    match error {
        StrictJsonError::WrongShape { field, message } if field == "it" => FieldError::new("body", message),
        StrictJsonError::WrongShape { field, message } => FieldError::new(field, message),
        StrictJsonError::UnknownName { field, sentence } => FieldError::new(field, sentence),
        StrictJsonError::TooLong | StrictJsonError::NotJson { .. } => FieldError::new("body", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn version(version: i64, text: &str) -> ParameterVersion {
        ParameterVersion { version, modified_ms: 0, value: text.to_owned().into(), written: None }
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let text = r#"{"sms": {"max_parts": 2}, "types": {"PAYMENT_DUE": {"tries": 3}}}"#;
        let view = SettingsView::new(Some(&version(7, text)), None);
        let text = serde_json::to_string_pretty(&view).unwrap();
        assert_eq!(text.trim(), include_str!("golden/settings.json").trim(), "\n{text}");
    }

    #[test]
    fn an_invalid_parameter_leaves_the_last_good_value_in_force() {
        let view =
            SettingsView::new(Some(&version(8, "{\"sms\": {\"max_part\": 1}}")), Some("{\"sms\": {\"max_parts\": 1}}"));
        let max_parts = view.settings.iter().find(|it| it.path == "sms.max_parts").unwrap();
        assert_eq!((view.source, &max_parts.value, max_parts.source), ("last good", &json!(1), "parameter"));
        let invalid = view.invalid.unwrap();
        assert_eq!(
            (invalid.version, invalid.reason.as_str()),
            (Some(8), "sms has an unknown field; did you mean max_parts?")
        );
        let none = SettingsView::new(None, None);
        assert_eq!((none.source, none.version, none.document), ("none", None, json!({})));
    }

    #[test]
    fn a_refused_setting_is_named_by_its_path() {
        for (body, field) in [
            (json!([]), "body"),
            (json!({"sm": {}}), "body"),
            (json!({"sms": {"max_part": 1}}), "sms"),
            (json!({"sms": {"max_parts": "1"}}), "sms.max_parts"),
            (json!({"sms": {"allowed_countries": ["UK"]}}), "sms.allowed_countries[0]"),
            (json!({"prices": {"sms_micros": {"UK": 1}}}), "prices.sms_micros"),
            (json!({"guard": {"evaluations": 0}}), "guard.evaluations"),
            (json!({"budgets": {"hour_micros": 1_000_000_000_000_001_i64}}), "budgets.hour_micros"),
            (json!({"types": {"PAYMENT_DUE": {"tries": 11}}}), "types.PAYMENT_DUE.tries"),
            (
                json!({"types": {"PAYMENT_DUE": {"wait_for_push_seconds": 86_401}}}),
                "types.PAYMENT_DUE.wait_for_push_seconds",
            ),
            (
                json!({"types": {"PAYMENT_DUE": {"day_micros": 1_000_000_000_000_001_i64}}}),
                "types.PAYMENT_DUE.day_micros",
            ),
            (json!({"types": {"PAYMENT": {}}}), "types"),
            (json!({"retention_days": {"device_unused": 0}}), "retention_days.device_unused"),
            (json!({"organisation": {"time_zone": "Mars/Base"}}), "organisation.time_zone"),
            (
                json!({"quiet_hours": {"marketing": [{"start": "09:00", "end": "09:00"}]}}),
                "quiet_hours.marketing[0].end",
            ),
            (json!({"sms": 1}), "sms"),
            (json!({"organisation": {"time_zone": "x".repeat(5_000)}}), "body"),
        ] {
            let problem = checked_text(&body).unwrap_err();
            assert_eq!(problem.errors[0].field, field, "{body}: {}", problem.errors[0].message);
        }
        assert_eq!(checked_text(&json!({"sms": {"max_parts": 2}})).unwrap(), r#"{"sms":{"max_parts":2}}"#);
    }
}
