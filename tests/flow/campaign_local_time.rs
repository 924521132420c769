//! Campaigns by local time: people who move between time zones are sent to once and counted once, whatever happens to
//! the tasks.

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::{CrashPoint, CrashTiming, RunOutcome, World};

const HOUR: u64 = 3_600;

/// A campaign at half past eleven; now it is 11:00 in Rome, 10:00 UTC and 05:00 in New York.
fn at_half_past_eleven(if_passed: &str, changes: Value) -> Value {
    let mut body = with(changes);
    body["at_local"] = json!({"date_time": "2026-11-23T11:30:00", "default_time_zone": "UTC"});
    if !if_passed.is_empty() {
        body["at_local"]["if_passed"] = json!(if_passed);
    }
    body
}

/// People in Rome, New York and at no known place, one after the other.
async fn travellers(people: usize) -> World {
    let world = crowd(people).await;
    for number in 0..people {
        match number % 3 {
            0 => moves(&world, number, "Europe/Rome").await,
            1 => moves(&world, number, "America/New_York").await,
            _ => {}
        }
    }
    world
}

async fn moves(world: &World, number: usize, zone: &str) {
    world.put_profile(&format!("user-{number}"), json!({"time_zone": zone})).await;
}

async fn run_for(world: &World, seconds: u64) {
    world.advance(seconds);
    for _ in 0..3 {
        world.reconcile().await;
        world.work_on_tasks().await;
    }
}

async fn numbers(world: &World, id: &str) -> Value {
    world.progress(id).await["sending"]["numbers"].clone()
}

#[tokio::test]
async fn who_was_sent_to_and_moves_to_a_later_slot_is_not_sent_to_again() {
    let world = travellers(6).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    run_for(&world, HOUR / 2 + 1).await;
    assert_eq!((world.push.total(), world.push.count("user-0")), (2, 1), "half past eleven in Rome");
    let first = world.items("notifications").into_iter().find(|item| item["to"]["S"] == "user-0").unwrap();
    moves(&world, 0, "America/New_York").await;
    moves(&world, 3, "UTC").await;
    run_for(&world, HOUR).await;
    run_for(&world, 5 * HOUR).await;
    run_for(&world, 61).await;
    for number in 0..6 {
        assert_eq!(world.push.count(&format!("user-{number}")), 1, "user-{number}");
    }
    let items = world.items("notifications");
    assert!(items.len() == 6 && items.contains(&first), "the first notification stays as it was");
    let sent = numbers(&world, &id).await;
    assert_eq!((&sent["matched"], &sent["sent"], &sent["balanced"]), (&json!(6), &json!(6), &json!(true)), "{sent}");
    assert_eq!(world.progress(&id).await["state"], "finished");
}

#[tokio::test]
async fn a_slot_that_is_late_does_not_send_to_people_of_another_one_again() {
    let world = travellers(3).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    world.advance(3 * HOUR / 2 + 1);
    world.reconcile().await;
    let (late, next) = (world.next_task().unwrap(), world.next_task().unwrap());
    assert_eq!((late.task, next.task), (0, 1));
    world.work_on_task(&world.fanout, &next).await.unwrap();
    assert_eq!((world.push.total(), world.push.count("user-2")), (1, 1), "half past eleven UTC; Rome's task is late");
    moves(&world, 2, "Europe/Rome").await;
    world.work_on_task(&world.fanout, &late).await.unwrap();
    assert_eq!((world.push.count("user-0"), world.push.count("user-2")), (1, 1));
    run_for(&world, 5 * HOUR).await;
    run_for(&world, 61).await;
    let sent = numbers(&world, &id).await;
    assert_eq!((&sent["matched"], &sent["sent"]), (&json!(3), &json!(3)), "{sent}");
}

/// Lets the workers die before their `call`. Returns `false` if they make fewer calls.
async fn workers_die(world: &World, call: usize) -> bool {
    let point = CrashPoint { timing: CrashTiming::Before, call };
    !matches!(world.crash_at(point, world.work_on_tasks()).await, RunOutcome::Completed(_))
}

/// A world in which the worker of the first slot died at this call, and user-0 moved to another slot since.
async fn after_a_death(call: usize) -> (World, String) {
    let world = travellers(2).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    world.advance(HOUR / 2 + 1);
    world.reconcile().await;
    assert!(workers_die(&world, call).await, "user-0 was never pushed without being stored");
    moves(&world, 0, "America/New_York").await;
    (world, id)
}

