//! Messages of campaigns that wait: the workers of campaigns continue them, each once, whoever dies.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::World;

/// More people than cascade continues in a minute.
const MANY: usize = 2_500;
const FEW: usize = 200;
const MINUTE: u64 = 60;

/// A launched campaign to people with an e-mail address, who are all held until noon in Rome. Now it is 11:00 there.
async fn held(people: usize) -> (World, String) {
    let world = crowd(0).await;
    let person = |number: usize| {
        json!({"id": format!("mail-{number}"), "email": format!("mail-{number}@example.com"), "time_zone": "Europe/Rome",
            "preferences": {"quiet_hours": {"start": "10:30", "end": "12:00"}}})
    };
    let all: Vec<Value> = (0..people).map(person).collect();
    for items in all.chunks(100) {
        assert_eq!(world.import("upsert", items.to_vec()).await.status, 200);
    }
    let id = world.approved_campaign(with(json!({"rate_per_second": 5_000}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!(numbers["held"], people, "{numbers}");
    // What was held is spread over 15 minutes.
    world.advance(76 * MINUTE);
    (world, id)
}

fn mails(world: &World) -> BTreeMap<String, usize> {
    let mut mails = BTreeMap::new();
    for mail in world.mails() {
        let to = mail.lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
        *mails.entry(to).or_insert(0) += 1;
    }
    mails
}

#[tokio::test]
async fn held_messages_of_a_campaign_go_out_within_two_runs_and_cascade_does_not_read_them() {
    let (world, _) = held(MANY).await;
    assert_eq!(world.due_shards_of_campaigns().len(), 16);
    // Cascade reads what is overdue for minutes: these are, except for those of the last five.
    for _ in 0..2 {
        world.reconcile().await;
        world.work_on_tasks().await;
        world.advance(MINUTE);
    }
    let mails = mails(&world);
    assert_eq!((mails.len(), mails.values().max()), (MANY, Some(&1)));
    world.reconcile().await;
    assert_eq!(world.next_message(), None, "nothing is due any more");
}

#[tokio::test]
async fn a_shard_has_one_message_in_the_queue_until_a_worker_has_drained_it() {
    let (world, _) = held(FEW).await;
    let queued = || std::iter::from_fn(|| world.next_message()).count();
    let shards = world.due_shards_of_campaigns().len();
    world.reconcile().await;
    assert_eq!(queued(), shards);
    world.advance(MINUTE);
    world.reconcile().await;
    assert_eq!(queued(), 0, "no worker has come yet");
    world.advance(5 * MINUTE);
    world.aws.state.lock().unwrap().queue_is_down = true;
    world.reconcile().await;
    world.aws.state.lock().unwrap().queue_is_down = false;
    world.reconcile().await;
    assert_eq!(queued(), shards, "the messages are lost, and the ones before did not reach the queue");
    world.advance(5 * MINUTE);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!((mails(&world).len(), world.due_shards_of_campaigns().len()), (FEW, 0));
}

#[tokio::test]
async fn cascade_leaves_due_messages_of_campaigns_to_the_workers_for_five_minutes() {
    let world = crowd(1).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "11:30"}});
    world.put_profile("user-0", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let id = world.approved_campaign(with(json!({}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let items = world.items("notifications");
    let due_ms: u64 = items[0]["next_action_at"]["N"].as_str().unwrap().parse().unwrap();
    let now_ms = u64::try_from(world.clock.now().as_millisecond()).unwrap();
    world.advance((due_ms - now_ms).div_ceil(1_000));
    let found = async || world.try_sweep().await.unwrap().found;
    assert_eq!(found().await, 0);
    world.redeliver_stream_to_cascade().await;
    assert_eq!(world.push.total(), 0, "the workers have them first");
    world.advance(5 * MINUTE);
    assert_eq!((found().await, world.push.total()), (1, 1), "no worker came");
}

#[tokio::test]
async fn workers_that_die_while_they_continue_a_campaign_send_no_message_twice() {
    let (world, _) = held(FEW).await;
    let workers = [world.another_fanout().await, world.another_fanout().await];
    let (mut round, mut deaths) = (0_u64, 0);
    while !world.due_shards_of_campaigns().is_empty() {
        round += 1;
        assert!(round < 100, "{:?}", world.due_shards_of_campaigns());
        for shard in world.due_shards_of_campaigns() {
            // Two workers have the shard, and both die at some moment: later in each round.
            let life = |worker: u64| Duration::from_millis((round * 7 + worker * 13) % 40 + 20 * round);
            let drain = async |worker: usize| {
                tokio::select! {
                    _ = world.drain(&workers[worker], &shard) => 0,
                    () = tokio::time::sleep(life(worker as u64)) => 1,
                }
            };
            let (one, other) = tokio::join!(drain(0), drain(1));
            deaths += one + other;
        }
        // A claim of a worker that died ends with its invocation.
        world.advance(2 * MINUTE);
    }
    let mails = mails(&world);
    assert!(mails.values().all(|times| *times == 1), "{mails:?}");
    let items = world.items("notifications");
    let uncertain = items.iter().filter(|item| item["status"]["S"] == "uncertain").count();
    let ends: BTreeMap<_, _> = items.iter().map(|item| (item["to"]["S"].to_string(), &item["status"]["S"])).collect();
    assert!(ends.len() == FEW && mails.len() + uncertain >= FEW && deaths > 0, "{deaths} deaths: {ends:?}");
}
