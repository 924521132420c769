//! The newest valid version of each parameter, out of what SSM returns now, what the control table keeps and what the
//! parameter's history holds. Each parameter is decided on its own. Pure; the caller reads and logs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::PublicBaseUrl;
use domain::rollout::{ListedUsers, ParameterVersion, Percentage, Rollout, VersionKey};
use domain::settings::Settings;
use platform::private::Private;

/// One snapshot of what ops have set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Who gets v2.
    pub rollout: Rollout,
    /// Everything else.
    pub settings: Arc<Settings>,
    /// Where links lead back to; without it messages go out without any.
    pub public_base_url: Option<PublicBaseUrl>,
}

/// The text of one version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// Its place among the versions.
    pub key: VersionKey,
    /// The text.
    pub text: Private<String>,
}

impl From<ParameterVersion> for StoredText {
    fn from(version: ParameterVersion) -> Self {
        Self { key: version.key(), text: version.value }
    }
}

/// The texts as they stand in SSM, or as they last stood when they could be read. `None`: there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// The text of `rollout-percentage`.
    pub percentage: Option<StoredText>,
    /// The text of `rollout-users`.
    pub users: Option<StoredText>,
    /// The text of `settings`.
    pub settings: Option<StoredText>,
    /// The text of `public-base-url`, which may not be there yet.
    pub public_base_url: Option<StoredText>,
}

/// What the control table keeps of one parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordEntry {
    /// The newest valid version that anybody wrote down.
    pub valid: Option<StoredText>,
    /// A version up to which `valid` is known to be the newest valid one: its own, or that of junk written after it.
    pub newest_up_to: Option<VersionKey>,
}

/// What the control table keeps, by the last part of each parameter's name.
pub type Record = BTreeMap<&'static str, RecordEntry>;

/// A change of one value's state, worth one line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was readable and is not, or is unreadable in another way.
    Unreadable {
        /// Which of the three: the last part of the parameter's name.
        parameter: &'static str,
        /// What is wrong, without the text.
        why: String,
    },
    /// It was unreadable and is readable again.
    Readable {
        /// Which of the three.
        parameter: &'static str,
    },
}

/// One value: the newest valid version that this process knows, and what stands in SSM.
#[derive(Debug, Clone)]
struct Slot<T> {
    name: &'static str,
    parse: fn(&str) -> Result<T, String>,
    good: Option<(StoredText, T)>,
    /// What stood in SSM at the last read; `None` when there was nothing.
    present: Option<VersionKey>,
    /// What is wrong with it.
    fault: Option<String>,
    /// The version up to which `good` is certainly the newest valid one.
    newest_up_to: Option<VersionKey>,
    /// The junk whose history held nothing valid, so that it need not be read again.
    barren: Option<VersionKey>,
    /// Whether it may never have been there.
    is_optional: bool,
}

impl<T: Clone + Default> Slot<T> {
    fn new(name: &'static str, parse: fn(&str) -> Result<T, String>) -> Self {
        let (good, present, fault, newest_up_to, barren) = (None, None, None, None, None);
        Self { name, parse, good, present, fault, newest_up_to, barren, is_optional: false }
    }

    /// Takes what SSM returned now. What stands there and is valid is the newest valid version.
    fn take(&mut self, stored: Option<StoredText>) -> Option<Change> {
        self.present = stored.as_ref().map(|stored| stored.key);
        let fault = match stored {
            None if self.is_optional && self.good.is_none() => None,
            None => Some("it does not exist".to_owned()),
            Some(stored) => {
                let key = stored.key;
                self.adopt(stored).map(|()| self.newest_up_to = Some(key)).err()
            }
        };
        self.become_faulty(fault)
    }

    /// Makes this the value, if it is one.
    fn adopt(&mut self, stored: StoredText) -> Result<(), String> {
        match &mut self.good {
            Some((held, _)) if held.text == stored.text => held.key = stored.key,
            _ => {
                let value = (self.parse)(stored.text.expose())?;
                self.good = Some((stored, value));
            }
        }
        Ok(())
    }

    fn become_faulty(&mut self, fault: Option<String>) -> Option<Change> {
        if fault == self.fault {
            return None;
        }
        self.fault = fault;
        let parameter = self.name;
        Some(self.fault.clone().map_or(Change::Readable { parameter }, |why| Change::Unreadable { parameter, why }))
    }

    fn value(&self) -> T {
        self.good.as_ref().map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn stored(&self) -> Option<StoredText> {
        self.good.as_ref().map(|(stored, _)| stored.clone())
    }
}

/// The rules that every parameter follows, whatever its value is.
trait Parameter {
    fn name(&self) -> &'static str;
    /// Whether an older valid version may be in force here than somewhere else.
    fn is_doubtful(&self) -> bool;
    /// Whether the parameter's history would say more.
    fn needs_history(&self) -> bool;
    /// Takes what the control table keeps.
    fn consult(&mut self, entry: &RecordEntry);
    /// Takes all versions that SSM still has, oldest first.
    fn learn(&mut self, versions: Vec<ParameterVersion>);
    fn entry(&self) -> RecordEntry;
}

impl<T: Clone + Default> Parameter for Slot<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_doubtful(&self) -> bool {
        self.fault.is_some() && (self.present.is_none() || self.present != self.newest_up_to)
    }