#[tokio::test]
async fn who_moves_between_the_deaths_of_two_workers_gets_at_most_two_pushes() {
    let mut first = 1;
    while {
        let (world, _) = after_a_death(first).await;
        world.push.count("user-0") == 0 || !world.items("notifications").is_empty()
    } {
        first += 1;
    }
    let mut pushed_twice = 0;
    for second in 1.. {
        let (world, id) = after_a_death(first).await;
        world.advance(6 * HOUR);
        world.reconcile().await;
        let has_died_again = workers_die(&world, second).await;
        for _ in 0..3 {
            run_for(&world, 301).await;
            world.sweep().await;
        }
        let items = world.items("notifications");
        let status = items.iter().find(|item| item["to"]["S"] == "user-0").unwrap()["status"]["S"].clone();
        let pushes = world.push.count("user-0");
        assert!(pushes == 2 || (pushes == 1 && status == "uncertain"), "{second}: {pushes} and {status}");
        let sent = numbers(&world, &id).await;
        assert_eq!((&sent["matched"], &sent["balanced"]), (&json!(2), &json!(true)), "{second}: {sent}");
        pushed_twice += usize::from(pushes == 2);
        if !has_died_again {
            break;
        }
    }
    assert!(pushed_twice > 1);
}

#[tokio::test]
async fn the_last_pass_waits_for_tasks_that_a_pause_delayed() {
    let world = travellers(3).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    let act = async |action: &str| {
        let route = format!("POST /v1/campaigns/{{id}}/{action}");
        assert_eq!(world.campaign_request(&route, &id, json!(null)).await.status, 200);
    };
    act("pause").await;
    world.advance(7 * HOUR);
    act("resume").await;
    // The tasks of the last pass have the highest numbers.
    let released: Vec<_> = std::iter::from_fn(|| world.next_task()).collect();
    assert_eq!(released.iter().map(|task| task.task).max(), Some(2), "{released:?}");
    released.iter().rev().for_each(|task| world.redeliver_task(task));
    world.work_on_tasks().await;
    run_for(&world, 61).await;
    let sent = numbers(&world, &id).await;
    assert_eq!((&sent["matched"], &sent["sent"], &sent["skipped"]), (&json!(3), &json!(3), &json!({})), "{sent}");
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (3, &json!("finished")));
}

#[tokio::test]
async fn between_two_slots_the_progress_shows_the_time_of_the_last_one() {
    let world = travellers(6).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    let sending = async || world.progress(&id).await["sending"].clone();
    assert_eq!(world.progress(&id).await["plan"]["duration_seconds"], 6 * HOUR + 1, "from Rome's time to New York's");
    world.launch(&id).await;
    assert_eq!(world.progress(&id).await["state"], "scheduled");
    run_for(&world, HOUR / 2 + 1).await;
    let first = sending().await;
    assert_eq!(first["limiting_factor"], "local_time", "{first}");
    // The last pass begins a minute after New York's time.
    assert_eq!(first["seconds_left"], 6 * HOUR - 1 + 60, "{first}");
    run_for(&world, HOUR).await;
    run_for(&world, 5 * HOUR).await;
    assert_eq!(sending().await["limiting_factor"], "local_time");
    run_for(&world, 61).await;
    let last = sending().await;
    assert_eq!((&last["limiting_factor"], &last["seconds_left"]), (&json!("nothing"), &json!(0)), "{last}");
}

#[tokio::test]
async fn who_is_held_out_is_counted_once_wherever_they_move() {
    for if_passed in ["", "skip", "send_now"] {
        let world = travellers(30).await;
        let id = world.approved_campaign(at_half_past_eleven(if_passed, json!({"holdout_percent": 40}))).await;
        let planned = world.progress(&id).await["plan"]["numbers"].clone();
        world.launch(&id).await;
        for (seconds, zone) in
            [(HOUR / 2 + 1, "UTC"), (HOUR, "America/New_York"), (5 * HOUR, "Europe/Rome"), (61, "UTC")]
        {
            run_for(&world, seconds).await;
            for number in 0..30 {
                moves(&world, number, zone).await;
            }
        }
        let sent = numbers(&world, &id).await;
        assert_eq!((&sent["matched"], &sent["balanced"]), (&json!(30), &json!(true)), "{if_passed} {sent}");
        assert_eq!(sent["holdout"], planned["holdout"], "{if_passed} {sent}");
        // A lot that holds out none or all of 30 people is drawn once in millions of runs.
        assert!((1..30).contains(&sent["holdout"].as_u64().unwrap()), "{sent}");
        let pushes: Vec<_> = (0..30).map(|number| world.push.count(&format!("user-{number}"))).collect();
        assert!(pushes.iter().all(|pushes| *pushes <= 1), "{pushes:?}");
        assert_eq!(json!(pushes.iter().sum::<usize>()), sent["sent"], "{if_passed}");
    }
}

