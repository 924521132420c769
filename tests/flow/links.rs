//! Links in messages: the target of a click, opting out of a type, and messages without links.

use serde_json::{Value, json};

use world::{World, links};

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
    // The first click of a day also stores that the recipient is engaged.
    for units in [2.0, 0.0] {
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
async fn tokens_in_an_explanation_permit_nothing() {
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
    // A year: shorter than an e-mail may be kept, longer than the notification is stored.
    world.advance(360 * 24 * 3_600);
    let page = world.follow("GET", &link).await;
    assert!(page.status == 200 && page.body.as_str().unwrap().contains("<form method=\"post\">"), "{page:?}");
    assert_eq!(world.items("recipients"), before, "reading changes nothing");
    world.write_units();
    let mut after = Vec::new();
    for _ in 0..2 {
        assert_eq!(world.follow("POST", &link).await.status, 200);
        after.push(world.items("recipients"));
        world.advance(60);
    }
    assert!(after[0] != before && after[0] == after[1], "once suffices");
    assert_eq!(world.write_units(), 1.0);
    let refused = world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["email"]})).await;
    assert_eq!(refused.body["reason"], "opted_out");
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
    assert_eq!(profile.body["unsubscribed_types"], json!(["PAYMENT_DUE"]));
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    let left = world.items("recipients");
    assert_eq!(world.follow("POST", &link).await.status, 200, "the recipient is erased");
    assert_eq!(world.items("recipients"), left, "who was erased is not brought back");
}

#[tokio::test]
async fn an_opt_out_outlasts_every_put_and_is_removed_by_its_own_call() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.send("ada", json!({})).await;
    let link = world.unsubscribe_link();
    world.follow("POST", &link).await;
    let asked = async || world.send("ada", json!({})).await.body["reason"].clone();
    for preferences in [json!({}), json!({"opted_out_types": []}), json!({"opted_out_types": ["PAYMENT_DUE"]})] {
        let profile = json!({"email": "ada@example.com", "preferences": preferences});
        let answer = world.on_recipient("PUT /v1/recipients/{id}", "ada", profile).await;
        assert_eq!((answer.status, &answer.body["unsubscribed_types"]), (200, &json!(["DEFAULT"])));
        assert_eq!(asked().await, "opted_out");
    }
    for (kind, reason) in [("PAYMENT_DUE", json!("opted_out")), ("DEFAULT", Value::Null), ("DEFAULT", Value::Null)] {
        assert_eq!(world.resubscribe("ada", kind).await.status, 204);
        assert_eq!(asked().await, reason);
    }
    world.follow("POST", &link).await;
    assert_eq!(asked().await, "opted_out", "and its link works again");
    assert_eq!(world.resubscribe("nobody", "DEFAULT").await.status, 204);
    assert_eq!(world.resubscribe("ada", &"x".repeat(65)).await.fields(), ["type"]);
}

#[tokio::test]
async fn an_opt_out_during_a_deferred_fallback_stops_it() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["push", "email", "sms"]})).await;
    world.advance(4 * 3_600 + 60);
    world.sweep().await;
    let mail = world.mails().pop().unwrap();
    let link = links(&mail).into_iter().find(|link| link.contains("/unsubscribe/")).unwrap();
    world.follow("POST", &link).await;
    world.advance(4 * 3_600 + 60);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], end.attempts().len(), world.texts().len()), (&json!("accepted"), 2, 0));
}

#[tokio::test]
async fn a_page_that_asks_for_it_can_tell_of_a_conversion_whatever_channel_led_to_it() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/7?a={b}&n={token}#{token}"});
    let sent = world.send("ada", json!({"content": content})).await;
    let click = links(&world.mails()[0]).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    let token = click.rsplit('/').next().unwrap();
    let shown = world.follow("GET", &click).await;
    let landed = format!("https://shop.example/7?a={{b}}&n={token}#{token}");
    assert_eq!((shown.status, shown.header("Location")), (302, Some(landed.as_str())));
    for event in ["delivered", "opened", "clicked", "dismissed"] {
        assert_eq!(world.receipt(token, event, json!({})).await.status, 404, "a link's token is for conversions");
    }
    for recorded in [true, false] {
        let receipt = world.receipt(token, "converted", json!({"value_micros": 5})).await;
        assert_eq!(receipt.body, json!({"recorded": recorded}));
    }
    let end = world.get(sent.body["id"].as_str().unwrap()).await.body;
    assert_eq!((&end["channel"], &end["conversion_value_micros"]), (&json!("email"), &json!(5)));
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

