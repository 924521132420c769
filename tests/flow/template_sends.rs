//! Sends with a template: two languages, missing variables, messages that stay the same, types with a template, links.

use serde_json::{Value, json};

use world::{Reply, World, links};

/// Time after which every process follows a change.
const FOLLOWED_SECONDS: u64 = 30;

pub fn reminder(text: &str) -> Value {
    json!({
        "title": "Reminder", "default_locale": "en",
        "variables": {"required": ["days"], "properties": {
            "days": {"type": "number", "example": 2},
            "name": {"type": "string", "default": "reader", "example": "Ada"},
            "code": {"type": "string", "sensitive": true, "default": "none", "example": "123"},
            "url": {"type": "string", "format": "uri", "default": "https://shop.example/", "example": "https://shop.example/"},
        }},
        "parts": {
            "en": {
                "push": {"title": "Reminder", "body": text, "url": "{{ url }}"},
                "email": {"subject": "Reminder for {{ days }}", "html": "<p>{{ name }}: {{ days }}</p><a href=\"{{ url }}\">Go</a>",
                    "text": "{{ name }}: {{ days }} {{ url }}"},
                "sms": {"text": "{{ name }}: {{ days }} ({{ code }})"},
            },
            "it": {"push": {"title": "Promemoria", "body": "{{ days | plural(one='Manca # giorno', other='Mancano # giorni') }}"}},
        },
    })
}

pub const DAYS_LEFT: &str = "{{ days | plural(one='# day left', other='# days left') }}";

pub async fn with_reminder() -> World {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder(DAYS_LEFT)).await, 1);
    world
}

fn id(sent: &world::ApiResponse) -> String {
    sent.body["id"].as_str().unwrap_or_else(|| panic!("{sent:?}")).to_owned()
}

#[tokio::test]
async fn each_recipient_reads_the_message_in_their_own_language() {
    let world = with_reminder().await;
    for (person, locale, title, body) in [
        ("ada", "it-CH", "Promemoria", "Mancano 3 giorni"),
        ("bob", "en", "Reminder", "3 days left"),
        ("eve", "fr", "Reminder", "3 days left"),
    ] {
        let browser = world.subscribe(person, person).await;
        world.put_profile(person, json!({"locale": locale})).await;
        let sent = world.send_template(person, "reminder", json!({"days": 3}), json!({})).await;
        assert_eq!((sent.status, &sent.body["status"]), (202, &json!("accepted")), "{sent:?}");
        let mut template = json!({"name": "reminder", "version": 1, "locale": locale});
        if person == "eve" {
            template["locale_fallback"] = json!(["push", "email", "sms"]);
        } else if person == "ada" {
            template["locale_fallback"] = json!(["email", "sms"]);
        }
        assert_eq!(sent.body["template"], template);
        let (_, payload) = world.push.opened(person, &browser);
        assert_eq!((&payload["title"], &payload["body"]), (&json!(title), &json!(body)));
    }
    let metrics = world.metrics().await;
    let figures = &metrics["by_template"]["reminder"];
    // Nothing was sent by SMS, so the missing Italian text was not used.
    assert_eq!((&figures["sent"], &figures["locale_fallbacks"]), (&json!(3), &json!(1)), "{metrics}");
}

#[tokio::test]
async fn a_built_in_template_is_sent_without_any_preparation() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "locale": "it"})).await;
    let variables = json!({"certificate": "shop.example.com", "days": 7, "expires_on": "2026-11-30", "url": "https://shop.example/c/1"});
    let sent =
        world.send_template("ada", "certificate-expiring", variables, json!({"type": "CERTIFICATE_EXPIRING"})).await;
    assert_eq!(sent.body["channel"], "email", "{sent:?}");
    let mail = world.mails().pop().unwrap();
    assert!(mail.contains("Subject: Il certificato shop.example.com scade tra 7 giorni\r\n"), "{mail}");
    assert!(mail.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{mail}");
    let click = links(&mail).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    let followed = world.follow("GET", &click).await;
    assert_eq!((followed.status, followed.header("Location")), (302, Some("https://shop.example/c/1")));
}

