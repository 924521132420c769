//! Source of the configuration in force: a short cache over SSM, refreshed inside invocations.
//!
//! A frozen Lambda process runs nothing between invocations. A caller that finds the value too old reads SSM, and
//! concurrent callers share that read. A value is used for 8 to 10 s, and for up to 20 s while a read is running. An
//! older value is used only if SSM fails. With the time of a read, every decision made 30 s after a change follows the
//! change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::cached_config::{CachedConfig, hold_off_ms};
use super::catalog_reader::CatalogReader;
use super::parameter_snapshot::{ConfigSnapshot, ParameterTexts, ParsedConfig, ReadabilityChange};
use aws::parameters::ParameterStore;
use domain::rollout::ParameterVersion;
use platform::alarm::AlarmLine;
use platform::clock::Clock;
use platform::random;
use store::{Catalog, CatalogStore, LastKnownGood, ParameterRecord, ParameterText};

/// Maximum age of a cached value, less a jitter of up to [`JITTER_MS`], so that processes do not read in step.
const FRESH_MS: i64 = 10_000;
const JITTER_MS: i64 = 2_000;
const NEW_NAMES_MS: i64 = 100; // shortest time between two reads of the catalog for names that are not known
/// Maximum time for which a caller waits for SSM. If a newer valid version may exist, the control table and the
/// parameters' histories together get the same time again.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads and caches [`ConfigSnapshot`].
#[derive(Debug)]
pub struct ConfigSource {
    parameters: ParameterStore,
    prefix: String,
    catalog: Option<CatalogReader>,
    settings_only: bool,
    catalog_only: bool,
    with_base: bool,
    last_known_good: Option<LastKnownGood>,
    writes_record: bool,
    clock: Clock,
    cache: Mutex<CachedConfig>,
    reading: tokio::sync::Mutex<()>,
}

