//! The settings through the API, and the audit of everything.

use serde_json::{Value, json};

use world::World;

const NAME: &str = "/push-notifications/test/settings";

/// Every call of the routes about settings and changes.
pub async fn are_changed_and_listed(world: &World) {
    for settings in [json!({"sms": {"max_parts": 2}}), json!({})] {
        assert_eq!(world.put_settings(settings, Some("*")).await.status, 200);
    }
    get(world).await;
    audit(world, &[]).await;
    assert_eq!(world.ops("GET /v1/rollout", &[]).await.status, 200);
}

async fn get(world: &World) -> Value {
    let answer = world.ops("GET /v1/settings", &[("history", "true")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn setting<'a>(view: &'a Value, path: &str) -> &'a Value {
    view["settings"].as_array().unwrap().iter().find(|it| it["path"] == path).unwrap()
}

fn versions(world: &World) -> usize {
    world.aws.state.lock().unwrap().parameters.history(NAME).len()
}

async fn audit(world: &World, query: &[(&str, &str)]) -> Value {
    let answer = world.ops("GET /v1/audit", query).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn settings_are_changed_as_a_whole_and_recorded() {
    let world = World::start().await;
    let before = get(&world).await;
    assert_eq!(setting(&before, "sms.max_parts")["source"], "default");
    let version = before["version"].as_i64().unwrap();
    let tag = format!("\"{version}\"");
    let changed = world.put_settings(json!({"sms": {"max_parts": 2}}), Some(&tag)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["version"], json!(version + 1));
    assert_eq!(setting(&changed.body, "sms.max_parts")["value"], json!(2));
    assert_eq!(world.parameter("settings"), r#"{"sms":{"max_parts":2}}"#);
    // The same text again writes nothing.
    let tag = format!("\"{}\"", version + 1);
    assert_eq!(world.put_settings(json!({"sms": {"max_parts": 2}}), Some(&tag)).await.status, 200);
    let after = get(&world).await;
    assert_eq!(after["version"], json!(version + 1));
    let newest = &after["history"][0];
    assert_eq!(newest["by"], json!({"who": "api", "name": "ops-client"}));
    assert_eq!(newest["document"], json!({"sms": {"max_parts": 2}}));
    let page = audit(&world, &[("kind", "settings")]).await;
    let record = &page["items"][0];
    assert_eq!((&record["who"], &record["name"]), (&json!("api"), &json!("ops-client")));
    assert_eq!(record["after"], json!({"sms.max_parts": 2}));
    // The scheduled run finds nothing more to record.
    world.advance(60);
    world.tick().await.unwrap();
    assert_eq!(audit(&world, &[("kind", "settings")]).await, page);
}

#[tokio::test]
async fn a_setting_that_is_not_valid_is_named_and_nothing_is_written() {
    let world = World::start().await;
    let before = versions(&world);
    for (body, field) in [
        (json!([]), "body"),
        (json!({"sms": {"max_parts": "two"}}), "sms.max_parts"),
        (json!({"guard": {"evaluations": 0}}), "guard.evaluations"),
        (json!({"types": {"PAYMENT": {}}}), "types"),
    ] {
        let answer = world.put_settings(body.clone(), Some("*")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{body}");
    }
    for (tag, field) in [(None, "If-Match"), (Some("1"), "If-Match")] {
        let answer = world.put_settings(json!({}), tag).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field]));
    }
    assert_eq!(world.put_settings(json!("{"), Some("*")).await.status, 400);
    assert_eq!(world.put_settings(json!({"sms": {"max_parts": 1}}), Some("\"99\"")).await.status, 412);
    assert_eq!(versions(&world), before);
}

#[tokio::test]
async fn an_operator_who_writes_at_the_same_moment_wins() {
    let world = World::start().await;
    let theirs = r#"{"sms": {"max_parts": 4}}"#;
    world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some(theirs.to_owned()));
    let refused = world.put_settings(json!({"sms": {"max_parts": 1}}), Some("*")).await;
    assert_eq!(refused.status, 412, "{refused:?}");
    assert_eq!(world.parameter("settings"), theirs, "the operator's value is restored");
    world.advance(60);
    world.tick().await.unwrap();
    let page = audit(&world, &[("kind", "settings"), ("limit", "3")]).await;
    let who: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["who"].as_str().unwrap()).collect();
    assert_eq!(who, ["service", "api", "operator"], "{page}");
    // The next change is not held up.
    assert_eq!(world.put_settings(json!({}), Some("*")).await.status, 200);
}

