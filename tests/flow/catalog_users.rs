//! Types, templates and segments that others use are neither deleted nor changed without a confirmation.

use jiff::Timestamp;
use serde_json::{Value, json};

use world::{ApiResponse, World};

const LIVE: &str = "/live";
const VERSIONS: &str = "/versions";

/// A draft whose messages must have `required`.
fn reminder(required: &[&str]) -> Value {
    let properties = json!({"days": {"type": "number", "example": 2}, "code": {"type": "string", "example": "x"}});
    json!({
        "title": "Reminder", "default_locale": "en",
        "variables": {"required": required, "properties": properties},
        "parts": {"en": {"sms": {"text": "{{ days | d(0) }} {{ code | d('') }}"}}},
    })
}

fn deadline() -> Value {
    json!({"title": "D", "class": "transactional", "channels": ["sms"], "template": "reminder"})
}

/// A world in which version 1 of the template requires `days` and is live, and the draft requires `code` too.
async fn with_stricter_draft() -> World {
    let world = World::start().await;
    assert_eq!(world.publish_template(reminder(&["days"])).await, 1);
    assert_eq!(world.template("PUT", "", reminder(&["days", "code"])).await.status, 200);
    world
}

async fn campaign(world: &World) -> String {
    let body = json!({"title": "Autumn", "type": "NEWS", "segment": "all", "template": {"name": "reminder", "version": 1},
        "variables": {"days": 1}});
    let created = world.campaign_request("POST /v1/campaigns", "", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.body["id"].as_str().unwrap().to_owned()
}

async fn with_news_and_everybody(world: &World) {
    let news = json!({"title": "News", "class": "marketing", "channels": ["sms"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 201);
    let everybody = json!({"title": "Everybody", "filter": {"all": []}});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "all", everybody, None).await.status, 201);
    world.advance(30);
}

fn refused_as_breaking(answer: &ApiResponse, user: &str) {
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.body["type"], "urn:notifications:problem:breaking-change");
    assert!(detail.starts_with(user), "{detail}");
    assert!(detail.contains("code is required") && detail.contains("confirm=true"), "{detail}");
}

#[tokio::test]
async fn a_breaking_version_needs_a_confirmation_while_a_type_uses_the_template() {
    let world = with_stricter_draft().await;
    assert_eq!(world.put_type("DEADLINE", deadline()).await.status, 201);
    refused_as_breaking(&world.template("POST", VERSIONS, Value::Null).await, "A type uses the template");
    let unclear = world.template_with("POST", VERSIONS, Value::Null, &[("confirm", "yes")]).await;
    assert_eq!((unclear.status, unclear.fields()), (422, vec!["confirm"]));
    let not_confirmed = world.template_with("POST", VERSIONS, Value::Null, &[("confirm", "false")]).await;
    assert_eq!(not_confirmed.status, 409);
    let published = world.template_with("POST", VERSIONS, Value::Null, &[("confirm", "true")]).await;
    assert_eq!((published.status, &published.body["version"]), (201, &json!(2)), "{published:?}");
    let version = |number: u32| json!({"version": number});
    refused_as_breaking(&world.template("PUT", LIVE, version(2)).await, "A type uses the template");
    let shown = world.template("GET", "", Value::Null).await;
    assert_eq!(shown.body["live_version"], 1, "a refused request changes nothing");
    let live = world.template_with("PUT", LIVE, version(2), &[("confirm", "true")]).await;
    assert_eq!((live.status, &live.body["live_version"]), (200, &json!(2)), "{live:?}");
    assert_eq!(world.template("PUT", LIVE, version(2)).await.status, 200, "it is live already");
    assert_eq!(world.template("PUT", LIVE, version(1)).await.status, 200, "a rollback to a version that accepts more");
}

#[tokio::test]
async fn a_version_that_was_published_before_a_type_used_the_template_is_not_made_live_unnoticed() {
    let world = with_stricter_draft().await;
    assert_eq!(world.template("POST", VERSIONS, Value::Null).await.status, 201, "nobody uses it");
    assert_eq!(world.put_type("DEADLINE", deadline()).await.status, 201);
    refused_as_breaking(&world.template("PUT", LIVE, json!({"version": 2})).await, "A type uses the template");
}

#[tokio::test]
async fn a_breaking_version_needs_a_confirmation_until_the_campaigns_of_the_template_have_ended() {
    let world = with_stricter_draft().await;
    with_news_and_everybody(&world).await;
    let id = campaign(&world).await;
    let user = format!("Campaigns use the template ({id})");
    refused_as_breaking(&world.template("POST", VERSIONS, Value::Null).await, &user);
    let published = world.template_with("POST", VERSIONS, Value::Null, &[("confirm", "true")]).await;
    assert_eq!(published.status, 201, "{published:?}");
    refused_as_breaking(&world.template("PUT", LIVE, json!({"version": 2})).await, &user);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, Value::Null).await.status, 200);
    assert_eq!(world.template("PUT", LIVE, json!({"version": 2})).await.status, 200, "nobody uses it any more");
}

#[tokio::test]
async fn a_type_that_a_campaign_or_a_segment_names_is_archived_and_not_deleted() {
    let world = with_stricter_draft().await;
    with_news_and_everybody(&world).await;
    let id = campaign(&world).await;
    let refusers =
        json!({"title": "R", "filter": {"not": {"field": "opted_out_of", "op": "contains", "value": "NEWS"}}});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "refusers", refusers, None).await.status, 201);
    let archived = world.type_request("DELETE", "NEWS", Value::Null).await;
    assert_eq!((archived.status, &archived.body["state"]), (200, &json!("archived")), "{archived:?}");
    let removable: Timestamp = archived.body["removable_at"].as_str().unwrap().parse().unwrap();
    world.advance(u64::try_from(removable.as_second() - world.clock.now().as_second() + 1).unwrap());
    let detail = async || {
        let refused = world.type_request("DELETE", "NEWS", Value::Null).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        refused.body["detail"].as_str().unwrap().to_owned()
    };
    let named = detail().await;
    assert!(named.contains("Segments name this type: refusers."), "{named}");
    assert_eq!(world.segment_request("DELETE /v1/segments/{id}", "refusers", Value::Null, None).await.status, 204);
    let named = detail().await;
    assert!(named.contains("name this type") && named.contains(&id), "{named}");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, Value::Null).await.status, 200);
    assert_eq!(world.type_request("DELETE", "NEWS", Value::Null).await.status, 204);
}
