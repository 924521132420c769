//! Valid requests of callers, and the problems of invalid ones.

use domain::notification::Gate;
use serde_json::{Value, json};

use world::{Reply, World};

/// Of two writers that read the same state, one must read again; a patch without a tag loses no fields of other
/// writers.
#[tokio::test]
async fn two_writers_of_a_recipient_do_not_undo_each_other() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let read = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
    let tag = read.headers.iter().find(|(name, _)| *name == "ETag").unwrap().1.clone();
    let put = |locale: &str| {
        let mut body = read.body.clone();
        body["locale"] = json!(locale);
        world.on_recipient_if("PUT /v1/recipients/{id}", "ada", &tag, body)
    };
    world.write_units();
    let (one, other) = tokio::join!(put("it"), put("de"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let refused = if one.status == 412 { one } else { other };
    assert_eq!(refused.body["type"], "urn:notifications:problem:precondition-failed");
    assert!(world.write_units() <= 2.0, "a write, and a refused one");
    let patch = |body| world.on_recipient("PATCH /v1/recipients/{id}", "ada", body);
    let (one, other) = tokio::join!(patch(json!({"time_zone": "UTC"})), patch(json!({"attributes": {"plan": "gold"}})));
    assert_eq!((one.status, other.status), (200, 200));
    let after = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body;
    assert_eq!((&after["time_zone"], &after["attributes"]), (&json!("UTC"), &json!({"plan": "gold"})));
}

/// Devices and suppressions do not belong to the profile's version, so a writer that names the version need not know
/// them.
#[tokio::test]
async fn a_device_that_registers_between_read_and_write_disturbs_no_writer_that_names_the_version() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let read = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
    let tag = read.header("ETag").unwrap().to_owned();
    world.advance(60);
    world.subscribe("ada", "phone").await;
    let mut body = read.body.clone();
    body["locale"] = json!("it");
    let plain = world.on_recipient("PUT /v1/recipients/{id}", "ada", body.clone()).await;
    assert_eq!((plain.status, plain.fields().contains(&"devices")), (422, true), "without a version: {plain:?}");
    let any = world.on_recipient_if("PUT /v1/recipients/{id}", "ada", "*", body.clone()).await;
    assert_eq!(any.status, 422, "any version is no version");
    let mut tag = tag;
    for (route, locale) in [("PUT /v1/recipients/{id}", "it"), ("PATCH /v1/recipients/{id}", "de")] {
        body["locale"] = json!(locale);
        let mut body = body.clone();
        // What belongs to the profile is still compared.
        body["created_at"] = json!("2020-01-01T00:00:00Z");
        assert_eq!(world.on_recipient_if(route, "ada", &tag, body.clone()).await.fields(), ["created_at"], "{route}");
        body["created_at"] = read.body["created_at"].clone();
        let named = world.on_recipient_if(route, "ada", &tag, body.clone()).await;
        assert_eq!((named.status, &named.body["locale"]), (200, &json!(locale)), "{route}: {named:?}");
        assert_eq!(world.on_recipient_if(route, "ada", &tag, body).await.status, 412, "{route}: the tag is outdated");
        named.header("ETag").unwrap().clone_into(&mut tag);
    }
    assert_eq!(world.devices("ada").await, 1);
}

#[tokio::test]
async fn a_batch_answers_each_message_in_its_place() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let good = |to: &str| json!({"to": to, "content": {"title": "Hi", "body": "there"}});
    let messages = vec![good("ada"), json!({"to": ""}), good("stranger"), json!(7)];
    let sent = world.batch(messages.clone(), Some("b-1")).await;
    assert_eq!(sent.status, 202);
    let items = sent.body["items"].as_array().unwrap();
    let shown: Vec<_> = items.iter().map(|item| &item["status"]).collect();
    assert_eq!(shown, [&json!("accepted"), &json!(422), &json!("skipped"), &json!(422)]);
    assert_eq!(items[1]["errors"][0]["field"], "messages[1].to");
    assert_eq!(items[3]["errors"][0]["field"], "messages[3]");
    let again = world.batch(messages, Some("b-1")).await;
    assert_eq!((&again.body, again.header("Idempotency-Replayed")), (&sent.body, Some("true")));
    assert_eq!(world.push.count("phone"), 1);
}

