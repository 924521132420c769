//! Campaigns: planned, approved, launched, paused, and each person sent to once.

use fanout::TaskEnd;
use serde_json::{Value, json};

use world::World;

/// A world with people, each with a device, and a marketing type.
pub async fn crowd(people: usize) -> World {
    let world = World::start().await;
    let news = json!({"title": "News", "class": "marketing", "channels": ["push", "email"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 201);
    for number in 0..people {
        let id = format!("user-{number}");
        world.subscribe(&id, &id).await;
        let plan = if number % 2 == 0 { "gold" } else { "silver" };
        world.put_profile(&id, json!({"locale": "it-IT", "attributes": {"plan": plan, "name": id}})).await;
    }
    world
}

pub fn campaign() -> Value {
    json!({
        "title": "Autumn", "type": "NEWS", "content": {"title": "Autumn", "body": "New things"},
        "filter": {"all": []},
    })
}

pub fn with(changes: Value) -> Value {
    let mut body = campaign();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = body.as_object_mut().unwrap().remove(name),
            value => body[name] = value.clone(),
        }
    }
    body
}

fn numbers(progress: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| progress["sending"]["numbers"][*name].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_plan_counts_and_sends_nothing_and_the_launch_sends_to_each_person_once() {
    let world = crowd(12).await;
    world.put_profile("user-3", json!({"preferences": {"opted_out_types": ["NEWS"]}})).await;
    world.put_profile("nobody", json!({"locale": "de"})).await;
    let id = world.approved_campaign(campaign()).await;
    let planned = world.progress(&id).await["plan"].clone();
    assert_eq!((&planned["is_complete"], &planned["numbers"]["balanced"]), (&json!(true), &json!(true)), "{planned}");
    assert_eq!(planned["numbers"]["matched"], 13);
    assert_eq!(planned["numbers"]["by_channel"], json!({"push": 11}));
    assert_eq!(planned["numbers"]["skipped"], json!({"no_channel": 1, "opted_out": 1}));
    assert_eq!(planned["numbers"]["by_locale"], json!({"de": 1, "it-IT": 11, "none": 1}));
    assert_eq!(world.push.total(), 0, "nothing is sent by a plan");
    world.launch(&id).await;
    assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
    let progress = world.progress(&id).await;
    assert_eq!(numbers(&progress, &["matched", "sent", "held", "failed"]), [13, 11, 0, 0], "{progress}");
    assert_eq!(progress["sending"]["numbers"]["balanced"], true);
    assert_eq!(world.push.total(), 11);
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "finished");
}

#[tokio::test]
async fn a_campaign_rolls_itself_out_and_pauses_itself_at_a_guard() {
    let world = crowd(60).await;
    let steps = json!({"steps": [{"percent": 20, "hold_minutes": 10}, {"percent": 100}]});
    let guards = json!({"max_failed_percent": 10, "min_people": 5});
    let changes = json!({"rollout": steps, "guards": guards, "rate_per_second": 5_000});
    let id = world.approved_campaign(with(changes)).await;
    world.launch(&id).await;
    assert_eq!(world.work_on_tasks().await.len(), 20, "a fifth of the 100 tasks");
    let first = world.push.total();
    assert!((5..=30).contains(&first), "{first} of 60 people");
    world.advance(300);
    world.reconcile().await;
    assert_eq!(world.work_on_tasks().await, [], "the step is held");
    assert_eq!(world.progress(&id).await["sending"]["limiting_factor"], "rollout_step");
    world.push.always(Some(world::Reply::status(403)));
    world.advance(601);
    world.reconcile().await;
    world.work_on_next_tasks(60).await;
    world.reconcile().await;
    let progress = world.progress(&id).await;
    assert_eq!((&progress["state"], &progress["pause_reason"]), (&json!("paused"), &json!("guard")), "{progress}");
    assert!(progress["pause_detail"].as_str().unwrap().contains("failed, more than 10 %"), "{progress}");
    assert_eq!(progress["sending"]["numbers"]["balanced"], true);
}

#[tokio::test]
async fn a_pause_holds_and_a_resume_sends_to_the_rest() {
    let world = crowd(40).await;
    let id = world.approved_campaign(with(json!({"rollout": {"steps": [{"percent": 100}]}}))).await;
    world.launch(&id).await;
    world.work_on_next_tasks(30).await;
    let before = world.push.total();
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!(null)).await.status, 200);
    assert!(world.work_on_tasks().await.iter().all(|end| *end == TaskEnd::Nothing));
    world.advance(60);
    world.reconcile().await;
    assert_eq!((world.push.total(), world.next_task()), (before, None), "nothing while it is paused");
    let slower = json!({"rate_per_second": 400});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", &id, slower).await.status, 200);
    let text = json!({"content": {"title": "Other", "body": "text"}});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", &id, text).await.status, 422);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await.status, 200);
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 40);
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "finished");
    let resumed = world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await;
    assert_eq!(resumed.status, 409);
}

