//! Every route responds as the contract says, once.

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{fixture, message, recipient_in};

#[test]
#[ignore = "needs the local stack: make test"]
fn the_public_key_needs_no_token_and_is_the_one_that_signs() {
    let fixture = fixture();
    let answer = fixture.stack.request("GET", &fixture.stack.url("/v1/vapid-public-key"), &[], Vec::new());
    assert_eq!((answer.status, answer.json), (200, json!({"public_key": fixture.stack.text("/vapid_public_key")})));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_recipient_is_made_read_and_erased_with_a_certificate() {
    let fixture = fixture();
    let profile = json!({"email": "rita@example.com", "locale": "it-IT", "attributes": {"plan": "gold"}});
    assert_eq!(fixture.put_recipient("rita", &profile), 201);
    assert_eq!(fixture.put_recipient("rita", &profile), 200);
    let (_, first) = fixture.register("rita");
    let (_, second) = fixture.register("rita");
    let read = fixture.recipient("rita");
    assert_eq!((&read["email"], read["devices"].as_array().unwrap().len()), (&json!("rita@example.com"), 2));

    let path = format!("/v1/recipients/rita/devices/{first}");
    fixture.expect(204, "recipients", "DELETE", &path, &Value::Null);
    assert_eq!(fixture.recipient("rita")["devices"][0]["device_id"], json!(second));

    let sent = fixture.send(&json!({"to": "rita", "content": {"title": "Hi", "body": "Rita"}, "channels": ["push"]}));
    let history = fixture.expect(200, "recipients", "GET", "/v1/recipients/rita/notifications", &Value::Null);
    assert_eq!((&history["items"][0]["id"], &history["next"]), (&sent["id"], &Value::Null));

    let before = (fixture.stack.count("RecipientsTableName"), fixture.stack.count("NotificationsTableName"));
    let certificate = fixture.expect(200, "recipients", "DELETE", "/v1/recipients/rita", &Value::Null);
    assert_eq!(certificate["tables"]["recipients"]["remaining"], 0);
    assert_eq!(certificate["tables"]["notifications"], json!({"notifications": 1, "remaining": 0}));
    let after = (fixture.stack.count("RecipientsTableName"), fixture.stack.count("NotificationsTableName"));
    assert_eq!(after, (before.0 - 1, before.1 - 1), "the profile with its device, and one notification");
    assert_eq!(certificate["tables"]["control"]["endpoints"], 1);
    assert_eq!(fixture.call("recipients", "GET", "/v1/recipients/rita", &Value::Null).status, 404);
    let path = format!("/v1/notifications/{}", sent["id"].as_str().unwrap());
    assert_eq!(fixture.call("send", "GET", &path, &Value::Null).status, 404);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_recipient_is_patched_and_written_under_the_tag_that_was_read() {
    let fixture = fixture();
    let path = "/v1/recipients/tagged";
    let ask = |method: &str, body: &Value, headers: &[(&str, &str)]| {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        fixture.call_with("recipients", method, path, body, headers)
    };
    assert_eq!(fixture.put_recipient("tagged", &json!({"email": "tagged@example.com"})), 201);
    let read = ask("GET", &Value::Null, &[]);
    let tag = read.header("etag").to_owned();
    assert_eq!(ask("GET", &Value::Null, &[("If-None-Match", &tag)]).status, 304);
    let patched = ask("PATCH", &json!({"locale": "it"}), &[("If-Match", &tag)]);
    assert_eq!((patched.status, &patched.json["email"]), (200, &json!("tagged@example.com")), "{}", patched.json);
    assert_ne!(patched.header("etag"), tag);
    let stale = ask("PUT", &read.json, &[("If-Match", &tag)]);
    assert_eq!((stale.status, &stale.json["type"]), (412, &json!("urn:notifications:problem:precondition-failed")));
    assert_eq!(ask("PUT", &json!({}), &[("If-None-Match", "*")]).status, 412);
    let again = fixture.recipient("tagged");
    assert_eq!(fixture.put_recipient("tagged", &again), 200);
    assert_eq!(fixture.recipient("tagged")["locale"], "it");
    assert_eq!(ask("DELETE", &Value::Null, &[("If-Match", &tag)]).status, 412);
    assert_eq!(ask("DELETE", &Value::Null, &[("If-Match", "*")]).status, 200);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_device_is_replaced_by_its_old_endpoint_and_deleted_by_its_endpoint() {
    let fixture = fixture();
    let devices = "/v1/recipients/renewing/devices";
    let endpoint = |name: &str| format!("https://jmt17.google.com/fcm/send/{name}");
    let keys = json!({"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg=="});
    let mut body = json!({"endpoint": endpoint("a:1"), "keys": keys, "contentEncoding": "aes128gcm",
        "expirationTime": 4_000_000_000_000.0});
    fixture.expect(201, "recipients", "PUT", devices, &body);
    body["old_endpoint"] = body["endpoint"].take();
    body["endpoint"] = json!(endpoint("a:2"));
    fixture.expect(201, "recipients", "PUT", devices, &body);
    let read = fixture.recipient("renewing");
    assert_eq!(
        (read["devices"].as_array().unwrap().len(), &read["devices"][0]["host"]),
        (1, &json!("jmt17.google.com"))
    );
    let by_endpoint = format!("{devices}?endpoint=https%3A%2F%2Fjmt17.google.com%2Ffcm%2Fsend%2Fa%3A2");
    for _ in 0..2 {
        fixture.expect(204, "recipients", "DELETE", &by_endpoint, &Value::Null);
    }
    assert_eq!(fixture.recipient("renewing")["devices"], json!([]));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_id_with_escapes_is_one_recipient() {
    let fixture = fixture();
    fixture.expect(201, "recipients", "PUT", "/v1/recipients/ada%40work%20100%25", &json!({}));
    assert_eq!(fixture.recipient("ada%40work%20100%25")["id"], "ada@work 100%");
    let explained = fixture.expect(200, "send", "POST", "/v1/notifications/explain", &message("ada@work 100%", "Hi"));
    assert_eq!(explained["reason"], "no_channel", "known, without an address: {explained}");
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_batch_answers_each_message_in_its_place() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "batched");
    let (device, _) = fixture.register(&id);
    let wrong = json!({"to": id, "content": {"title": "", "body": "b"}});
    let messages = json!({"messages": [message(&id, "one"), wrong, message("batched-nobody", "three")]});
    let answer = fixture.expect(202, "send", "POST", "/v1/notifications/batch", &messages);
    let statuses: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [&json!("accepted"), &json!(422), &json!("skipped")]);
    assert_eq!(answer["items"][1]["errors"][0]["field"], "messages[1].content.title");
    assert_eq!(answer["items"][2]["reason"], "unknown_recipient");
    assert_eq!(fixture.messages(&device).len(), 1);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn recipients_are_imported_and_their_export_changes_nothing() {
    let fixture = fixture();
    let items = json!([{"id": "imported", "email": "imported@example.com"}, {"id": "imported-2", "email": "secret"}]);
    let import = |items: &Value| {
        let body = json!({"mode": "upsert", "items": items});
        fixture.expect(200, "recipients", "POST", "/v1/recipients/batch", &body)
    };
    let answer = import(&items);
    assert_eq!((&answer["items"][0]["result"], &answer["counts"]["problems"]), (&json!("created"), &json!(1)));
    assert_eq!(answer["items"][1]["problem"]["errors"][0]["field"], "items[1].email");
    fixture.register("imported");
    fixture.send(&json!({"to": "imported", "content": {"title": "Hi", "body": "there"}, "channels": ["push"]}));
    let export = fixture.expect(200, "recipients", "GET", "/v1/recipients/imported/export", &Value::Null);
    assert_eq!(export["history"]["items"][0]["content"]["title"], "Hi");
    assert_eq!(import(&json!([export["recipient"]]))["items"][0]["result"], "unchanged");
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_explanation_names_every_gate_and_writes_nothing() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "explained");
    fixture.register(&id);
    fixture.put_recipient(&id, &json!({"email": "explained@example.com"}));
    let before = fixture.stack.count("NotificationsTableName");
    let explained = fixture.expect(200, "send", "POST", "/v1/notifications/explain", &message(&id, "Hi"));
    assert_eq!((&explained["version"], &explained["verdict"]), (&json!("v2"), &json!("send")));
    let gates: Vec<_> =
        explained["gates"].as_array().unwrap().iter().map(|gate| gate["gate"].as_str().unwrap()).collect();
    assert_eq!(gates[..4], ["rollout", "unknown_recipient", "opted_out", "no_channel"]);
    let possible: Vec<_> = explained["plan"].as_array().unwrap().iter().map(|channel| &channel["possible"]).collect();
    assert_eq!(possible, [&json!(true), &json!(true), &json!(false)]);
    assert_eq!(fixture.stack.count("NotificationsTableName"), before);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn ops_see_what_others_sent_list_what_failed_and_clean_up() {
    let fixture = fixture();
    let id = recipient_in(Version::V1, "old-way");
    let (device, _) = fixture.register(&id);
    device.goes_away();
    let failed = fixture.send_to_the_end(&message(&id, "By version 1"));
    assert_eq!(
        (&failed["version"], &failed["status"], &failed["reason"]),
        (&json!("v1"), &json!("failed"), &json!("gone"))
    );

    let path = format!("/v1/notifications/{}", failed["id"].as_str().unwrap());
    assert_eq!(fixture.expect(200, "ops", "GET", &path, &Value::Null), failed);
    let list = fixture.expect(200, "ops", "GET", "/v1/notifications?status=failed", &Value::Null);
    let listed: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert!(listed.contains(&&failed["id"]), "{list}");

    for dry_run in [true, false] {
        let summary = fixture.expect(200, "ops", "POST", "/v1/cleanup", &json!({"dry_run": dry_run}));
        assert_eq!(summary["dry_run"], dry_run);
        assert_eq!(summary["unused_devices"], json!({"done": 0, "remaining": 0}));
    }
}

/// Changes the percentage by a hundredth of a percent and back, which moves none of the other tests' recipients.
#[test]
#[ignore = "needs the local stack: make test"]
fn ops_change_the_rollout_and_see_who_did_and_why() {
    let fixture = fixture();
    let before = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    assert_eq!(before["source"], "live", "{before}");
    let nudged = before["percentage"].as_f64().unwrap() + 0.01;
    let nudge = json!({"percentage": format!("{nudged:.2}"), "reason": "a nudge"});
    fixture.expect(200, "ops", "PUT", "/v1/rollout", &nudge);
    let seen = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    assert_eq!(
        (&seen["changes"][0]["who"], &seen["changes"][0]["reason"]),
        (&json!("api"), &json!("a nudge")),
        "{seen}"
    );
    let back = json!({"percentage": before["percentage"], "reason": "and back"});
    let done = fixture.expect(200, "ops", "PUT", "/v1/rollout", &back);
    assert_eq!(done["percentage"], before["percentage"]);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_segment_is_made_counted_sampled_explained_and_deleted() {
    let fixture = fixture();
    let attributes = json!({"attributes": {"tier": "deployed-gold"}, "email": "sam@example.com"});
    assert_eq!(fixture.put_recipient("sam", &attributes), 201);
    let path = "/v1/segments/deployed-gold";
    let filter = json!({"field": "attributes.tier", "op": "eq", "value": "deployed-gold"});
    fixture.expect(201, "ops", "PUT", path, &json!({"title": "Gold", "filter": filter}));
    let counted = fixture.expect(200, "ops", "POST", "/v1/segments/count", &json!({"segment": "deployed-gold"}));
    assert_eq!((&counted["people"]["estimate"], &counted["reachable"]["email"]["estimate"]), (&json!(1), &json!(1)));
    let exact = json!({"segment": "deployed-gold", "exact": true});
    let exact = fixture.expect(200, "ops", "POST", "/v1/segments/count", &exact);
    assert_eq!(exact["people"], json!({"estimate": 1, "at_least": 1, "at_most": 1, "exact": true}));
    let sample = fixture.expect(200, "ops", "POST", "/v1/segments/sample", &json!({"segment": "deployed-gold"}));
    assert_eq!((&sample["items"][0]["id"], &sample["items"][0]["email"]), (&json!("sam"), &json!("s…@example.com")));
    let asked = json!({"recipient": "sam"});
    let explained = fixture.expect(200, "ops", "POST", "/v1/segments/deployed-gold/explain", &asked);
    assert_eq!(explained["matches"], true);
    fixture.expect(422, "ops", "PUT", path, &json!({"title": "Gold", "filter": {"any": []}}));
    fixture.expect(204, "ops", "DELETE", path, &Value::Null);
    fixture.expect(404, "ops", "GET", path, &Value::Null);
}