#[tokio::test]
async fn a_message_stays_the_same_when_the_template_and_the_recipient_change() {
    let world = with_reminder().await;
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"locale": "it"})).await;
    world.push.answer("phone", [0, 1].map(|_| Reply::status(503).with("Retry-After", "300")));
    let sent = world.send_template("ada", "reminder", json!({"days": 1}), json!({"channels": ["push"]})).await;
    assert_eq!(sent.body["status"], "cascading", "{sent:?}");
    assert_eq!(world.publish_template(reminder("New words: {{ days }}")).await, 2);
    world.put_profile("ada", json!({"locale": "en", "time_zone": "Asia/Tokyo"})).await;
    for _ in 0..2 {
        world.advance(340);
        world.sweep().await;
    }
    let end = world.get(&id(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["template"]["version"]), (&json!("accepted"), &json!(1)), "{end:?}");
    let bodies: Vec<_> =
        world.push.all_opened("phone", &browser).into_iter().map(|(_, payload)| payload["body"].clone()).collect();
    assert!(bodies.len() == 3 && bodies.iter().all(|body| body == "Manca 1 giorno"), "{bodies:?}");
    let rendered = world.rendered(&id(&sent)).await;
    assert_eq!(rendered.body["rendered"]["push"]["body"], "Manca 1 giorno");
    let next = world.send_template("ada", "reminder", json!({"days": 1}), json!({"channels": ["push"]})).await;
    assert_eq!(next.body["template"]["version"], 2);
}

#[tokio::test]
async fn a_missing_variable_refuses_that_message_alone_and_is_named() {
    let world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    let refused = world.send_template("ada", "reminder", json!({}), json!({})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["variables.days"]));
    let message = |variables: Value| json!({"to": "ada", "template": {"name": "reminder"}, "variables": variables});
    let batch = world.batch(vec![message(json!({"days": 1})), message(json!({"name": "Ada"}))], None).await;
    assert_eq!(batch.body["items"][0]["status"], "accepted");
    assert_eq!(batch.body["items"][1]["errors"][0]["field"], "messages[1].variables.days");
    assert_eq!(world.items("notifications").len(), 1);
}

#[tokio::test]
async fn a_link_that_the_service_cannot_make_is_named_with_its_parameter() {
    let world = World::start().await;
    world.delete_parameter("public-base-url");
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let mut template = reminder(DAYS_LEFT);
    template["parts"]["en"]["sms"]["text"] = json!("{{ days }} {{ name }} {{ preferences_url }}");
    assert_eq!(world.publish_template(template).await, 1);
    let send = |variables: Value| world.send_template("ada", "reminder", variables, json!({"channels": ["sms"]}));
    let refused = send(json!({"days": 1})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["template"]), "{refused:?}");
    let message = refused.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("preferences_url") && message.contains("public-base-url"), "{message}");
    let refused = send(json!({"days": 1, "name": "\u{200b}"})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["variables.name"]), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_field_and_changes_nothing() {
    let world = with_reminder().await;
    world
        .template(
            "PUT",
            "",
            json!({"title": "T", "default_locale": "en", "variables": {}, "parts": {"en": {"sms": {"text": "x"}}}}),
        )
        .await;
    let content = json!({"title": "Hi", "body": "there"});
    let named = |template: Value| json!({"to": "ada", "template": template, "variables": {"days": 1}});
    let with = |field: &str, value: Value| {
        let mut body = named(json!({"name": "reminder"}));
        body[field] = value;
        body
    };
    for (body, field) in [
        (json!({"to": "ada", "type": "DEFAULT"}), "content"),
        (with("content", content.clone()), "template"),
        (json!({"to": "ada", "content": content, "variables": {}}), "variables"),
        (named(json!({"name": "remindr"})), "template.name"),
        (named(json!({"name": "reminder", "version": 9})), "template.version"),
        (named(json!({"name": "reminder", "version": 0})), "template.version"),
        (named(json!({"name": "reminder", "locale": "it"})), "template.locale"),
        (named(json!("reminder")), "template"),
        (with("variables", json!([1])), "variables"),
        (with("variables", json!({"days": "soon"})), "variables.days"),
        (with("variables", json!({"days": 1, "more": 1})), "variables"),
        (with("variables", json!({"days": 1, "name": "x".repeat(4_100)})), "variables"),
        (with("variables", json!({"days": 1, "url": "javascript:alert(1)"})), "variables.url"),
        (with("variables", json!({"days": 1, "url": format!("https://a.example/{}", "y".repeat(3_750))})), "variables"),
    ] {
        let refused = world.post("POST /v1/notifications", body.clone(), None).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{body}: {refused:?}");
        assert!(!refused.body.to_string().contains("javascript"), "{refused:?}");
    }
    assert_eq!(world.items("notifications").len(), 0);
    assert_eq!(world.template("DELETE", "", Value::Null).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
    let archived = world.post("POST /v1/notifications", named(json!({"name": "reminder"})), None).await;
    assert_eq!((archived.status, archived.fields()), (422, vec!["template.name"]));
}

#[tokio::test]
async fn a_new_template_and_a_new_type_can_be_used_at_once() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.send("ada", json!({})).await;
    world.publish_template(reminder(DAYS_LEFT)).await;
    let kind =
        json!({"title": "Deadlines", "class": "transactional", "channels": ["push", "email"], "template": "reminder"});
    assert_eq!(world.put_type("DEADLINE", kind).await.status, 201);
    let message = json!({"to": "ada", "type": "DEADLINE", "variables": {"days": 2}});
    let sent = world.post("POST /v1/notifications", message, None).await;
    assert_eq!((sent.status, &sent.body["template"]["name"]), (202, &json!("reminder")), "{sent:?}");
}

