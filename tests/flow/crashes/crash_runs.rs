//! Runs a story once for every call at which its function can crash.

use std::fmt::Write;
use std::pin::Pin;

use serde_json::Value;

use super::check::{Allowed, id_of, violations};
use world::{CrashPoint, CrashTiming, RunOutcome, World};

pub type Acting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
pub type CrashAct = for<'a> fn(&'a World) -> Acting<'a>;

/// A function to crash, its setup, and the caller's reaction.
pub struct Story {
    /// Setup of the world.
    pub given: CrashAct,
    /// Work of the function that crashes.
    pub act: CrashAct,
    /// Reaction of the caller after the timeout of the crashed function.
    pub then: CrashAct,
    /// Minimum and maximum number of notifications at the end.
    pub notifications: (usize, usize),
    /// Number of messages for one device at a push service without crashes.
    pub pushes: usize,
    /// First call to crash at.
    pub from: usize,
    /// Crashes that must occur: position and call.
    pub lines: &'static [(CrashTiming, &'static str)],
}

/// Does nothing.
pub fn nothing(_: &World) -> Acting<'_> {
    Box::pin(async {})
}

/// Runs the minute schedule.
pub fn cascade(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.sweep().await;
    })
}

/// Number of the last query at the start of a sweep, which has one query for each shard of `due`; crashes at these
/// queries are alike.
pub const LAST_QUERY: usize = 16;

/// Calls that change nothing.
const READS: [&str; 6] = ["GetItem", "BatchGetItem", "Query", "Scan", "GetParameters", "GetParameterHistory"];

/// Maximum number of calls that a function of these stories makes.
const MOST_CALLS: usize = 80;

impl Story {
    /// Crashes the function before and after each of its calls, each time in a fresh world, and checks every result. A
    /// read changes nothing, so a crash before it equals a crash after it; only the latter runs.
    pub async fn survives_every_crash(&self) {
        let mut report = Report::default();
        for call in self.from..MOST_CALLS {
            let after = self.crashes_at(&[CrashPoint { timing: CrashTiming::After, call }], &mut report).await;
            if after > 0 && report.first_crash_was_a_read() {
                continue;
            }
            let before = self.crashes_at(&[CrashPoint { timing: CrashTiming::Before, call }], &mut report).await;
            if before + after == 0 {
                return report.conclude(self.lines);
            }
        }
        panic!("it makes more calls than {MOST_CALLS}");
    }

    /// The same with a second crash, of the cascade that resumes after the first one. A crash after one call equals a
    /// crash before the next one, so only crashes after calls run. After a first crash at a read, the second crashes
    /// equal those after the preceding call, so one of them is enough.
    pub async fn survives_every_second_death(&self) {
        let mut report = Report::default();
        for first in (self.from..MOST_CALLS).map(|call| CrashPoint { timing: CrashTiming::After, call }) {
            for call in LAST_QUERY..MOST_CALLS {
                match self.crashes_at(&[first, CrashPoint { timing: CrashTiming::After, call }], &mut report).await {
                    0 => return report.conclude(self.lines),
                    1 => break,
                    _ if first.call > self.from && report.first_crash_was_a_read() => break,
                    _ => {}
                }
            }
        }
        panic!("it makes more calls than {MOST_CALLS}");
    }

    /// Returns the number of these crashes that occurred; cascade resumes after the first one and crashes at the next.
    async fn crashes_at(&self, points: &[CrashPoint], report: &mut Report) -> usize {
        let world = World::start().await;
        (self.given)(&world).await;
        let mut crashes = Vec::new();
        for point in points {
            let act = if crashes.is_empty() { self.act } else { cascade };
            let RunOutcome::Crashed(call) = world.crash_at(*point, act(&world)).await else { break };
            crashes.push((point.timing, call));
            world.advance(100);
        }
        (self.then)(&world).await;
        settle(&world).await;
        let occurred = crashes.len();
        let allowed = Allowed { notifications: self.notifications, pushes: self.pushes, crashes: occurred };
        let violations = violations(&world, allowed).await;
        report.rows.push(Row { crashes, end: end_of(&world), violations });
        occurred
    }
}

/// Runs the schedule and redelivers the stream until nothing is due.
pub async fn settle(world: &World) {
    for _ in 0..40 {
        world.sweep().await;
        world.redeliver_stream_to_cascade().await;
        if world.items("notifications").iter().all(|item| item.get("due_shard").is_none()) {
            return;
        }
        world.advance(100);
    }
}

/// Every crash and its result.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    crashes: Vec<(CrashTiming, String)>,
    end: String,
    violations: Vec<String>,
}

impl Report {
    /// Returns true if the last row begins with a crash at a call that changes nothing.
    fn first_crash_was_a_read(&self) -> bool {
        let crashed = self.rows.last().and_then(|row| row.crashes.first());
        crashed.is_some_and(|(_, call)| READS.contains(&call.split(' ').next().unwrap_or_default()))
    }

    fn conclude(&self, lines: &[(CrashTiming, &str)]) {
        let mut table = String::new();
        for Row { crashes, end, violations } in &self.rows {
            let crashes: Vec<_> = crashes.iter().map(|(timing, call)| format!("{timing} {call}")).collect();
            let (crashed, verdict) = (crashes.join(", then "), if violations.is_empty() { "" } else { "  <-- " });
            writeln!(table, "{crashed:48} {end}{verdict}{}", violations.join("; ")).unwrap();
        }
        assert!(self.rows.iter().all(|row| row.violations.is_empty()), "\n{table}");
        for line in lines {
            let crashed_there = |(timing, call): &(CrashTiming, String)| (*timing, call.as_str()) == *line;
            assert!(self.rows.iter().any(|row| row.crashes.iter().any(crashed_there)), "no crash at {line:?}\n{table}");
        }
    }
}

/// Summary of the world, such as `accepted push,email; 1 mails 0 texts`.
fn end_of(world: &World) -> String {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let items = world.items("notifications");
    let outcome_counts = items.iter().map(|item| {
        let attempts: Value = serde_json::from_str(&text(item, "attempts")).unwrap_or_default();
        let tried = attempts.as_array().into_iter().flatten().map(|one| format!("{}:{}", one["c"], one["o"]));
        assert!(!id_of(item).is_empty());
        format!("{} [{}]", text(item, "status"), tried.collect::<Vec<_>>().join(" ").replace('"', ""))
    });
    let (mails, texts) = (world.mails().len(), world.texts().len());
    format!("{}; {mails} mails {texts} texts", outcome_counts.collect::<Vec<_>>().join(", "))
}
