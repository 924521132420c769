//! Templates that operators write, publish, make live and preview by API.

use serde_json::{Value, json};

use world::World;

fn reminder(text: &str) -> Value {
    json!({
        "title": "Reminder", "default_locale": "en",
        "variables": {"required": ["days"], "properties": {"days": {"type": "number", "example": 2}}},
        "parts": {
            "en": {"push": {"title": "Reminder", "body": text}},
            "it": {"push": {"title": "Promemoria", "body": "{{ days | plural(one='Manca # giorno', other='Mancano # giorni') }}"}},
        },
    })
}

#[tokio::test]
async fn a_template_is_previewed_in_two_languages_published_and_made_live() {
    let world = World::start().await;
    let english = "{{ days | plural(one='# day left', other='# days left') }}";
    assert_eq!(world.template("PUT", "", reminder(english)).await.status, 201);
    let body = |locale: &str| json!({"locale": locale, "variables": {"days": 1}});
    for (locale, text) in [("it-IT", "Manca 1 giorno"), ("en-GB", "1 day left"), ("fr", "1 day left")] {
        let preview = world.template("POST", "/preview", body(locale)).await;
        assert_eq!((preview.status, &preview.body["push"]["content"]["body"]), (200, &json!(text)), "{locale}");
    }
    assert_eq!(world.template("POST", "/versions", Value::Null).await.body["version"], 1);
    assert_eq!(world.template("PUT", "/live", json!({"version": 1})).await.body["live_version"], 1);
    assert_eq!(world.template("PUT", "", reminder("{{ days }}")).await.status, 200);
    assert_eq!(world.template("POST", "/versions", Value::Null).await.body["version"], 2);
    let frozen = world.template("POST", "/preview", json!({"version": 1, "variables": {"days": 3}})).await;
    assert_eq!(frozen.body["push"]["content"]["body"], "3 days left");
    assert_eq!(world.template("GET", "/versions", Value::Null).await.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(world.template("DELETE", "", Value::Null).await.body["state"], "archived");
}

#[tokio::test]
async fn a_preview_for_a_recipient_is_in_their_language_and_at_their_price() {
    let world = World::start().await;
    let mut draft = reminder("{{ days }} days left");
    draft["parts"]["it"]["sms"] = json!({"text": "{{ '2026-11-30T23:30:00Z' | time }}"});
    draft["parts"]["en"]["sms"] = json!({"text": "{{ '2026-11-30T23:30:00Z' | time }}"});
    assert_eq!(world.template("PUT", "", draft).await.status, 201);
    world.put_profile("ada", json!({"locale": "it", "time_zone": "Europe/Rome", "phone": "+33612345678"})).await;
    let preview = |body: Value| world.template("POST", "/preview", body);
    let of_ada = preview(json!({"recipient": "ada"})).await;
    assert_eq!((of_ada.status, &of_ada.body["sms"]["text"]), (200, &json!("00:30")), "{of_ada:?}");
    assert!(!format!("{}", of_ada.body).contains("612345678"), "{of_ada:?}");
    let anybody = preview(json!({})).await;
    assert_ne!(of_ada.body["sms"]["cost_micros"], anybody.body["sms"]["cost_micros"]);
    let given = preview(json!({"recipient": "ada", "locale": "en", "time_zone": "UTC"})).await;
    assert_eq!((&given.body["sms"]["locale"], &given.body["sms"]["text"]), (&json!("en"), &json!("11:30 PM")));
    let unknown = preview(json!({"recipient": "eve"})).await;
    assert_eq!((unknown.status, unknown.fields()), (422, vec!["recipient"]));
}

#[tokio::test]
async fn a_source_with_an_error_is_refused_with_its_place() {
    let world = World::start().await;
    let saved = world.template("PUT", "", reminder("one\ntwo {{ days | shout }}")).await;
    assert_eq!((saved.status, &saved.body["findings"][0]["line"]), (201, &json!(2)));
    let refused = world.template("POST", "/versions", Value::Null).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["parts.en.push.body"]));
    let missing = world.template("POST", "/preview", json!({"variables": {}})).await;
    assert_eq!(missing.status, 422);
}

/// Each of these ended the function, or kept it busy for minutes, when the source was compiled.
#[tokio::test]
async fn a_source_that_would_stop_the_function_is_refused_with_its_place() {
    let world = World::start().await;
    let push = |text: String| ("push.body", json!({"push": {"title": "t", "body": text}}));
    let email = |field: &str, text: String| {
        let mut part = json!({"email": {"subject": "s", "text": "t"}});
        part["email"][field] = json!(text);
        part
    };
    let column = |inner: String| format!("<mjml><mj-body><mj-section><mj-column>{inner}");
    for (field, part) in [
        push(format!("{{{{ {}days }}}}", "-".repeat(60_000))),
        push(format!("{{{{ days{} }}}}", "+days".repeat(12_000))),
        push("{{ 5 in ([1] * 100000000) }}".to_owned()),
        push("{% if days > 5 %}{{ ([days] * 100000000) | last }}{% endif %}x".to_owned()),
        ("email.html", email("html", "{% if days %}{% elif days %}".repeat(2_000))),
        ("email.mjml", email("mjml", column(format!("<mj-text>{}", "<b>".repeat(21_000))))),
        (
            "email.mjml",
            email(
                "mjml",
                column(format!("<mj-text>{}</mj-text>", "{{ not days }}".replace("not ", &"not ".repeat(9_000)))),
            ),
        ),
    ] {
        let mut draft = reminder("{{ days }} days left");
        draft["parts"]["en"] = part;
        let path = format!("parts.en.{field}");
        let saved = world.template("PUT", "", draft).await;
        assert!([200, 201].contains(&saved.status), "{saved:?}");
        assert_eq!(saved.body["findings"][0]["path"], path);
        assert!(saved.body["findings"][0]["line"].is_u64() && saved.body["findings"][0]["column"].is_u64(), "{path}");
        for (route, body) in [("/versions", Value::Null), ("/preview", json!({}))] {
            let refused = world.template("POST", route, body).await;
            assert_eq!((refused.status, refused.fields()), (422, vec![path.as_str()]), "{route}");
        }
    }
}

