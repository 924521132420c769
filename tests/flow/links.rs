//! Links in messages: where a click leads, how a type is opted out of, and what a message is without any.

use serde_json::{Value, json};

use crate::world::{World, links};

#[tokio::test]
async fn a_click_leads_to_the_messages_own_url_and_to_no_other() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/orders/7?a=1&b=2"});
    let sent = world.send("ada", json!({"content": content})).await;
    let mail = world.mails().pop().unwrap();
    assert!(!mail.contains("shop.example"), "{mail}");
    let click = links(&mail).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    world.advance(60);
    world.write_units();
    for units in [1.0, 0.0] {
        let answer = world.follow("GET", &click).await;
        assert_eq!((answer.status, answer.header("Location")), (302, Some("https://shop.example/orders/7?a=1&b=2")));
        assert_eq!(
            (answer.header("Cache-Control"), answer.header("Referrer-Policy")),
            (Some("no-store"), Some("no-referrer"))
        );
        assert_eq!(world.write_units(), units);
        world.advance(60);
    }
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], &end.body["clicked_at"]), (&json!("delivered"), &json!("2026-11-23T10:01:00Z")));
}

#[tokio::test]
async fn a_reader_gets_there_also_when_the_click_cannot_be_counted() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    world.send("ada", json!({"content": content})).await;
    let click = links(&world.mails()[0]).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    {
        let mut aws = world.aws.state.lock().unwrap();
        (aws.fuse_is_for, aws.dynamo_fuse) = (Some("PutItem"), Some(0));
    }
    let answer = world.follow("GET", &click).await;
    assert_eq!((answer.status, answer.header("Location")), (302, Some("https://shop.example/")));
}

#[tokio::test]
async fn what_an_explanation_shows_lets_nobody_do_anything() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    let body = json!({"to": "ada", "content": content});
    let plan = world.post("POST /v1/notifications/explain", body, None).await.body["plan"].clone();
    let token = plan[0]["rendered"]["receipt"]["token"].as_str().unwrap();
    assert_eq!(
        world.receipt(token, "delivered", json!({})).await.body["type"],
        "urn:notifications:problem:invalid-token"
    );
    let shown = links(plan[1]["rendered"]["text"].as_str().unwrap());
    let unsubscribe = shown.iter().find(|link| link.contains("/unsubscribe/")).unwrap();
    assert_eq!(world.follow("POST", unsubscribe).await.status, 404);
}

#[tokio::test]
async fn unsubscribing_takes_a_post_and_stops_that_type_alone() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["email"]})).await;
    let mail = world.mails().pop().unwrap();
    assert!(mail.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{mail}");
    let link = links(&mail).into_iter().find(|link| link.contains("/unsubscribe/")).unwrap();
    let before = world.items("recipients");
    // A year is less than a mail may lie about, and more than the notification is kept.
    world.advance(360 * 24 * 3_600);
    let page = world.follow("GET", &link).await;
    assert!(page.status == 200 && page.body.as_str().unwrap().contains("<form method=\"post\">"), "{page:?}");
    assert_eq!(world.items("recipients"), before, "looking changes nothing");
    world.write_units();
    for units in [1.0, 0.0] {
        assert_eq!(world.follow("POST", &link).await.status, 200);
        assert_eq!(world.write_units(), units);
    }
    let refused = world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["email"]})).await;
    assert_eq!(refused.body["reason"], "opted_out");
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
    assert_eq!(profile.body["preferences"]["opted_out_types"], json!(["PAYMENT_DUE"]));
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    let left = world.items("recipients");
    assert_eq!(world.follow("POST", &link).await.status, 200, "nobody is there to be written to");
    assert_eq!(world.items("recipients"), left, "who was erased is not brought back");
}

#[tokio::test]
async fn a_text_carries_its_own_link_where_the_counted_one_would_cost_more() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let say = |body: &str| json!({"content": {"title": "Hi", "body": body, "url": "https://shop.example/7"}});
    world.send("ada", say("there")).await;
    world.send("ada", say(&"word ".repeat(20))).await;
    let texts = world.texts();
    assert!(texts[0].1.contains("/v1/clicks/") && !texts[0].1.contains("shop.example"), "{}", texts[0].1);
    assert!(texts[1].1.ends_with(" https://shop.example/7"), "{}", texts[1].1);
}

#[tokio::test]
async fn without_a_place_to_come_back_to_messages_go_out_without_links() {
    let world = World::start().await;
    world.aws.state.lock().unwrap().parameters.forget("/push-notifications/test/public-base-url");
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.send("ada", json!({})).await;
    assert!(world.push.opened("phone", &browser).1.get("receipt").is_none());
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    world.send("ada", json!({"channels": ["email"], "content": content})).await;
    assert!(world.mails()[0].contains("https://shop.example/") && !world.mails()[0].contains("List-Unsubscribe"));
}

#[tokio::test]
async fn both_scripts_are_served_to_any_page() {
    let world = World::start().await;
    for name in ["worker.js", "client.js"] {
        let answer = world.on_track(&format!("GET /v1/client/{name}"), "", Value::Null).await;
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, Some("*")));
        assert!(answer.body.as_str().unwrap().contains("notificationsDatabase"));
    }
}