#[tokio::test]
async fn a_test_and_a_preview_know_a_type_that_was_created_a_moment_ago() {
    let world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    // Both functions have just read the catalog.
    assert_eq!(world.test_template(json!({"to": ["ada"], "version": 1})).await.status, 202);
    assert_eq!(world.template("POST", "/preview", json!({})).await.status, 200);
    world.advance(1);
    let kind = json!({"title": "News", "class": "marketing", "channels": ["push", "email"]});
    assert_eq!(world.put_type("NEWS", kind).await.status, 201);
    let tested = world.test_template(json!({"to": ["ada"], "version": 1, "type": "NEWS"})).await;
    assert_eq!((tested.status, &tested.body["items"][0]["type"]), (202, &json!("NEWS")), "{tested:?}");
    let preview = world.template("POST", "/preview", json!({"type": "NEWS"})).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert!(preview.body["email"]["html"].as_str().unwrap().contains("/v1/unsubscribe/"), "{preview:?}");
    let unknown = world.template("POST", "/preview", json!({"type": "OTHER"})).await;
    assert_eq!((unknown.status, unknown.fields()), (422, vec!["type"]));
}

#[tokio::test]
async fn a_type_keeps_its_template_and_needs_one_that_fits() {
    let world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    let kind = |template: &str| json!({"title": "D", "class": "transactional", "channels": ["push", "sms"], "template": template});
    for name in ["remindr", "", "REMINDER"] {
        let refused = world.put_type("DEADLINE", kind(name)).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["template"]), "{name}");
    }
    assert_eq!(world.put_type("DEADLINE", kind("reminder")).await.status, 201);
    assert_eq!(world.template("DELETE", "", Value::Null).await.status, 409);
    let push_alone = json!({"title": "T", "default_locale": "en", "variables": {}, "parts": {"en": {"push": {"title": "T", "body": "B"}}}});
    world.template("PUT", "", push_alone).await;
    let unfit = world.template("POST", "/versions", Value::Null).await;
    assert_eq!((unfit.status, unfit.fields()), (422, vec!["parts.en.sms"]));
    let mut stricter = reminder(DAYS_LEFT);
    stricter["variables"]["required"] = json!(["days", "code"]);
    stricter["variables"]["properties"]["code"] = json!({"type": "string"});
    world.template("PUT", "", stricter).await;
    assert_eq!(world.template("POST", "/versions", Value::Null).await.status, 409, "a breaking change");
    world.advance(FOLLOWED_SECONDS);
    let sent = world
        .post("POST /v1/notifications", json!({"to": "ada", "type": "DEADLINE", "variables": {"days": 1}}), None)
        .await;
    assert_eq!(sent.body["status"], "accepted", "{sent:?}");
}

