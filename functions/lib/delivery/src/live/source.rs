//! The one place that knows what ops have set now: a short cache over SSM, refreshed inside invocations.
//!
//! A frozen Lambda process runs nothing between invocations, so nothing here runs in the background: whoever finds the value
//! too old reads it, and everyone who comes meanwhile shares that read. A value serves for 8 to 10 s; up to 20 s while
//! somebody is reading; nobody decides by an older one unless SSM fails. With the time a read may take, every
//! decision made 30 s after a change follows it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::rand::SystemRandom;

use super::LastGood;
use super::reading::{Change, Known, Live, Record, StoredText, Texts};
use aws::parameters::ParameterStore;
use domain::rollout::ParameterVersion;
use platform::clock::Clock;

/// A value serves at most this long, less a jitter of up to [`JITTER_MS`], so that processes do not ask in step.
const FRESH_MS: i64 = 10_000;
const JITTER_MS: u16 = 2_000;
/// While somebody reads, a value up to this age serves without waiting.
const YOUNG_MS: i64 = 20_000;
/// After a failed read SSM is left alone this long, so that an outage does not cost every caller a time-out.
const HOLD_OFF_MS: i64 = 5_000;
/// The most that a caller waits for SSM. Where that leaves a doubt, the control table and the parameters' histories get as
/// long again, together.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads and keeps [`Live`].
#[derive(Debug)]
pub struct LiveSource {
    parameters: ParameterStore,
    prefix: String,
    settings_only: bool,
    with_base: bool,
    last_good: Option<LastGood>,
    is_sharing: bool,
    clock: Clock,
    held: Mutex<Held>,
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    known: Known,
    /// When the read that gave the values began; `None` before the first.
    read_at_ms: Option<i64>,
    /// When SSM was last asked, and until when it need not be asked again.
    asked_at_ms: i64,
    ask_again_at_ms: i64,
    ssm_is_down: bool,
}

