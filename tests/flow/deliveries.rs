//! Delivery of one message to one recipient.

use serde_json::json;

use world::{Reply, World};

#[tokio::test]
async fn a_push_arrives_sealed_and_signed_and_is_accepted() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    let sent = world.send("ada", json!({"urgency": "high", "ttl_seconds": 600, "topic": "orders"})).await;
    assert_eq!((sent.status, &sent.body["status"]), (202, &json!("accepted")));
    assert_eq!(sent.attempts(), ["push:accepted"]);
    assert_eq!((&sent.body["channel"], &sent.body["version"]), (&json!("push"), &json!("v2")));
    let id = sent.body["id"].as_str().unwrap();
    assert_eq!(sent.header("Location"), Some(format!("/v1/notifications/{id}").as_str()));
    let (arrival, message) = world.push.opened("phone", &browser);
    assert_eq!((arrival.header("urgency"), arrival.header("ttl")), ("high", "600"));
    assert_eq!(arrival.header("topic").len(), 32);
    assert_eq!((&message["title"], &message["body"]), (&json!("Hi"), &json!("there")));
    assert_eq!((&message["id"], &message["tag"]), (&json!(id), &json!(arrival.header("topic"))));
    assert_eq!(world.get(id).await.body, sent.body);
}

#[tokio::test]
async fn every_device_gets_it_and_one_is_enough() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.subscribe("ada", "laptop").await;
    world.push.answer("phone", [Reply::status(503)]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.body["status"], "accepted");
    world.advance(3_600);
    world.sweep().await;
    assert_eq!((world.push.count("phone"), world.push.count("laptop")), (1, 1));
}

#[tokio::test]
async fn a_gone_endpoint_falls_back_to_email_at_once_and_the_device_is_removed() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", [Reply::status(410)]);
    let sent = world.send("ada", json!({"content": {"title": "Grüße", "body": "Bis <bald>"}})).await;
    assert_eq!(sent.attempts(), ["push:gone", "email:accepted"]);
    assert_eq!((&sent.body["status"], &sent.body["channel"]), (&json!("accepted"), &json!("email")));
    assert_eq!(sent.body["cost_micros"], 92);
    let mails = world.mails();
    assert!(mails[0].contains("To: <ada@example.com>") && mails[0].contains("multipart/alternative"), "{}", mails[0]);
    assert_eq!(world.devices("ada").await, 0);
}

#[tokio::test]
async fn a_subscription_that_was_renewed_meanwhile_is_not_removed() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.subscribe("ada", "tablet").await;
    world.push.answer("phone", [Reply::status(404)]);
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
    assert_eq!(world.devices("ada").await, 1);
}

#[tokio::test]
async fn without_device_and_address_an_sms_follows() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let sent = world
        .send("ada", json!({"content": {"title": "Ciao", "body": "come va", "url": "https://example.com/x"}}))
        .await;
    assert_eq!(sent.attempts(), ["sms:accepted"]);
    assert_eq!(sent.body["cost_micros"], 80_000);
    let (number, text) = world.texts().remove(0);
    assert_eq!(number, "+393331234567");
    assert!(text.starts_with("Ciao: come va https://notify.example.com/v1/clicks/"), "{text}");
}

#[tokio::test]
async fn each_status_of_a_push_service_has_its_outcome() {
    let rows = [
        (Reply::status(200), "accepted", 1),
        (Reply::status(202), "accepted", 1),
        (Reply::status(404), "gone", 0),
        (Reply::status(410), "gone", 0),
        (Reply::status(400), "rejected", 1),
        (Reply::status(401), "rejected", 1),
        (Reply::status(403), "rejected", 1),
        (Reply::status(413), "rejected", 1),
        (Reply::status(301).with("Location", "https://example.com"), "rejected", 1),
        (Reply::status(418), "rejected", 1),
        (Reply::status(204), "accepted", 1),
        (Reply::status(299), "accepted", 1),
        (Reply::status(406), "retry_later", 1),
        (Reply::status(408), "retry_later", 1),
        (Reply::status(425), "retry_later", 1),
        (Reply::status(500), "retry_later", 1),
        (Reply::HangUp, "retry_later", 1),
        (Reply::status(429).with("Retry-After", "120"), "retry_later", 1),
    ];
    let world = World::start().await;
    for (row, (reply, outcome, devices_left)) in rows.into_iter().enumerate() {
        let (id, device) = (format!("user-{row}"), format!("device-{row}"));
        world.subscribe(&id, &device).await;
        world.push.answer(&device, [reply.clone(), reply.clone()]);
        let sent = world.send(&id, json!({"channels": ["push"]})).await;
        assert_eq!(sent.body["attempts"][0]["outcome"], outcome, "{reply:?}");
        assert_eq!(world.devices(&id).await, devices_left, "{reply:?}");
    }
}