#[tokio::test]
async fn an_sms_that_is_too_long_is_skipped_and_another_channel_is_used() {
    let world = with_reminder().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let long = json!({"days": 1, "name": "x".repeat(600)});
    let sent = world.send_template("ada", "reminder", long.clone(), json!({"channels": ["sms"]})).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("skipped"), &json!("too_long")), "{sent:?}");
    world.put_profile("ada", json!({"phone": "+393331234567", "email": "ada@example.com"})).await;
    let sent = world.send_template("ada", "reminder", long, json!({"channels": ["sms", "email"]})).await;
    assert_eq!((&sent.body["status"], &sent.body["channel"]), (&json!("accepted"), &json!("email")), "{sent:?}");
    assert_eq!((world.texts().len(), world.counted_sms()), (0, 0));
}

#[tokio::test]
async fn sensitive_values_are_sent_and_not_shown_afterwards() {
    let world = with_reminder().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let sent = world
        .send_template("ada", "reminder", json!({"days": 1, "code": "Z9-secret"}), json!({"channels": ["sms"]}))
        .await;
    assert_eq!(world.texts()[0].1, "reader: 1 (Z9-secret)");
    let rendered = world.rendered(&id(&sent)).await;
    assert_eq!(rendered.body["rendered"]["sms"]["text"], "reader: 1 (***)");
    assert_eq!(rendered.header("Cache-Control"), Some("no-store"));
}

#[tokio::test]
async fn explain_shows_the_words_that_would_be_sent() {
    let world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"locale": "it", "phone": "+393331234567"})).await;
    let long = json!({"days": 1, "name": "x".repeat(600)});
    let body = json!({"to": "ada", "template": {"name": "reminder"}, "variables": long, "channels": ["push", "sms"]});
    let plan = world.post("POST /v1/notifications/explain", body, None).await.body["plan"].clone();
    assert_eq!(plan[0]["rendered"]["body"], "Manca 1 giorno");
    assert_eq!((&plan[1]["possible"], &plan[1]["not_composable"]), (&json!(true), &json!("too_long")));
    assert_eq!(world.items("notifications").len(), 0);
}

#[tokio::test]
async fn explain_and_a_send_name_the_same_reason_for_a_push_that_does_not_fit() {
    let world = World::start().await;
    let draft = json!({
        "title": "T", "default_locale": "en",
        "variables": {"properties": {"name": {"type": "string"}}},
        "parts": {
            "en": {"push": {"title": "T", "body": "short {{ name | default('') }}"}},
            "it": {"push": {"title": "T", "body": format!("{} {{{{ name | default('') }}}}", "x".repeat(3_600))}},
        },
    });
    // The example of a text is short, so the version is published.
    assert_eq!(world.publish_template(draft).await, 1);
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"locale": "it"})).await;
    let variables = json!({"name": "y".repeat(400)});
    let body = json!({"to": "ada", "template": {"name": "reminder"}, "variables": variables, "channels": ["push"]});
    let explained = world.post("POST /v1/notifications/explain", body.clone(), None).await.body;
    let planned = &explained["plan"][0];
    assert_eq!((&planned["not_composable"], &planned["rendered"]), (&json!("too_long"), &Value::Null), "{explained}");
    assert_eq!((&explained["verdict"], &explained["reason"]), (&json!("skipped"), &json!("too_long")), "{explained}");
    let sent = world.post("POST /v1/notifications", body, None).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("skipped"), &json!("too_long")), "{sent:?}");
    assert_eq!(world.push.count("phone"), 0);
}

