//! Problems of refused requests: they name the error and repeat nothing of the request.

use serde_json::{Value, json};

use super::{CanaryWorld, ID, KEY, message, with};

#[tokio::test]
async fn a_problem_names_the_error_and_does_not_repeat_the_request() {
    let mut setup = CanaryWorld::start().await;
    let send = "POST /v1/notifications";
    let to = |changes: Value| {
        with(json!({"to": ID}))
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain(changes.as_object().unwrap().clone())
            .collect::<Value>()
    };
    let requests = [
        (json!("{canary"), 400),
        (Value::String("canary".repeat(200_000)), 413),
        (json!(["canary"]), 422),
        (json!("\"canary\""), 422),
        (to(json!({"to": "canary".repeat(30)})), 422),
        (to(json!({"to": ["canary"]})), 422),
        (to(json!({"type": "canary"})), 422),
        (to(json!({"type": {"canary": "canary"}})), 422),
        (to(json!({"channels": ["canary"]})), 422),
        (to(json!({"urgency": "canary"})), 422),
        (to(json!({"urgency": "`canary`, expected canary"})), 422),
        (to(json!({"send_at": "canary"})), 422),
        (to(json!({"ttl_seconds": "canary"})), 422),
        (to(json!({"metadata": "canary"})), 422),
        (to(json!({"metadata": {"canary": "canary".repeat(300)}})), 422),
        (to(json!({"topic": "canary".repeat(60)})), 422),
        (to(json!({"content": "canary"})), 422),
        (to(json!({"content": {"title": "\u{200b}\r\n", "body": "canary"}})), 422),
        (to(json!({"content": {"title": "canary", "body": "canary".repeat(900)}})), 422),
        (to(json!({"content": {"title": "canary", "body": "b", "url": "javascript:canary"}})), 422),
        (to(json!({"content": {"title": "canary", "body": "b", "icon": "https://canary@example.com/"}})), 422),
    ];
    for (body, status) in requests {
        for route in [send, "POST /v1/notifications/explain"] {
            let answer = setup.world.post(route, body.clone(), Some(KEY)).await;
            setup.is_problem(status, &answer);
        }
    }
    let batch = setup.world.batch(vec![json!({"to": "canary".repeat(30)}), json!("canary")], Some(KEY)).await;
    setup.saw("a batch of problems", batch.body["items"].to_string());
    setup.world.send_once(KEY, ID, message()).await;
    let other = setup.world.send_once(KEY, ID, with(json!({"urgency": "low"}))).await;
    setup.is_problem(422, &other);
    for id in ["canary", "canary-canary", &format!("{}-canary", "0".repeat(26))] {
        let answer = setup.world.get(id).await;
        setup.is_problem(404, &answer);
        let answer = setup.world.cancel(id).await;
        setup.is_problem(404, &answer);
    }
    for query in [("status", "canary"), ("from", "canary"), ("limit", "canary"), ("after", "canary")] {
        let answer = setup.world.list(&[("status", "failed"), query]).await;
        setup.is_problem(422, &answer);
    }
    refused_people(&mut setup).await;
    refused_links(&mut setup).await;
    setup.assert_clean();
}

async fn refused_links(setup: &mut CanaryWorld) {
    let receipts = "POST /v1/receipts";
    let requests = [
        (json!("{canary"), 400),
        (json!({"token": "canary", "event": "clicked"}), 404),
        (json!({"token": ["canary"], "event": "clicked"}), 422),
        (json!({"token": "canary", "event": "canary"}), 422),
        (json!({"token": "canary", "event": "clicked", "at": "canary"}), 422),
        (json!({"token": "canary", "event": "converted", "value_micros": "canary"}), 422),
    ];
    for (body, status) in requests {
        let answer = setup.world.on_track(receipts, "", body).await;
        setup.is_problem(status, &answer);
    }
    for route in ["GET /v1/clicks/{token}", "GET /v1/unsubscribe/{token}", "POST /v1/unsubscribe/{token}"] {
        let answer = setup.world.on_track(route, "canary", Value::Null).await;
        setup.is_problem(404, &answer);
    }
}

async fn refused_people(setup: &mut CanaryWorld) {
    let keys = json!({"p256dh": setup.browsers[0].p256dh(), "auth": setup.browsers[0].auth()});
    let (profile, device) = ("PUT /v1/recipients/{id}", "PUT /v1/recipients/{id}/devices");
    let requests = [
        (profile, json!({"email": "canary"})),
        (profile, json!({"phone": "canary"})),
        (profile, json!({"locale": "canary canary"})),
        (profile, json!({"time_zone": "Canary/canary"})),
        (profile, json!({"attributes": "canary"})),
        (profile, json!({"attributes": {"canary": "canary".repeat(900)}})),
        (profile, json!({"preferences": {"opted_out_channels": ["canary"]}})),
        (profile, json!({"preferences": {"quiet_hours": {"start": "canary", "end": "07:00"}}})),
        (device, json!({"endpoint": "https://canary.example.com/canary", "keys": keys})),
        (device, json!({"endpoint": "canary", "keys": keys})),
        (device, json!({"endpoint": {"canary": "canary"}, "keys": keys})),
        (
            device,
            json!({"endpoint": "https://fcm.googleapis.com/canary", "keys": {"p256dh": "canary", "auth": "canary"}}),
        ),
        (device, json!({"endpoint": "https://fcm.googleapis.com/canary", "expirationTime": "canary", "keys": keys})),
    ];
    for (route, body) in requests {
        let answer = setup.world.on_recipient(route, ID, body).await;
        setup.is_problem(422, &answer);
    }
    let answer = setup.world.on_recipient("GET /v1/recipients/{id}", "canary-nobody", json!({})).await;
    setup.is_problem(404, &answer);
    let answer = setup.world.on_recipient("GET /v1/recipients/{id}", &"canary".repeat(30), json!({})).await;
    setup.is_problem(422, &answer);
    let answer = setup.world.remove_device(ID, "canary").await;
    setup.is_problem(422, &answer);
}
