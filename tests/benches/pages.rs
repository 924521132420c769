//! Pages of the web console: the time of a warm request with its reads of an embedded DynamoDB, and the bytes on the
//! wire.
//!
//! The bench uses the world of the flow tests, with 30 days of traffic. On AWS, the reads take the network's time
//! instead of this process's.
//!
//! `cargo bench -p tests --bench pages`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::time::{Duration, Instant};

use console::site::{PageReply, Role};
use serde_json::json;
use world::World;
use world::console_pages::{ConsolePerson, EDITOR_BYTES, FIRST_PAGE_BYTES};

const DAYS: u64 = 30;
const SENDS_PER_DAY: usize = 4;
const OVERVIEW_TARGET_MS: f64 = 15.0;
const EDITOR: (&str, &[(&str, &str)]) =
    ("template", &[("name", "payment-due"), ("locale", "it"), ("channel", "email")]);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = if std::env::var_os("SHORT").is_some() { 2 } else { 40 };
    let world = Box::pin(month()).await;
    let person = world.person(Role::Admin);
    println!("warm page with {DAYS} days of data, median of {rounds} rounds; bytes of the page alone");
    println!("{:14}{:>10}{:>10}", "", "ms", "kB");
    for (name, page, query) in [
        ("overview", "", &[][..]),
        ("send", "send", &[("to", "ada")]),
        ("notifications", "notifications", &[]),
        ("recipient", "recipient", &[("id", "ada")]),
        ("templates", "templates", &[]),
        ("template", EDITOR.0, EDITOR.1),
        ("types", "types", &[]),
        ("segments", "segments", &[]),
        ("campaigns", "campaigns", &[]),
        ("analytics", "analytics", &[("range", "30d")]),
        ("rollout", "rollout", &[]),
        ("costs", "costs", &[]),
        ("settings", "settings", &[]),
        ("audit", "audit", &[]),
    ] {
        let (median, bytes) = Box::pin(timed(&world, &person, page, query, rounds)).await;
        let target = if name == "overview" { format!(" (target at most {OVERVIEW_TARGET_MS})") } else { String::new() };
        println!("{name:14}{:>10.2}{:>10.1}{target}", median.as_secs_f64() * 1_000.0, kilobytes(bytes));
    }
    for (name, page, query, target) in
        [("first page", "", &[][..], FIRST_PAGE_BYTES), ("editor", EDITOR.0, EDITOR.1, EDITOR_BYTES)]
    {
        let wire = Box::pin(world.bytes_on_the_wire(&person, page, query)).await;
        let target = target / 1_000;
        println!("{name:14}{:>20.1} with its files, nothing cached (target at most {target} kB)", kilobytes(wire));
    }
}

/// Thirty days with traffic.
async fn month() -> World {
    let world = World::start().await;
    for person in ["ada", "bob"] {
        world.subscribe(person, person).await;
        world.put_profile(person, json!({"email": format!("{person}@example.com")})).await;
    }
    for day in 0..DAYS {
        for number in 0..SENDS_PER_DAY {
            let sent = Box::pin(world.send(["ada", "bob"][number % 2], json!({}))).await;
            assert_eq!(sent.status, 202, "day {day}: {sent:?}");
        }
        world.advance(30);
        Box::pin(world.fold()).await;
        world.advance(86_400 - 30);
        Box::pin(world.tick()).await.unwrap();
    }
    world
}

async fn open(world: &World, person: &ConsolePerson, page: &str, query: &[(&str, &str)]) -> PageReply {
    let reply = Box::pin(world.open_page(person, page, query)).await;
    assert_eq!(reply.status, 200, "{page}: {}", reply.text());
    reply
}

async fn timed(
    world: &World,
    person: &ConsolePerson,
    page: &str,
    query: &[(&str, &str)],
    rounds: usize,
) -> (Duration, usize) {
    let bytes = open(world, person, page, query).await.text().len();
    let mut took = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        open(world, person, page, query).await;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    (took[took.len() / 2], bytes)
}

fn kilobytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / 1_000.0
}
