//! States of a campaign and what they mean for messages that wait, for later attempts, and for requests.

use fanout::TaskEnd;
use serde_json::{Value, json};

use super::campaigns::{campaign, crowd, with};
use world::{Reply, World};

/// A launched campaign whose people are all held by quiet hours, which end in 30 minutes.
async fn all_held() -> (World, String) {
    let world = crowd(4).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "11:30"}});
    for number in 0..4 {
        let profile = json!({"time_zone": "Europe/Rome", "preferences": quiet});
        world.put_profile(&format!("user-{number}"), profile).await;
    }
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.progress(&id).await["sending"]["numbers"]["held"], 4);
    (world, id)
}

async fn action(world: &World, id: &str, name: &str) -> u16 {
    world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{name}"), id, json!(null)).await.status
}

async fn statuses(world: &World, id: &str) -> Vec<Value> {
    let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", id, json!(null)).await;
    let items = people.body["items"].as_array().unwrap().clone();
    items.iter().map(|one| one["status"].clone()).collect()
}

#[tokio::test]
async fn after_a_cancellation_held_messages_are_not_sent() {
    let (world, id) = all_held().await;
    assert_eq!(action(&world, &id, "cancel").await, 200);
    world.advance(60 * 60);
    world.sweep().await;
    assert_eq!(world.push.total(), 0);
    assert_eq!(statuses(&world, &id).await, vec![json!("cancelled"); 4]);
}

#[tokio::test]
async fn a_pause_keeps_held_messages_and_a_resume_lets_them_go() {
    let (world, id) = all_held().await;
    assert_eq!(action(&world, &id, "pause").await, 200);
    for _ in 0..3 {
        world.advance(60 * 60);
        assert_eq!(world.sweep().await.failed, 0);
        assert_eq!(world.push.total(), 0);
    }
    assert_eq!(action(&world, &id, "resume").await, 200);
    world.advance(60);
    world.sweep().await;
    assert_eq!(world.push.total(), 0, "each waits as long as the pause had lasted when it came due");
    world.advance(60 * 60);
    world.sweep().await;
    assert_eq!((world.push.total(), world.sweep().await.found), (4, 0));
}

#[tokio::test]
async fn what_a_pause_keeps_beyond_its_lifetime_expires() {
    let (world, id) = all_held().await;
    assert_eq!(action(&world, &id, "pause").await, 200);
    world.advance(4 * 24 * 3_600);
    world.sweep().await;
    assert_eq!(world.push.total(), 0);
    assert_eq!(statuses(&world, &id).await, vec![json!("expired"); 4]);
}

#[tokio::test]
async fn after_a_cancellation_no_other_channel_is_paid_for() {
    let world = crowd(2).await;
    for number in 0..2 {
        let id = format!("user-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    world.push.always(Some(Reply::status(503)));
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(action(&world, &id, "cancel").await, 200);
    for _ in 0..5 {
        world.advance(3_600);
        world.sweep().await;
    }
    assert_eq!(world.mails().len(), 0);
    assert_eq!(statuses(&world, &id).await, vec![json!("cancelled"); 2]);
}

#[tokio::test]
async fn a_campaign_ends_once_its_held_messages_have_ended() {
    let (world, id) = all_held().await;
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "finishing");
    world.advance(60 * 60);
    world.sweep().await;
    world.fold().await;
    // An hour after the last task, a campaign is looked at every tenth minute.
    world.advance(10 * 60);
    world.reconcile().await;
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (4, &json!("finished")));
}

#[tokio::test]
async fn a_resume_after_a_guard_counts_anew() {
    let world = crowd(60).await;
    let steps = json!({"steps": [{"percent": 50, "hold_minutes": 1}, {"percent": 100}]});
    let guards = json!({"max_failed_percent": 10, "min_people": 5});
    let id = world.approved_campaign(with(json!({"rollout": steps, "guards": guards}))).await;
    world.push.always(Some(Reply::status(403)));
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["pause_reason"], "guard");
    world.push.always(None);
    world.advance(120);
    assert_eq!(action(&world, &id, "resume").await, 200);
    for _ in 0..3 {
        world.work_on_tasks().await;
        world.advance(120);
        world.reconcile().await;
    }
    let progress = world.progress(&id).await;
    assert_eq!(progress["state"], "finished", "{progress}");
    assert_eq!(world.push.total(), 60, "30 of them were refused");
}

