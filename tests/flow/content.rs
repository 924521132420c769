//! Text and links as callers give them, and as every channel shows them.

use serde_json::{Value, json};

use world::{ApiResponse, World, links};

const LONG: &str = "https://shop.example/";

async fn explained(world: &World, content: &Value) -> ApiResponse {
    world.post("POST /v1/notifications/explain", json!({"to": "ada", "content": content}), None).await
}

fn rendered<'a>(explained: &'a ApiResponse, channel: &str) -> &'a Value {
    let plan = explained.body["plan"].as_array().unwrap();
    &plan.iter().find(|planned| planned["channel"] == channel).unwrap()["rendered"]
}

#[tokio::test]
async fn every_channel_shows_the_same_cleaned_text_and_explain_shows_it_before() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let content = json!({
        "title": "Citta\u{300}\u{2028}del\u{0}\u{ad}l’arte\u{202e}",
        "body": "Uno\u{b}due\u{85}tre\r\nquattro\u{200b}\u{feff} \u{2028}👩\u{200d}💻\u{fff9}",
        "url": "https://bücher.example/stra sse?n={token}",
    });
    let (title, body) = ("Città dell’arte", "Uno\ndue\ntre\nquattro \n👩\u{200d}💻");
    let plan = explained(&world, &content).await;
    let (push, email, sms) = (rendered(&plan, "push"), rendered(&plan, "email"), rendered(&plan, "sms"));
    assert_eq!((&push["title"], &push["body"]), (&json!(title), &json!(body)));
    assert!(push["url"].as_str().unwrap().starts_with("https://xn--bcher-kva.example/stra%20sse?n="));
    assert_eq!(email["subject"], title);
    assert!(email["text"].as_str().unwrap().starts_with(&format!("{title}\n\n{body}\n\n")), "{email}");
    assert!(
        sms["text"].as_str().unwrap().starts_with(&format!("{title}: Uno\ndue\ntre\nquattro\n👩\u{200d}💻 ")),
        "{sms}"
    );
    world.send("ada", json!({"content": content, "channels": ["push"]})).await;
    let shown = world.push.opened("phone", &browser).1;
    assert_eq!((&shown["title"], &shown["body"]), (&json!(title), &json!(body)));
    world.send("ada", json!({"content": content, "channels": ["sms"]})).await;
    assert!(world.texts()[0].1.starts_with(title));
    let stored = world.items("notifications");
    assert!(stored.iter().all(|item| !item.to_string().contains("bücher")), "{stored:?}");
}

#[tokio::test]
async fn content_without_visible_text_is_refused_and_not_stored() {
    let world = World::start().await;
    for blank in
        ["", " ", "\u{200b}", "\u{3164}", "\u{feff}", "\u{202e}", "\u{0}", "\u{2028}", "\u{2800}\u{ad}", "\u{e0041}"]
    {
        let title = world.send("ada", json!({"content": {"title": blank, "body": "b"}})).await;
        let body = world.send("ada", json!({"content": {"title": "t", "body": blank}})).await;
        assert_eq!((title.status, title.fields()), (422, vec!["content.title"]), "{blank:?}");
        assert_eq!((body.status, body.fields()), (422, vec!["content.body"]), "{blank:?}");
    }
    assert!(world.items("notifications").is_empty());
}

#[tokio::test]
async fn a_link_of_any_length_is_in_every_message() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let long = format!("{LONG}{}", "a".repeat(2_040 - LONG.len()));
    let cyrillic = format!("https://example.org/{}", "ж".repeat(340));
    for (url, lands_at) in [(&long, long.clone()), (&cyrillic, format!("https://example.org/{}", "%D0%B6".repeat(340)))]
    {
        for channel in ["email", "sms"] {
            let content = json!({"title": "Hi", "body": "there", "url": url});
            let sent = world.send("ada", json!({"content": content, "channels": [channel]})).await;
            assert_eq!(sent.body["status"], "accepted");
            let text = if channel == "sms" { world.texts().pop().unwrap().1 } else { world.mails().pop().unwrap() };
            let click = links(&text).into_iter().find(|link| link.contains("/v1/clicks/")).unwrap();
            let answer = world.follow("GET", &click).await;
            assert_eq!((answer.status, answer.header("Location")), (302, Some(lands_at.as_str())));
        }
        world.advance(86_400);
    }
}