#[tokio::test]
async fn a_push_service_that_names_a_retry_time_is_called_again_at_that_time() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "120")]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("cascading"), vec!["push:retry_later".to_owned()]));
    world.advance(100);
    assert_eq!(world.sweep().await.found, 0);
    world.advance(40);
    assert_eq!(world.sweep().await.worked, 1);
    let now = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&now.body["status"], now.attempts().len()), (&json!("accepted"), 2));
    assert_eq!(now.body["next_action_at"], json!(null));
}

#[tokio::test]
async fn after_the_last_attempt_the_next_channel_follows() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", std::iter::repeat_n(Reply::status(503), 9));
    let sent = world.send("ada", json!({})).await;
    for _ in 0..6 {
        world.advance(700);
        world.sweep().await;
    }
    let now = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!(now.body["status"], "accepted");
    assert_eq!(now.attempts().last().unwrap(), "email:accepted");
    assert_eq!(world.push.count("phone"), 4, "as often as the type allows");
}

#[tokio::test]
async fn without_a_working_channel_it_is_failed_and_listed_for_operators() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(410)]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("failed"), &json!("gone")));
    world.advance(60);
    let listed = world.list(&[("status", "failed")]).await;
    assert_eq!(listed.body["items"][0]["id"], sent.body["id"]);
    assert_eq!(world.list(&[("status", "expired")]).await.body["items"], json!([]));
}

#[tokio::test]
async fn the_list_of_what_ended_badly_is_paged_newest_first() {
    let world = World::start().await;
    let mut sent = Vec::new();
    for user in 0..7 {
        let (id, device) = (format!("user-{user}"), format!("device-{user}"));
        world.subscribe(&id, &device).await;
        world.push.answer(&device, [Reply::status(410)]);
        sent.push(world.send(&id, json!({})).await.body["id"].clone());
        world.advance(7 * 3_600);
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("status", "failed"), ("from", "2026-11-20T00:00:00Z"), ("limit", "3")];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page = world.list(&query).await;
        assert_eq!(page.status, 200, "{page:?}");
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page.body["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    sent.reverse();
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn a_list_loses_nothing_of_what_ended_in_the_same_millisecond() {
    let world = World::start().await;
    for user in 0..9 {
        let (id, device) = (format!("user-{user}"), format!("device-{user}"));
        world.subscribe(&id, &device).await;
        world.push.answer(&device, [Reply::status(410)]);
        world.send(&id, json!({})).await;
        world.advance(u64::from(user == 2));
    }
    world.advance(60);
    for limit in ["1", "2", "5", "100"] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("status", "failed"), ("limit", limit)];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = world.list(&query).await;
            seen.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
            match page.body["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 9, "by {limit}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 9, "by {limit}");
    }
}

#[tokio::test]
async fn a_list_refuses_times_it_cannot_reckon_with() {
    let world = World::start().await;
    for query in [
        [("to", "-009999-01-02T02:00:00Z"), ("limit", "1")],
        [("from", "9999-12-30T00:00:00Z"), ("limit", "1")],
        [("from", "2026-09-01T00:00:00Z"), ("limit", "1")],
        [("to", "yesterday"), ("limit", "1")],
        [("after", "99999999999999999~x"), ("limit", "1")],
        [("limit", "0"), ("limit", "101")],
    ] {
        let answer = world.list(&[&[("status", "failed")][..], &query].concat()).await;
        assert_eq!(answer.status, 422, "{query:?}: {answer:?}");
    }
    let far = [("status", "failed"), ("from", "0001-01-02T02:00:00Z"), ("to", "0001-01-03T02:00:00Z")];
    assert_eq!(world.list(&far).await.body, json!({"items": [], "next": null}));
}