#[tokio::test]
async fn a_preview_without_a_recipient_is_in_the_time_zone_of_the_organisation() {
    let world = World::start().await;
    let mut draft = reminder("{{ days }} days left");
    draft["parts"]["en"]["sms"] = json!({"text": "{{ '2026-11-30T23:30:00Z' | time }}"});
    assert_eq!(world.template("PUT", "", draft).await.status, 201);
    world.put_profile("bob", json!({"locale": "en", "phone": "+393331234567"})).await;
    world.set("settings", r#"{"organisation": {"time_zone": "Europe/Rome"}}"#);
    world.advance(60);
    for (body, text) in [
        (json!({}), "12:30 AM"),
        (json!({"recipient": "bob"}), "12:30 AM"),
        (json!({"time_zone": "America/New_York"}), "6:30 PM"),
    ] {
        let preview = world.template("POST", "/preview", body.clone()).await;
        assert_eq!((preview.status, &preview.body["sms"]["text"]), (200, &json!(text)), "{body}");
    }
}

/// A single send refuses the same variables.
#[tokio::test]
async fn a_preview_refuses_variables_that_no_send_accepts() {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder("{{ days }}")).await, 1);
    let variables = json!({"days": 1, "name": "x".repeat(4_100)});
    let preview = world.template("POST", "/preview", json!({"variables": variables})).await;
    let sent = world.send_template("ada", "reminder", variables, json!({})).await;
    for refused in [preview, sent] {
        assert_eq!((refused.status, refused.fields()), (422, vec!["variables"]), "{refused:?}");
    }
}

#[tokio::test]
async fn a_malformed_row_is_left_out_of_the_list_and_the_others_are_there() {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder("{{ days }}")).await, 1);
    let names = async || {
        let list = world.call("GET /v1/templates", &[], [None, None]).await;
        assert_eq!(list.status, 200, "{list:?}");
        let items = list.body["items"].as_array().unwrap().clone();
        items.into_iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["certificate-expiring", "payment-due", "reminder"]);
    world.break_template();
    assert_eq!(names().await, ["certificate-expiring", "payment-due"]);
}

/// The row is deleted to repair it: docs/operations.md says when.
#[tokio::test]
async fn a_template_whose_row_was_deleted_keeps_its_versions() {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder("{{ days }}")).await, 1);
    world.delete_row("catalog", "template#reminder");
    assert_eq!(world.template("GET", "", json!({})).await.status, 404);
    assert_eq!(world.template("PUT", "", reminder("{{ days }} days")).await.body["latest_version"], json!(1));
    assert_eq!(world.template("POST", "/versions", json!({})).await.body["version"], json!(2));
}

#[tokio::test]
async fn a_malformed_row_is_500_until_its_draft_is_put_again_and_keeps_its_versions() {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder("{{ days }}")).await, 1);
    world.break_template();
    for (method, path, body) in [("GET", "", json!({})), ("PUT", "/live", json!({"version": 1}))] {
        assert_eq!(world.template(method, path, body).await.status, 500, "{method} {path}");
    }
    let repaired = world.template("PUT", "", reminder("{{ days }} days")).await;
    assert_eq!((repaired.status, &repaired.body["latest_version"]), (200, &json!(1)), "{repaired:?}");
    assert_eq!(repaired.body["live_version"], Value::Null);
    let version = world.template("POST", "/versions", json!({})).await;
    assert_eq!((version.status, &version.body["version"]), (201, &json!(2)), "{version:?}");
    let diff = world.template_with("GET", "/diff", Value::Null, &[("from", "1"), ("to", "2")]).await;
    assert_eq!(diff.body["changes"][0]["from"], json!("{{ days }}"), "{diff:?}");
}

#[tokio::test]
async fn the_response_of_get_can_be_sent_back_with_a_changed_draft() {
    let world = World::start().await;
    assert_eq!(world.template("PUT", "", reminder("{{ days }} days left")).await.status, 201);
    let shown = world.template("GET", "", Value::Null).await.body;
    let same = world.template("PUT", "", shown.clone()).await;
    assert_eq!((same.status, &same.body["revision"]), (200, &shown["revision"]), "{same:?}");
    let mut changed = shown.clone();
    changed["draft"]["title"] = json!("Another title");
    world.advance(1);
    let answer = world.template("PUT", "", changed).await;
    assert_eq!((answer.status, &answer.body["title"]), (200, &json!("Another title")), "{answer:?}");
    let stale = world.template("PUT", "", shown.clone()).await;
    assert_eq!((stale.status, stale.fields()), (422, vec!["revision", "updated_at"]), "it is older by now: {stale:?}");
    let renamed = world.template("PUT", "", json!({"draft": shown["draft"], "name": "other"})).await;
    assert_eq!((renamed.status, renamed.fields()), (422, vec!["name"]), "{renamed:?}");
    let unknown = world.template("PUT", "", json!({"draft": shown["draft"], "colour": "red"})).await;
    assert_eq!((unknown.status, unknown.fields()), (422, vec!["colour"]), "{unknown:?}");
}
