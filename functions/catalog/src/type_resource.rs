//! A stored type: its row, its entity tag, and its form in responses.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use domain::notification::MAX_AHEAD;
use domain::settings::Settings;
use domain::{MAX_TTL_SECONDS, NotificationType, TypeId, TypeState, TypeView};
use platform::problem::Problem;
use platform::read_only::ReadOnlyFields;
use store::CatalogRow;

/// Fields of a response that no request changes. A request may contain them, so that a response can be sent back.
const READ_ONLY: [&str; 6] =
    ["revision", "created_at", "updated_at", "removable_at", "overridden_by_settings", "dry_run"];

/// Response with a type.
#[derive(Debug, Serialize)]
pub struct TypeResource {
    #[serde(flatten)]
    definition: TypeView,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Time from which a DELETE removes the archived type.
    #[serde(skip_serializing_if = "Option::is_none")]
    removable_at: Option<Timestamp>,
    overridden_by_settings: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// Stored type.
#[derive(Debug, Clone)]
pub struct StoredType {
    pub kind: NotificationType,
    pub row: CatalogRow,
}

impl StoredType {
    /// Returns the type of a row; `None` if the definition is malformed.
    pub fn of(id: TypeId, row: CatalogRow) -> Option<Self> {
        Some(Self { kind: NotificationType::from_stored(id, row.definition.clone())?, row })
    }

    /// Returns the type after a change of `old`; for a new type, `old` is `None`.
    pub fn revised(kind: NotificationType, old: Option<&CatalogRow>, now: Timestamp) -> Self {
        let row = CatalogRow::revised(definition_of(&kind), old, now);
        Self { kind, row }
    }

    /// Returns the time from which no notification of an archived type is left: the latest `send_at`, the longest
    /// lifetime and the retention of notifications have passed since.
    pub fn removable_at(&self, settings: &Settings) -> Option<Timestamp> {
        if self.kind.rules.state != TypeState::Archived || NotificationType::is_built_in(&self.kind.id) {
            return None;
        }
        let lifetime = SignedDuration::from_secs(MAX_TTL_SECONDS.into());
        let all = MAX_AHEAD + lifetime + settings.retention_days.of_notifications();
        Some(self.row.updated_at.checked_add(all).unwrap_or(Timestamp::MAX))
    }

    /// Returns the response.
    pub fn resource(&self, settings: &Settings, dry_run: bool) -> TypeResource {
        TypeResource {
            definition: self.kind.view(),
            revision: self.row.revision,
            created_at: self.row.created_at,
            updated_at: self.row.updated_at,
            removable_at: self.removable_at(settings),
            overridden_by_settings: settings.types.overridden_fields(&self.kind.id),
            dry_run,
        }
    }
}

/// Removes the fields that no request changes, and returns them.
pub fn take_read_only(body: &mut Value) -> ReadOnlyFields {
    ReadOnlyFields::take(&READ_ONLY, body)
}

/// Checks that the read-only fields of a body are those of the stored row, if there is one.
///
/// # Errors
/// 422 with each field that differs.
pub fn check_read_only(given: &ReadOnlyFields, row: Option<&CatalogRow>) -> Result<(), Problem> {
    row.map_or(Ok(()), |row| given.check(&row.read_only()))
}

fn definition_of(kind: &NotificationType) -> Map<String, Value> {
    match serde_json::to_value(kind.view()) {
        Ok(Value::Object(definition)) => definition,
        _ => Map::new(),
    }
}
