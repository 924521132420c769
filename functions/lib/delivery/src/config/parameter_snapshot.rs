//! Newest valid version of each parameter, from SSM's answer, the control table's record and the parameter's history.
//!
//! Each parameter is decided on its own. The logic is pure; the caller reads and logs.

use std::sync::Arc;

use super::known_templates::KnownTemplates;
use super::stored_catalog::StoredCatalog;
use crate::links::{BaseUrlError, Links, PublicBaseUrl};
use crate::token::TokenKeys;
use domain::caps::CapRules;
use domain::rollout::strict_json::StrictJsonError;
use domain::rollout::{ListedUsers, ParameterVersion, Percentage, PercentageError, Rollout, VersionKey};
use domain::settings::{CatalogCoverage, Settings};
use store::{Catalog, CatalogKey, ParameterRecord, ParameterText, RecordEntry, StoreError};

/// One snapshot of the configuration in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigSnapshot {
    /// Rollout of version 2.
    pub rollout: Rollout,
    /// All other settings.
    pub settings: Arc<Settings>,
    /// Rules of the frequency caps.
    pub caps: Arc<CapRules>,
    /// Templates that a send may name.
    pub templates: Arc<KnownTemplates>,
    /// Public base URL of links; without it, messages have no links.
    pub public_base_url: Option<PublicBaseUrl>,
}

impl ConfigSnapshot {
    /// Returns the builder of links, or `None` while the public base URL is not set.
    #[must_use]
    pub fn links<'a>(&'a self, keys: &'a TokenKeys) -> Option<Links<'a>> {
        self.public_base_url.as_ref().map(|base| Links::new(base, keys))
    }

    /// Checks that it is certain which rules hold for a type. A process that has never read the catalog has neither
    /// types nor frequency caps. So it makes no decision.
    ///
    /// # Errors
    /// A transient error if the definition of the type could not be read.
    pub fn check_type(&self, name: &str) -> Result<(), StoreError> {
        if self.settings.types.is_certain_of(name) { Ok(()) } else { Err(unread_row()) }
    }

    /// Checks that it is certain whether there is a template with this name. After a read with malformed rows, a name
    /// that is not known may be that of an existing template.
    ///
    /// # Errors
    /// A transient error if the row of the template could not be read.
    pub fn check_template(&self, name: &str) -> Result<(), StoreError> {
        let has_every_row = self.settings.types.coverage() == CatalogCoverage::Complete;
        if has_every_row || self.templates.get(name).is_some() { Ok(()) } else { Err(unread_row()) }
    }
}

fn unread_row() -> StoreError {
    StoreError::Transient { call: "Query", cause: "a row of the catalog was not read yet".to_owned() }
}

/// Texts of the parameters as SSM holds them, or as the last successful read returned them. `None` means that there is
/// no text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParameterTexts {
    /// Text of `rollout-percentage`.
    pub percentage: Option<ParameterText>,
    /// Text of `rollout-users`.
    pub users: Option<ParameterText>,
    /// Text of `settings`.
    pub settings: Option<ParameterText>,
    /// Text of `public-base-url`, which may not exist yet.
    pub public_base_url: Option<ParameterText>,
}

/// Change of a parameter between valid and invalid that is logged as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadabilityChange {
    /// The parameter became unreadable, or is unreadable for another reason.
    Unreadable {
        /// Last part of the parameter's name.
        parameter: &'static str,
        /// Error of the text, without the text itself.
        why: String,
    },
    /// The parameter was unreadable and is readable again.
    Readable {
        /// Last part of the parameter's name.
        parameter: &'static str,
    },
}