#[tokio::test]
async fn a_dry_run_checks_a_change_and_writes_nothing() {
    let world = World::start().await;
    let (before, count) = (get(&world).await, versions(&world));
    let tag = format!("\"{}\"", before["version"]);
    let checked = world.check_settings(json!({"sms": {"max_parts": 2}}), &tag).await;
    assert_eq!((checked.status, &checked.body["version"]), (200, &before["version"]), "{checked:?}");
    assert_eq!(setting(&checked.body, "sms.max_parts")["value"], json!(2));
    let refused = world.check_settings(json!({"sms": {"max_parts": 9}}), &tag).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["sms.max_parts"]));
    assert_eq!(world.check_settings(json!({}), "\"99\"").await.status, 412);
    assert_eq!((get(&world).await, versions(&world)), (before, count));
}

#[tokio::test]
async fn a_present_value_that_is_not_valid_is_shown_with_its_reason() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"max_parts": 2}}"#);
    world.advance(21);
    world.tick().await.unwrap();
    world.ops("GET /v1/settings", &[]).await;
    world.set("settings", r#"{"sms": {"max_parts": "ada@example.com"}}"#);
    world.advance(21);
    let view = get(&world).await;
    assert_eq!((&view["source"], &view["document"]), (&json!("last good"), &json!({"sms": {"max_parts": 2}})));
    assert!(view["invalid"]["reason"].as_str().unwrap().starts_with("sms.max_parts"), "{view}");
    assert!(view["history"][0]["document"].is_null() && !view.to_string().contains("ada"));
    // The present version is the one to replace.
    let tag = format!("\"{}\"", view["version"]);
    assert_eq!(world.put_settings(json!({}), Some(&tag)).await.status, 200);
    assert_eq!(get(&world).await["source"], "live");
}

#[tokio::test]
async fn the_audit_lists_changes_of_all_kinds_newest_first() {
    let world = World::start().await;
    assert_eq!(audit(&world, &[]).await, json!({"items": [], "next": null}));
    world.put_rollout(json!({"percentage": 50, "reason": "half"})).await;
    world.advance(1);
    let offers = json!({"title": "Offers", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("OFFERS", offers).await.status, 201);
    world.advance(1);
    assert_eq!(world.put_settings(json!({"sms": {"max_parts": 1}}), Some("*")).await.status, 200);
    world.advance(1);
    let rules = json!({"rules": [{"id": "day", "max": 2, "per": "day", "classes": ["marketing"]}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    let page = audit(&world, &[("limit", "3")]).await;
    let kinds = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&page), ["caps", "settings", "type"]);
    assert_eq!((&page["items"][2]["subject"], &page["items"][2]["action"]), (&json!("OFFERS"), &json!("created")));
    let of_another = page["next"].as_str().unwrap();
    let question = [("kind", "type"), ("subject", "OTHER"), ("after", of_another)];
    let answer = world.ops("GET /v1/audit", &question).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["after"]), "the position of a record of another thing");
    let rest = audit(&world, &[("limit", "3"), ("after", page["next"].as_str().unwrap())]).await;
    assert!(kinds(&rest).contains(&"rollout".to_owned()), "{rest}");
    let rollout = audit(&world, &[("kind", "rollout")]).await;
    let newest = &rollout["items"][0];
    assert_eq!((&newest["after"]["value"], &newest["reason"]), (&json!("50"), &json!("half")));
    for (name, value) in [("kind", "person"), ("after", "yesterday"), ("limit", "101"), ("page", "2")] {
        let answer = world.ops("GET /v1/audit", &[(name, value)]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![name]), "{value}");
    }
}
