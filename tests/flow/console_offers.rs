//! The calls of the API that the buttons of a page make, as commands of curl; and the size of pages.

use console::site::{PageReply, Role};
use serde_json::json;
use world::World;
use world::console_pages::{EDITOR_BYTES, FIRST_PAGE_BYTES};

use super::campaigns::{campaign, crowd};

/// Asserts that a page offers calls, and makes none of them.
fn offers(page: &PageReply, calls: &[&str]) {
    let offered =
        page.text().split_once("Copy the form as curl").unwrap_or_else(|| panic!("{calls:?}: {}", page.text())).1;
    for call in calls {
        assert!(offered.contains(call), "{call}: {offered}");
    }
}

#[tokio::test]
async fn every_page_with_a_button_shows_the_call_that_it_makes() {
    let world = World::start().await;
    let kind = json!({"title": "News", "class": "marketing", "channels": ["email"]});
    assert_eq!(world.put_type("NEWS", kind).await.status, 201);
    let admin = world.person(Role::Admin);
    let template = ("name", "payment-due");
    for (page, query, calls) in [
        (
            "template",
            &[template, ("locale", "it"), ("channel", "email")][..],
            &["PUT", "/v1/templates/payment-due"][..],
        ),
        ("template", &[template, ("view", "versions")], &["/versions", "/live", "DELETE"]),
        ("type", &[("name", "NEWS")], &["PUT", "DELETE", "/v1/types/NEWS", "If-Match"]),
        ("type", &[], &["/v1/types/NAME", "If-None-Match"]),
        ("segment", &[], &["PUT", "/v1/segments/id"]),
        ("settings", &[], &["PUT", "/v1/settings", "If-Match"]),
        ("caps", &[], &["PUT", "/v1/caps"]),
    ] {
        offers(&world.open_page(&admin, page, query).await, calls);
    }
    let viewer = world.open_page(&world.person(Role::Viewer), "settings", &[]).await;
    assert!(!viewer.text().contains("Copy the form as curl"), "a viewer is offered nothing");
}

#[tokio::test]
async fn a_person_and_a_notification_show_what_their_buttons_do() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let admin = world.person(Role::Admin);
    offers(&world.open_page(&admin, "recipient", &[("id", "ada")]).await, &["DELETE", "/v1/recipients/ada/devices/"]);
    let later = world.send("ada", json!({"send_at": "2026-11-24T10:00:00Z"})).await;
    let notification = async |sent: &world::ApiResponse| {
        world.open_page(&admin, "notification", &[("id", sent.body["id"].as_str().unwrap())]).await
    };
    offers(&notification(&later).await, &["DELETE", "/v1/notifications/"]);
    let done = notification(&world.send("ada", json!({})).await).await;
    assert!(!done.text().contains("Copy the form as curl"), "nothing can be cancelled: {}", done.text());
}

#[tokio::test]
async fn a_campaign_shows_the_call_of_each_step() {
    let world = crowd(1).await;
    let approver = world.person(Role::Approver);
    let id = world.approved_campaign(campaign()).await;
    for (step, call) in [("time", "PATCH"), ("plan", "/plan"), ("approve", "/approve"), ("launch", "/launch")] {
        offers(&world.open_page(&approver, "campaign", &[("id", &id), ("step", step)]).await, &[call, "/cancel"]);
    }
    world.launch(&id).await;
    offers(&world.open_page(&approver, "campaign", &[("id", &id)]).await, &["/pause", "/cancel"]);
    let form = [("action", "pause"), ("id", id.as_str())];
    assert_eq!(world.send_form(&approver, "campaign", &form).await.status, 303);
    offers(&world.open_page(&approver, "campaign", &[("id", &id)]).await, &["/resume", "/cancel"]);
}

#[tokio::test]
async fn the_first_page_and_the_editor_are_small() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    for _ in 0..3 {
        assert_eq!(world.send("ada", json!({})).await.status, 202);
        world.advance(86_400);
        Box::pin(world.fold()).await;
    }
    let admin = world.person(Role::Admin);
    let first = world.bytes_on_the_wire(&admin, "", &[]).await;
    assert!(first <= FIRST_PAGE_BYTES, "{first} bytes");
    let query = [("name", "payment-due"), ("locale", "it"), ("channel", "email")];
    let editor = world.bytes_on_the_wire(&admin, "template", &query).await;
    assert!(editor <= EDITOR_BYTES, "{editor} bytes");
}
