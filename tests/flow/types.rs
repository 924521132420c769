//! Types of notification that operators create, change, pause and archive by API.

use fanout::TaskEnd;
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::campaigns;
use world::World;

/// Time after which every process follows a change.
const FOLLOWED_SECONDS: u64 = 30;

fn offers() -> Value {
    json!({"title": "Offers", "class": "marketing", "channels": ["email", "push"], "ttl_seconds": 600})
}

async fn with_ada() -> World {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world
}

#[tokio::test]
async fn a_new_type_is_sent_by_its_own_rules_within_30_s() {
    let world = with_ada().await;
    let before = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((before.status, before.fields()), (422, vec!["type"]));
    assert_eq!(world.put_type("OFFERS", offers()).await.status, 201);
    world.advance(FOLLOWED_SECONDS);
    let sent = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((sent.status, sent.attempts()), (202, vec!["email:accepted".to_owned()]));
    let plan = world.post("POST /v1/notifications/explain", message("OFFERS"), None).await;
    assert_eq!(plan.status, 200);
    let metrics = world.metrics().await;
    assert_eq!(metrics["by_type"]["OFFERS"]["sent"], 1, "{metrics}");
}

#[tokio::test]
async fn a_type_of_a_moment_ago_is_known_to_every_route_of_recipients() {
    let world = with_ada().await;
    let new = async |name: &str| {
        assert_eq!(world.put_type(name, offers()).await.status, 201);
        world.advance(1);
    };
    let (put, patch) = ("PUT /v1/recipients/{id}", "PATCH /v1/recipients/{id}");
    for (name, route, body) in [
        ("NEW_1", put, json!({"email": "ada@example.com", "preferences": {"opted_out_types": ["NEW_1"]}})),
        ("NEW_2", patch, json!({"preferences": {"opted_out_types": ["NEW_2"]}})),
        ("NEW_3", "PUT /v1/recipients/{id}/preferences", json!({"choices": [{"type": "NEW_3", "wants": false}]})),
    ] {
        new(name).await;
        let answer = world.on_recipient(route, "ada", body).await;
        assert_eq!(answer.status, 200, "{route}: {answer:?}");
    }
    new("NEW_4").await;
    let items = vec![
        json!({"id": "bob", "unsubscribed_types": ["NEW_4"]}),
        json!({"id": "eve", "preferences": {"choices": [{"type": "NEW_4", "wants": false}]}}),
    ];
    let imported = world.import("upsert", items).await;
    assert_eq!((imported.status, &imported.body["counts"]["created"]), (200, &json!(2)), "{imported:?}");
    new("NEW_5").await;
    assert_eq!(world.resubscribe("ada", "NEW_5").await.status, 204);
    let refused = world.on_recipient(put, "ada", json!({"preferences": {"opted_out_types": ["NEWER"]}})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["preferences.opted_out_types[0]"]));
}

/// The processes of the world have read the catalog before the type was created.
#[tokio::test]
async fn a_type_of_a_moment_ago_is_known_to_counts_and_to_workers_of_campaigns() {
    let world = Box::pin(campaigns::crowd(3)).await;
    for first in [true, false] {
        let name = if first { "NEWS" } else { "NEWEST" };
        if !first {
            assert_eq!(world.put_type(name, offers()).await.status, 201);
            world.advance(1);
        }
        let count = json!({"filter": {"all": []}, "type": name});
        let counted = world.segment_request("POST /v1/segments/count", "", count, None).await;
        assert_eq!(counted.status, 200, "{counted:?}");
        let id = world.approved_campaign(campaigns::with(json!({"type": name}))).await;
        assert_eq!(world.progress(&id).await["plan"]["numbers"]["by_channel"], json!({"push": 3}), "{name}");
        world.launch(&id).await;
        assert_eq!(world.work_on_tasks().await, [TaskEnd::Done]);
        assert_eq!(world.progress(&id).await["sending"]["numbers"]["sent"], 3, "{name}");
    }
}

fn message(kind: &str) -> Value {
    json!({"to": "ada", "type": kind, "content": {"title": "Hi", "body": "there"}})
}

