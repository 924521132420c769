//! The guard's decision: given what both versions did lately, does version 2 stay?
//!
//! Pure: [`rollout`] asks it every minute and carries the answer out. It only ever takes away: raising is a ramp's
//! ([`crate::rollout::ramp`]) or an operator's.
//!
//! **How fast.** From the first bad minute's beginning until version 2 is off everywhere, with the default thresholds and at least
//! 100 notifications a minute, at worst:
//!
//! | what | s |
//! |---|---|
//! | a tick comes when the minute is 39 s old. It sees what is 10 s old (the stream's batch of 5 s, and its fold): too few to judge by alone, and together with the good minute before not bad enough | 39 |
//! | the next tick sees the whole bad minute: one evaluation. The schedule keeps a minute's distance as a rule | 60 |
//! | a second evaluation in the same invocation ([`rollout::LOOK_AGAIN_AFTER`]) | 30 |
//! | reading, writing SSM | 5 |
//! | a process's copy of the percentage: up to 10 s, 20 s while it reads a new one | 20 |
//!
//! 154 s. The scheduler promises a minute's precision only, so that two ticks may lie further apart; 26 s are left for that,
//! and without the second look in the same invocation there would be none.

mod figures;
mod rules;
mod thresholds;

pub use figures::{Arm, Measure, Minute, Reading, Share};
pub use rules::{Finding, HostState, Rule};
pub use thresholds::GuardSettings;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Percentage;
use rules::Severity;

/// The percentages that a step down goes to, in hundredths of a percent.
const STEPS: [u16; 2] = [5_000, 1_000];
/// Two evaluations closer than this are one: a schedule may fire twice.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The percentage in force.
    pub percentage: Percentage,
    /// When it was last changed, and by whomever; `None` when that is not known.
    pub changed_at: Option<Timestamp>,
    /// Figures by the minute, oldest first, the present one included.
    pub minutes: &'a [Minute],
    /// The push services that version 2 uses.
    pub hosts: &'a [HostState],
    /// What version 2 cost in the last hour, in micro-euro.
    pub cost_micros: i64,
    /// What it may cost in an hour, if that is limited.
    pub hourly_budget_micros: Option<u64>,
}

/// What the guard remembers from one evaluation to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Evaluations in a row that would have switched version 2 off.
    pub off: u32,
    /// Evaluations in a row that would have taken a step down, or more.
    pub step: u32,
    /// When the last one was, in milliseconds since the epoch.
    pub evaluated_at_ms: i64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Leave the percentage as it is.
    Hold {
        /// Why.
        why: Hold,
    },
    /// Set it to this.
    Lower {
        /// In hundredths of a percent.
        to_hundredths: u16,
    },
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// No rule holds.
    Healthy,
    /// Version 2 is off.
    AlreadyOff,
    /// No rule had a sample, or anything, to judge by.
    NoData,
    /// A rule holds; the evaluations in a row are not enough yet.
    NotTwice,
    /// A rule holds, and so it does for version 1: the provider is at fault, and going back would take the fallback away.
    ProvidersFault,
    /// A step down would follow too soon on the last change.
    CoolingDown,
}

/// The answer, with everything that it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// Every rule with its input, threshold and sample.
    pub findings: Vec<Finding>,
    /// What to remember.
    #[serde(skip)]
    pub memory: Memory,
}

/// Judges the situation.
#[must_use]
pub fn decide(situation: &Situation<'_>, memory: Memory, settings: &GuardSettings, now: Timestamp) -> Verdict {
    let findings = rules::findings(situation, settings, now);
    let holds = |severity| findings.iter().any(|finding| finding.holds && finding.severity() >= severity);
    // Where one rule blames the provider and another of the same weight does not, it is not the provider.
    let weight = |finding: &&Finding| (finding.severity(), !finding.is_providers_fault);
    let worst = findings.iter().filter(|finding| finding.holds).max_by_key(weight);
    let memory = memory.and(holds(Severity::Off), holds(Severity::Step), now);
    let hold = |why| Action::Hold { why };
    let action = match worst {
        _ if situation.percentage == Percentage::ZERO => hold(Hold::AlreadyOff),
        None if findings.iter().all(|finding| !finding.has_data) => hold(Hold::NoData),
        None => hold(Hold::Healthy),
        Some(finding) if finding.is_providers_fault => hold(Hold::ProvidersFault),
        Some(_) if memory.off >= settings.evaluations => Action::Lower { to_hundredths: 0 },
        Some(_) if memory.step < settings.evaluations => hold(Hold::NotTwice),
        Some(_) if is_cooling_down(situation.changed_at, settings, now) => hold(Hold::CoolingDown),
        Some(_) => Action::Lower { to_hundredths: one_step_down(situation.percentage) },
    };
    Verdict { action, findings, memory }
}

/// The largest of 50, 10 and 0 percent below the present percentage.
fn one_step_down(present: Percentage) -> u16 {
    STEPS.into_iter().find(|step| *step < present.hundredths()).unwrap_or(0)
}

fn is_cooling_down(changed_at: Option<Timestamp>, settings: &GuardSettings, now: Timestamp) -> bool {
    let cool_down = SignedDuration::from_mins(i64::from(settings.cool_down_minutes));
    changed_at.is_some_and(|changed_at| now.duration_since(changed_at) < cool_down)
}

impl Memory {
    fn and(self, off: bool, step: bool, now: Timestamp) -> Self {
        let now_ms = now.as_millisecond();
        let is_same = now_ms.abs_diff(self.evaluated_at_ms) < u64::try_from(APART.as_millis()).unwrap_or(0);
        // Two bad ones that are one count once; the first bad one counts however soon it follows on a good one.
        let count = |streak: u32, holds: bool| match (holds, is_same) {
            (false, _) => 0,
            (true, true) => streak.max(1),
            (true, false) => streak.saturating_add(1),
        };
        let begins = (off && self.off == 0) || (step && self.step == 0);
        let evaluated_at_ms = if is_same && !begins { self.evaluated_at_ms } else { now_ms };
        Self { off: count(self.off, off), step: count(self.step, step), evaluated_at_ms }
    }
}

#[cfg(test)]
mod tests;