impl LiveSource {
    /// Reads `<prefix>/rollout-percentage`, `<prefix>/rollout-users` and `<prefix>/settings`.
    pub fn new(parameters: ParameterStore, prefix: &str, clock: Clock) -> Self {
        Self {
            parameters,
            prefix: prefix.to_owned(),
            settings_only: false,
            with_base: false,
            last_good: None,
            is_sharing: false,
            clock,
            held: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// For functions that decide no version and may not read the rollout: asks for the settings alone.
    #[must_use]
    pub fn settings_only(self) -> Self {
        Self { settings_only: true, ..self }
    }

    /// For functions that write links into messages: asks for `<prefix>/public-base-url` in the same call.
    #[must_use]
    pub fn with_public_base_url(self) -> Self {
        Self { with_base: true, ..self }
    }

    /// Where to look when a parameter holds junk or is gone, and while SSM does not answer.
    #[must_use]
    pub fn with_last_good(self, last_good: LastGood) -> Self {
        Self { last_good: Some(last_good), ..self }
    }

    /// For functions that may write the control table: what they find out in a parameter's history is written there.
    #[must_use]
    pub fn sharing(self) -> Self {
        Self { is_sharing: true, ..self }
    }

    /// What to decide by now. Reads SSM when the cached value is too old, and never fails: a parameter that cannot be read has
    /// the value of the newest valid version that Parameter Store held, and without one v2 is 0.
    pub async fn live(&self) -> Live {
        if let Some(live) = self.cached(Held::need_not_ask) {
            return live;
        }
        let _reading = match self.reading.try_lock() {
            Ok(first) => first,
            Err(_) => {
                if let Some(live) = self.cached(Held::is_young) {
                    return live;
                }
                self.reading.lock().await
            }
        };
        // Whoever held the lock before has most likely just read it.
        if let Some(live) = self.cached(Held::need_not_ask) {
            return live;
        }
        self.read().await
    }

    /// What to decide by, read now, whatever is cached.
    pub async fn reread(&self) -> Live {
        let _reading = self.reading.lock().await;
        self.read().await
    }

    /// The texts that the present values come from.
    pub fn good_texts(&self) -> Texts {
        self.held().known.good_texts()
    }

    /// What the control table should keep.
    pub fn record(&self) -> Record {
        self.held().known.record()
    }

    fn cached(&self, serves: fn(&Held, i64) -> bool) -> Option<Live> {
        let held = self.held();
        serves(&held, self.now_ms()).then(|| held.known.live())
    }

    /// Reads everything before any of it counts: nobody decides meanwhile by half of it. Only the holder of `reading` comes here.
    async fn read(&self) -> Live {
        // The age counts from before the call: that is how old the answer may be.
        let began_ms = self.now_ms();
        let mut known = self.held().known.clone();
        let answer = tokio::time::timeout(PATIENCE, self.parameters.versions(self.names())).await;
        match answer {
            Ok(Ok(found)) => {
                let changes = known.take(self.texts(found), self.settings_only);
                let is_settled = self.settle(&mut known, false).await;
                self.take(began_ms, known, is_settled);
                changes.iter().for_each(|change| self.tell(change));
            }
            Ok(Err(error)) => {
                self.settle(&mut known, true).await;
                self.keep(began_ms, known, &error.to_string());
            }
            Err(_) => {
                self.settle(&mut known, true).await;
                self.keep(began_ms, known, "GetParameters took longer than 3 s");
            }
        }
        self.held().known.live()
    }

    fn take(&self, began_ms: i64, known: Known, is_settled: bool) {
        let mut held = self.held();
        held.known = known;
        let was_down = std::mem::take(&mut held.ssm_is_down);
        held.read_at_ms = Some(began_ms);
        held.asked_at_ms = began_ms;
        held.ask_again_at_ms =
            if is_settled { began_ms + FRESH_MS - i64::from(jitter_ms()) } else { self.now_ms() + HOLD_OFF_MS };
        drop(held);
        if was_down {
            tracing::info!(recovered = "rollout_unavailable", prefix = self.prefix, "SSM answers again");
        }
    }

    fn keep(&self, began_ms: i64, known: Known, cause: &str) {
        let mut held = self.held();
        held.known = known;
        let was_down = std::mem::replace(&mut held.ssm_is_down, true);
        held.asked_at_ms = began_ms;
        // From now and not from the beginning: a failure that took 3 s must not eat its own hold-off.
        held.ask_again_at_ms = self.now_ms() + HOLD_OFF_MS;
        drop(held);
        if !was_down {
            let prefix = &self.prefix;
            tracing::warn!(alarm = "rollout_unavailable", prefix, cause, "the last good values stay in force");
        }
    }

    /// Finds the newest valid versions elsewhere where SSM's answer leaves a doubt, and returns whether all of it was read. Costs
    /// nothing while every parameter is valid.
    async fn settle(&self, known: &mut Known, is_down: bool) -> bool {
        let doubtful = known.doubtful(self.settings_only, is_down);
        if doubtful.is_empty() {
            return true;
        }
        let Ok(is_settled) = tokio::time::timeout(PATIENCE, self.look_elsewhere(known, &doubtful, is_down)).await
        else {
            tracing::warn!("the control table and the parameters' histories took longer than 3 s");
            return false;
        };
        is_settled
    }

    async fn look_elsewhere(&self, known: &mut Known, doubtful: &[&'static str], is_down: bool) -> bool {
        let kept = self.load().await;
        let mut is_settled = kept.is_some();
        known.consult(kept.as_ref().unwrap_or(&Record::new()), doubtful);
        if is_down {
            return is_settled;
        }
        for parameter in known.needs_history(self.settings_only) {
            match self.parameters.history(&self.name(parameter), 0).await {
                Ok(versions) => known.learn(parameter, versions),
                Err(error) => {
                    is_settled = false;
                    tracing::warn!(%error, parameter, "a parameter's history cannot be read");
                }
            }
        }
        if let (Some(kept), true) = (kept, self.is_sharing) {
            self.share(&kept, known, doubtful).await;
        }
        is_settled
    }

    /// The control table's record; `None` where it cannot be read.
    async fn load(&self) -> Option<Record> {
        let Some(record) = self.last_good.as_ref() else { return Some(Record::new()) };
        let kept = record.load().await;
        let kept = kept.map_err(|error| tracing::warn!(%error, "the last good record cannot be read"));
        kept.ok().map(Option::unwrap_or_default)
    }

    /// Spares other processes the same look into a history.
    async fn share(&self, kept: &Record, known: &Known, doubtful: &[&'static str]) {
        let Some(record) = self.last_good.as_ref() else { return };
        let mut found = known.record();
        found.retain(|parameter, _| doubtful.contains(parameter));
        if let Err(error) = record.save_over(kept, &found, self.clock.now()).await {
            tracing::warn!(%error, "the last good record cannot be written");
        }
    }

    fn tell(&self, change: &Change) {
        match change {
            Change::Unreadable { parameter, why } => {
                let parameter = self.name(parameter);
                tracing::error!(alarm = "rollout_unreadable", parameter, why, "the last good value stays in force");
            }
            Change::Readable { parameter } => {
                let parameter = self.name(parameter);
                tracing::info!(recovered = "rollout_unreadable", parameter, "the parameter is readable again");
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let all = ["settings", "rollout-percentage", "rollout-users"];
        let wanted = if self.settings_only { 1 } else { all.len() };
        let base = self.with_base.then_some("public-base-url");
        all.into_iter().take(wanted).chain(base).map(|name| self.name(name)).collect()
    }

    fn texts(&self, mut found: HashMap<String, ParameterVersion>) -> Texts {
        let mut stored = |parameter| found.remove(&self.name(parameter)).map(StoredText::from);
        Texts {
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

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn need_not_ask(&self, now_ms: i64) -> bool {
        // A clock that was set back makes the age unknown, so SSM is asked.
        (self.asked_at_ms..self.ask_again_at_ms).contains(&now_ms)
    }

    fn is_young(&self, now_ms: i64) -> bool {
        self.read_at_ms.is_some_and(|read_at_ms| (0..YOUNG_MS).contains(&(now_ms - read_at_ms)))
    }
}

fn jitter_ms() -> u16 {
    let random = ring::rand::generate::<[u8; 2]>(&SystemRandom::new());
    random.map_or(0, |random| u16::from_be_bytes(random.expose()) % (JITTER_MS + 1))
}

#[cfg(test)]
#[path = "source_laws.rs"]
mod laws;

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "source_world.rs"]
mod world;