#[tokio::test]
async fn a_link_that_no_message_could_carry_is_refused_at_the_call() {
    let world = World::start().await;
    world.delete_parameter("public-base-url");
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let send = async |bytes: usize, channels: Value| {
        let url = format!("{LONG}{}", "a".repeat(bytes - LONG.len()));
        world.send("ada", json!({"content": {"title": "Hi", "body": "there", "url": url}, "channels": channels})).await
    };
    for (bytes, channels) in [(2_001, json!(["email"])), (460, json!(["sms"])), (460, json!(["push", "email", "sms"]))]
    {
        let answer = send(bytes, channels).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["content.url"]));
    }
    assert!(world.items("notifications").is_empty());
    assert_eq!(send(2_000, json!(["email"])).await.body["status"], "accepted");
    assert_eq!(send(2_500, json!(["push"])).await.status, 202);
    send(459, json!(["sms"])).await;
    assert!(world.texts()[0].1.starts_with(LONG) && world.texts()[0].1.len() == 459);
}

#[tokio::test]
async fn a_link_at_fault_is_named_with_its_reason() {
    let world = World::start().await;
    for (url, reason) in [
        ("https://example.com:99999/", "port"),
        ("https://256.1.1.1/", "IPv4"),
        ("https://exa mple.com/", "blank"),
        ("https://ada:secret@example.com/", "user name"),
        ("www.example.com", "begin with https://"),
        ("ftp://example.com/", "scheme"),
    ] {
        for field in ["url", "icon"] {
            let answer = world.send("ada", json!({"content": {"title": "t", "body": "b", field: url}})).await;
            assert_eq!((answer.status, answer.fields()), (422, vec![format!("content.{field}").as_str()]));
            let problem = answer.body.to_string();
            assert!(problem.contains(reason) && !problem.contains("secret") && !problem.contains("99999"), "{problem}");
        }
    }
}

#[tokio::test]
async fn a_text_message_takes_the_link_of_the_lower_price() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    for bytes in [200, 430, 455, 1_000] {
        let url = format!("{LONG}{}", "a".repeat(bytes - LONG.len()));
        let sms = explained(&world, &json!({"title": "Hi", "body": "On its way.", "url": url})).await;
        let sms = rendered(&sms, "sms");
        assert_eq!(sms["parts"], 1);
        assert!(sms["text"].as_str().unwrap().starts_with("Hi: On its way. http"), "{sms}");
        assert!(sms["text"].as_str().unwrap().contains("/v1/clicks/"), "{sms}");
    }
}

#[tokio::test]
async fn typographic_punctuation_costs_nothing_unless_the_settings_keep_it() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let content = json!({"title": "Ada", "body": "“It’s on its way” – soon… ".repeat(5)});
    let cost = async || {
        let plan = explained(&world, &content).await;
        let sms = rendered(&plan, "sms");
        (sms["encoding"].clone(), sms["parts"].clone())
    };
    assert_eq!(cost().await, (json!("gsm7"), json!(1)));
    world.set("settings", r#"{"sms": {"plain_punctuation": false}}"#);
    world.advance(60);
    assert_eq!(cost().await, (json!("ucs2"), json!(2)));
}

#[tokio::test]
async fn a_mail_has_its_readers_language_and_the_page_the_types_title() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "locale": "he-IL"})).await;
    let plan = explained(&world, &json!({"title": "שלום", "body": "הזמנה"})).await;
    let html = rendered(&plan, "email")["html"].as_str().unwrap();
    assert!(html.contains("<html dir=\"auto\" lang=\"he-IL\">") && html.contains("<p dir=\"auto\""), "{html}");
    world.send("ada", json!({})).await;
    let page = world.follow("GET", &world.unsubscribe_link()).await;
    let page = page.body.as_str().unwrap();
    // The name of a type is only in the values of its checkboxes.
    assert!(page.contains("General notifications") && !page.replace("DEFAULT|", "").contains("DEFAULT"), "{page}");
}