#[tokio::test]
async fn a_paused_type_holds_its_notifications_until_it_is_active_again() {
    let world = with_ada().await;
    let mut paused = offers();
    paused["state"] = json!("paused");
    paused["ttl_seconds"] = json!(86_400);
    world.put_type("OFFERS", paused.clone()).await;
    world.advance(FOLLOWED_SECONDS);
    let sent = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("held"), &json!("type_paused")));
    let gate = paused_gate(&world).await;
    assert_eq!((&gate["passed"], &gate["inputs"]["state"]), (&json!(false), &json!("paused")));
    assert_eq!(gate["inputs"]["next_check"], json!(world.clock.now() + SignedDuration::from_mins(1)));
    let id = sent.body["id"].as_str().unwrap();
    for _ in 0..120 {
        world.advance(60);
        world.sweep().await;
    }
    let waited = world.get(id).await;
    assert_eq!((&waited.body["status"], world.mails().len()), (&json!("held"), 0));
    paused["state"] = json!("active");
    world.put_type("OFFERS", paused).await;
    for _ in 0..17 {
        world.advance(60);
        world.sweep().await;
    }
    assert_eq!(world.get(id).await.body["status"], "accepted");
    assert_eq!(world.mails().len(), 1, "once");
    let gate = paused_gate(&world).await;
    let inputs = json!({"type": "OFFERS", "state": "active", "next_check": null});
    assert_eq!((&gate["passed"], &gate["inputs"]), (&json!(true), &inputs));
}

/// Gate `type_paused` in the explanation of a message of the type `OFFERS`.
async fn paused_gate(world: &World) -> Value {
    let explained = world.post("POST /v1/notifications/explain", message("OFFERS"), None).await;
    let gates = explained.body["gates"].as_array().unwrap();
    gates.iter().find(|gate| gate["gate"] == "type_paused").unwrap().clone()
}

#[tokio::test]
async fn a_notification_of_a_paused_type_expires_at_the_end_of_its_lifetime() {
    let world = with_ada().await;
    let mut paused = offers();
    paused["state"] = json!("paused");
    world.put_type("OFFERS", paused).await;
    world.advance(FOLLOWED_SECONDS);
    let sent = world.send("ada", json!({"type": "OFFERS"})).await;
    for _ in 0..11 {
        world.advance(60);
        world.sweep().await;
    }
    assert_eq!(world.get(sent.body["id"].as_str().unwrap()).await.body["status"], "expired");
    assert_eq!((world.mails().len(), world.sweep().await.found), (0, 0));
}

#[tokio::test]
async fn an_archived_type_is_refused_and_what_was_accepted_before_is_sent() {
    let world = with_ada().await;
    world.put_type("OFFERS", offers()).await;
    world.advance(FOLLOWED_SECONDS);
    let later = world.send("ada", json!({"type": "OFFERS", "send_at": "2026-11-23T12:00:00Z"})).await;
    assert_eq!(later.body["status"], "scheduled");
    assert_eq!(world.type_request("DELETE", "OFFERS", Value::Null).await.body["state"], "archived");
    world.advance(FOLLOWED_SECONDS);
    let refused = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["type"]));
    world.put_profile("ada", json!({"email": "ada@example.com", "preferences": {"opted_out_types": []}})).await;
    let known = json!({"preferences": {"opted_out_types": ["OFFERS"]}});
    assert_eq!(world.on_recipient("PUT /v1/recipients/{id}", "bob", known).await.status, 201, "still a known name");
    world.advance(7_200);
    world.sweep().await;
    assert_eq!(world.get(later.body["id"].as_str().unwrap()).await.body["status"], "accepted");
}

#[tokio::test]
async fn a_critical_type_passes_quiet_hours_and_an_opt_out() {
    let world = with_ada().await;
    let critical = json!({"title": "Alarms", "class": "critical", "channels": ["push"]});
    world.put_type("ALARM", critical).await;
    world.put_type("OFFERS", offers()).await;
    // The function `recipients` has read no types yet.
    let choices = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}, "opted_out_types": ["ALARM", "OFFERS"]});
    let profile = json!({"email": "ada@example.com", "time_zone": "Europe/Rome", "preferences": choices});
    world.advance(FOLLOWED_SECONDS);
    world.put_profile("ada", profile).await;
    assert_eq!(world.send("ada", json!({"type": "ALARM"})).await.body["status"], "accepted");
    let offer = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((&offer.body["status"], &offer.body["reason"]), (&json!("skipped"), &json!("opted_out")));
}