#[tokio::test]
async fn a_preview_shows_what_the_providers_receive() {
    let world = with_reminder().await;
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "recipient@example.com", "phone": "+393331234567", "locale": "en"})).await;
    let variables = json!({"days": 3, "name": "Ada & www.example.com <b>", "url": "https://shop.example/?a=1&b=2"});
    let preview =
        world.template("POST", "/preview", json!({"version": 1, "locale": "en", "variables": variables})).await.body;
    for channel in ["push", "email", "sms"] {
        let sent = world.send_template("ada", "reminder", variables.clone(), json!({"channels": [channel]})).await;
        assert_eq!(sent.body["status"], "accepted", "{sent:?}");
    }
    let (_, payload) = world.push.opened("phone", &browser);
    for field in ["title", "body", "lang"] {
        assert_eq!(preview["push"]["payload"][field], payload[field], "{field}");
    }
    let mail = mail_parser::MessageParser::default().parse(world.mails()[0].as_bytes()).unwrap().into_owned();
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    assert_eq!(preview["email"]["subject"], mail.subject().unwrap());
    assert_eq!(without_tokens(preview["email"]["text"].as_str().unwrap()), without_tokens(&text));
    assert_eq!(without_tokens(preview["email"]["html"].as_str().unwrap()), without_tokens(&html));
    assert_eq!(preview["email"]["headers"]["To"], "<recipient@example.com>");
    assert_eq!(preview["sms"]["text"].as_str().unwrap(), world.texts()[0].1);
    assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"), "{html}");
}

/// The text with the links of the service reduced to their kind.
fn without_tokens(text: &str) -> String {
    let words = text.replace("\r\n", "\n");
    let ends_word = |c: char| c.is_whitespace() || "\"<>".contains(c);
    let words = words.split_inclusive(ends_word);
    let shortened = words.map(|word| match (word.find("://notif"), word.find("/v1/")) {
        (Some(_), Some(path)) => {
            let kind = word[path..].split('/').nth(2).unwrap();
            let end = word.chars().last().filter(|c| ends_word(*c)).map(String::from).unwrap_or_default();
            format!("[{kind}]{end}")
        }
        _ => word.to_owned(),
    });
    shortened.collect()
}

#[tokio::test]
async fn a_repeat_is_answered_although_its_template_was_archived_meanwhile() {
    let world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    let message = json!({"to": "ada", "template": {"name": "reminder"}, "variables": {"days": 3}});
    let first = world.post("POST /v1/notifications", message.clone(), Some("k-1")).await;
    assert_eq!(first.attempts(), ["push:accepted"]);
    let mixed = json!({"messages": [message.clone(), {"to": "ada"}]});
    let batch = world.post("POST /v1/notifications/batch", mixed.clone(), Some("b-1")).await;
    assert_eq!(world.template("DELETE", "", Value::Null).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
    let again = world.post("POST /v1/notifications", message.clone(), Some("k-1")).await;
    assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]), "{again:?}");
    let again = world.post("POST /v1/notifications/batch", mixed, Some("b-1")).await;
    assert_eq!((again.status, &again.body["items"][0]["id"]), (202, &batch.body["items"][0]["id"]));
    assert_eq!(again.body["items"][1]["status"], 422, "what was invalid at first stays so");
    assert_eq!(world.post("POST /v1/notifications", message, Some("k-2")).await.status, 422);
    assert_eq!(world.push.count("phone"), 2);
}

#[tokio::test]
async fn a_version_without_a_text_for_a_channel_of_a_type_is_not_made_live() {
    let world = World::start().await;
    let mut push_alone = reminder(DAYS_LEFT);
    for channel in ["email", "sms"] {
        push_alone["parts"]["en"].as_object_mut().unwrap().remove(channel);
    }
    assert_eq!(world.publish_template(push_alone).await, 1);
    assert_eq!(world.publish_template(reminder(DAYS_LEFT)).await, 2);
    let kind =
        json!({"title": "Reminders", "class": "transactional", "channels": ["push", "email"], "template": "reminder"});
    assert_eq!(world.put_type("REMINDERS", kind).await.status, 201);
    let back = world.template("PUT", "/live", json!({"version": 1})).await;
    assert_eq!((back.status, back.fields()), (422, vec!["version"]), "{back:?}");
}