#[tokio::test]
async fn after_not_after_no_message_is_sent() {
    let world = crowd(3).await;
    let changes = json!({"not_after": "2026-11-23T11:00:00Z", "send_at": "2026-11-23T10:30:00Z"});
    let id = world.approved_campaign(with(changes)).await;
    assert_eq!(world.launch(&id).await.body["state"], "scheduled");
    world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!(null)).await;
    world.advance(3_700);
    let resumed = world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await;
    assert!(resumed.status == 409 && resumed.body["type"].as_str().unwrap().ends_with("too-late"), "{resumed:?}");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, json!(null)).await.status, 200);
    assert_eq!(world.push.total(), 0);
}

#[tokio::test]
async fn a_scheduled_campaign_begins_at_its_time() {
    let world = crowd(3).await;
    let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T10:30:00Z"}))).await;
    world.launch(&id).await;
    world.reconcile().await;
    assert_eq!(world.next_task(), None);
    // Who is registered after the launch is not meant.
    world.advance(1);
    world.subscribe("late", "late").await;
    world.put_profile("late", json!({})).await;
    world.advance(1_801);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!((world.push.total(), world.push.count("late")), (3, 0));
}

#[tokio::test]
async fn listed_recipients_are_sent_to_and_only_their_keys_are_stored() {
    let world = crowd(5).await;
    let listed = json!({"filter": null, "recipients": ["user-1", "user-4", "user-4", "unknown"]});
    let id = world.approved_campaign(with(listed)).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!((world.push.total(), world.push.count("user-1"), world.push.count("user-4")), (2, 1, 1));
    let settings = serde_json::to_string(&world.items("settings")).unwrap();
    assert!(!settings.contains("user-1") && !settings.contains("unknown"));
    let shown = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await;
    assert_eq!(shown.body["recipients"]["count"], 3);
}

#[tokio::test]
async fn variants_and_a_holdout_have_their_shares_and_the_results_say_what_they_led_to() {
    let world = crowd(60).await;
    let text = |title: &str| json!({"title": title, "body": "text"});
    let variants = json!([
        {"name": "a", "weight_bp": 5_000, "content": text("A")}, {"name": "b", "weight_bp": 5_000, "content": text("B")}]);
    let changes = json!({"content": null, "variants": variants, "holdout_percent": 20});
    let id = world.approved_campaign(with(changes)).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    let number = |name: &str| numbers[name].as_u64().unwrap();
    assert_eq!((number("matched"), number("sent") + number("holdout")), (60, 60), "{numbers}");
    assert!((4..=22).contains(&number("holdout")), "{numbers}");
    let of = |name: &str| numbers["by_variant"][name].as_u64().unwrap();
    assert!(of("a") + of("b") == number("sent") && of("a").abs_diff(of("b")) < 30, "{numbers}");
    world.fold().await;
    world.advance(60);
    let results = world.campaign_request("GET /v1/campaigns/{id}/results", &id, json!(null)).await.body;
    let reached: Vec<_> = results["variants"].as_array().unwrap().iter().map(|one| one["reached"].as_u64()).collect();
    assert_eq!(reached, [Some(of("a")), Some(of("b"))], "{results}");
    assert_eq!(results["comparisons"][1]["verdict"], "no difference shown", "{results}");
}

