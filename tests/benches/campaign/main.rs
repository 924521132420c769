//! Pushes of a campaign, and single sends in a warm process, for each second of CPU time of the sending process, beside
//! two peers in the same run:
//!
//! * a Rust loop that seals and posts over the same client and records nothing: the floor;
//! * the npm package `web-push` with 100 messages in flight, which records each result with the AWS SDK for JavaScript,
//!   as in its README and with a cached VAPID header. It is left out if Node.js or its packages are not available.
//!
//! Then the duration of single sends, alone and beside a campaign.
//!
//! The push service, the table and the other fakes of the world run in other threads. The sender has the main thread,
//! as in Lambda, and only its CPU time counts; for Node.js, that of its process.
//!
//! `cargo bench -p tests --bench campaign`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod beside;
mod npm;
mod single;

use std::time::{Duration, Instant};

use channels::push::{PushClient, PushContent, PushMessage, VapidCache, VapidKey, VapidSubject};
use domain::channel::Outcome;
use domain::channel::push::{ExtraOrigins, Subscription, Topic};
use domain::notification::{PushOptions, Urgency};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::cpu_time;
use world::World;

const PEOPLE: usize = 2_000;
/// Number of people with `SHORT` in the environment: enough to show that the benchmark runs.
const SHORT_PEOPLE: usize = 100;
const ROUNDS: usize = 3;
/// Pushes at once, as in a worker.
const AT_ONCE: usize = 16;
const FLOOR_TARGET: f64 = 0.6;
const NPM_TARGET: f64 = 8.0;

/// Pushes, CPU seconds and seconds of a measured run.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub pushes: usize,
    pub cpu_seconds: f64,
    pub seconds: f64,
}

impl Measured {
    fn per_cpu_second(self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let pushes = self.pushes as f64;
        pushes / self.cpu_seconds
    }
}

fn main() {
    let is_short = std::env::var("SHORT").is_ok_and(|value| !value.is_empty());
    let (people, rounds) = if is_short { (SHORT_PEOPLE, 1) } else { (PEOPLE, ROUNDS) };
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = servers.block_on(prepared(people));
    println!("pushes for each CPU second of the sender, {people} people, best of {rounds} rounds");
    let mut best = [0.0_f64; 3];
    for _ in 0..rounds {
        best[0] = best[0].max(floor(&world, people).per_cpu_second());
        best[1] = best[1].max(campaign(&world, people).per_cpu_second());
        best[2] = best[2].max(single::single(&world, people).per_cpu_second());
    }
    let [floor, campaign, single] = best;
    println!("{:44}{floor:>9.0}", "seal and post, nothing recorded");
    println!(
        "{:44}{campaign:>9.0}   {:.2} of it (target at least {FLOOR_TARGET})",
        "campaign, recorded",
        campaign / floor
    );
    println!("{:44}{single:>9.0}   {:.2} of it", "single sends in a warm process, recorded", single / floor);
    for (name, measured) in npm::measured(&world.push.origin, &world.aws.url, people, !is_short) {
        let npm = measured.per_cpu_second();
        println!("{name:44}{npm:>9.0}   campaign: {:.1} times (target at least {NPM_TARGET})", campaign / npm);
    }
    beside::print(&world, is_short);
}

async fn prepared(people: usize) -> World {
    let world = World::start_by(platform::clock::Clock::System).await;
    let news = json!({"title": "News", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 201);
    for number in 0..people {
        let id = format!("user-{number}");
        world.subscribe(&id, &id).await;
    }
    world
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Seals and posts, and records nothing.
fn floor(world: &World, people: usize) -> Measured {
    runtime().block_on(async {
        let key = VapidKey::parse("IQ9Ur0ykXoHS9gzfYX0aBjy9lvdrjx_PFUXmie9YRcY").unwrap();
        let vapid = VapidCache::new(key, VapidSubject::parse("mailto:push@example.com").unwrap());
        let client = PushClient::new(vapid);
        let origins = ExtraOrigins::parse(&world.push.origin).unwrap();
        let browser = World::browser("user-0");
        let message = message();
        let subscriptions: Vec<_> = (0..people)
            .map(|number| {
                let endpoint = format!("{}/push/user-{number}", world.push.origin);
                Subscription::parse(&endpoint, &browser.p256dh(), &browser.auth(), &origins).unwrap()
            })
            .collect();
        let (began, cpu) = (Instant::now(), cpu_time::of_thread_seconds());
        let pushes = futures_util::stream::iter(&subscriptions).map(|subscription| async {
            let answer = client.push_within(subscription, &message, Timestamp::now(), Duration::from_secs(10)).await;
            assert_eq!(answer.outcome, Outcome::Accepted);
        });
        pushes.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        Measured {
            pushes: people,
            cpu_seconds: cpu_time::of_thread_seconds() - cpu,
            seconds: began.elapsed().as_secs_f64(),
        }
    })
}

fn message() -> PushMessage {
    let content = PushContent {
        notification_id: "3v9dmwkfe1t5x8n2q7r0b6c4yz-01kat2m8x0g7h3j5n9p1q4r6sv".to_owned(),
        title: "Autumn".to_owned().into(),
        body: "New things for you in the shop".to_owned().into(),
        url: None,
        icon: None,
        data: None,
        options: PushOptions::default(),
        receipt: None,
    };
    PushMessage::new(content, 3_600, Urgency::Low, Topic::of_caller("autumn")).unwrap()
}

/// Definition of a campaign to everybody.
fn to_everybody() -> Value {
    json!({
        "title": "Autumn", "type": "NEWS", "filter": {"all": []},
        "content": {"title": "Autumn", "body": "New things for you in the shop"},
    })
}

/// Launches a campaign and works on its tasks with the worker of production.
fn campaign(world: &World, people: usize) -> Measured {
    runtime().block_on(async {
        let id = world.approved_campaign(to_everybody()).await;
        world.launch(&id).await;
        let worker = world.another_fanout().await;
        let (began, cpu) = (Instant::now(), cpu_time::of_thread_seconds());
        while let Some(task) = world.next_task() {
            world.work_on_task(&worker, &task).await.unwrap();
        }
        let measured = Measured {
            pushes: people,
            cpu_seconds: cpu_time::of_thread_seconds() - cpu,
            seconds: began.elapsed().as_secs_f64(),
        };
        let numbers = world.progress(&id).await["sending"]["numbers"].clone();
        assert_eq!((numbers["sent"].as_u64(), &numbers["balanced"]), (Some(people as u64), &json!(true)), "{numbers}");
        world.reconcile().await;
        measured
    })
}