#[tokio::test]
async fn bad_input_names_its_field_and_leaves_nothing_behind() {
    let world = World::start().await;
    let route = "POST /v1/notifications";
    let message = |extra: Value| {
        let mut message = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
        message.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        message
    };
    let huge = Value::String(" ".repeat(1_048_577));
    let rows = [
        (route, json!("{oops"), 400, vec![]),
        (route, huge.clone(), 413, vec![]),
        (route, message(json!({"colour": 1})), 422, vec!["colour"]),
        (route, message(json!({"send_at": "soon"})), 422, vec!["send_at"]),
        (route, message(json!({"to": "x".repeat(129)})), 422, vec!["to"]),
        ("POST /v1/notifications/batch", json!({"messages": []}), 422, vec!["messages"]),
        ("POST /v1/notifications/batch", json!({"messages": vec![json!({}); 501]}), 422, vec!["messages"]),
        ("POST /v1/notifications/batch", huge, 413, vec![]),
        ("POST /v1/notifications/explain", message(json!({"type": "NONE"})), 422, vec!["type"]),
        (route, json!([message(json!({}))]), 422, vec!["body"]),
        (route, message(json!({"content": ["Hi", "there"]})), 422, vec!["content"]),
        (route, message(json!({"urgency": {"high": null}})), 422, vec!["urgency"]),
        (route, message(json!({"channels": [{"push": null}]})), 422, vec!["channels[0]"]),
        (route, message(json!({"send_at": "2026-12-24T10:00:00"})), 422, vec!["send_at"]),
        (route, json!(r#"{"to": "ada", "to": "bob", "content": {"title": "a", "body": "b"}}"#), 422, vec!["to"]),
        (route, json!(r#"{"to": "ada", "content": {"title": "a", "body": "\ud83d"}}"#), 422, vec!["content.body"]),
        (
            route,
            json!(r#"{"to": "ada", "content": {"title": "a", "body": "b", "data": 1e400}}"#),
            422,
            vec!["content.data"],
        ),
        ("POST /v1/notifications/batch", json!([message(json!({}))]), 422, vec!["body"]),
    ];
    for (route, body, status, fields) in rows {
        let answer = world.post(route, body, Some("k-1")).await;
        assert_eq!((answer.status, answer.fields()), (status, fields), "{route}");
        assert_eq!((&answer.body["request_id"], answer.body["status"].as_u64()), (&json!("r-1"), Some(status.into())));
    }
    for table in ["notifications", "control", "recipients"] {
        assert_eq!(world.items(table), Vec::<Value>::new(), "{table}");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_held_is_the_problem_of_its_own_message() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let message = |content: &str| format!(r#"{{"to": "ada", "content": {{{content}}}}}"#);
    let deep = format!("{}{}", "[".repeat(130), "]".repeat(130));
    let messages = [
        message(r#""title": "Hi", "body": "there""#),
        message(r#""title": "Hi \ud83d", "body": "there""#),
        message(r#""title": "Hi", "body": "there", "data": {"n": 1e400}"#),
        message(&format!(r#""title": "Hi", "body": "there", "data": {deep}"#)),
        message(r#""title": "Hi", "title": "Ho", "body": "there""#),
        message(r#""title": "Hi", "body": "again""#),
    ];
    let body = format!("\u{feff}{{\"messages\": [{}]}}", messages.join(", "));
    let sent = world.post("POST /v1/notifications/batch", Value::String(body), None).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let items = sent.body["items"].as_array().unwrap();
    let shown: Vec<_> = items.iter().map(|item| &item["status"]).collect();
    let (accepted, refused) = (&json!("accepted"), &json!(422));
    assert_eq!(shown, [accepted, refused, refused, refused, refused, accepted]);
    let field = |index: usize| items[index]["errors"][0]["field"].as_str().unwrap();
    assert_eq!(field(1), "messages[1].content.title");
    assert_eq!(field(2), "messages[2].content.data.n");
    assert!(field(3).starts_with("messages[3].content.data[0]"));
    assert_eq!(field(4), "messages[4].content.title");
    assert_eq!(world.push.count("phone"), 2);
}

#[tokio::test]
async fn the_list_takes_its_own_parameters_and_times_of_any_zone() {
    let world = World::start().await;
    for name in ["Limit", "page", "cursor", "From", "sort"] {
        let answer = world.list(&[("status", "failed"), (name, "1")]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![name]));
    }
    for limit in ["0", "101", "+5", "05", "1,2", ""] {
        let answer = world.list(&[("status", "failed"), ("limit", limit)]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["limit"]), "{limit}");
    }
    for (name, value) in [("type", "news"), ("type", ""), ("reason", "Gone"), ("reason", "unlucky"), ("reason", "")] {
        let answer = world.list(&[("status", "failed"), (name, value)]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![name]), "{value}");
    }
    let answer = world.list(&[("status", "failed"), ("to", "2026-11-23T10:00:00 02:00")]).await;
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("%2B"));
}

#[tokio::test]
async fn another_callers_notification_does_not_exist_but_ops_see_it() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let sent = world.send("ada", json!({})).await;
    let id = sent.body["id"].as_str().unwrap();
    assert_eq!(world.get_as("other-client", "send", id).await.status, 404);
    assert_eq!(world.get_as("ops-client", "ops", id).await.status, 200);
    for foreign in ["", "1", "550e8400-e29b-41d4-a716-446655440000", &format!("{id}x")] {
        assert_eq!(world.get(foreign).await.status, 404);
    }
}

#[tokio::test]
async fn explain_shows_the_result_of_a_send_and_writes_nothing() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+4915112345678"})).await;
    world.write_units();
    let body = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    let explained = world.post("POST /v1/notifications/explain", body, None).await;
    assert_eq!(explained.status, 200);
    assert_eq!(gates_of(&explained.body), Gate::ALL.iter().map(|gate| gate.as_str()).collect::<Vec<_>>());
    let plan: Vec<_> = explained.body["plan"].as_array().unwrap().iter().map(|step| step["possible"].clone()).collect();
    assert_eq!(plan, [true, true, false], "a German phone is not in the allowed countries");
    let because = |at: usize| explained.body["plan"][at]["impossible_because"].clone();
    assert_eq!([because(0), because(1), because(2)], [Value::Null, Value::Null, json!("country_not_allowed")]);
    assert_eq!(explained.body["plan"][1]["rendered"]["subject"], "Hi");
    assert_eq!(explained.body["cost_estimate_micros"], json!({"first": 0, "at_most": 92}));
    assert_eq!((world.write_units(), world.push.count("phone")), (0.0, 0));
}

/// Names of the gates of an explanation.
fn gates_of(explanation: &Value) -> Vec<&str> {
    explanation["gates"].as_array().unwrap().iter().filter_map(|gate| gate["gate"].as_str()).collect()
}

#[tokio::test]
async fn explain_shows_the_gates_that_the_version_has_until_the_recipient_is_unknown() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.set("rollout-percentage", "0");
    world.advance(31);
    let explain = async |to: &str| {
        let body = json!({"to": to, "content": {"title": "Hi", "body": "there"}});
        world.post("POST /v1/notifications/explain", body, None).await.body
    };
    let of_version_1 = Gate::ALL.iter().filter(|gate| !gate.is_of_version_2()).map(|gate| gate.as_str());
    assert_eq!(gates_of(&explain("ada").await), of_version_1.collect::<Vec<_>>());
    assert_eq!(gates_of(&explain("nobody").await), ["rollout", "unknown_recipient"]);
}

#[tokio::test]
async fn an_explanation_of_each_unreachable_channel_equals_the_golden_file() {
    let world = World::start().await;
    let preferences = json!({"opted_out_channels": ["email"]});
    let profile = json!({"email": "ada@example.com", "phone": "+4915112345678", "preferences": preferences});
    world.put_profile("ada", profile).await;
    let body = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    let explained = world.post("POST /v1/notifications/explain", body, None).await;
    let text = serde_json::to_string_pretty(&explained.body).unwrap();
    let golden = include_str!("../../functions/send/src/golden/explanation.json");
    assert_eq!(text.trim(), golden.trim(), "\n{text}");
}

#[tokio::test]
async fn a_send_that_a_gate_refuses_is_skipped_with_the_reason() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"preferences": {"opted_out_types": ["PAYMENT_DUE"]}})).await;
    let skipped = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!((skipped.status, &skipped.body["reason"]), (202, &json!("opted_out")));
    world.put_profile("ada", json!({"preferences": {"opted_out_channels": ["push"]}})).await;
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "no_channel");
    assert_eq!(world.push.count("phone"), 0);
}

#[tokio::test]
async fn a_table_that_throttles_is_503_with_a_time_and_nothing_is_lost() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(201)]);
    world.aws.state.lock().unwrap().dynamo_fuse = Some(0);
    let refused = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")));
    world.aws.state.lock().unwrap().dynamo_fuse = None;
    world.advance(2);
    assert_eq!(world.send_once("k-1", "ada", json!({})).await.body["status"], "accepted");
    assert_eq!(world.push.count("phone"), 1);
}

