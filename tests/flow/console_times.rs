//! Times that are typed in the console: in the zone that the page shows, and the same instant whatever zone is chosen
//! between showing and sending a form.

use console::site::Role;
use serde_json::json;
use world::World;

use super::campaigns::{campaign, crowd, with};

/// Creates a world whose organisation is in Rome, and in which the setting is in force.
async fn in_rome(world: &World) {
    world.set("settings", r#"{"organisation": {"time_zone": "Europe/Rome"}}"#);
    world.advance(31);
}

const ROME: (&str, &str) = ("zone", "organisation");
const HIDDEN: &str = "name=\"time_zone\" value=\"Europe/Rome\" data-kept";

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[tokio::test]
async fn a_send_is_scheduled_in_the_zone_of_its_form() {
    let world = World::start().await;
    in_rome(&world).await;
    let sender = world.person(Role::Sender);
    let page = world.open_page(&sender, "send", &[ROME]).await;
    has(page.text(), &["Send at (<span data-zone>Europe/Rome</span>); empty for now", HIDDEN]);
    let shown = world.open_page(&sender, "send", &[ROME, ("send_at", "2026-12-01T08:00:05Z")]).await;
    has(shown.text(), &["value=\"2026-12-01T09:00:05\""]);
    let with = |action, at| {
        [
            ("action", action),
            ("to", "ada"),
            ("title", "t"),
            ("body", "b"),
            ("send_at", at),
            ("time_zone", "Europe/Rome"),
        ]
    };
    // The form is sent without the zone of the page: the browser's cookie has another one meanwhile.
    let preview = world.send_form(&sender, "send", &with("preview", "2026-12-01T09:00:05")).await;
    let calls = preview.text().split_once("Copy the form as curl").unwrap().1;
    has(calls, &["&#34;send_at&#34;: &#34;2026-12-01T08:00:05Z&#34;"]);
    has(preview.text(), &["value=\"2026-12-01T09:00:05\"", HIDDEN]);
    let refused = world.send_form(&sender, "send", &with("send", "2027-03-28T02:30")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let link = "<a href=\"#field-send_at\">Send at (Europe/Rome); empty for now</a>";
    has(refused.text(), &[link, "must exist in Europe/Rome", "value=\"2027-03-28T02:30\"", HIDDEN]);
    let sent = world.send_form(&sender, "send", &with("send", "2026-12-01T09:00:05")).await;
    let id = sent.header("location").unwrap().split_once("id=").unwrap().1.split('&').next().unwrap();
    assert_eq!(world.get_as("ops-client", "ops", id).await.body["next_action_at"], "2026-12-01T08:00:05Z");
}

#[tokio::test]
async fn times_of_a_campaign_are_typed_and_shown_in_the_zone_of_the_page() {
    let world = crowd(1).await;
    in_rome(&world).await;
    let editor = world.person(Role::Editor);
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    let step = [("id", id), ("step", "time"), ROME];
    let page = world.open_page(&editor, "campaign", &step).await;
    let labels = ["One time (<span data-zone>Europe/Rome</span>)", "sent after (<span data-zone>Europe/Rome</span>)"];
    has(page.text(), &[labels[0], labels[1], HIDDEN]);
    let save = async |more: &[(&str, &str)]| {
        let form = [&[("action", "save"), ("id", id), ("step", "time"), ("timing", "at")], more].concat();
        world.send_form(&editor, "campaign", &form).await
    };
    let rome = ("time_zone", "Europe/Rome");
    let times = [("send_at", "2026-11-25T09:00:05"), ("not_after", "2026-11-26T09:00"), rome];
    let saved = save(&times).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let stored = || world.campaign_request("GET /v1/campaigns/{id}", id, json!(null));
    let now = stored().await.body;
    assert_eq!((&now["send_at"], &now["not_after"]), (&json!("2026-11-25T08:00:05Z"), &json!("2026-11-26T08:00:00Z")));
    let page = world.open_page(&editor, "campaign", &step).await;
    has(page.text(), &["value=\"2026-11-25T09:00:05\"", "value=\"2026-11-26T09:00\""]);
    let page = world.open_page(&editor, "campaign", &[step[0], step[1], ("zone", "utc")]).await;
    has(page.text(), &["value=\"2026-11-25T08:00:05\"", "One time (<span data-zone>UTC</span>)"]);
    let refused = save(&[("send_at", "2027-03-28T02:30"), rome]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    has(refused.text(), &["<a href=\"#field-send_at\">One time (Europe/Rome)</a>", "2027-03-28T02:30", HIDDEN]);
    assert_eq!(stored().await.body["send_at"], "2026-11-25T08:00:05Z", "nothing was changed");
}

#[tokio::test]
async fn the_end_of_a_paused_campaign_is_typed_in_the_zone_of_the_page() {
    let world = crowd(1).await;
    in_rome(&world).await;
    let id = world.approved_campaign(with(json!({"not_after": "2026-11-26T08:00:00Z"}))).await;
    world.launch(&id).await;
    let paused = world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!({})).await;
    assert_eq!(paused.status, 200, "{}", paused.body);
    let approver = world.person(Role::Approver);
    let page = world.open_page(&approver, "campaign", &[("id", &id), ("tab", "definition"), ROME]).await;
    let label = "No message is sent after (<span data-zone>Europe/Rome</span>)";
    has(page.text(), &[label, "value=\"2026-11-26T09:00\"", HIDDEN, "<bdi>2026-11-26 09:00:00 CET</bdi>"]);
    let form = [("action", "pace"), ("id", &id), ("not_after", "2026-11-27T09:00"), ("time_zone", "Europe/Rome")];
    let saved = world.send_form(&approver, "campaign", &form).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let now = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.body;
    assert_eq!(now["not_after"], "2026-11-27T08:00:00Z");
}