#[tokio::test]
async fn while_the_table_does_not_answer_the_last_read_types_stay_in_force() {
    let mut world = with_ada().await;
    world.put_type("OFFERS", offers()).await;
    world.advance(FOLLOWED_SECONDS);
    assert_eq!(world.send("ada", json!({"type": "OFFERS"})).await.status, 202);
    world.advance(FOLLOWED_SECONDS);
    // The only Query of a send is that of the types.
    world.aws.fails(Some("Query"), 0, "ProvisionedThroughputExceededException");
    assert_eq!(world.send("ada", json!({"type": "OFFERS"})).await.body["status"], "accepted");
    let unknown = world.send("ada", json!({"type": "NEWS"})).await;
    assert_eq!(unknown.status, 422, "every type is known");
    world.cold_start().await;
    let unsure = world.send("ada", json!({"type": "OFFERS"})).await;
    assert_eq!((unsure.status, unsure.header("Retry-After")), (503, Some("2")), "the type may exist");
    world.aws.works();
    world.advance(FOLLOWED_SECONDS);
    assert_eq!(world.send("ada", json!({"type": "OFFERS"})).await.status, 202);
}

#[tokio::test]
async fn a_process_that_has_never_read_the_catalog_sends_nothing() {
    let mut world = with_ada().await;
    let due = |state: &str| json!({"title": "Due", "class": "transactional", "channels": ["push"], "state": state});
    assert_eq!(world.put_type("PAYMENT_DUE", due("paused")).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
    let payment = json!({"type": "PAYMENT_DUE"});
    let held = world.send("ada", payment.clone()).await;
    assert_eq!((held.status, &held.body["status"]), (202, &json!("held")), "{held:?}");
    world.aws.state.lock().unwrap().catalog_is_throttled = true;
    world.cold_start().await;
    for body in [payment.clone(), json!({}), json!({"template": {"name": "payment-due"}, "content": null})] {
        let refused = world.send("ada", body).await;
        assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")), "{refused:?}");
    }
    // The held notification is due, and its type is still paused.
    world.advance(3 * 3_600);
    world.sweep().await;
    assert_eq!(world.push.total(), 0);
    world.aws.state.lock().unwrap().catalog_is_throttled = false;
    world.advance(FOLLOWED_SECONDS);
    world.sweep().await;
    let id = held.body["id"].as_str().unwrap();
    assert_eq!((world.get(id).await.body["status"].as_str(), world.push.total()), (Some("held"), 0));
    assert_eq!(world.put_type("PAYMENT_DUE", due("active")).await.status, 200);
    world.advance(3_600);
    world.sweep().await;
    assert_eq!(world.push.total(), 1, "it is sent once its type is active again");
}

#[derive(Debug, Clone)]
enum Change {
    Put(&'static str, Value),
    Delete(&'static str),
    /// Saves the draft of the template `reminder`, with texts for these channels.
    Save(Vec<&'static str>, bool),
    Publish,
    Live(u32),
    ArchiveTemplate,
    Wait,
}

fn change() -> impl Strategy<Value = Change> {
    let name = || prop::sample::select(vec!["DEFAULT", "PAYMENT_DUE", "OFFERS", "NEWS"]);
    let class = prop::sample::select(vec!["critical", "transactional", "marketing"]);
    let channels =
        prop::sample::select(vec![json!(["push"]), json!(["push", "email"]), json!(["sms", "push"]), json!([])]);
    let state = prop::sample::select(vec!["active", "paused", "archived"]);
    let template = prop::sample::select(vec![Value::Null, json!("reminder"), json!("reminder"), json!("other")]);
    let body = (class, channels, state, template).prop_map(|(class, channels, state, template)| {
        json!({"title": "T", "class": class, "channels": channels, "state": state, "template": template})
    });
    let texts = prop::sample::subsequence(vec!["push", "email", "sms"], 1..=3);
    prop_oneof![
        4 => (name(), body).prop_map(|(name, body)| Change::Put(name, body)),
        1 => name().prop_map(Change::Delete),
        2 => (texts, any::<bool>()).prop_map(|(channels, is_strict)| Change::Save(channels, is_strict)),
        2 => Just(Change::Publish),
        2 => (1_u32..4).prop_map(Change::Live),
        1 => Just(Change::ArchiveTemplate),
        1 => Just(Change::Wait),
    ]
}

/// Draft with texts for these channels. A strict one requires another variable.
fn draft(channels: &[&str], is_strict: bool) -> Value {
    let part = |channel: &str| match channel {
        "push" => json!({"title": "T", "body": "{{ days }}"}),
        "email" => json!({"subject": "T", "html": "<p>{{ days }}</p>", "text": "{{ days }}"}),
        _ => json!({"text": "{{ days }}"}),
    };
    let parts: serde_json::Map<_, _> = channels.iter().map(|channel| ((*channel).to_owned(), part(channel))).collect();
    let required = if is_strict { json!(["days", "name"]) } else { json!(["days"]) };
    let properties = json!({"days": {"type": "number"}, "name": {"type": "string"}});
    json!({"title": "T", "default_locale": "en", "parts": {"en": parts},
        "variables": {"required": required, "properties": properties}})
}

async fn carry_out(world: &World, change: Change) {
    let template = |method, below, body| world.template(method, below, body);
    let (status, allowed) = match change {
        Change::Put(name, body) => (world.put_type(name, body).await.status, &[200, 201, 422][..]),
        Change::Delete(name) => (world.type_request("DELETE", name, Value::Null).await.status, &[200, 404, 409][..]),
        Change::Save(channels, is_strict) => {
            (template("PUT", "", draft(&channels, is_strict)).await.status, &[200, 201][..])
        }
        Change::Publish => (template("POST", "/versions", Value::Null).await.status, &[201, 404, 409, 422][..]),
        Change::Live(version) => {
            (template("PUT", "/live", json!({"version": version})).await.status, &[200, 404, 422][..])
        }
        Change::ArchiveTemplate => (template("DELETE", "", Value::Null).await.status, &[200, 404, 409][..]),
        Change::Wait => {
            world.advance(11);
            return;
        }
    };
    assert!(allowed.contains(&status), "{status}");
}

/// Sends of every type after each change, with a content and with the template of the type: the response is 202 or 422,
/// never because a type has lost its template, and a notification that was accepted reaches its end whatever happens to
/// its type.
async fn no_change_leads_to_a_5xx(changes: Vec<Change>) {
    let world = with_ada().await;
    let mut accepted = Vec::new();
    for change in changes {
        carry_out(&world, change).await;
        for kind in ["DEFAULT", "PAYMENT_DUE", "OFFERS", "NEWS", "OTHER"] {
            let sent = world.send("ada", json!({"type": kind, "ttl_seconds": 600})).await;
            assert!([202, 422].contains(&sent.status), "{kind}: {}", sent.status);
            accepted.extend(sent.body["id"].as_str().map(str::to_owned));
            let message = json!({"to": "ada", "type": kind, "ttl_seconds": 600, "variables": {"days": 1}});
            let sent = world.post("POST /v1/notifications", message, None).await;
            assert!([202, 422].contains(&sent.status), "{kind}: {}", sent.status);
            assert!(!sent.fields().iter().any(|field| field.starts_with("template")), "{kind} has lost it: {sent:?}");
            accepted.extend(sent.body["id"].as_str().map(str::to_owned));
        }
    }
    assert_ne!(world.send("ada", json!({})).await.status, 422, "DEFAULT is always there");
    for _ in 0..20 {
        world.advance(60);
        world.sweep().await;
    }
    for id in accepted {
        let end = world.get(&id).await;
        let status = end.body["status"].as_str().unwrap();
        assert!(!["held", "sending", "cascading", "scheduled"].contains(&status), "{id}: {status}");
        assert!(!["template_error", "missing_variable"].contains(&end.body["reason"].as_str().unwrap_or_default()));
    }
}

#[test]
fn no_sequence_of_changes_leads_a_send_to_a_5xx_or_a_type_to_be_without_its_template() {
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(change(), 1..10), |changes| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(no_change_leads_to_a_5xx(changes));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_type_that_was_read_before_another_change_is_not_written_over_it() {
    let world = World::start().await;
    let first = world
        .put_type("NEWS", json!({"title": "News", "class": "marketing", "channels": ["push", "email"]}))
        .await
        .body;
    let same = world.put_type("NEWS", first.clone()).await;
    assert_eq!(same.status, 200, "a response can be sent back: {same:?}");
    world.advance(1);
    assert_eq!(
        world.put_type("NEWS", json!({"title": "Other news", "class": "marketing", "channels": ["push"]})).await.status,
        200
    );
    let stale = world.put_type("NEWS", first).await;
    assert_eq!((stale.status, stale.fields()), (422, vec!["revision", "updated_at"]), "{stale:?}");
}
