//! Plans: what a dry run of a campaign says before anybody is sent to.

use fanout::TaskEnd;
use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::World;

#[tokio::test]
async fn a_plan_decides_about_quiet_hours_as_of_the_begin_of_the_campaign() {
    let world = crowd(3).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("user-1", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let planned = async |timing: Value| {
        let id = world.approved_campaign(with(timing)).await;
        let numbers = world.progress(&id).await["plan"]["numbers"].clone();
        (numbers["by_channel"]["push"].clone(), numbers["held"].clone())
    };
    // Now it is 11:00 in Rome.
    assert_eq!(planned(json!({})).await, (json!(2), json!(1)));
    assert_eq!(planned(json!({"send_at": "2026-11-23T11:30:00Z"})).await, (json!(3), json!(0)), "half past twelve");
    let local = |time: &str| json!({"at_local": {"date_time": time, "default_time_zone": "UTC"}});
    assert_eq!(planned(local("2026-11-24T11:00:00")).await, (json!(2), json!(1)));
    assert_eq!(planned(local("2026-11-24T13:00:00")).await, (json!(3), json!(0)));
}

#[tokio::test]
async fn a_plan_decides_about_people_after_a_test_phase_as_of_its_end() {
    let world = crowd(20).await;
    // From half past twelve on in Rome, where it is 11:00 now.
    let quiet = json!({"quiet_hours": {"start": "12:30", "end": "14:00"}});
    for number in 0..20 {
        let profile = json!({"time_zone": "Europe/Rome", "preferences": quiet});
        world.put_profile(&format!("user-{number}"), profile).await;
    }
    let text = |name: &str| json!({"name": name, "weight_bp": 5_000, "content": {"title": name, "body": "text"}});
    let test = json!({"share_percent": 50, "hours": 2, "metric": "clicked", "then": "winner"});
    let body = with(json!({"content": null, "variants": [text("a"), text("b")], "test": test}));
    let id = world.approved_campaign(body).await;
    let of = |numbers: &Value| json!([numbers["sent"], numbers["held"]]);
    let planned = of(&world.progress(&id).await["plan"]["numbers"]);
    world.launch(&id).await;
    world.work_on_tasks().await;
    let tested = world.push.total();
    assert!((1..20).contains(&tested) && planned == json!([tested, 20 - tested]), "{planned}, {tested} in the test");
    world.advance(2 * 3_600 + 1);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!(of(&world.progress(&id).await["sending"]["numbers"]), planned);
}

#[tokio::test]
async fn a_count_for_a_type_finds_the_people_whom_a_plan_finds() {
    let world = crowd(3).await;
    let news = json!({"title": "News", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 200);
    world.put_profile("user-2", json!({"preferences": {"opted_out_types": ["NEWS"]}})).await;
    for number in 0..4 {
        world.put_profile(&format!("mail-{number}"), json!({"email": format!("mail-{number}@example.com")})).await;
    }
    world.advance(31);
    let count = json!({"filter": {"all": []}, "type": "NEWS"});
    let counted = world.segment_request("POST /v1/segments/count", "", count, None).await.body;
    let of = |value: &Value| value["estimate"].clone();
    let (reachable, skipped) = (&counted["reachable"], &counted["skipped"]);
    assert_eq!(json!([of(&reachable["push"]), of(&reachable["email"])]), json!([2, 0]), "{counted}");
    let id = world.approved_campaign(with(json!({}))).await;
    let planned = world.progress(&id).await["plan"]["numbers"].clone();
    assert_eq!(
        (&planned["by_channel"], &planned["skipped"]),
        (&json!({"push": 2}), &json!({"no_channel": 4, "opted_out": 1}))
    );
    assert_eq!(
        json!({"no_channel": of(&skipped["no_channel"]), "opted_out": of(&skipped["opted_out"])}),
        planned["skipped"]
    );
}

#[tokio::test]
async fn a_plan_warns_if_the_message_is_long_to_store() {
    let world = crowd(2).await;
    let warnings = async |characters: usize| {
        let content = json!({"title": "Autumn", "body": "x".repeat(characters)});
        let id = world.approved_campaign(with(json!({"content": content}))).await;
        world.launch(&id).await;
        world.work_on_tasks().await;
        world.progress(&id).await["plan"]["warnings"].to_string()
    };
    assert_eq!(warnings(1_300).await, "[]");
    let long = warnings(1_600).await;
    assert!(long.contains("3 write units for each person"), "{long}");
}

/// People with one slot of the day, of whom two have used it.
async fn with_caps(on_cap: &str) -> World {
    let world = crowd(5).await;
    let news =
        json!({"title": "News", "class": "marketing", "channels": ["push"], "on_cap": on_cap, "ttl_seconds": 172_800});
    assert_eq!(world.put_type("NEWS", news).await.status, 200);
    let calls = json!({"title": "Calls", "class": "transactional", "channels": ["push"]});
    assert_eq!(world.put_type("CALLS", calls).await.status, 201);
    let rules = json!({"rules": [{"id": "daily", "max": 1, "per": "day"}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    world.advance(30);
    for user in ["user-1", "user-3"] {
        assert_eq!(world.send(user, json!({"type": "NEWS"})).await.body["status"], "accepted");
    }
    world
}

#[tokio::test]
async fn a_plan_finds_the_caps_that_are_used_up_at_its_time_as_the_sending_does() {
    let tomorrow = json!({"send_at": "2026-11-24T10:00:00Z"});
    for (on_cap, changes, outcomes) in [
        ("skip", json!({}), json!([3, 0, {"frequency_cap": 2}])),
        ("hold", json!({}), json!([3, 2, {}])),
        ("skip", tomorrow, json!([5, 0, {}])),
        ("skip", json!({"type": "CALLS"}), json!([5, 0, {}])),
    ] {
        let world = with_caps(on_cap).await;
        let id = world.approved_campaign(with(changes.clone())).await;
        let of = |numbers: &Value| json!([numbers["sent"], numbers["held"], numbers["skipped"]]);
        let planned = world.progress(&id).await["plan"]["numbers"].clone();
        assert_eq!(of(&planned), outcomes, "{on_cap} {changes}");
        world.launch(&id).await;
        if changes["send_at"].is_string() {
            world.advance(24 * 3_600);
            world.reconcile().await;
        }
        world.work_on_tasks().await;
        let sent = world.progress(&id).await["sending"]["numbers"].clone();
        assert_eq!((of(&sent), &sent["balanced"]), (outcomes, &json!(true)), "{on_cap} {changes}");
    }
}

#[tokio::test]
async fn a_plan_that_cannot_read_the_caps_is_made_again() {
    let world = with_caps("skip").await;
    let created = world.campaign_request("POST /v1/campaigns", "", with(json!({}))).await;
    let id = created.body["id"].as_str().unwrap();
    world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    let task = world.next_task().unwrap();
    world.aws.fails(Some("BatchGetItem"), 0, "ThrottlingException");
    assert!(world.work_on_task(&world.fanout, &task).await.is_err(), "SQS delivers it again");
    world.aws.works();
    world.redeliver_task(&task);
    world.work_on_tasks().await;
    assert_eq!(world.progress(id).await["plan"]["numbers"]["skipped"], json!({"frequency_cap": 2}));
}

#[tokio::test]
async fn a_plan_and_a_test_are_continued_whatever_becomes_of_their_messages() {
    let world = crowd(3).await;
    let created = world.campaign_request("POST /v1/campaigns", "", with(json!({}))).await;
    let id = created.body["id"].as_str().unwrap();
    for (action, body) in [("plan", json!(null)), ("test", json!({"to": ["user-1"]}))] {
        let route = format!("POST /v1/campaigns/{{id}}/{action}");
        assert_eq!(world.campaign_request(&route, id, body).await.status, 202);
        let task = world.next_task().unwrap();
        let end = world.run_out_of_time(&task).await;
        assert!(end == TaskEnd::Left && end.needs_repeat(task.pass), "the queue delivers it again: {end:?}");
        // The queue gave up. The schedule looks after five minutes.
        world.advance(299);
        world.reconcile().await;
        assert_eq!(world.next_task(), None);
        world.advance(1);
        world.reconcile().await;
        assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
        world.advance(600);
        world.reconcile().await;
        world.reconcile().await;
        assert_eq!(world.next_task(), None, "it is complete");
    }
    assert_eq!((world.progress(id).await["plan"]["numbers"]["matched"].clone(), world.push.total()), (json!(3), 1));
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/approve", id, json!({})).await.status, 200);
    world.launch(id).await;
    let task = world.next_task().unwrap();
    let end = world.run_out_of_time(&task).await;
    assert!(end == TaskEnd::Left && !end.needs_repeat(task.pass), "the schedule releases it again");
}

#[tokio::test]
async fn a_plan_shows_what_three_of_its_people_would_get_and_stores_none_of_it() {
    let world = crowd(4).await;
    for number in 0..4 {
        let (id, email) = (format!("user-{number}"), format!("user-{number}@example.com"));
        let attributes = json!({"name": format!("Name-{number}"), "code": "secret"});
        world.put_profile(&id, json!({"email": email, "locale": "it-IT", "attributes": attributes})).await;
    }
    let template = json!({
        "title": "Reminder", "default_locale": "en", "variables": {"type": "object", "required": ["name", "code"],
            "properties": {"name": {"type": "string", "example": "Ada"},
                "code": {"type": "string", "example": "1", "sensitive": true}}},
        "parts": {
            "en": {"push": {"title": "Hi {{ name }}", "body": "News {{ code }}"},
                "email": {"subject": "Hi {{ name }}", "html": "<p>{{ code }} <a href=\"{{ unsubscribe_url }}\">x</a></p>", "text": "News {{ code }} {{ unsubscribe_url }}"}},
            "it": {"push": {"title": "Ciao {{ name }}", "body": "Novità {{ code }}"},
                "email": {"subject": "Ciao {{ name }}", "html": "<p>{{ code }} <a href=\"{{ unsubscribe_url }}\">x</a></p>", "text": "Novità {{ code }} {{ unsubscribe_url }}"}}},
    });
    world.publish_template(template).await;
    let from = json!({"name": "name", "code": "code"});
    let id = world
        .approved_campaign(with(json!({"content": null, "template": {"name": "reminder"}, "variables_from": from})))
        .await;
    let samples = async || world.progress(&id).await["plan"]["samples"].as_array().unwrap().clone();
    let shown = samples().await;
    assert_eq!(shown.len(), 3, "{shown:?}");
    for sample in &shown {
        assert_eq!(
            (&sample["recipient"]["id"], &sample["recipient"]["email"]),
            (&json!("us…"), &json!("u…@example.com"))
        );
        assert!(sample["messages"]["push"].to_string().contains("Ciao Name-"), "{sample}");
        assert!(sample["messages"]["email"]["subject"].as_str().unwrap().starts_with("Ciao Name-"), "{sample}");
        assert!(!sample.to_string().contains("secret"), "{sample}");
    }
    assert!(!serde_json::to_string(&world.items("settings")).unwrap().contains("Name-"), "a plan stores no text");
    assert_eq!(world.push.total(), 0);
    for number in 0..4 {
        world.on_recipient("DELETE /v1/recipients/{id}", &format!("user-{number}"), json!(null)).await;
    }
    assert_eq!(samples().await, Vec::<Value>::new(), "an erased person is in no sample");
}

#[tokio::test]
async fn a_launch_needs_a_complete_plan_of_the_last_24_hours() {
    let world = crowd(3).await;
    let local = json!({"at_local": {"date_time": "2026-11-25T09:00:00", "default_time_zone": "UTC"}});
    let id = world.approved_campaign(with(local)).await;
    let act = async |action: &str| {
        let answer = world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{action}"), &id, json!({})).await;
        let kind = answer.body["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned();
        (answer.status, kind)
    };
    assert_eq!(act("plan").await.0, 202);
    assert_eq!(act("launch").await, (409, "conflict".to_owned()), "nobody is counted yet");
    assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
    world.advance(24 * 3_600 + 1);
    assert_eq!(act("launch").await, (409, "approval-stale".to_owned()), "the plan is of yesterday");
    assert_eq!(act("plan").await.0, 202);
    world.work_on_tasks().await;
    assert_eq!(act("launch").await.0, 200, "the approval stays");
    world.advance(23 * 3_600);
    for _ in 0..3 {
        world.reconcile().await;
        world.work_on_tasks().await;
    }
    let sent = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!((&sent["matched"], &sent["sent"], world.push.total()), (&json!(3), &json!(3), 3), "{sent}");
}
