//! `make simulate N=1000000`: a campaign to N people by the reconciler's own code, at given limits: tasks, reads,
//! writes, time and cost.
//!
//! The release of tasks is that of production. Workers, push services and the scheduler are a model: a worker takes a
//! task when it comes due and one of the concurrent workers is free, and pushes at the speed of one worker. The
//! constants are those of docs/scale.md.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(missing_docs, clippy::unwrap_used)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use campaign::{CampaignTask, Launch, ProviderPaces, ReleaseInput, TaskRelease, release};
use jiff::{SignedDuration, Timestamp};

/// People of a task.
const PEOPLE_PER_TASK: u64 = 250;
/// People of a page, and so of one write of position and numbers.
const PEOPLE_PER_PAGE: u64 = 100;
/// Size of a profile with one device, in bytes.
const PROFILE_BYTES: u64 = 900;
/// Pushes a second of one worker: it waits for the push service most of the time.
const PUSHES_PER_WORKER: f64 = 400.0;
/// Memory of `fanout`, in GB.
const MEMORY_GB: f64 = 0.5;
/// Time of a worker beside its pushes: its start, reads and writes, in seconds for each task.
const SECONDS_BESIDE: f64 = 0.15;

/// List prices in USD (us-east-1, on demand, arm64, 2026).
const WRITE: f64 = 0.625e-6;
const READ: f64 = 0.125e-6;
const GB_SECOND: f64 = 0.000_013_333_4;
const INVOCATION: f64 = 0.20e-6;
const MESSAGE: f64 = 0.40e-6;
/// Records of the stream that rollup reads in one invocation, and seconds of such an invocation.
const RECORDS_PER_FOLD: u64 = 1_000;
const SECONDS_PER_FOLD: f64 = 0.1;

struct Outcome {
    seconds: i64,
    messages: u64,
    reconciler_runs: u64,
    /// Tasks that all runs of the reconciler read.
    tasks_read: u64,
    /// Passes over the table.
    passes: u64,
}

/// Returns the launch of a campaign to people of so many time zones, each an hour after the one before.
fn launched(people: u64, zones: i64) -> Launch {
    let hours = (0..zones).map(|zone| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(zone));
    let mut slots: Vec<_> = hours.collect();
    if zones > 1 {
        slots.push(slots[slots.len() - 1] + SignedDuration::from_secs(60));
    }
    let segments = u32::try_from(people.div_ceil(PEOPLE_PER_TASK)).unwrap();
    let slot_people = if zones > 1 { vec![people / zones.unsigned_abs(); slots.len() - 1] } else { Vec::new() };
    Launch { segments, slots, slot_people, expected_people: people, ..Launch::default() }
}