#[tokio::test]
async fn a_launch_after_the_time_of_the_campaign_is_refused() {
    let world = crowd(1).await;
    let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T10:30:00Z"}))).await;
    world.advance(4 * 3_600);
    let launched = world.campaign_request("POST /v1/campaigns/{id}/launch", &id, json!({})).await;
    assert_eq!((launched.status, &launched.body["errors"][0]["field"]), (422, &json!("send_at")), "{launched:?}");
    assert_eq!((world.next_task(), world.push.total()), (None, 0));
}

#[tokio::test]
async fn the_stored_form_of_a_list_belongs_to_its_own_campaign() {
    let world = crowd(2).await;
    let listed = with(json!({"filter": null, "recipients": ["user-0", "user-1"]}));
    let created = world.campaign_request("POST /v1/campaigns", "", listed).await;
    let (id, stored) = (created.body["id"].as_str().unwrap(), created.body["recipients"].clone());
    let again = json!({"recipients": stored, "title": "Renamed"});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", id, again).await.status, 200);
    for recipients in [stored.clone(), json!({"list": "x", "count": 4_294_967_295_u32}), json!({})] {
        let copied = with(json!({"filter": null, "recipients": recipients}));
        let refused = world.campaign_request("POST /v1/campaigns", "", copied).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("recipients")), "{refused:?}");
    }
    let more = json!({"recipients": {"list": stored["list"], "count": 9}});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", id, more).await.status, 422);
}

#[tokio::test]
async fn at_a_slow_pace_people_are_judged_as_of_their_turn() {
    let world = crowd(3).await;
    let id = world.approved_campaign(with(json!({}))).await;
    world.launch(&id).await;
    let task = campaign::TaskMessage { interval_ms: Some(2_500), ..world.next_task().unwrap() };
    let change = async {
        while world.push.total() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let people = (0..3).map(|number| format!("user-{number}"));
        let later: Vec<_> = people.filter(|user| world.push.count(user) == 0).collect();
        world.put_profile(&later[0], json!({"preferences": {"opted_out_types": ["NEWS"]}})).await;
        assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", &later[1], json!(null)).await.status, 200);
    };
    let (worked, ()) = tokio::join!(world.work_on_task(&world.fanout, &task), change);
    assert!(worked.is_ok(), "{worked:?}");
    assert_eq!(world.push.total(), 1);
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!(
        json!([numbers["matched"], numbers["sent"], numbers["skipped"], numbers["erased"], numbers["balanced"]]),
        json!([3, 1, {"opted_out": 1}, 1, true])
    );
}

