//! Duration of single sends in a warm process, alone and while a worker of a campaign pushes at a limited rate in
//! another thread, over one table and one push service.
//!
//! The server of DynamoDB is in this process. The local AWS of `make campaign` serves all calls in one Python process,
//! so that each call of a worker delays the calls of a send, which is not so on AWS.

use std::time::{Duration, Instant};

use world::World;

use super::single::{answered, event};
use super::{PEOPLE, SHORT_PEOPLE, runtime, to_everybody};

/// Time between two people of the campaign, in milliseconds. With 2, the results of a page are written in bursts during
/// which the embedded DynamoDB answers no other call, because it has one lock.
const INTERVAL_MS: u32 = 10;
/// Pause between two sends.
const PAUSE: Duration = Duration::from_millis(5);
/// Number of sends without a campaign. The p99 has the 30 slowest above it.
const SENDS_ALONE: usize = 3_000;
const SHORT_SENDS_ALONE: usize = 20;
/// First sends, which open the connections and are not measured.
const WARM_UP: usize = 20;

/// Measures and prints both, and the target.
pub fn print(world: &World, is_short: bool) {
    let (people, sends) = if is_short { (SHORT_PEOPLE, SHORT_SENDS_ALONE) } else { (PEOPLE, SENDS_ALONE) };
    // Each BatchWriteItem of the embedded DynamoDB takes longer with each record of the stream. Nothing reads it here.
    world.disable_stream();
    let campaign = runtime().block_on(world.approved_campaign(to_everybody()));
    let alone = durations(world, people, |sent| sent == sends);
    let (beside, seconds) = std::thread::scope(|scope| {
        let running = scope.spawn(|| runtime().block_on(run(world, &campaign, people)));
        let durations = durations(world, people, |sent| sent > 0 && running.is_finished());
        (durations, running.join().unwrap())
    });
    #[allow(clippy::cast_precision_loss)]
    let rate = people as f64 / seconds;
    println!("\nduration of single sends, {} alone and {} beside a campaign", alone.len(), beside.len());
    println!("{:44}{:>9}{:>12}", "", "p50", "p99");
    println!("{:44}{:>6.2} ms{:>9.2} ms", "alone", quantile(&alone, 50), quantile(&alone, 99));
    println!(
        "{:44}{:>6.2} ms{:>9.2} ms   {:+.2} ms (target at most 10 % or 5 ms)",
        format!("beside a campaign of {rate:.0} people a second"),
        quantile(&beside, 50),
        quantile(&beside, 99),
        quantile(&beside, 99) - quantile(&alone, 99)
    );
}

/// Returns the percentile of sorted durations in milliseconds.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Sends one message after another until `is_over` returns true for the number of measured sends. Returns the sorted
/// durations in milliseconds.
fn durations(world: &World, people: usize, is_over: impl Fn(usize) -> bool) -> Vec<f64> {
    runtime().block_on(async {
        let send = world.another_send().await;
        for number in 0..WARM_UP {
            answered(&world.handle_send(&send, event(number % people)).await);
        }
        let mut durations = Vec::new();
        while !is_over(durations.len()) {
            let event = event(durations.len() % people);
            let began = Instant::now();
            let result = world.handle_send(&send, event).await;
            durations.push(began.elapsed().as_secs_f64() * 1_000.0);
            answered(&result);
            tokio::time::sleep(PAUSE).await;
        }
        durations.sort_by(f64::total_cmp);
        durations
    })
}

/// Launches an approved campaign and works on its tasks. Returns the seconds.
async fn run(world: &World, campaign: &str, people: usize) -> f64 {
    let worker = world.another_fanout().await;
    let began = Instant::now();
    world.launch(campaign).await;
    while let Some(mut task) = world.next_task() {
        task.interval_ms = Some(INTERVAL_MS);
        world.work_on_task(&worker, &task).await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let numbers = world.progress(campaign).await["sending"]["numbers"].clone();
    assert_eq!(numbers["sent"].as_u64(), Some(people as u64), "{numbers}");
    seconds
}
