//! Faults around campaigns: the queue does not answer, a table throttles, the reconciler dies, a person is erased.

use fanout::TaskEnd;
use serde_json::{Value, json};

use super::campaigns::{campaign, crowd, with};
use world::{CrashPoint, CrashTiming, RunOutcome, World};

async fn assert_everybody_once(world: &World, id: &str, people: usize) {
    let progress = world.progress(id).await;
    let numbers = &progress["sending"]["numbers"];
    assert_eq!((&numbers["sent"], &numbers["balanced"]), (&json!(people), &json!(true)), "{progress}");
    assert_eq!(world.push.total(), people);
}

/// Lets the schedule and the workers work until the campaign ends.
async fn run_to_the_end(world: &World, id: &str) {
    for _ in 0..20 {
        world.work_on_tasks().await;
        world.advance(90);
        world.reconcile().await;
        if world.progress(id).await["state"] == "finished" {
            return;
        }
    }
    panic!("the campaign does not end: {}", world.progress(id).await);
}

#[tokio::test]
async fn a_worker_that_has_never_read_the_catalog_leaves_its_people_for_later() {
    let mut world = crowd(3).await;
    let title = json!({"title": "Offers", "class": "marketing", "channels": ["push"]});
    world.put_type("OFFERS", title).await;
    let id = world.approved_campaign(with(json!({"type": "OFFERS"}))).await;
    world.launch(&id).await;
    world.aws.state.lock().unwrap().catalog_is_throttled = true;
    world.cold_start().await;
    let task = world.next_task().unwrap();
    assert!(world.work_on_task(&world.fanout, &task).await.is_err_and(|error| error.is_transient()));
    assert_eq!(world.push.total(), 0);
    world.aws.state.lock().unwrap().catalog_is_throttled = false;
    for _ in 0..10 {
        world.advance(60);
        world.reconcile().await;
        world.work_on_tasks().await;
    }
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!((&numbers["sent"], world.push.total()), (&json!(3), 3), "{numbers}");
}