impl ConfigSource {
    /// Creates a source of `<prefix>/rollout-percentage`, `<prefix>/rollout-users` and `<prefix>/settings`.
    pub fn new(parameters: ParameterStore, prefix: &str, clock: Clock) -> Self {
        Self {
            parameters,
            prefix: prefix.to_owned(),
            catalog: None,
            settings_only: false,
            catalog_only: false,
            with_base: false,
            last_known_good: None,
            writes_record: false,
            clock,
            cache: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Reads the settings alone, for functions that decide no version and may not read the rollout.
    #[must_use]
    pub fn settings_only(self) -> Self {
        Self { settings_only: true, ..self }
    }

    /// Also reads the types of notification from the catalog, at the same time as SSM.
    #[must_use]
    pub fn with_catalog(self, catalog: CatalogStore) -> Self {
        Self { catalog: Some(CatalogReader::new(catalog)), ..self }
    }

    /// Reads the types of notification alone and calls no SSM, for functions that use no parameter. The settings then
    /// have their defaults.
    #[must_use]
    pub fn catalog_only(self, catalog: CatalogStore) -> Self {
        Self { catalog_only: true, ..self.with_catalog(catalog) }
    }

    /// Also reads `<prefix>/public-base-url` in the same call, for functions that write links into messages.
    #[must_use]
    pub fn with_public_base_url(self) -> Self {
        Self { with_base: true, ..self }
    }

    /// Sets the record to read if a parameter is invalid or missing, and while SSM does not answer.
    #[must_use]
    pub fn with_last_known_good(self, last_known_good: LastKnownGood) -> Self {
        Self { last_known_good: Some(last_known_good), ..self }
    }

    /// Writes results from a parameter's history to the control table, for functions that may write that table.
    #[must_use]
    pub fn with_record_writes(self) -> Self {
        Self { writes_record: true, ..self }
    }

    /// Returns the configuration in force. Reads SSM if the cached value is too old, and never fails.
    ///
    /// A parameter that cannot be read has the value of the newest valid version that Parameter Store held. Without
    /// one, the percentage of version 2 is 0.
    pub async fn current(&self) -> ConfigSnapshot {
        if let Some(config) = self.cached(CachedConfig::is_fresh) {
            return config;
        }
        let _reading = match self.reading.try_lock() {
            Ok(first) => first,
            Err(_) => {
                if let Some(config) = self.cached(CachedConfig::is_usable_while_reading) {
                    return config;
                }
                self.reading.lock().await
            }
        };
        // The previous holder of the lock has most likely just read SSM.
        if let Some(config) = self.cached(CachedConfig::is_fresh) {
            return config;
        }
        // Boxed: a read is rare, and its future would be part of every future that uses the configuration.
        Box::pin(self.read()).await
    }

    /// Reads the catalog now, and returns the configuration in force. A name that the caller does not find may be new.
    /// The catalog is read once in [`NEW_NAMES_MS`]. A request after the last read waits for the next one.
    pub async fn with_new_names(&self) -> ConfigSnapshot {
        let requested_at_ms = self.now_ms();
        let _reading = self.reading.lock().await;
        let read_at_ms = self.cache().new_names_at_ms;
        if read_at_ms < requested_at_ms {
            let pause_ms = u64::try_from(read_at_ms + NEW_NAMES_MS - self.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            self.cache().new_names_at_ms = self.now_ms();
            let catalog = self.read_catalog().await;
            let mut cache = self.cache();
            let mut known = cache.known.clone();
            self.take_catalog(&mut known, catalog);
            cache.known = known.apply_stored_catalog();
        }
        self.cache().known.snapshot()
    }

    /// Returns the configuration in force, read now whatever is cached.
    pub async fn refresh(&self) -> ConfigSnapshot {
        let _reading = self.reading.lock().await;
        Box::pin(self.read()).await
    }

    /// Returns the texts of the present values.
    pub fn valid_texts(&self) -> ParameterTexts {
        self.cache().known.valid_texts()
    }

    /// Returns the record that the control table should hold.
    pub fn record(&self) -> ParameterRecord {
        self.cache().known.record()
    }

    fn cached(&self, serves: fn(&CachedConfig, i64) -> bool) -> Option<ConfigSnapshot> {
        let cache = self.cache();
        serves(&cache, self.now_ms()).then(|| cache.known.snapshot())
    }

    /// Reads everything before any part takes effect, so that no decision uses half of a change.
    ///
    /// Only the holder of the lock `reading` calls this.
    async fn read(&self) -> ConfigSnapshot {
        // The age counts from before the call, since the answer may be that old.
        let began_ms = self.now_ms();
        let mut known = self.cache().known.clone();
        if self.catalog_only {
            let catalog = self.read_catalog().await;
            let is_read = self.take_catalog(&mut known, catalog);
            self.apply_answer(began_ms, known, is_read);
            return self.cache().known.snapshot();
        }
        let read_parameters = tokio::time::timeout(READ_TIMEOUT, self.parameters.versions(self.names()));
        let (answer, catalog) = tokio::join!(read_parameters, self.read_catalog());
        let is_read = self.take_catalog(&mut known, catalog);
        match answer {
            Ok(Ok(found)) => {
                let changes = known.take(self.texts(found), self.settings_only);
                let is_settled = self.read_newer_valid_versions(&mut known, false).await && is_read;
                self.apply_answer(began_ms, known, is_settled);
                changes.iter().for_each(|change| self.log_change(change));
            }
            Ok(Err(error)) => {
                self.read_newer_valid_versions(&mut known, true).await;
                self.record_failure(began_ms, known, &error.to_string());
            }
            Err(_) => {
                self.read_newer_valid_versions(&mut known, true).await;
                self.record_failure(began_ms, known, "GetParameters took longer than 3 s");
            }
        }
        self.cache().known.snapshot()
    }

    /// Reads the catalog; `None` without a catalog, or if the read fails.
    async fn read_catalog(&self) -> Option<Catalog> {
        self.catalog.as_ref()?.read(READ_TIMEOUT).await
    }

    /// Takes a read of the catalog. Returns `false` if the read failed.
    fn take_catalog(&self, known: &mut ParsedConfig, catalog: Option<Catalog>) -> bool {
        let Some(reader) = &self.catalog else { return true };
        let is_read = catalog.is_some();
        let unreadable = known.take_catalog(catalog);
        if is_read {
            reader.log_unreadable(unreadable);
        }
        is_read
    }

    fn apply_answer(&self, began_ms: i64, known: ParsedConfig, is_settled: bool) {
        let mut cache = self.cache();
        let hold_off_ms = hold_off_ms(&known);
        cache.known = known.apply_stored_catalog();
        let was_down = std::mem::take(&mut cache.ssm_is_down);
        cache.read_at_ms = Some(began_ms);
        cache.called_at_ms = began_ms;
        cache.next_call_at_ms =
            if is_settled { began_ms + FRESH_MS - random::up_to(JITTER_MS) } else { self.now_ms() + hold_off_ms };
        drop(cache);
        if was_down {
            tracing::info!(
                recovered = "rollout_unavailable",
                prefix = self.prefix,
                "Parameter Store became available again"
            );
        }
    }

    fn record_failure(&self, began_ms: i64, known: ParsedConfig, cause: &str) {
        let mut cache = self.cache();
        let hold_off_ms = hold_off_ms(&known);
        cache.known = known.apply_stored_catalog();
        let was_down = std::mem::replace(&mut cache.ssm_is_down, true);
        cache.called_at_ms = began_ms;
        // Counts from now, not from the start: a failure that took 3 s must not shorten its own hold-off.
        cache.next_call_at_ms = self.now_ms() + hold_off_ms;
        drop(cache);
        if !was_down {
            let prefix = &self.prefix;
            tracing::warn!(
                alarm = AlarmLine::RolloutUnavailable.as_str(),
                prefix,
                error = cause,
                "failed to read Parameter Store; the last valid values stay in force"
            );
        }
    }

    /// Finds the newest valid versions elsewhere if SSM's answer does not have them. Returns `true` if everything was
    /// read.
    ///
    /// Costs nothing while every parameter is valid.
    async fn read_newer_valid_versions(&self, known: &mut ParsedConfig, is_down: bool) -> bool {
        let doubtful = known.doubtful(self.settings_only, is_down);
        if doubtful.is_empty() {
            return true;
        }
        let Ok(is_settled) = tokio::time::timeout(READ_TIMEOUT, self.read_fallbacks(known, &doubtful, is_down)).await
        else {
            tracing::warn!("timed out reading the record of valid values and the parameters' histories");
            return false;
        };
        is_settled
    }

    async fn read_fallbacks(&self, known: &mut ParsedConfig, doubtful: &[&'static str], is_down: bool) -> bool {
        let kept = self.load().await;
        let mut is_settled = kept.is_some();
        known.apply_record(kept.as_ref().unwrap_or(&ParameterRecord::new()), doubtful);
        if is_down {
            return is_settled;
        }
        for parameter in known.needs_history(self.settings_only) {
            match self.parameters.history(&self.name(parameter), 0).await {
                Ok(versions) => known.apply_history(parameter, versions),
                Err(error) => {
                    is_settled = false;
                    tracing::warn!(%error, parameter, "failed to read a parameter's history");
                }
            }
        }
        if let (Some(kept), true) = (kept, self.writes_record) {
            self.share(&kept, known, doubtful).await;
        }
        is_settled
    }

    /// Returns the control table's record, or `None` if it cannot be read.
    async fn load(&self) -> Option<ParameterRecord> {
        let Some(record) = self.last_known_good.as_ref() else { return Some(ParameterRecord::new()) };
        let kept = record.load().await;
        let kept = kept.map_err(|error| tracing::warn!(%error, "failed to read the record of valid values"));
        kept.ok().map(Option::unwrap_or_default)
    }

    /// Stores results from a parameter's history, so that other processes need not read it.
    async fn share(&self, kept: &ParameterRecord, known: &ParsedConfig, doubtful: &[&'static str]) {
        let Some(record) = self.last_known_good.as_ref() else { return };
        let mut found = known.record();
        found.retain(|parameter, _| doubtful.contains(parameter));
        if let Err(error) = record.save_over(kept, &found, self.clock.now()).await {
            tracing::warn!(%error, "failed to write the record of valid values");
        }
    }

    fn log_change(&self, change: &ReadabilityChange) {
        match change {
            ReadabilityChange::Unreadable { parameter, why } => {
                let parameter = self.name(parameter);
                tracing::error!(
                    alarm = AlarmLine::RolloutUnreadable.as_str(),
                    parameter,
                    error = why,
                    "rejected an invalid parameter; the last valid value stays in force"
                );
            }
            ReadabilityChange::Readable { parameter } => {
                let parameter = self.name(parameter);
                tracing::info!(recovered = "rollout_unreadable", parameter, "parameter became valid again");
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let all = ["settings", "rollout-percentage", "rollout-users"];
        let wanted = if self.settings_only { 1 } else { all.len() };
        let base = self.with_base.then_some("public-base-url");
        all.into_iter().take(wanted).chain(base).map(|name| self.name(name)).collect()
    }

    fn texts(&self, mut found: HashMap<String, ParameterVersion>) -> ParameterTexts {
        let mut stored = |parameter| found.remove(&self.name(parameter)).map(ParameterText::from);
        ParameterTexts {
            percentage: stored("rollout-percentage"),
            users: stored("rollout-users"),
            settings: stored("settings"),
            public_base_url: stored("public-base-url"),
        }
    }

    fn name(&self, parameter: &str) -> String {
        format!("{}/{parameter}", self.prefix)
    }

    fn now_ms(&self) -> i64 {
        Timestamp::as_millisecond(self.clock.now())
    }

    fn cache(&self) -> MutexGuard<'_, CachedConfig> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "source_properties_tests.rs"]
mod properties_tests;

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "source_world.rs"]
mod world;
