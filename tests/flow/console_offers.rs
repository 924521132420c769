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