#[tokio::test]
async fn a_send_that_could_not_be_stored_is_not_repeated() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    {
        let mut state = world.aws.state.lock().unwrap();
        (state.fuse_is_for, state.dynamo_fuse) = (Some("PutItem"), Some(1));
    }
    let sent = world.send("ada", json!({})).await;
    assert_eq!(
        (sent.status, &sent.body["status"]),
        (202, &json!("sending")),
        "the claim is stored, the outcome is not"
    );
    world.aws.state.lock().unwrap().dynamo_fuse = None;
    world.advance(100);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], world.mails().len()), (&json!("uncertain"), 1));
}

#[tokio::test]
async fn an_erasure_during_a_send_leaves_nothing_and_is_no_fault_of_the_service() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::Silence]);
    let erase = async {
        while world.push.count("phone") == 0 {
            tokio::task::yield_now().await;
        }
        world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await
    };
    let (sent, erased) = tokio::join!(world.send_once("k-1", "ada", json!({})), erase);
    assert_eq!((sent.status, sent.attempts(), erased.status), (202, vec!["push:retry_later".to_owned()], 200));
    assert_eq!(world.items("notifications").len(), 1, "stored after the erasure");
    world.advance(300);
    world.retry_erasures().await;
    assert_eq!((world.items("notifications").len(), world.items("recipients").len()), (0, 0));
    let again = world.send_once("k-2", "ada", json!({})).await;
    assert_eq!((again.status, &again.body["reason"]), (202, &json!("unknown_recipient")));
}