/// Runs the reconciler each minute until every task is done.
fn simulate(people: u64, zones: i64, rate_per_second: u32, workers: usize) -> Outcome {
    let launch = launched(people, zones);
    let begin = Timestamp::UNIX_EPOCH;
    let per_task = launch.people_per_task(None);
    let speed = PUSHES_PER_WORKER.min(f64::from(rate_per_second));
    let work_ms = |task: u32| ((per_task[(task / launch.segments) as usize] / speed + SECONDS_BESIDE) * 1_000.0) as i64;
    let mut tasks = BTreeMap::<u32, CampaignTask>::new();
    // Times in milliseconds: when each worker is free, and when each released task is due.
    let mut free: BinaryHeap<Reverse<i64>> = (0..workers).map(|_| Reverse(0)).collect();
    let mut ends: BinaryHeap<Reverse<(i64, u32)>> = BinaryHeap::new();
    let (mut state, mut now_ms, mut last_ms) = (TaskRelease::default(), 0_i64, 0_i64);
    let passes = launch.slots.len() as u64;
    let mut outcome = Outcome { seconds: 0, messages: 0, reconciler_runs: 0, tasks_read: 0, passes };
    loop {
        while let Some(Reverse((at, task))) = ends.peek().copied().filter(|Reverse((at, _))| *at <= now_ms) {
            ends.pop();
            last_ms = last_ms.max(at);
            tasks.insert(task, CampaignTask { is_done: true, ..CampaignTask::default() });
        }
        let now = begin + SignedDuration::from_millis(now_ms);
        let open = tasks.split_off(&state.closed.first_open_task(&launch));
        let input = ReleaseInput {
            resumed_at: None,
            segments: launch.segments,
            slots: &launch.slots,
            steps: &[],
            rate_per_second,
            paces: ProviderPaces::default(),
            people_per_task: &per_task,
            tasks: &open,
        };
        let mut released = release(input, &state, now);
        released.release.closed.close(&launch, &open);
        outcome.reconciler_runs += 1;
        outcome.tasks_read += open.len() as u64;
        tasks = open;
        if released.is_complete {
            outcome.seconds = last_ms / 1_000;
            return outcome;
        }
        for (task, delay_seconds) in released.tasks {
            outcome.messages += 1;
            let due = now_ms + i64::from(delay_seconds) * 1_000;
            let Reverse(is_free) = free.pop().unwrap();
            let end = due.max(is_free) + work_ms(task);
            free.push(Reverse(end));
            ends.push(Reverse((end, task)));
            // A worker that has taken it holds it.
            let lease_until = Some(begin + SignedDuration::from_millis(end));
            tasks.insert(task, CampaignTask { lease_until, ..CampaignTask::default() });
        }
        state = released.release;
        now_ms += 60_000;
    }
}

fn main() {
    let people: u64 = std::env::var("N").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("a campaign of pushes to {people} people; list prices in USD");
    println!("zones  rate/s  workers    tasks   messages      reads     writes  write units    time   USD");
    let at_once = [(500, 5), (1_000, 5), (2_000, 10), (5_000, 20)].map(|(rate, workers)| (1, rate, workers));
    for (zones, rate, workers) in at_once.into_iter().chain([(24, 500, 5)]) {
        let outcome = simulate(people, zones, rate, workers);
        let of_pass = people.div_ceil(PEOPLE_PER_TASK);
        let passes = 1 + outcome.passes;
        let tasks = of_pass * passes;
        let pages = of_pass * (people.div_ceil(of_pass)).div_ceil(PEOPLE_PER_PAGE) * passes;
        // The Scan of the plan and those of the sending, half a unit for 4 KB.
        let scanned = passes as f64 * (people * PROFILE_BYTES) as f64 / 8_192.0;
        // A task is read and taken, and each page is written with position and numbers of about 1 KB.
        let task_writes = tasks + pages;
        // Campaign, task, and the looks at the campaign; the progress of open tasks, which each run reads.
        let task_reads = (4 * tasks) as f64 + outcome.tasks_read as f64 / 8.0;
        // In each slot by local time but the first one, people are looked up, and everybody in the last pass.
        let looked_up = if zones > 1 { (people - people / zones.unsigned_abs()) + people } else { 0 };
        let reads = scanned + task_reads + looked_up as f64;
        let writes = people as f64 + task_writes as f64 + outcome.reconciler_runs as f64;
        let worker_seconds = people as f64 / PUSHES_PER_WORKER + tasks as f64 * SECONDS_BESIDE;
        let folds = people.div_ceil(RECORDS_PER_FOLD);
        let fold_seconds = folds as f64 * SECONDS_PER_FOLD;
        let invocations = (tasks + folds + outcome.reconciler_runs) as f64;
        let messages = 3.0 * (outcome.messages + of_pass) as f64;
        let usd = writes * WRITE
            + reads * READ
            + (worker_seconds * MEMORY_GB + fold_seconds * 0.25) * GB_SECOND
            + invocations * INVOCATION
            + messages * MESSAGE;
        println!(
            "{zones:>5} {rate:>7} {workers:>8} {of_pass:>8} {:>10} {reads:>10.0} {writes:>10.0} {:>12.3} {:>5} min {usd:>5.2}",
            outcome.messages,
            writes / people as f64,
            outcome.seconds / 60,
        );
    }
}
