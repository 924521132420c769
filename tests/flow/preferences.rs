//! Choices of recipients: a type, a channel, or a type on one channel, by a caller, the person or a link.

use serde_json::{Value, json};

use world::World;

const PREFERENCES: &str = "PUT /v1/recipients/{id}/preferences";
const GET: &str = "GET /v1/recipients/{id}";

async fn with_ada() -> World {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    world
}

#[tokio::test]
async fn a_type_that_is_refused_on_one_channel_goes_to_the_others_and_explain_names_the_choice() {
    let world = with_ada().await;
    let body = json!({"choices": [{"type": "DEFAULT", "channel": "push", "wants": false}]});
    let chosen = world.on_recipient(PREFERENCES, "ada", body).await;
    let choice =
        json!({"type": "DEFAULT", "channel": "push", "wants": false, "by": "person", "at": "2026-11-23T10:00:00Z"});
    assert_eq!((chosen.status, &chosen.body["preferences"]["choices"]), (200, &json!([choice])));
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    assert_eq!(world.send("ada", json!({"type": "PAYMENT_DUE"})).await.attempts(), ["push:accepted"]);
    let only_push = world.send("ada", json!({"channels": ["push"]})).await;
    assert_eq!((&only_push.body["status"], &only_push.body["reason"]), (&json!("skipped"), &json!("opted_out")));
    let message = json!({"to": "ada", "channels": ["push", "email"], "content": {"title": "Hi", "body": "there"}});
    let explained = world.post("POST /v1/notifications/explain", message.clone(), None).await.body;
    let push = &explained["plan"][0];
    assert_eq!((&push["possible"], &push["impossible_because"]), (&json!(false), &json!("opted_out_type_on_channel")));
    assert_eq!((&push["refused_by"], explained["plan"][1].get("refused_by")), (&choice, None));
    // The whole type: the gate shows the choice.
    let body = json!({"choices": [{"type": "DEFAULT", "wants": false}]});
    world.on_recipient(PREFERENCES, "ada", body).await;
    let explained = world.post("POST /v1/notifications/explain", message, None).await.body;
    let gate = explained["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "opted_out").unwrap();
    assert_eq!((&gate["passed"], &gate["inputs"]["choice"]["by"]), (&json!(false), &json!("person")));
    assert_eq!(world.on_recipient(GET, "ada", Value::Null).await.body["unsubscribed_types"], json!(["DEFAULT"]));
}

#[tokio::test]
async fn choices_of_the_person_are_written_on_the_state_that_the_caller_saw() {
    let world = with_ada().await;
    let tag = world.on_recipient(GET, "ada", Value::Null).await.header("ETag").unwrap().to_owned();
    let choose = async |tag: &str, body: &Value| world.on_recipient_if(PREFERENCES, "ada", tag, body.clone()).await;
    let body =
        json!({"choices": [{"channel": "sms", "wants": false}], "quiet_hours": {"start": "22:00", "end": "07:00"}});
    world.write_units();
    assert_eq!((choose(&tag, &body).await.status, world.write_units()), (200, 1.0));
    assert_eq!((choose(&tag, &body).await.status, world.write_units()), (412, 0.0));
    let repeated = world.on_recipient(PREFERENCES, "ada", body).await;
    assert_eq!((repeated.status, world.write_units()), (200, 0.0), "a repetition writes nothing");
    let stored = &repeated.body["preferences"];
    assert_eq!(stored["quiet_hours_choice"], json!({"by": "person", "at": "2026-11-23T10:00:00Z"}));
    assert_eq!(world.on_recipient(PREFERENCES, "nobody", json!({})).await.status, 404);
    let wrong =
        world.on_recipient(PREFERENCES, "ada", json!({"choices": [{"type": "PAYMENTDUE", "wants": true}]})).await;
    assert_eq!((wrong.status, wrong.fields()), (422, vec!["choices[0].type"]));
    // A caller's PUT without preferences keeps what the person chose.
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let kept = world.on_recipient(GET, "ada", Value::Null).await.body["preferences"].clone();
    assert_eq!((&kept["choices"], &kept["quiet_hours"]), (&stored["choices"], &stored["quiet_hours"]));
    let patched = world.on_recipient("PATCH /v1/recipients/{id}", "ada", json!({"locale": "it"})).await;
    assert_eq!((patched.status, &patched.body["preferences"]), (200, &kept), "without a time zone");
}

#[tokio::test]
async fn a_critical_type_is_sent_although_it_is_refused_but_not_on_a_refused_channel() {
    let world = with_ada().await;
    world.put_type("ALARM", json!({"title": "Alarms", "class": "critical", "channels": ["push", "email"]})).await;
    world.advance(30);
    let choices = json!([{"type": "ALARM", "wants": false}, {"type": "ALARM", "channel": "push", "wants": false}]);
    assert_eq!(world.on_recipient(PREFERENCES, "ada", json!({"choices": choices})).await.status, 200);
    assert_eq!(world.send("ada", json!({"type": "ALARM"})).await.attempts(), ["push:accepted"]);
    let choices = json!([{"channel": "push", "wants": false}]);
    world.on_recipient(PREFERENCES, "ada", json!({"choices": choices})).await;
    assert_eq!(world.send("ada", json!({"type": "ALARM"})).await.attempts(), ["email:accepted"]);
}

#[tokio::test]
async fn the_export_of_one_stack_brings_the_refusals_to_another() {
    let world = with_ada().await;
    let choices = json!([{"type": "DEFAULT", "channel": "push", "wants": false}, {"channel": "sms", "wants": false}]);
    world.on_recipient(PREFERENCES, "ada", json!({"choices": choices})).await;
    let export =
        world.on_recipient("GET /v1/recipients/{id}/export", "ada", Value::Null).await.body["recipient"].clone();
    let elsewhere = World::start().await;
    let item = json!({"id": "ada", "email": export["email"], "preferences": export["preferences"]});
    let imported = elsewhere.import("create", vec![item]).await;
    assert_eq!(imported.body["counts"]["created"], 1, "{imported:?}");
    let ada = elsewhere.on_recipient(GET, "ada", Value::Null).await.body;
    assert_eq!(ada["preferences"]["choices"], export["preferences"]["choices"]);
    elsewhere.put_profile("ada", json!({"email": "ada@example.com"})).await;
    assert_eq!(elsewhere.on_recipient(GET, "ada", Value::Null).await.body["preferences"], ada["preferences"]);
}
