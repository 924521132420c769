//! The one place that knows what ops have set now: a short cache over SSM, refreshed inside invocations.
//!
//! A frozen Lambda process runs nothing between invocations, so nothing here runs in the background: whoever finds the value
//! too old reads it, and everyone who comes meanwhile shares that read. A value serves for 8 to 10 s; up to 20 s while
//! somebody is reading; nobody decides by an older one unless SSM fails. With the time a read may take, every
//! decision made 30 s after a change follows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::rand::SystemRandom;

use super::reading::{Change, Known, Texts};
use super::{LastGood, Rollout};
use crate::clock::Clock;
use crate::parameters::{ParameterStore, Parameters};
use crate::settings::Settings;
use crate::track::PublicBaseUrl;

/// A value serves at most this long, less a jitter of up to [`JITTER_MS`], so that processes do not ask in step.
const FRESH_MS: i64 = 10_000;
const JITTER_MS: u16 = 2_000;
/// While somebody reads, a value up to this age serves without waiting.
const YOUNG_MS: i64 = 20_000;
/// After a failed read SSM is left alone this long, so that an outage does not cost every caller a time-out.
const HOLD_OFF_MS: i64 = 5_000;
/// The most that a caller waits for SSM. The last good record gets as long again, once.
const PATIENCE: Duration = Duration::from_secs(3);

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

/// Reads and keeps [`Live`].
#[derive(Debug)]
pub struct LiveSource {
    parameters: ParameterStore,
    prefix: String,
    settings_only: bool,
    with_base: bool,
    last_good: Option<LastGood>,
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

    /// Where to look while a value has never been readable in this process.
    #[must_use]
    pub fn with_last_good(self, last_good: LastGood) -> Self {
        Self { last_good: Some(last_good), ..self }
    }

    /// What to decide by now. Reads SSM when the cached value is too old, and never fails: what cannot be read keeps its
    /// last good value, and before there is one v2 is 0.
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

    /// The texts that the present values come from, for the last good record.
    pub fn good_texts(&self) -> Texts {
        self.held().known.good_texts()
    }

    fn cached(&self, serves: fn(&Held, i64) -> bool) -> Option<Live> {
        let held = self.held();
        serves(&held, self.now_ms()).then(|| held.known.live())
    }

    async fn read(&self) -> Live {
        // The age counts from before the call: that is how old the answer may be.
        let began_ms = self.now_ms();
        let answer = tokio::time::timeout(PATIENCE, self.parameters.get(self.names())).await;
        match answer {
            Ok(Ok(found)) => self.take(began_ms, self.texts(found)),
            Ok(Err(error)) => self.keep(began_ms, &error.to_string()),
            Err(_) => self.keep(began_ms, "GetParameters took longer than 3 s"),
        }
        self.restore().await;
        self.held().known.live()
    }

    fn take(&self, began_ms: i64, texts: Texts) {
        let mut held = self.held();
        let changes = held.known.take(texts, self.settings_only);
        let was_down = std::mem::take(&mut held.ssm_is_down);
        held.read_at_ms = Some(began_ms);
        held.asked_at_ms = began_ms;
        held.ask_again_at_ms = began_ms + FRESH_MS - i64::from(jitter_ms());
        drop(held);
        if was_down {
            tracing::info!(recovered = "rollout_unavailable", prefix = self.prefix, "SSM answers again");
        }
        for change in changes {
            self.tell(&change);
        }
    }

    fn keep(&self, began_ms: i64, cause: &str) {
        let mut held = self.held();
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

    async fn restore(&self) {
        let Some(record) = self.last_good.as_ref() else { return };
        if !self.held().known.lacks_something(self.settings_only) {
            return;
        }
        match tokio::time::timeout(PATIENCE, record.load()).await {
            Ok(Ok(Some(texts))) => self.held().known.restore(&texts),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(cause = %error, "the last good record cannot be read"),
            Err(_) => tracing::warn!("the last good record took longer than 3 s"),
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

    fn texts(&self, mut found: Parameters) -> Texts {
        Texts {
            percentage: found.remove(&self.name("rollout-percentage")),
            users: found.remove(&self.name("rollout-users")),
            settings: found.remove(&self.name("settings")),
            public_base_url: found.remove(&self.name("public-base-url")),
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
#[path = "source_tests.rs"]
mod tests;
