//! Pages of the web console: the CPU time that a warm page takes itself, its time with the reads of an embedded
//! DynamoDB, and the bytes on the wire.
//!
//! The bench uses the world of the flow tests, with 30 days of traffic. The stand-ins for AWS run in a thread of their
//! own, so the CPU time of the page's thread is the page's own: its calls, their answers and the text. On AWS, the
//! reads take the network's time besides.
//!
//! `cargo bench -p tests --bench pages`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::time::Instant;

use console::site::{PageReply, Role};
use serde_json::json;
use tests::cpu_time;
use world::World;
use world::console_pages::{ConsolePerson, EDITOR_BYTES, FIRST_PAGE_BYTES};

const DAYS: u64 = 30;
const SENDS_PER_DAY: usize = 4;
/// Number of campaigns whose progress the overview shows.
const RUNNING_CAMPAIGNS: usize = 5;
const OVERVIEW_TARGET_MS: f64 = 15.0;
const EDITOR: (&str, &[(&str, &str)]) =
    ("template", &[("name", "payment-due"), ("locale", "it"), ("channel", "email")]);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = if std::env::var_os("SHORT").is_some() { 2 } else { 40 };
    let world = Box::pin(month(start_apart())).await;
    let person = world.person(Role::Admin);
    println!("warm page with {DAYS} days of data, mean of {rounds} rounds; bytes of the page alone");
    println!("{:26}{:>10}{:>12}{:>10}", "", "own ms", "with reads", "kB");
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
        Box::pin(print_row(&world, &person, name, page, query, rounds)).await;
    }
    for (name, page, query, target) in
        [("first page", "", &[][..], FIRST_PAGE_BYTES), ("editor", EDITOR.0, EDITOR.1, EDITOR_BYTES)]
    {
        let wire = Box::pin(world.bytes_on_the_wire(&person, page, query)).await;
        let target = target / 1_000;
        println!("{name:26}{:>32.1} with its files, nothing cached (target at most {target} kB)", kilobytes(wire));
    }
    Box::pin(run_campaigns(&world)).await;
    let name = format!("overview, {RUNNING_CAMPAIGNS} campaigns run");
    Box::pin(print_row(&world, &person, &name, "", &[], rounds)).await;
}

/// Launches campaigns whose tasks wait for a worker.
async fn run_campaigns(world: &World) {
    let news = json!({"title": "News", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 201);
    for number in 0..RUNNING_CAMPAIGNS {
        let definition = json!({
            "title": format!("Autumn {number}"), "type": "NEWS", "filter": {"all": []},
            "content": {"title": "Autumn", "body": "New things for you in the shop"},
        });
        let id = world.approved_campaign(definition).await;
        world.launch(&id).await;
    }
}

async fn print_row(
    world: &World,
    person: &ConsolePerson,
    name: &str,
    page: &str,
    query: &[(&str, &str)],
    rounds: usize,
) {
    let (own_ms, whole_ms, bytes) = Box::pin(timed(world, person, page, query, rounds)).await;
    let target =
        if name.starts_with("overview") { format!(" (target at most {OVERVIEW_TARGET_MS})") } else { String::new() };
    println!("{name:26}{own_ms:>10.2}{whole_ms:>12.2}{:>10.1}{target}", kilobytes(bytes));
}

/// A world whose stand-ins for AWS run in a thread of their own.
fn start_apart() -> World {
    let (give, take) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            give.send(World::start().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    take.recv().unwrap()
}

/// Thirty days with traffic.
async fn month(world: World) -> World {
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

/// Returns the CPU time of the page's own thread and the time in all, in milliseconds, and the size of the page.
async fn timed(
    world: &World,
    person: &ConsolePerson,
    page: &str,
    query: &[(&str, &str)],
    rounds: usize,
) -> (f64, f64, usize) {
    let bytes = open(world, person, page, query).await.text().len();
    let (began, cpu) = (Instant::now(), cpu_time::of_thread_seconds());
    for _ in 0..rounds {
        open(world, person, page, query).await;
    }
    let mean_ms = |seconds: f64| seconds * 1_000.0 / f64::from(u32::try_from(rounds).unwrap());
    (mean_ms(cpu_time::of_thread_seconds() - cpu), mean_ms(began.elapsed().as_secs_f64()), bytes)
}

fn kilobytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / 1_000.0
}