#[tokio::test]
async fn each_person_can_be_looked_up_and_the_failed_are_sent_to_again() {
    let world = crowd(4).await;
    world.push.answer("user-2", [world::Reply::status(400)]);
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let people = async |outcome: &str| {
        let query = [("outcome", outcome)];
        let route = "GET /v1/campaigns/{id}/recipients";
        let listed = world.campaign_request_by("ops-client", route, &id, json!(null), None, &query).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let names =
            listed.body["items"].as_array().unwrap().iter().map(|one| one["recipient"].as_str().unwrap().to_owned());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!((people("sent").await.len(), people("failed").await), (3, vec!["user-2".to_owned()]));
    let numbers = &world.progress(&id).await["sending"]["numbers"];
    assert_eq!(numbers["failed_by_reason"], json!({"rejected": 1}), "{numbers}");
    // Nobody failed for this reason, so the plan of such a retry finds nobody.
    let body = json!({"outcomes": ["failed"], "reasons": ["gone"], "title": "Gone"});
    let of_nobody = world.campaign_request("POST /v1/campaigns/{id}/retry", &id, body).await;
    let of_nobody = of_nobody.body["id"].as_str().unwrap().to_owned();
    world.campaign_request("POST /v1/campaigns/{id}/plan", &of_nobody, json!(null)).await;
    world.work_on_tasks().await;
    assert_eq!(world.progress(&of_nobody).await["plan"]["numbers"]["matched"], 0);
    let retry = world.campaign_request("POST /v1/campaigns/{id}/retry", &id, json!({"outcomes": ["failed"]})).await;
    assert_eq!(retry.status, 201, "{retry:?}");
    let again = retry.body["id"].as_str().unwrap();
    world.campaign_request("POST /v1/campaigns/{id}/plan", again, json!(null)).await;
    world.work_on_tasks().await;
    assert_eq!(world.progress(again).await["plan"]["numbers"]["matched"], 1);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/approve", again, json!({})).await.status, 200);
    world.launch(again).await;
    world.work_on_tasks().await;
    assert_eq!((world.push.count("user-2"), world.push.total()), (2, 5));
    assert_eq!(world.progress(again).await["sending"]["numbers"]["sent"], 1);
}

#[tokio::test]
async fn a_template_takes_values_of_each_person_and_skips_whom_one_is_missing_for() {
    let world = crowd(3).await;
    world.put_profile("user-2", json!({"locale": "it-IT"})).await;
    let template = json!({
        "title": "Reminder", "default_locale": "en", "variables": {"type": "object", "required": ["name"],
            "properties": {"name": {"type": "string", "example": "Ada"}}},
        "parts": {"en": {"push": {"title": "Hi {{ name }}", "body": "News for you"}}},
    });
    let version = world.publish_template(template).await;
    let changes = json!({
        "content": null, "template": {"name": "reminder"}, "variables_from": {"name": "name"},
        "guards": {"max_missing_variable_percent": 100},
    });
    let id = world.approved_campaign(with(changes)).await;
    let planned = world.progress(&id).await["plan"]["numbers"].clone();
    assert_eq!(planned["skipped"], json!({"missing_variable": 1}), "{planned}");
    let launched = world.launch(&id).await;
    assert_eq!(launched.body["launch"]["templates"], json!([{"name": "reminder", "version": version}]));
    world.work_on_tasks().await;
    let sent = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!((&sent["sent"], &sent["skipped"]), (&json!(2), &json!({"missing_variable": 1})), "{sent}");
}

#[tokio::test]
async fn a_local_time_is_met_in_each_zone_and_who_moves_is_sent_to_once() {
    let world = crowd(3).await;
    for (id, zone) in [("user-0", "Europe/Rome"), ("user-1", "America/New_York")] {
        world.put_profile(id, json!({"time_zone": zone})).await;
    }
    let local = |if_passed: Value| {
        let mut local = json!({"date_time": "2026-11-23T11:30:00", "default_time_zone": "UTC"});
        if !if_passed.is_null() {
            local["if_passed"] = if_passed;
        }
        with(json!({"at_local": local}))
    };
    // Now it is 11:00 in Rome, 10:00 UTC and 05:00 in New York.
    let id = world.approved_campaign(local(json!(null))).await;
    assert_eq!(world.launch(&id).await.body["state"], "scheduled");
    world.advance(1_801);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!((world.push.total(), world.push.count("user-0")), (1, 1), "half past eleven in Rome");
    // Who was in New York is in Rome now: that time has passed, and the last pass finds the person.
    world.put_profile("user-1", json!({"time_zone": "Europe/Rome"})).await;
    world.advance(3_600);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!((world.push.total(), world.push.count("user-2")), (2, 1), "half past eleven UTC");
    world.advance(5 * 3_600 + 61);
    for _ in 0..3 {
        world.reconcile().await;
        world.work_on_tasks().await;
    }
    let progress = world.progress(&id).await;
    assert_eq!((&progress["state"], &progress["sending"]["numbers"]["balanced"]), (&json!("finished"), &json!(true)));
    assert_eq!(world.push.count("user-1"), 0, "the campaign does not say what happens to people whose time has passed");
    // A time that has passed in some zones needs a rule.
    world.put_profile("user-0", json!({"time_zone": "Asia/Tokyo"})).await;
    let mut passed = local(json!(null));
    passed["at_local"]["date_time"] = json!("2026-11-23T23:30:00");
    let id = world.approved_campaign(passed).await;
    let refused = world.campaign_request("POST /v1/campaigns/{id}/launch", &id, json!({})).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.body["errors"][0]["field"], "at_local.if_passed");
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains("Asia/Tokyo (1 person)"), "{refused:?}");
}