/// Reason for which a parameter is unreadable. It never contains the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ParameterError {
    #[error("it does not exist")]
    Missing,
    #[error(transparent)]
    Percentage(#[from] PercentageError),
    #[error(transparent)]
    Json(#[from] StrictJsonError),
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
}

/// State of one parameter: the newest valid version found by this process, and the version in SSM.
#[derive(Debug, Clone)]
struct Slot<T> {
    name: &'static str,
    parse: fn(&str) -> Result<T, ParameterError>,
    last_valid: Option<(ParameterText, T)>,
    /// Version in SSM at the last read; `None` if there was none.
    present: Option<VersionKey>,
    /// Error of the version in SSM.
    error: Option<ParameterError>,
    /// Version up to which `last_valid` is certainly the newest valid one.
    newest_up_to: Option<VersionKey>,
    /// Version that is not valid, and whose history held nothing valid, so that the history need not be read again.
    history_exhausted_at: Option<VersionKey>,
    /// `true` if the parameter may never have existed.
    is_optional: bool,
}

impl<T: Clone + Default> Slot<T> {
    fn new(name: &'static str, parse: fn(&str) -> Result<T, ParameterError>) -> Self {
        let (last_valid, present, error, newest_up_to, history_exhausted_at) = (None, None, None, None, None);
        Self { name, parse, last_valid, present, error, newest_up_to, history_exhausted_at, is_optional: false }
    }

    /// Takes SSM's answer. A valid version in SSM is the newest valid one.
    fn take(&mut self, stored: Option<ParameterText>) -> Option<ReadabilityChange> {
        self.present = stored.as_ref().map(|stored| stored.key);
        let error = match stored {
            None if self.is_optional && self.last_valid.is_none() => None,
            None => Some(ParameterError::Missing),
            Some(stored) => {
                let key = stored.key;
                self.adopt(stored).map(|()| self.newest_up_to = Some(key)).err()
            }
        };
        self.set_error(error)
    }

    /// Parses a text and makes it the value if it is valid.
    fn adopt(&mut self, stored: ParameterText) -> Result<(), ParameterError> {
        match &mut self.last_valid {
            Some((held, _)) if held.text == stored.text => held.key = stored.key,
            _ => {
                let value = (self.parse)(stored.text.expose())?;
                self.last_valid = Some((stored, value));
            }
        }
        Ok(())
    }

    fn set_error(&mut self, error: Option<ParameterError>) -> Option<ReadabilityChange> {
        if error == self.error {
            return None;
        }
        self.error = error;
        let parameter = self.name;
        Some(match &self.error {
            Some(error) => ReadabilityChange::Unreadable { parameter, why: error.to_string() },
            None => ReadabilityChange::Readable { parameter },
        })
    }

    fn value(&self) -> T {
        self.last_valid.as_ref().map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn stored(&self) -> Option<ParameterText> {
        self.last_valid.as_ref().map(|(stored, _)| stored.clone())
    }
}

/// Rules that every parameter follows, whatever the type of its value.
trait Parameter {
    fn name(&self) -> &'static str;
    /// Returns `true` if a newer valid version than the one of this process may exist.
    fn may_be_outdated(&self) -> bool;
    /// Returns `true` if the parameter's history must be read.
    fn needs_history(&self) -> bool;
    /// Takes the control table's entry.
    fn apply_record(&mut self, entry: &RecordEntry);
    /// Takes all versions that SSM still holds, oldest first.
    fn apply_history(&mut self, versions: Vec<ParameterVersion>);
    fn entry(&self) -> RecordEntry;
}

impl<T: Clone + Default> Parameter for Slot<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn may_be_outdated(&self) -> bool {
        self.error.is_some() && (self.present.is_none() || self.present != self.newest_up_to)
    }

    fn needs_history(&self) -> bool {
        self.present.is_some() && self.may_be_outdated() && self.history_exhausted_at != self.present
    }

    fn apply_record(&mut self, entry: &RecordEntry) {
        let Some(valid) = entry.valid.clone() else { return };
        let is_certain = entry.newest_up_to.is_some() && entry.newest_up_to == self.present;
        let is_newer = self.last_valid.as_ref().is_none_or(|(held, _)| held.key < valid.key);
        // A text that another release stored, and that this release cannot parse, is ignored.
        if (is_certain || is_newer) && self.adopt(valid).is_ok() {
            self.newest_up_to = entry.newest_up_to;
        }
    }

    fn apply_history(&mut self, versions: Vec<ParameterVersion>) {
        let present = self.present;
        for version in versions.into_iter().rev() {
            if self.adopt(version.into()).is_ok() {
                self.newest_up_to = present;
                return;
            }
        }
        self.history_exhausted_at = present;
    }

    fn entry(&self) -> RecordEntry {
        RecordEntry { valid: self.stored(), newest_up_to: self.newest_up_to }
    }
}

/// Parsed state of all parameters.
#[derive(Debug, Clone)]
pub struct ParsedConfig {
    percentage: Slot<Percentage>,
    users: Slot<Arc<ListedUsers>>,
    settings: Slot<Arc<Settings>>,
    public_base_url: Slot<Option<PublicBaseUrl>>,
    /// Types as the catalog stores them; `None` for a function that does not read the catalog.
    stored_catalog: Option<StoredCatalog>,
    /// The settings with the stored types, once [`Self::apply_stored_catalog`] was called.
    settings_in_force: Option<Arc<Settings>>,
}

impl Default for ParsedConfig {
    /// Returns the state without any version: version 2 off, no listed users, every setting at its default.
    fn default() -> Self {
        Self {
            percentage: Slot::new("rollout-percentage", |text| Ok(text.parse()?)),
            users: Slot::new("rollout-users", |text| Ok(Arc::new(ListedUsers::parse(text)?))),
            settings: Slot::new("settings", |text| Ok(Arc::new(Settings::parse(text)?))),
            public_base_url: Slot {
                is_optional: true,
                ..Slot::new("public-base-url", |text| Ok(Some(PublicBaseUrl::parse(text)?)))
            },
            stored_catalog: None,
            settings_in_force: None,
        }
    }
}

impl ParsedConfig {
    /// Takes one answer of SSM. With `settings_only`, the other parameters are ignored.
    pub fn take(&mut self, texts: ParameterTexts, settings_only: bool) -> Vec<ReadabilityChange> {
        let settings = self.settings.take(texts.settings);
        if settings_only {
            return settings.into_iter().collect();
        }
        let base = self.public_base_url.take(texts.public_base_url);
        let rollout = [self.percentage.take(texts.percentage), self.users.take(texts.users)];
        rollout.into_iter().chain([settings, base]).flatten().collect()
    }

    /// Returns the parameters of which a newer valid version may exist than the known one.
    ///
    /// These are the parameters that are invalid or missing; while SSM is down, all of them.
    pub fn doubtful(&self, settings_only: bool, is_down: bool) -> Vec<&'static str> {
        let slots = self.slots(settings_only).into_iter();
        slots.filter(|slot| is_down || slot.may_be_outdated()).map(Parameter::name).collect()
    }

    /// Takes newer versions of these parameters from the control table's record.
    pub fn apply_record(&mut self, record: &ParameterRecord, doubtful: &[&'static str]) {
        for slot in self.slots_mut().into_iter().filter(|slot| doubtful.contains(&slot.name())) {
            if let Some(entry) = record.get(slot.name()) {
                slot.apply_record(entry);
            }
        }
    }

    /// Returns the parameters whose history must be read to find the newest valid version.
    pub fn needs_history(&self, settings_only: bool) -> Vec<&'static str> {
        let slots = self.slots(settings_only).into_iter();
        slots.filter(|slot| slot.needs_history()).map(Parameter::name).collect()
    }

    /// Takes all versions of a parameter that SSM still holds, oldest first. The newest valid one is then in force.
    pub fn apply_history(&mut self, parameter: &str, versions: Vec<ParameterVersion>) {
        if let Some(slot) = self.slots_mut().into_iter().find(|slot| slot.name() == parameter) {
            slot.apply_history(versions);
        }
    }

    /// Returns the record of this state.
    pub fn record(&self) -> ParameterRecord {
        self.slots(false).into_iter().map(|slot| (slot.name(), slot.entry())).collect()
    }

    fn slots(&self, settings_only: bool) -> Vec<&dyn Parameter> {
        let rollout: [&dyn Parameter; 3] = [&self.percentage, &self.users, &self.public_base_url];
        let settings: &dyn Parameter = &self.settings;
        std::iter::once(settings).chain(rollout.into_iter().filter(|_| !settings_only)).collect()
    }

    fn slots_mut(&mut self) -> [&mut dyn Parameter; 4] {
        [&mut self.settings, &mut self.percentage, &mut self.users, &mut self.public_base_url]
    }

    /// Takes one read of the catalog; `None` if it failed. Returns the rows that cannot be parsed.
    pub fn take_catalog(&mut self, catalog: Option<Catalog>) -> Vec<CatalogKey> {
        let types = self.stored_catalog.get_or_insert_default();
        catalog.map(|catalog| types.take(catalog)).unwrap_or_default()
    }

    /// Puts the stored types into the settings. Called once after each read, because a snapshot must be cheap.
    #[must_use]
    pub fn apply_stored_catalog(mut self) -> Self {
        let types = self.stored_catalog.as_ref();
        self.settings_in_force = types.map(|types| Arc::new(types.in_settings(&self.settings.value())));
        self
    }

    /// Returns `true` if the source reads the catalog, and no read succeeded yet.
    pub fn awaits_catalog(&self) -> bool {
        self.stored_catalog.as_ref().is_some_and(|catalog| !catalog.was_read())
    }

    /// Returns the values in force.
    pub fn snapshot(&self) -> ConfigSnapshot {
        let rollout = Rollout { percentage: self.percentage.value(), users: self.users.value() };
        let settings = self.settings_in_force.clone().unwrap_or_else(|| self.settings.value());
        let (caps, templates) = match &self.stored_catalog {
            Some(stored) => (stored.caps(), stored.templates()),
            None => Default::default(),
        };
        ConfigSnapshot { rollout, settings, caps, templates, public_base_url: self.public_base_url.value() }
    }

    /// Returns the texts of the values in force.
    pub fn valid_texts(&self) -> ParameterTexts {
        ParameterTexts {
            percentage: self.percentage.stored(),
            users: self.users.stored(),
            settings: self.settings.stored(),
            public_base_url: self.public_base_url.stored(),
        }
    }
}

#[cfg(test)]
#[path = "parameter_snapshot_tests.rs"]
mod tests;
