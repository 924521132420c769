//! Runs a story once for every line at which its function can die.

use std::fmt::Write;
use std::pin::Pin;

use serde_json::Value;

use super::check::{Allowed, id_of, wrongs};
use world::{CrashPoint, CrashTiming, RunOutcome, World};

pub type Acting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
pub type Act = for<'a> fn(&'a World) -> Acting<'a>;

/// What happens, who dies, and what the caller does about it.
pub struct Story {
    /// What there is before.
    pub given: Act,
    /// What the function that dies is asked for.
    pub act: Act,
    /// What the caller does once the dead function's time is up.
    pub then: Act,
    /// How many notifications there are in the end, at least and at most.
    pub notifications: (usize, usize),
    /// How many messages a push service gets for one device if nobody dies.
    pub pushes: usize,
    /// The first call to die at.
    pub from: usize,
    /// Deaths that must be among them: a side and a call.
    pub lines: &'static [(CrashTiming, &'static str)],
}

/// Does nothing.
pub fn nothing(_: &World) -> Acting<'_> {
    Box::pin(async {})
}

/// The minute schedule.
pub fn cascade(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.sweep().await;
    })
}

/// The last of the queries with which a sweep begins, one for each shard of `due`: to die at one is like the other.
pub const LAST_QUERY: usize = 16;

/// Calls that change nothing.
const READS: [&str; 6] = ["GetItem", "BatchGetItem", "Query", "Scan", "GetParameters", "GetParameterHistory"];

/// The most calls that any function of these stories makes.
const MOST_CALLS: usize = 80;

impl Story {
    /// Lets the function die before and after each of its calls, each time in a world of its own, and checks every end. A read
    /// leaves the world as it was, so to die before it or after it is the same: here it is after.
    pub async fn survives_every_death(&self) {
        let mut report = Report::default();
        for call in self.from..MOST_CALLS {
            let after = self.dies_at(&[CrashPoint { timing: CrashTiming::After, call }], &mut report).await;
            if after > 0 && report.first_death_was_a_read() {
                continue;
            }
            let before = self.dies_at(&[CrashPoint { timing: CrashTiming::Before, call }], &mut report).await;
            if before + after == 0 {
                return report.conclude(self.lines);
            }
        }
        panic!("it makes more calls than {MOST_CALLS}");
    }

    /// The same with a second death, of the cascade that takes up what the first one left. To die after one call or before the
    /// next is the same to the world; here it is after each. Behind a first death after a read the second ones are those
    /// behind the call before it, so one of them is enough.
    pub async fn survives_every_second_death(&self) {
        let mut report = Report::default();
        for first in (self.from..MOST_CALLS).map(|call| CrashPoint { timing: CrashTiming::After, call }) {
            for call in LAST_QUERY..MOST_CALLS {
                match self.dies_at(&[first, CrashPoint { timing: CrashTiming::After, call }], &mut report).await {
                    0 => return report.conclude(self.lines),
                    1 => break,
                    _ if first.call > self.from && report.first_death_was_a_read() => break,
                    _ => {}
                }
            }
        }
        panic!("it makes more calls than {MOST_CALLS}");
    }

    /// How many of these deaths came about; what the first one left is taken up by cascade, which dies of the next.
    async fn dies_at(&self, points: &[CrashPoint], report: &mut Report) -> usize {
        let world = World::start().await;
        (self.given)(&world).await;
        let mut deaths = Vec::new();
        for point in points {
            let act = if deaths.is_empty() { self.act } else { cascade };
            let RunOutcome::Crashed(call) = world.crash_at(*point, act(&world)).await else { break };
            deaths.push((point.timing, call));
            world.advance(100);
        }
        (self.then)(&world).await;
        settle(&world).await;
        let came_about = deaths.len();
        let allowed = Allowed { notifications: self.notifications, pushes: self.pushes, deaths: came_about };
        let wrongs = wrongs(&world, allowed).await;
        report.rows.push(Row { deaths, end: end_of(&world), wrongs });
        came_about
    }
}

/// The schedule runs, and the stream tells everything again, until nothing is due.
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

/// Every death and what came of it.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    deaths: Vec<(CrashTiming, String)>,
    end: String,
    wrongs: Vec<String>,
}

impl Report {
    /// True where the last row begins with a death at a call that changes nothing.
    fn first_death_was_a_read(&self) -> bool {
        let died = self.rows.last().and_then(|row| row.deaths.first());
        died.is_some_and(|(_, call)| READS.contains(&call.split(' ').next().unwrap_or_default()))
    }

    fn conclude(&self, lines: &[(CrashTiming, &str)]) {
        let mut table = String::new();
        for Row { deaths, end, wrongs } in &self.rows {
            let deaths: Vec<_> = deaths.iter().map(|(side, call)| format!("{side} {call}")).collect();
            let (died, verdict) = (deaths.join(", then "), if wrongs.is_empty() { "" } else { "  <-- " });
            writeln!(table, "{died:48} {end}{verdict}{}", wrongs.join("; ")).unwrap();
        }
        assert!(self.rows.iter().all(|row| row.wrongs.is_empty()), "\n{table}");
        for line in lines {
            let died_there = |(side, call): &(CrashTiming, String)| (*side, call.as_str()) == *line;
            assert!(self.rows.iter().any(|row| row.deaths.iter().any(died_there)), "nobody died {line:?}\n{table}");
        }
    }
}

/// `accepted push,email; 1 mails 0 texts`.
fn end_of(world: &World) -> String {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let items = world.items("notifications");
    let ends = items.iter().map(|item| {
        let attempts: Value = serde_json::from_str(&text(item, "attempts")).unwrap_or_default();
        let tried = attempts.as_array().into_iter().flatten().map(|one| format!("{}:{}", one["c"], one["o"]));
        assert!(!id_of(item).is_empty());
        format!("{} [{}]", text(item, "status"), tried.collect::<Vec<_>>().join(" ").replace('"', ""))
    });
    let (mails, texts) = (world.mails().len(), world.texts().len());
    format!("{}; {mails} mails {texts} texts", ends.collect::<Vec<_>>().join(", "))
}