#[tokio::test]
async fn a_reconciler_that_dies_at_any_call_releases_every_task() {
    for call in 1.. {
        for timing in [CrashTiming::Before, CrashTiming::After] {
            let world = crowd(3).await;
            let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T10:30:00Z"}))).await;
            world.launch(&id).await;
            world.advance(1_801);
            let outcome = world.crash_at(CrashPoint { timing, call }, world.reconcile()).await;
            let has_ended = matches!(outcome, RunOutcome::Completed(()));
            for _ in 0..5 {
                // A task whose message was lost is released again after five minutes.
                world.advance(90);
                world.reconcile().await;
            }
            run_to_the_end(&world, &id).await;
            assert_everybody_once(&world, &id, 3).await;
            if has_ended {
                assert!(call > 5, "the reconciler makes several calls");
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_table_that_throttles_delays_a_task_and_each_person_is_counted_once() {
    let world = crowd(30).await;
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    let task = world.next_task().unwrap();
    world.aws.fails(Some("BatchWriteItem"), 0, "ThrottlingException");
    let failed = world.work_on_task(&world.fanout, &task).await;
    assert!(failed.is_err(), "SQS delivers it again: {failed:?}");
    world.aws.works();
    world.redeliver_task(&task);
    run_to_the_end(&world, &id).await;
    let progress = world.progress(&id).await;
    let numbers = &progress["sending"]["numbers"];
    assert_eq!((&numbers["matched"], &numbers["balanced"]), (&json!(30), &json!(true)), "{progress}");
    let items = world.items("notifications");
    assert_eq!(items.len(), 30, "one notification for each person");
}

/// Without a condition, a second attempt would put the accepted state over the delivered one.
#[tokio::test]
async fn a_batch_whose_answer_is_lost_replaces_nothing_that_was_stored_since() {
    let world = crowd(3).await;
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    let task = world.next_task().unwrap();
    world.aws.state.lock().unwrap().answers_lost = Some(("BatchWriteItem", 1));
    let receipt = async {
        let mut item = loop {
            match world.items("notifications").pop() {
                Some(item) => break item,
                None => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            }
        };
        item["status"]["S"] = json!("delivered");
        world.store_item("notifications", &item);
        item["pk"].clone()
    };
    let (end, delivered) = tokio::join!(world.work_on_task(&world.fanout, &task), receipt);
    assert_eq!(end.unwrap(), TaskEnd::Done);
    let items = world.items("notifications");
    let statuses: Vec<_> = items.iter().map(|item| (item["pk"] == delivered, &item["status"]["S"])).collect();
    assert_eq!(statuses.len(), 3, "{statuses:?}");
    assert!(statuses.iter().all(|(is_delivered, status)| *is_delivered == (**status == "delivered")), "{statuses:?}");
    assert_everybody_once(&world, &id, 3).await;
}

#[tokio::test]
async fn what_dynamodb_does_not_process_of_a_batch_is_asked_for_again() {
    let world = crowd(30).await;
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.aws.state.lock().unwrap().unprocessed = Some(("BatchWriteItem", 2));
    assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
    assert_eq!(world.aws.state.lock().unwrap().unprocessed, Some(("BatchWriteItem", 0)));
    assert_eq!(world.items("notifications").len(), 30);
    assert_everybody_once(&world, &id, 30).await;
    world.aws.state.lock().unwrap().unprocessed = Some(("BatchGetItem", 1));
    let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await;
    assert_eq!(people.body["items"].as_array().unwrap().len(), 30, "{people:?}");
    assert_eq!(world.aws.state.lock().unwrap().unprocessed, Some(("BatchGetItem", 0)));
}

#[tokio::test]
async fn an_erased_person_is_nowhere_in_a_campaign() {
    let world = crowd(4).await;
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", "user-1", Value::Null).await.status, 200);
    let listed = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 3);
    for table in ["recipients", "notifications", "settings", "control", "metrics"] {
        let items = serde_json::to_string(&world.items(table)).unwrap();
        assert!(!items.contains("user-1"), "{table} names an erased person");
    }
    // Of a list, the key alone is left, and nobody is found by it.
    let listed = with(json!({"filter": null, "recipients": ["user-1", "user-2"]}));
    let id = world.approved_campaign(listed).await;
    assert_eq!(world.progress(&id).await["plan"]["numbers"]["matched"], 1);
}

#[tokio::test]
async fn a_campaign_whose_type_is_archived_before_its_time_fails_and_sends_nothing() {
    let world = crowd(3).await;
    let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T10:30:00Z"}))).await;
    world.launch(&id).await;
    assert_eq!(world.type_request("DELETE", "NEWS", Value::Null).await.status, 200);
    world.advance(1_801);
    world.reconcile().await;
    let progress = world.progress(&id).await;
    assert_eq!(progress["state"], "failed", "{progress}");
    assert!(progress["pause_detail"].as_str().unwrap().contains("archived"), "{progress}");
    assert_eq!((world.next_task(), world.push.total()), (None, 0));
}

#[tokio::test]
async fn bounces_pause_a_campaign_although_ses_accepted_every_mail() {
    let world = crowd(0).await;
    for number in 0..30 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    let steps = json!({"steps": [{"percent": 50, "hold_minutes": 60}, {"percent": 100}]});
    let guards = json!({"max_failed_percent": 20, "min_people": 5});
    let id = world.approved_campaign(with(json!({"rollout": steps, "guards": guards}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await.body;
    let bounces = people["items"].as_array().unwrap().iter().map(|one| {
        let to = format!("{}@example.com", one["recipient"].as_str().unwrap());
        world::bounced(one["notification"].as_str().unwrap(), &to, "Permanent", "NoEmail")
    });
    let bounces: Vec<_> = bounces.collect();
    assert!(bounces.len() >= 5, "{people}");
    world.ses_publishes(&bounces).await;
    world.fold().await;
    world.advance(60);
    world.reconcile().await;
    let progress = world.progress(&id).await;
    assert_eq!((&progress["state"], &progress["pause_reason"]), (&json!("paused"), &json!("guard")), "{progress}");
    assert_eq!(progress["sending"]["numbers"]["failed"], 0, "each was accepted at first");
}

#[tokio::test]
async fn without_the_queue_a_launch_is_not_lost() {
    let world = crowd(3).await;
    let id = world.approved_campaign(campaign()).await;
    world.aws.state.lock().unwrap().queue_is_down = true;
    assert_eq!(world.launch(&id).await.body["state"], "running");
    assert_eq!(world.next_task(), None);
    world.aws.state.lock().unwrap().queue_is_down = false;
    world.advance(301);
    world.reconcile().await;
    run_to_the_end(&world, &id).await;
    assert_everybody_once(&world, &id, 3).await;
}

#[tokio::test]
async fn complaints_and_opt_outs_by_the_link_of_a_message_pause_a_campaign() {
    for unwelcome in ["complaint", "opt-out"] {
        let world = crowd(0).await;
        for number in 0..40 {
            let id = format!("mail-{number}");
            world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
        }
        let steps = json!({"steps": [{"percent": 50, "hold_minutes": 60}, {"percent": 100}]});
        let guards = json!({"max_complained_percent": 10, "max_opted_out_percent": 10, "min_people": 5});
        let id = world.approved_campaign(with(json!({"rollout": steps, "guards": guards}))).await;
        world.launch(&id).await;
        world.work_on_tasks().await;
        if unwelcome == "complaint" {
            let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await.body;
            let complaints = people["items"].as_array().unwrap().iter().map(|one| {
                let to = format!("{}@example.com", one["recipient"].as_str().unwrap());
                world::complained(one["notification"].as_str().unwrap(), &to)
            });
            world.ses_publishes(&complaints.collect::<Vec<_>>()).await;
        } else {
            let links = world.mails().into_iter().flat_map(|mail| world::links(&mail));
            let links: std::collections::BTreeSet<_> = links.filter(|link| link.contains("/unsubscribe/")).collect();
            for link in links {
                assert_eq!(world.follow("POST", &link).await.status, 200);
            }
        }
        world.fold().await;
        world.advance(60);
        world.reconcile().await;
        let progress = world.progress(&id).await;
        assert_eq!((&progress["state"], &progress["pause_reason"]), (&json!("paused"), &json!("guard")), "{progress}");
        assert!(progress["pause_detail"].as_str().unwrap().contains(unwelcome), "{progress}");
    }
}

#[tokio::test]
async fn a_resume_whose_process_dies_at_any_call_sends_to_all_people() {
    for call in 1.. {
        for timing in [CrashTiming::Before, CrashTiming::After] {
            let world = crowd(3).await;
            let id = world.approved_campaign(campaign()).await;
            world.launch(&id).await;
            let act = async |action: &str| {
                let route = format!("POST /v1/campaigns/{{id}}/{action}");
                world.campaign_request(&route, &id, json!(null)).await.status
            };
            assert_eq!(act("pause").await, 200);
            world.work_on_tasks().await;
            let outcome = world.crash_at(CrashPoint { timing, call }, act("resume")).await;
            if world.progress(&id).await["state"] == "paused" {
                assert_eq!(act("resume").await, 200);
            }
            // If the release was stored and its messages were not sent, they count as lost after five minutes.
            for _ in 0..8 {
                world.work_on_tasks().await;
                world.advance(60);
                world.reconcile().await;
            }
            assert_everybody_once(&world, &id, 3).await;
            if matches!(outcome, RunOutcome::Completed(_)) {
                assert!(call > 5, "a resume makes several calls");
                return;
            }
        }
    }
}

#[tokio::test]
async fn resuming_a_running_campaign_again_and_again_sends_no_message_again() {
    let world = crowd(20).await;
    let id = world.approved_campaign(with(json!({"rollout": {"steps": [{"percent": 100}]}}))).await;
    world.launch(&id).await;
    let act = async |action: &str| {
        let route = format!("POST /v1/campaigns/{{id}}/{action}");
        assert_eq!(world.campaign_request(&route, &id, json!(null)).await.status, 200);
    };
    act("pause").await;
    while world.next_task().is_some() {}
    act("resume").await;
    let waiting = || world.aws.state.lock().unwrap().tasks.len();
    assert_eq!(waiting(), 100);
    for _ in 0..5 {
        world.advance(1);
        act("resume").await;
    }
    assert_eq!(waiting(), 100, "the messages of the first resume are still there");
    world.work_on_tasks().await;
    assert_everybody_once(&world, &id, 20).await;
}

#[tokio::test]
async fn a_page_that_is_read_again_with_another_end_overwrites_nothing_and_pays_once() {
    let world = crowd(30).await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 100000000}}"#);
    let news =
        json!({"title": "News", "class": "marketing", "channels": ["push", "sms"], "escalate_after_seconds": 60});
    assert_eq!(world.put_type("NEWS", news).await.status, 200);
    for number in 0..30 {
        let phone = json!({"phone": format!("+3933312345{number:02}")});
        world.put_profile(&format!("user-{number}"), phone).await;
    }
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    let task = world.next_task().unwrap();
    // The worker takes the task, works on all people, and cannot store that.
    world.aws.fails(Some("PutItem"), 1, "ThrottlingException");
    let failed = world.work_on_task(&world.fanout, &task).await;
    assert!(failed.is_err(), "{failed:?}");
    world.aws.works();
    assert_eq!((world.push.total(), world.texts().len()), (30, 0));
    world.advance(90);
    world.sweep().await;
    assert_eq!(world.texts().len(), 30, "nobody confirmed the push");
    let before = world.items("notifications");
    // At a slow pace, a page has four people.
    world.redeliver_task(&campaign::TaskMessage { interval_ms: Some(5_000), ..task });
    assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
    assert!(world.items("notifications") == before, "revisions and attempts are unchanged");
    world.advance(90);
    world.sweep().await;
    assert_eq!((world.push.total(), world.texts().len()), (30, 30));
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!((&numbers["matched"], &numbers["balanced"]), (&json!(30), &json!(true)), "{numbers}");
}
