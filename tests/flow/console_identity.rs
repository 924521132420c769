//! Identities of people with a login of the console: the subject is compared, and the name is what people read.

use console::site::Role;
use serde_json::{Value, json};
use world::World;

use super::campaigns::{campaign, crowd};

const SUBJECT: &str = "3f1c7a52-0000-4000-8000-000000000001";

/// A planned campaign, with the setting `campaigns.two_people`.
async fn planned() -> (World, String) {
    let world = crowd(1).await;
    world.set("settings", r#"{"campaigns": {"two_people": true}}"#);
    world.advance(31);
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap().to_owned();
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    world.work_on_tasks().await;
    (world, id)
}

/// Sends a form of the campaign's page as the person with this subject and this name. Returns the status.
async fn act(world: &World, (subject, name): (&str, &str), id: &str, action: &str) -> u16 {
    let person = world.person_named(subject, name, Role::Approver);
    world.send_form(&person, "campaign", &[("action", action), ("id", id)]).await.status
}

#[tokio::test]
async fn a_person_with_another_e_mail_address_is_not_a_second_person_and_a_namesake_is() {
    let (world, id) = planned().await;
    assert_eq!(act(&world, (SUBJECT, "ada@example.com"), &id, "approve").await, 303);
    assert_eq!(act(&world, (SUBJECT, "ada.new@example.com"), &id, "launch").await, 409);
    let by_api = world.campaign_request_by(SUBJECT, "POST /v1/campaigns/{id}/launch", &id, json!({}), None, &[]).await;
    assert_eq!(by_api.status, 409, "a client is not of the same kind");
    assert_eq!(act(&world, ("another", "ada@example.com"), &id, "launch").await, 303);
    let shown = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.body;
    let approval = |name: &str| shown["approval"][name].clone();
    assert_eq!([approval("by"), approval("sub")], [json!("ada@example.com"), json!(SUBJECT)]);
}

#[tokio::test]
async fn who_changed_something_in_a_pause_cannot_resume_under_another_name() {
    let (world, id) = planned().await;
    assert_eq!(act(&world, ("bob", "bob@example.com"), &id, "approve").await, 303);
    world.aws.state.lock().unwrap().queue_is_down = true;
    assert_eq!(act(&world, (SUBJECT, "ada@example.com"), &id, "launch").await, 303);
    assert_eq!(act(&world, (SUBJECT, "ada@example.com"), &id, "pause").await, 303);
    let person = world.person_named(SUBJECT, "ada@example.com", Role::Approver);
    let etag =
        world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.header("ETag").unwrap().to_owned();
    let pace = [("action", "pace"), ("id", id.as_str()), ("if_match", &etag), ("rate_per_second", "7")];
    assert_eq!(world.send_form(&person, "campaign", &pace).await.status, 303);
    assert_eq!(act(&world, (SUBJECT, "ada.new@example.com"), &id, "resume").await, 409);
    assert_eq!(act(&world, ("bob", "ada@example.com"), &id, "resume").await, 303);
}

#[tokio::test]
async fn the_audit_names_the_person_and_a_notification_has_the_subject_alone() {
    let world = World::start().await;
    world.subscribe("ada", "ada").await;
    let admin = world.person_named(SUBJECT, "ada@example.com", Role::Admin);
    let form =
        [("action", "send"), ("to", "ada"), ("type", "DEFAULT"), ("title", "Hi"), ("body", "there"), ("key", "k")];
    assert_eq!(world.send_form(&admin, "send", &form).await.status, 303);
    let stored = Value::from(world.items("notifications")).to_string();
    assert!(stored.contains(SUBJECT) && !stored.contains("ada@example.com"), "{stored}");
    let ended = world.send_form(&admin, "sessions", &[("action", "end"), ("who", "everyone")]).await;
    assert_eq!(ended.status, 303);
    let audit = world.ops("GET /v1/audit", &[("kind", "sessions")]).await.body["items"][0].clone();
    let field = |name: &str| audit[name].clone();
    assert_eq!([field("who"), field("name"), field("sub")], [json!("api"), json!("ada@example.com"), json!(SUBJECT)]);
}