/// Only the redirect of a click link replaces `{token}`.
#[tokio::test]
async fn a_text_whose_own_link_needs_a_token_carries_the_counted_one_whatever_it_costs() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    for url in ["https://shop.example/7?n={token}", "https://shop.example/7#%7Btoken%7D"] {
        let content = json!({"title": "Hi", "body": "word ".repeat(20), "url": url});
        world.send("ada", json!({"content": content})).await;
        let (_, text) = world.texts().pop().unwrap();
        assert!(text.contains("/v1/clicks/") && !text.contains("token"), "{text}");
    }
    let plain = "https://shop.example/{token}";
    world.send("ada", json!({"content": {"title": "Hi", "body": "word ".repeat(20), "url": plain}})).await;
    let (_, text) = world.texts().pop().unwrap();
    assert!(text.ends_with("https://shop.example/%7Btoken%7D"), "a path has no placeholder: {text}");
}

#[tokio::test]
async fn a_button_of_a_push_leads_to_a_token_as_its_notification_does() {
    for (version, percentage) in [("v1", "0"), ("v2", "100")] {
        let world = World::start().await;
        world.set("rollout-percentage", percentage);
        let browser = world.subscribe("ada", "phone").await;
        let pay = json!({"action": "pay", "title": "Pay", "url": "https://shop.example/pay?n={token}"});
        let later = json!({"action": "later", "title": "Later"});
        let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/?n={token}",
            "actions": [pay, later], "require_interaction": true, "dir": "auto", "timestamp": "2026-11-28T12:00:00Z"});
        let sent = world.send("ada", json!({"channels": ["push"], "content": content})).await;
        assert_eq!(sent.body["version"], version);
        let (_, message) = world.push.opened("phone", &browser);
        let token = message["url"].as_str().unwrap().strip_prefix("https://shop.example/?n=").unwrap();
        assert_eq!(message["actions"][0]["url"], format!("https://shop.example/pay?n={token}"));
        assert_eq!((&message["actions"][1], &message["require_interaction"]), (&later, &json!(true)));
        assert_eq!((&message["dir"], &message["timestamp"]), (&json!("auto"), &json!(1_795_867_200_000_i64)));
        let bad =
            json!({"title": "Hi", "body": "there", "actions": [later, {"action": "x", "title": "X", "url": "/x"}]});
        let refused = world.send("ada", json!({"content": bad})).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("content.actions[1].url")));
    }
}

#[tokio::test]
async fn a_push_leads_its_page_to_a_token_for_conversions_alone() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/7?n={token}"});
    let sent = world.send("ada", json!({"content": content})).await;
    let (_, message) = world.push.opened("phone", &browser);
    let token = message["url"].as_str().unwrap().strip_prefix("https://shop.example/7?n=").unwrap();
    assert_ne!(token, message["receipt"]["token"].as_str().unwrap(), "a page's address gets about");
    assert_eq!(world.receipt(token, "dismissed", json!({})).await.status, 404);
    assert_eq!(world.receipt(token, "converted", json!({})).await.body, json!({"recorded": true}));
    let end = world.get(sent.body["id"].as_str().unwrap()).await.body;
    assert_eq!((&end["status"], &end["channel"]), (&json!("delivered"), &json!("push")));
}

#[tokio::test]
async fn a_link_of_an_erased_recipient_shows_a_page_with_the_reason() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    world.send("ada", json!({"content": content})).await;
    let click = links(&world.mails()[0]).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    // A push of that age might not be stored yet.
    let early = world.follow("GET", &click).await;
    assert_eq!((early.status, early.header("Retry-After"), early.header("Refresh")), (503, Some("2"), Some("2")));
    world.advance(60);
    let answer = world.follow("GET", &click).await;
    assert_eq!((answer.status, answer.header("Location"), answer.header("Refresh")), (404, None, None));
    assert!(answer.body.as_str().unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn without_a_place_to_come_back_to_messages_go_out_without_links() {
    let world = World::start().await;
    world.delete_parameter("public-base-url");
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.send("ada", json!({})).await;
    assert!(world.push.opened("phone", &browser).1.get("receipt").is_none());
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    world.send("ada", json!({"channels": ["email"], "content": content})).await;
    assert!(world.mails()[0].contains("https://shop.example/") && !world.mails()[0].contains("List-Unsubscribe"));
}

#[tokio::test]
async fn every_script_is_served_to_any_page_and_the_module_is_the_classic_script_with_exports() {
    let world = World::start().await;
    let mut texts = Vec::new();
    for name in ["worker.js", "client.js", "client.mjs", "client.d.ts"] {
        let answer = world.on_track(&format!("GET /v1/client/{name}"), "", Value::Null).await;
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, Some("*")), "{name}");
        texts.push(answer.body.as_str().unwrap().to_owned());
    }
    let [worker, classic, module, types] = texts.try_into().unwrap();
    let exports = module.strip_prefix(&classic).unwrap();
    assert!(exports.contains("export default") && !classic.contains("export ") && !worker.contains("export "));
    assert!(worker.contains("notificationsDatabase") && classic.contains("notificationsDatabase"));
    assert!(types.contains("declare const notifications"));
}
