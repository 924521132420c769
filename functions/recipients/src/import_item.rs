//! Item of `POST /v1/recipients/batch`, and the decision about it: a pure function of the item and the stored
//! recipient.
//!
//! An item only adds opt-outs, and what a recipient chose where the recipient has chosen nothing. It removes no
//! opt-out, no unsubscription and no quiet hours.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ProfilePatch;
use super::api::{NewDevice, RecipientsApi};
use domain::NotificationTypes;
use domain::recipient::{
    Device, ImportedChoices, MAX_DEVICES, Profile, Recipient, RecipientId, RecipientKey, Registration, registration,
};
use platform::json::shaped;
use platform::problem::{FieldError, Problem, ProblemKind};

/// Maximum number of types that an item may name in `unsubscribed_types`.
const MAX_UNSUBSCRIBED: usize = 200;
/// Maximum number of types that a recipient may opt out of, in the preferences.
const MAX_OPTED_OUT: usize = 50;

/// Recipients that a batch may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// New recipients only. An existing one must equal its item.
    Create,
    /// New and existing recipients.
    Upsert,
    /// Existing recipients only.
    UpdateOnly,
}

/// Result of an item without a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportResult {
    /// The recipient is new.
    Created,
    /// The recipient existed and differed from the item.
    Updated,
    /// The recipient already had all data of the item. Nothing is written.
    Unchanged,
}

/// One recipient of a batch.
pub struct ImportItem {
    /// Id of the recipient.
    pub id: RecipientId,
    /// Key of the recipient.
    pub key: RecipientKey,
    /// Devices to register, each with its index in the item.
    pub devices: Vec<(usize, NewDevice)>,
    patch: ProfilePatch,
    choices: ImportedChoices,
    /// Ids of devices that the recipient must have, each with its index in the item.
    known_devices: Vec<(usize, String)>,
}

/// Members of an item beside the profile.
#[derive(Deserialize)]
struct ItemParts {
    id: String,
    #[serde(default)]
    unsubscribed_types: Option<Vec<String>>,
    #[serde(default)]
    devices: Option<Vec<Value>>,
}

/// Writes that an item requires.
pub struct ImportChange<'a> {
    /// Profile to write, if it changes.
    pub profile: Option<Profile>,
    /// Devices to register.
    pub devices: Vec<&'a NewDevice>,
    is_new: bool,
}

impl ImportChange<'_> {
    /// Returns the result after the writes.
    pub fn result(&self) -> ImportResult {
        match (self.is_new, self.profile.is_some() || !self.devices.is_empty()) {
            (true, _) => ImportResult::Created,
            (false, true) => ImportResult::Updated,
            (false, false) => ImportResult::Unchanged,
        }
    }
}

impl ImportItem {
    /// Parses an item. The values of its profile are checked with the stored ones, by [`Self::decide`].
    ///
    /// # Errors
    /// 422 with the fields that are wrong.
    pub fn parse(item: Value, api: &RecipientsApi, types: &NotificationTypes, now: Timestamp) -> Result<Self, Problem> {
        let Value::Object(mut profile) = item else {
            return Err(Problem::invalid_field("body", "must be an object"));
        };
        let names = ["id", "unsubscribed_types", "devices"];
        let parts: Map<_, _> = names.iter().filter_map(|name| profile.remove_entry(*name)).collect();
        let parts: ItemParts = shaped(Value::Object(parts), "")?;
        let id = RecipientId::parse(&parts.id).map_err(|error| Problem::invalid_field("id", error.to_string()))?;
        let mut choices = ImportedChoices::default();
        if let Some(Value::Object(preferences)) = profile.get_mut("preferences") {
            choices = ImportedChoices::take(preferences, types, now)?;
        }
        // An export has these in its choices too, with their authors.
        let unsubscribed = parts.unsubscribed_types.unwrap_or_default();
        if unsubscribed.len() > MAX_UNSUBSCRIBED {
            return Err(Problem::invalid_field("unsubscribed_types", "must be at most 200 names of types"));
        }
        choices.refuse(unsubscribed, types, now);
        let patch = ProfilePatch::of_json(Value::Object(profile))?.without_removed_preferences();
        let given = parts.devices.unwrap_or_default();
        if given.len() > MAX_DEVICES {
            return Err(Problem::invalid_field("devices", "must hold at most 20 devices"));
        }
        let (mut devices, mut known_devices) = (Vec::new(), Vec::new());
        for (at, given) in given.into_iter().enumerate() {
            let device_id = given.get("device_id").and_then(Value::as_str).filter(|_| given.get("endpoint").is_none());
            if let Some(device_id) = device_id {
                known_devices.push((at, device_id.to_owned()));
                continue;
            }
            let path = format!("devices[{at}]");
            let device = shaped(given, "").and_then(|body| api.new_device(&body, now));
            devices.push((at, device.map_err(|problem| problem.below(&path))?));
        }
        Ok(Self { key: api.hasher.recipient_key(&id), id, devices, patch, choices, known_devices })
    }