#[tokio::test]
async fn tasks_of_closed_slots_are_not_read_again_and_their_numbers_stay() {
    let world = travellers(6).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    run_for(&world, HOUR / 2 + 1).await;
    let before = numbers(&world, &id).await;
    assert_eq!((&before["sent"], &before["tasks_done"]), (&json!(2), &json!(1)), "{before}");
    world.forget_task(&id, "send#000000");
    assert_eq!(numbers(&world, &id).await, before);
    run_for(&world, HOUR).await;
    run_for(&world, 5 * HOUR).await;
    run_for(&world, 61).await;
    let after = numbers(&world, &id).await;
    assert_eq!(
        (&after["matched"], &after["tasks_done"], &after["tasks"]),
        (&json!(6), &json!(4), &json!(4)),
        "{after}"
    );
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (6, &json!("finished")));
}

#[tokio::test]
async fn who_moved_to_a_zone_whose_time_had_passed_is_listed_as_skipped() {
    let world = travellers(3).await;
    let id = world.approved_campaign(at_half_past_eleven("", json!({}))).await;
    world.launch(&id).await;
    run_for(&world, HOUR / 2 + 1).await;
    moves(&world, 1, "Europe/Rome").await;
    let listed = async |query: &[(&str, &str)]| {
        let route = "GET /v1/campaigns/{id}/recipients";
        let listed = world.campaign_request_by("ops-client", route, &id, json!(null), None, query).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let items = listed.body["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["recipient"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let late = [("outcome", "skipped"), ("reason", "local_time_passed")];
    assert_eq!(listed(&late).await, Vec::<String>::new(), "the last pass has not begun");
    run_for(&world, HOUR).await;
    run_for(&world, 5 * HOUR).await;
    run_for(&world, 61).await;
    assert_eq!(numbers(&world, &id).await["skipped"], json!({"local_time_passed": 1}));
    assert_eq!(listed(&late).await, ["user-1"]);
    assert_eq!(listed(&[]).await.len(), 3);
}

#[tokio::test]
async fn who_moves_to_a_zone_that_the_plan_had_not_seen_is_sent_to_at_its_time() {
    for if_passed in ["", "skip", "send_now", "next_day"] {
        let world = crowd(2).await;
        moves(&world, 0, "Europe/Rome").await;
        moves(&world, 1, "Europe/Rome").await;
        let id = world.approved_campaign(at_half_past_eleven(if_passed, json!({}))).await;
        world.launch(&id).await;
        moves(&world, 1, "Pacific/Honolulu").await;
        run_for(&world, HOUR / 2 + 1).await;
        run_for(&world, 61).await;
        assert_eq!((world.push.count("user-0"), world.push.count("user-1")), (1, 0), "{if_passed}");
        let sent = numbers(&world, &id).await;
        assert_eq!(json!([sent["matched"], sent["sent"], sent["waiting"], sent["balanced"]]), json!([2, 1, 1, true]));
        assert_eq!(world.progress(&id).await["state"], "finishing", "{if_passed}");
        // Half past eleven in Honolulu is 21:30 UTC.
        run_for(&world, 11 * HOUR - 63).await;
        world.sweep().await;
        assert_eq!(world.push.count("user-1"), 0, "{if_passed}: a second too early");
        for _ in 0..3 {
            run_for(&world, 60).await;
            world.sweep().await;
        }
        assert_eq!((world.push.count("user-1"), world.push.total()), (1, 2), "{if_passed}");
    }
}

#[tokio::test]
async fn a_cancelled_campaign_sends_nothing_to_who_waits_for_the_local_time() {
    let world = crowd(2).await;
    moves(&world, 0, "Europe/Rome").await;
    moves(&world, 1, "Europe/Rome").await;
    let id = world.approved_campaign(at_half_past_eleven("skip", json!({}))).await;
    world.launch(&id).await;
    moves(&world, 1, "Pacific/Honolulu").await;
    run_for(&world, HOUR / 2 + 1).await;
    run_for(&world, 61).await;
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, json!(null)).await.status, 200);
    for _ in 0..3 {
        world.advance(11 * HOUR);
        world.sweep().await;
    }
    assert_eq!((world.push.count("user-0"), world.push.count("user-1")), (1, 0));
}

#[tokio::test]
async fn a_plan_warns_if_not_after_passes_before_the_last_slot() {
    let world = travellers(3).await;
    let warnings = async |not_after: &str| {
        let id = world.approved_campaign(at_half_past_eleven("", json!({"not_after": not_after}))).await;
        world.progress(&id).await["plan"]["warnings"].to_string()
    };
    assert!(warnings("2026-11-23T12:00:00Z").await.contains("not_after"), "New York's time is 16:30 UTC");
    assert_eq!(warnings("2026-11-23T17:00:00Z").await, "[]");
}
