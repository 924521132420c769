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
