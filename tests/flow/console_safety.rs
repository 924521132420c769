//! Guards of the console: an old notice, a value that replaces another one unseen, a cancelled campaign of many people,
//! an action that the role lacks.

use console::site::Role;
use serde_json::json;
use world::World;

use super::campaigns::{campaign, crowd};

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[tokio::test]
async fn a_notice_is_shown_once() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let done = world.send_form(&admin, "rollout", &[("action", "zero")]).await;
    let page = world.redirected(&admin, &done).await;
    has(page.text(), &["role=\"status\">The rollout was changed", "data-done"]);
    assert!(page.cookies().any(|cookie| cookie.starts_with("console-notice=; Path=/; Max-Age=0")));
    let later = world.open_page(&admin, "rollout", &[("done", "rollout")]).await;
    assert!(!later.text().contains("The rollout was changed."), "an old address shows no notice: {}", later.text());
    let campaign = world.open_page(&admin, "campaigns", &[("done", "paused")]).await;
    assert!(!campaign.text().contains("Paused."), "{}", campaign.text());
}

#[tokio::test]
async fn a_zone_that_is_not_set_is_named() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "costs", &[("zone", "organisation")]).await;
    has(page.text(), &["Organisation (not set)", "settings#field-organisation.time_zone", "UTC"]);
    assert!(!world.open_page(&viewer, "costs", &[]).await.text().contains("(not set)"));
}