    fn needs_history(&self) -> bool {
        self.present.is_some() && self.is_doubtful() && self.barren != self.present
    }

    fn consult(&mut self, entry: &RecordEntry) {
        let Some(valid) = entry.valid.clone() else { return };
        let is_certain = entry.newest_up_to.is_some() && entry.newest_up_to == self.present;
        let is_newer = self.good.as_ref().is_none_or(|(held, _)| held.key < valid.key);
        // A text that an older release wrote there, and this one cannot read, is no text.
        if (is_certain || is_newer) && self.adopt(valid).is_ok() {
            self.newest_up_to = entry.newest_up_to;
        }
    }

    fn learn(&mut self, versions: Vec<ParameterVersion>) {
        let present = self.present;
        for version in versions.into_iter().rev() {
            if self.adopt(version.into()).is_ok() {
                self.newest_up_to = present;
                return;
            }
        }
        self.barren = present;
    }

    fn entry(&self) -> RecordEntry {
        RecordEntry { valid: self.stored(), newest_up_to: self.newest_up_to }
    }
}

fn shown<T, E: fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Everything that is known of the values.
#[derive(Debug, Clone)]
pub struct Known {
    percentage: Slot<Percentage>,
    users: Slot<Arc<ListedUsers>>,
    settings: Slot<Arc<Settings>>,
    public_base_url: Slot<Option<PublicBaseUrl>>,
}

impl Default for Known {
    /// Nothing: v2 for nobody, nobody listed, every setting at its default.
    fn default() -> Self {
        Self {
            percentage: Slot::new("rollout-percentage", |text| shown(text.parse())),
            users: Slot::new("rollout-users", |text| shown(ListedUsers::parse(text)).map(Arc::new)),
            settings: Slot::new("settings", |text| shown(Settings::parse(text)).map(Arc::new)),
            public_base_url: Slot {
                is_optional: true,
                ..Slot::new("public-base-url", |text| shown(PublicBaseUrl::parse(text)).map(Some))
            },
        }
    }
}

impl Known {
    /// Takes one answer of SSM. With `settings_only`, the rollout's two are not looked at.
    pub fn take(&mut self, texts: Texts, settings_only: bool) -> Vec<Change> {
        let settings = self.settings.take(texts.settings);
        if settings_only {
            return settings.into_iter().collect();
        }
        let base = self.public_base_url.take(texts.public_base_url);
        let rollout = [self.percentage.take(texts.percentage), self.users.take(texts.users)];
        rollout.into_iter().chain([settings, base]).flatten().collect()
    }

    /// The parameters of which a newer valid version may exist than the one known here: what stands in SSM is junk or gone,
    /// or, while SSM is down, may have changed.
    pub fn doubtful(&self, settings_only: bool, is_down: bool) -> Vec<&'static str> {
        let slots = self.slots(settings_only).into_iter();
        slots.filter(|slot| is_down || slot.is_doubtful()).map(Parameter::name).collect()
    }

    /// Takes from the control table's record what is newer than what is known of these.
    pub fn consult(&mut self, record: &Record, doubtful: &[&'static str]) {
        for slot in self.slots_mut().into_iter().filter(|slot| doubtful.contains(&slot.name())) {
            if let Some(entry) = record.get(slot.name()) {
                slot.consult(entry);
            }
        }
    }

    /// The parameters whose history would say which version is the newest valid one.
    pub fn needs_history(&self, settings_only: bool) -> Vec<&'static str> {
        let slots = self.slots(settings_only).into_iter();
        slots.filter(|slot| slot.needs_history()).map(Parameter::name).collect()
    }

    /// Takes all versions of a parameter that SSM still has, oldest first: the newest valid one is in force.
    pub fn learn(&mut self, parameter: &str, versions: Vec<ParameterVersion>) {
        if let Some(slot) = self.slots_mut().into_iter().find(|slot| slot.name() == parameter) {
            slot.learn(versions);
        }
    }

    /// What a record of this knowledge would be.
    pub fn record(&self) -> Record {
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

    /// The values to decide by.
    pub fn live(&self) -> Live {
        let rollout = Rollout { percentage: self.percentage.value(), users: self.users.value() };
        Live { rollout, settings: self.settings.value(), public_base_url: self.public_base_url.value() }
    }

    /// The texts that the values come from.
    pub fn good_texts(&self) -> Texts {
        Texts {
            percentage: self.percentage.stored(),
            users: self.users.stored(),
            settings: self.settings.stored(),
            public_base_url: self.public_base_url.stored(),
        }
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