    /// Decides about the writes for the recipient as stored.
    ///
    /// # Errors
    /// 422 with every field that is wrong; 404 or 409 if the mode does not allow the write.
    pub fn decide(
        &self,
        mode: ImportMode,
        stored: Option<&Recipient>,
        types: &NotificationTypes,
        now: Timestamp,
    ) -> Result<ImportChange<'_>, Problem> {
        if stored.is_none() && mode == ImportMode::UpdateOnly {
            return Err(refused(ProblemKind::NotFound, "is not a recipient, and the mode is update_only"));
        }
        let unknown: Vec<_> = self.choices.unknown_types(stored.map(|stored| &stored.preferences)).collect();
        if !unknown.is_empty() {
            return Err(Problem::invalid(unknown));
        }
        let mut profile = self.patch.merged(stored, types, now)?;
        if let Some(stored) = stored {
            profile.preferences.choices.add_refusals_of(&stored.preferences.choices);
        }
        self.choices.add_to(&mut profile.preferences);
        let stored_count = stored.map_or(0, |stored| stored.preferences.opted_out_types().count());
        if profile.preferences.opted_out_types().count() > MAX_OPTED_OUT.max(stored_count) {
            let message = "must be at most 50 names of types, with those that are stored";
            return Err(Problem::invalid_field("preferences.opted_out_types", message));
        }
        let change = ImportChange {
            profile: Some(profile).filter(|profile| stored.is_none_or(|stored| Profile::of(stored) != *profile)),
            devices: self.devices.iter().map(|(_, new)| new).filter(|new| is_device_change(stored, new)).collect(),
            is_new: stored.is_none(),
        };
        let mut errors: Vec<_> = self.known_devices.iter().filter_map(|known| unknown_device(stored, known)).collect();
        if change.result() != ImportResult::Unchanged {
            errors.extend(self.patch.read_only.changed(&self.id, stored));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        if mode == ImportMode::Create && change.result() == ImportResult::Updated {
            return Err(refused(ProblemKind::Conflict, "is a recipient with other data, and the mode is create"));
        }
        Ok(change)
    }
}

/// Creates a problem of the item's id.
fn refused(kind: ProblemKind, message: &str) -> Problem {
    Problem { kind, ..Problem::invalid_field("id", message) }
}

/// Returns `true` if the registration of a device changes more than the time of its last use: an import is no use.
fn is_device_change(stored: Option<&Recipient>, new: &NewDevice) -> bool {
    let unused = Device { last_used_at: Timestamp::UNIX_EPOCH, ..new.device.clone() };
    registration(stored, &unused, new.replaced.as_deref()) != Registration::Known
}

/// Returns the error of a device that is named by its id and that the recipient does not have.
fn unknown_device(stored: Option<&Recipient>, (at, device_id): &(usize, String)) -> Option<FieldError> {
    let is_known = stored.is_some_and(|stored| stored.devices.iter().any(|device| device.device_id == *device_id));
    let message = "is no device of this recipient: give its endpoint and keys, or leave it out";
    (!is_known).then(|| FieldError::new(format!("devices[{at}]"), message))
}