/// A push service takes some seconds to refuse a message, and the campaign is paused or cancelled meanwhile.
#[tokio::test]
async fn no_other_channel_is_paid_for_after_a_pause_during_a_push() {
    for (stop, status) in [("pause", "cascading"), ("cancel", "cancelled")] {
        let world = crowd(1).await;
        world.put_profile("user-0", json!({"email": "user-0@example.com"})).await;
        let id = world.approved_campaign(campaign()).await;
        world.launch(&id).await;
        let task = world.next_task().unwrap();
        world.push.always(Some(Reply::status(410)));
        let held = world.push.hold();
        let stopped = async {
            while world.push.total() == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            assert_eq!(action(&world, &id, stop).await, 200);
            world.advance(7);
            held.notify_one();
        };
        let (end, ()) = tokio::join!(world.work_on_task(&world.fanout, &task), stopped);
        end.unwrap();
        assert_eq!((world.mails().len(), statuses(&world, &id).await), (0, vec![json!(status)]), "{stop}");
        if stop == "pause" {
            assert_eq!(action(&world, &id, "resume").await, 200);
            world.advance(3_600);
            world.sweep().await;
            assert_eq!(world.mails().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_guard_does_not_pause_a_campaign_that_has_nothing_left_to_send() {
    let world = crowd(20).await;
    world.push.always(Some(Reply::status(403)));
    let id = world.approved_campaign(with(json!({"guards": {"min_people": 5}}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    let progress = world.progress(&id).await;
    assert_eq!((&progress["state"], &progress["sending"]["numbers"]["failed"]), (&json!("finished"), &json!(20)));
}

#[tokio::test]
async fn a_campaign_whose_tasks_are_done_can_be_resumed_after_its_end() {
    let world = crowd(20).await;
    world.push.always(Some(Reply::status(403)));
    world.push.answer("user-0", [Reply::status(503)]);
    let changes = json!({"guards": {"min_people": 5}, "not_after": "2026-11-23T11:00:00Z"});
    let id = world.approved_campaign(with(changes)).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    let progress = world.progress(&id).await;
    assert_eq!((&progress["state"], &progress["pause_reason"]), (&json!("paused"), &json!("guard")), "{progress}");
    world.advance(2 * 3_600);
    world.sweep().await;
    world.fold().await;
    assert_eq!(action(&world, &id, "resume").await, 200, "no further person would be sent to");
    assert_eq!(world.progress(&id).await["state"], "finished");
}

/// The worker reads the campaign every 2 s, and the pause is shorter.
#[tokio::test]
async fn a_worker_gives_its_task_back_after_a_pause_between_two_reads() {
    let world = crowd(0).await;
    for number in 0..40 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    // 7 people a second: the task takes more than 5 s.
    world.aws.state.lock().unwrap().mail_quota = Some([10.0, 1_000_000.0, 0.0]);
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    let task = world.next_task().unwrap();
    let change = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(action(&world, &id, "pause").await, 200);
        let slower = json!({"rate_per_second": 400});
        assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", &id, slower).await.status, 200);
        world.advance(1);
        assert_eq!(action(&world, &id, "resume").await, 200);
    };
    let (end, ()) = tokio::join!(world.work_on_task(&world.fanout, &task), change);
    assert_eq!(end.unwrap(), TaskEnd::Left);
    assert!(world.mails().len() < 30, "{} of 40", world.mails().len());
    world.aws.state.lock().unwrap().mail_quota = Some([1_000.0, 1_000_000.0, 0.0]);
    for _ in 0..3 {
        world.advance(61);
        world.reconcile().await;
        world.work_on_tasks().await;
    }
    assert_eq!((world.mails().len(), &world.progress(&id).await["state"]), (40, &json!("finished")));
}

#[tokio::test]
async fn the_end_of_a_paused_campaign_is_checked_like_that_of_a_draft() {
    let world = crowd(3).await;
    let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T11:00:00Z"}))).await;
    world.launch(&id).await;
    assert_eq!(action(&world, &id, "pause").await, 200);
    let patch = async |not_after: Value| {
        let body = json!({"not_after": not_after});
        let answer = world.campaign_request("PATCH /v1/campaigns/{id}", &id, body).await;
        (answer.status, answer.fields().len())
    };
    for refused in ["2020-01-01T00:00:00Z", "2026-11-23T10:30:00Z", "2027-06-01T00:00:00Z"] {
        let answer = world.campaign_request("PATCH /v1/campaigns/{id}", &id, json!({"not_after": refused})).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["not_after"]), "{refused}");
    }
    assert_eq!(patch(json!("2026-11-23T12:00:00Z")).await, (200, 0));
    world.advance(90 * 60);
    let past = json!("2026-11-23T11:15:00Z");
    assert_eq!(patch(past).await, (422, 1), "after the begin of the campaign, and in the past");
    assert_eq!(patch(Value::Null).await, (200, 0));
}

/// The state is read for the pause, once in 5 s, and not for each paid message.
#[tokio::test]
async fn the_state_of_a_campaign_is_read_once_in_5_s_for_all_its_paid_messages() {
    let world = crowd(0).await;
    for number in 0..40 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    let reads = || std::mem::take(&mut world.aws.state.lock().unwrap().campaign_state_reads);
    let id = world.approved_campaign(with(json!({"rollout": {"steps": [{"percent": 100}]}}))).await;
    world.launch(&id).await;
    world.work_on_next_tasks(50).await;
    let first = world.mails().len();
    assert!((5..=35).contains(&first), "{first} of 40");
    assert_eq!(reads(), 1);
    world.advance(4);
    world.work_on_next_tasks(25).await;
    assert!(world.mails().len() > first);
    assert_eq!(reads(), 0, "the state of 4 s ago");
    world.advance(1);
    world.work_on_next_tasks(25).await;
    assert_eq!((world.mails().len(), reads()), (40, 1));
    let another = world.approved_campaign(campaign()).await;
    world.launch(&another).await;
    world.work_on_tasks().await;
    assert_eq!((world.mails().len(), reads()), (80, 1), "people at the same time share a read");
}