/// Makes a call of each kind that the functions of campaigns need: pushes, e-mails and SMS, a device that is gone, a
/// retry, a breaker, caps, and a list of recipients.
pub async fn are_run(world: &World) {
    world.ops("GET /v1/capacity", &[]).await;
    let calls = json!({"title": "Calls", "class": "marketing", "channels": ["push", "email", "sms"]});
    assert_eq!(world.put_type("CALLS", calls).await.status, 201);
    Box::pin(somebody_waits(world)).await;
    let caps = json!({"rules": [{"id": "daily", "max": 1, "per": "day"}]});
    assert!(world.caps_request("PUT", caps, None, &[]).await.status < 300);
    world.advance(21);
    for (id, contact) in [
        ("pushed", json!({})),
        ("gone", json!({"email": "gone@example.com"})),
        ("resting", json!({})),
        ("sleeping", json!({})),
        ("mailed", json!({"email": "mailed@example.com"})),
        ("texted", json!({"phone": "+393331234567"})),
        ("texted-2", json!({"phone": "+393331234568"})),
    ] {
        if ["pushed", "gone", "resting", "sleeping"].contains(&id) {
            world.subscribe(id, id).await;
        }
        world.put_profile(id, contact).await;
    }
    world.push.answer("gone", [world::Reply::status(410)]);
    world.push.answer("resting", [world::Reply::status(429).with("Retry-After", "60")]);
    world.push.answer("sleeping", [world::Reply::status(429).with("Retry-After", "600")]);
    world.aws.state.lock().unwrap().sns.push_back(world::Reply::text(400, "<ErrorResponse/>"));
    let listed = json!(["pushed", "gone", "resting", "sleeping", "mailed", "texted", "texted-2"]);
    let body = with(json!({"type": "CALLS", "filter": null, "recipients": listed}));
    let id = world.approved_campaign(body).await;
    world.launch(&id).await;
    let ends = world.work_on_tasks().await;
    assert_eq!(ends, [TaskEnd::Done]);
    let progress = world.progress(&id).await;
    assert_eq!(progress["sending"]["numbers"]["balanced"], true, "{progress}");
    // A worker continues the message to the device that rests, and reads the state of its campaign first. Cascade
    // continues what no worker did.
    world.advance(120);
    world.reconcile().await;
    assert_eq!((world.work_on_tasks().await, world.push.count("resting")), (vec![], 2));
    world.advance(900);
    assert!(world.try_sweep().await.unwrap().worked > 0);
    // The plan of a retry looks up what became of each person.
    let retry = world.campaign_request("POST /v1/campaigns/{id}/retry", &id, json!({"outcomes": ["sent"]})).await;
    let again = retry.body["id"].as_str().unwrap();
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/plan", again, json!(null)).await.status, 202);
    world.work_on_tasks().await;
    let everybody = world.approved_campaign(with(json!({"type": "CALLS"}))).await;
    world.launch(&everybody).await;
    world.work_on_tasks().await;
    let clicked = json!({"field": format!("campaign.{everybody}"), "op": "eq", "value": "clicked"});
    let counted = world.segment_request("POST /v1/segments/count", "", json!({"filter": clicked}), None).await;
    assert_eq!(counted.status, 200, "{counted:?}");
    for (route, of) in [("recipients", &everybody), ("recipients", &id), ("results", &everybody)] {
        let route = format!("GET /v1/campaigns/{{id}}/{route}");
        assert_eq!(world.campaign_request(&route, of, json!(null)).await.status, 200);
    }
    world.campaign_request("POST /v1/campaigns/{id}/cancel", &everybody, json!(null)).await;
    world.reconcile().await;
}

/// Lets the reconciler look at the breakers: somebody waits for a later attempt, and tasks are left.
async fn somebody_waits(world: &World) {
    world.advance(21);
    world.subscribe("waiting", "waiting").await;
    world.put_profile("waiting", json!({"locale": "la"})).await;
    world.push.answer("waiting", [world::Reply::status(429).with("Retry-After", "60")]);
    let latin = json!({"field": "locale", "op": "eq", "value": "la"});
    let steps = json!({"steps": [{"percent": 99, "hold_minutes": 60}, {"percent": 100}]});
    let id = world.approved_campaign(with(json!({"type": "CALLS", "filter": latin, "rollout": steps}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["sending"]["numbers"]["waiting"], 1);
    world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, json!(null)).await;
    world.on_recipient("DELETE /v1/recipients/{id}", "waiting", Value::Null).await;
}

/// Begins the plan of a campaign to somebody who is not registered; returns its id.
pub async fn planned_for_nobody(world: &World) -> String {
    let body = with(json!({"type": "DEFAULT", "filter": null, "recipients": ["unregistered"]}));
    let created = world.campaign_request("POST /v1/campaigns", "", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["id"].as_str().unwrap().to_owned();
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    id
}
