//! Misbehaving push services: no notification is lost, no working device is removed, and other channels take over when
//! push does not recover.

use serde_json::json;

use world::{ApiResponse, Reply, World};

async fn a_world_with_ada() -> World {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world
}

/// The notification after several hours.
async fn later(world: &World, sent: &ApiResponse) -> ApiResponse {
    loop {
        world.advance(600);
        world.sweep().await;
        let now = world.get(sent.body["id"].as_str().unwrap()).await;
        if now.body["status"] != "cascading" {
            return now;
        }
    }
}

#[tokio::test]
async fn a_push_service_that_hangs_costs_one_request_its_time_and_the_push_goes_out_later() {
    let world = a_world_with_ada().await;
    world.push.answer("phone", [Reply::Silence]);
    let sent = world.send_late(6, "ada", json!({})).await;
    assert_eq!((sent.status, &sent.body["status"]), (202, &json!("cascading")));
    assert_eq!(
        (sent.attempts(), &sent.body["attempts"][0]["detail"]),
        (vec!["push:retry_later".into()], &json!("timed out"))
    );
    let end = later(&world, &sent).await;
    assert_eq!((&end.body["status"], end.attempts().len()), (&json!("accepted"), 2));
    assert_eq!((world.devices("ada").await, world.mails().len()), (1, 0));
}

#[tokio::test]
async fn a_connection_that_is_lost_once_is_no_failure() {
    let world = a_world_with_ada().await;
    for reply in [Reply::HangUp, Reply::raw("HTTP/1.1 201 Crea")] {
        world.push.answer("phone", [reply]);
        let sent = world.send("ada", json!({})).await;
        assert_eq!((&sent.body["status"], sent.attempts()), (&json!("accepted"), vec!["push:accepted".into()]));
    }
    assert_eq!(world.push.count("phone"), 4);
}

#[tokio::test]
async fn a_push_service_that_never_comes_back_keeps_its_device_and_the_email_goes_out_once() {
    let world = a_world_with_ada().await;
    world.push.answer("phone", vec![Reply::HangUp; 200]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.body["status"], "cascading");
    let end = later(&world, &sent).await;
    assert_eq!((&end.body["status"], &end.body["channel"]), (&json!("accepted"), &json!("email")));
    let attempts = end.attempts();
    let (last, pushes) = attempts.split_last().unwrap();
    assert_eq!(last, "email:accepted");
    assert!(pushes.iter().all(|push| push == "push:retry_later") && world.push.count("phone") == 2 * pushes.len());
    assert_eq!((world.devices("ada").await, world.mails().len()), (1, 1));
}

#[tokio::test]
async fn an_invalid_response_is_retried_and_removes_no_device() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "<html>gateway</html>",
        "HTTP/1.1 201 X\r\nContent-Length: -1\r\n\r\n",
        &format!("HTTP/1.1 410 Gone\r\n{}", "A: b\r\n".repeat(100_000)),
    ] {
        let world = a_world_with_ada().await;
        world.push.answer("phone", [Reply::raw(nonsense)]);
        let sent = world.send("ada", json!({})).await;
        let detail = &sent.body["attempts"][0]["detail"];
        assert_eq!((sent.attempts(), detail), (vec!["push:retry_later".into()], &json!("the answer was not HTTP")));
        let end = later(&world, &sent).await;
        assert_eq!((&end.body["status"], end.attempts().len()), (&json!("accepted"), 2));
        assert_eq!((world.devices("ada").await, world.mails().len()), (1, 0));
    }
}

#[tokio::test]
async fn an_answer_counts_whatever_its_body_does() {
    let world = a_world_with_ada().await;
    let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["", "5\r\nhel", "zz\r\n", &"fffff\r\n".repeat(30_000)] {
        world.push.answer("phone", [Reply::raw(format!("{head}{body}"))]);
        let sent = world.send("ada", json!({})).await;
        assert_eq!(sent.attempts(), ["push:accepted"]);
    }
    assert_eq!(world.push.count("phone"), 4);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_email_goes_out_at_once() {
    let elsewhere = World::start().await;
    let world = a_world_with_ada().await;
    let location = format!("{}/push/phone", elsewhere.push.origin);
    world.push.answer("phone", [Reply::status(308).with("Location", &location)]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.attempts(), ["push:rejected", "email:accepted"]);
    assert_eq!((world.devices("ada").await, elsewhere.push.count("phone")), (1, 0));
}

#[tokio::test]
async fn an_excessive_wait_is_limited_to_an_hour_and_a_tenth() {
    let world = a_world_with_ada().await;
    for nonsense in ["-5", "soon", "", "1e9", "9999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        world.push.answer("phone", [Reply::status(429).with("Retry-After", nonsense)]);
        let sent = world.send("ada", json!({"channels": ["push"]})).await;
        assert_eq!(sent.body["status"], "cascading", "{nonsense:?}");
        world.advance(3_960);
        world.sweep().await;
        let end = world.get(sent.body["id"].as_str().unwrap()).await;
        assert_eq!(end.attempts(), ["push:retry_later", "push:accepted"], "{nonsense:?}");
    }
}

/// A browser may say when its subscription ends. From then on, the device is none.
#[tokio::test]
async fn explain_and_send_agree_that_an_expired_subscription_is_unreachable() {
    let world = World::start().await;
    let browser = World::browser("phone");
    let expires_at_ms = world.clock.now().as_millisecond() + 60_000;
    let body = json!({
        "endpoint": format!("{}/push/phone", world.push.origin), "expirationTime": expires_at_ms,
        "keys": {"p256dh": browser.p256dh(), "auth": browser.auth()},
    });
    assert_eq!(world.on_recipient("PUT /v1/recipients/{id}/devices", "ada", body).await.status, 201);
    let content = json!({"title": "Hi", "body": "there"});
    let message = json!({"to": "ada", "content": content, "channels": ["push"]});
    let explained = async || {
        let plan = world.post("POST /v1/notifications/explain", message.clone(), None).await.body;
        (plan["verdict"].clone(), plan["plan"][0]["impossible_because"].clone())
    };
    assert_eq!(explained().await.1, json!(null));
    world.advance(61);
    let (verdict, because) = explained().await;
    assert_eq!(because, "no_device");
    assert!(verdict.to_string().contains("skip"), "{verdict}");
    let sent = world.send("ada", json!({"content": content, "channels": ["push"]})).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("skipped"), &json!("no_channel")));
    assert_eq!(world.push.total(), 0);
}
