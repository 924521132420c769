//! The setting `campaigns.two_people`: one client approves, another one launches; who changed something cannot resume.

use serde_json::json;

use super::campaigns::{campaign, crowd, with};

#[tokio::test]
async fn two_people_are_needed_if_the_settings_say_so() {
    let world = crowd(1).await;
    world.set("settings", r#"{"campaigns": {"two_people": true}}"#);
    world.advance(21);
    let id = world.approved_campaign(campaign()).await;
    let launch = "POST /v1/campaigns/{id}/launch";
    assert_eq!(world.campaign_request(launch, &id, json!({})).await.status, 409);
    let other = world.campaign_request_by("other-client", launch, &id, json!({}), None, &[]).await;
    assert_eq!(other.status, 200, "{other:?}");
}

#[tokio::test]
async fn who_took_a_version_in_a_pause_cannot_resume_the_campaign_alone() {
    let world = crowd(1).await;
    world.set("settings", r#"{"campaigns": {"two_people": true}}"#);
    world.advance(21);
    let template = |text: &str| {
        json!({"title": "Reminder", "default_locale": "en", "variables": {"type": "object", "properties": {}},
            "parts": {"en": {"push": {"title": "Hi", "body": text}}}})
    };
    world.publish_template(template("first")).await;
    let id = world.approved_campaign(with(json!({"content": null, "template": {"name": "reminder"}}))).await;
    let by = async |client: &str, route: &str, body: serde_json::Value| {
        world.campaign_request_by(client, route, &id, body, None, &[]).await.status
    };
    assert_eq!(by("ada", "POST /v1/campaigns/{id}/launch", json!({})).await, 200);
    assert_eq!(by("ada", "POST /v1/campaigns/{id}/pause", json!(null)).await, 200);
    for (client, text) in [("ada", "second"), ("bob", "third")] {
        world.publish_template(template(text)).await;
        world.advance(31);
        assert_eq!(by(client, "PATCH /v1/campaigns/{id}", json!({"template": {"name": "reminder"}})).await, 200);
    }
    let mut resumed = Vec::new();
    for client in ["ada", "bob", "eve"] {
        resumed.push(by(client, "POST /v1/campaigns/{id}/resume", json!(null)).await);
    }
    assert_eq!(resumed, [409, 409, 200]);
}

#[tokio::test]
async fn who_loosened_the_guards_in_a_pause_cannot_resume_the_campaign_alone() {
    let world = crowd(1).await;
    world.set("settings", r#"{"campaigns": {"two_people": true}}"#);
    world.advance(21);
    let id = world.approved_campaign(campaign()).await;
    let by = async |client: &str, route: &str, body: serde_json::Value| {
        world.campaign_request_by(client, route, &id, body, None, &[]).await.status
    };
    assert_eq!(by("ada", "POST /v1/campaigns/{id}/launch", json!({})).await, 200);
    let resume = "POST /v1/campaigns/{id}/resume";
    for (change, resumed) in [
        (json!({"guards": {"max_failed_percent": 100}}), 409),
        (json!({"not_after": "2026-12-01T00:00:00Z"}), 409),
        (json!({"rate_per_second": 500}), 409),
        (json!({"rate_per_second": 500}), 200),
    ] {
        assert_eq!(by("ada", "POST /v1/campaigns/{id}/pause", json!(null)).await, 200);
        assert_eq!(by("ada", "PATCH /v1/campaigns/{id}", change.clone()).await, 200);
        assert_eq!(by("ada", resume, json!(null)).await, resumed, "{change}");
        assert_eq!(by("bob", resume, json!(null)).await, 200);
    }
}
