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
    has(page.text(), &["role=\"status\">Back to 0 %.", "data-done"]);
    assert!(page.cookies().any(|cookie| cookie.starts_with("console-notice=; Path=/; Max-Age=0")));
    let later = world.open_page(&admin, "rollout", &[("done", "zero")]).await;
    assert!(!later.text().contains("role=\"status\">Back to 0 %."), "an old address shows no notice: {}", later.text());
    let campaign = world.open_page(&admin, "campaigns", &[("done", "paused")]).await;
    assert!(!campaign.text().contains("Paused."), "{}", campaign.text());
}

#[tokio::test]
async fn a_percentage_does_not_replace_one_that_the_person_did_not_see() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let shown = world.open_page(&admin, "rollout", &[]).await;
    has(shown.text(), &["name=\"was\" value=\"100\""]);
    let other = [("action", "percentage"), ("percentage", "10"), ("reason", "errors"), ("was", "100")];
    assert_eq!(world.send_form(&admin, "rollout", &other).await.status, 303);
    let form = [("action", "percentage"), ("percentage", "50"), ("reason", "typed & kept"), ("was", "100")];
    let refused = world.send_form(&admin, "rollout", &form).await;
    assert_eq!((refused.status, world.parameter("rollout-percentage").as_str()), (409, "10"), "{}", refused.text());
    let parts = ["Another person changed the rollout meanwhile", "value=\"50\"", "typed &#38; kept", "Who changed it"];
    has(refused.text(), &parts);
    has(refused.text(), &["admin@example.com</bdi>", "name=\"was\" value=\"10\""]);
    let plan = [("action", "plan"), ("steps", "50 for 10"), ("was", "100")];
    assert_eq!(world.send_form(&admin, "rollout", &plan).await.status, 409);
    let again = [("action", "percentage"), ("percentage", "50"), ("was", "10")];
    assert_eq!(world.send_form(&admin, "rollout", &again).await.status, 303);
    assert_eq!(world.parameter("rollout-percentage"), "50");
    assert_eq!(world.send_form(&admin, "rollout", &[("action", "zero"), ("was", "100")]).await.status, 303);
}

#[tokio::test]
async fn over_10_000_people_a_cancellation_is_typed() {
    let world = crowd(1).await;
    let approver = world.person(Role::Approver);
    let id = world.approved_campaign(campaign()).await;
    world.enlarge_plan(&id, 12_345);
    let act = |action: &'static str, field: &'static str, typed: &'static str| {
        let form =
            [("action", action), ("id", id.as_str()), (field, typed)].map(|(name, text)| (name, text.to_owned()));
        let (world, approver) = (&world, &approver);
        async move {
            let form = form.each_ref().map(|(name, text)| (*name, text.as_str()));
            world.send_form(approver, "campaign", &form).await
        }
    };
    assert_eq!(act("launch", "people", "12345").await.status, 303);
    let page = world.open_page(&approver, "campaign", &[("id", &id)]).await;
    has(page.text(), &["Type the number of people of the plan, 12,345, to cancel", "<details id=\"cancel\">"]);
    let refused = act("cancel", "cancel_people", "12344").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    has(
        refused.text(),
        &["href=\"#field-cancel_people\"", "of the plan: 12,345", "value=\"12344\"", "<details id=\"cancel\" open>"],
    );
    assert_eq!(act("cancel", "cancel_people", "12,345").await.status, 303);
    let page = world.open_page(&approver, "campaign", &[("id", &id)]).await;
    has(page.text(), &["It was cancelled"]);
}

#[tokio::test]
async fn a_new_campaign_shows_its_steps_and_a_draft_says_what_a_cancellation_means() {
    let world = crowd(2).await;
    let approver = world.person(Role::Approver);
    let page = world.open_page(&approver, "campaign", &[]).await;
    let steps = page.text().split_once("aria-label=\"Steps\"").unwrap().1.split_once("</ol>").unwrap().0;
    let first = "<span class=\"step\" aria-current=\"step\">Audience <span class=\"small\">(on this page)</span>";
    has(
        steps,
        &[first, "Content and variants <span class=\"small\">(on this page)", "Launch <span class=\"small\">(after"],
    );
    assert!(!steps.contains("<a ") && !page.text().contains("value=\"cancel\""), "{}", page.text());
    let id = world.approved_campaign(campaign()).await;
    let page = world.open_page(&approver, "campaign", &[("id", &id), ("step", "launch")]).await;
    let cancel = page.text().split_once("<details id=\"cancel\">").unwrap().1.split_once("</details>").unwrap().0;
    has(cancel, &["The 2 people of the plan get nothing.", "It cannot be undone", "name=\"action\" value=\"cancel\""]);
}

#[tokio::test]
async fn the_finder_of_a_send_keeps_the_rest_of_the_form() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "locale": "it"})).await;
    let sender = world.person(Role::Sender);
    let find = async |to: &str| {
        let form = [
            ("action", "find"),
            ("to", to),
            ("title", "A <b>title"),
            ("body", ""),
            ("url", "no address"),
            ("template", "none"),
            ("version", "x"),
            ("variables", "{"),
            ("channels_of", "these"),
            ("channels", "sms"),
            ("send_at", "2026-12-01T09:00"),
            ("me", "my-id"),
            ("key", "k-7"),
        ];
        world.send_form(&sender, "send", &form).await
    };
    let found = find("ada").await;
    assert_eq!(found.status, 200, "{}", found.text());
    let kept = [
        "value=\"A &#60;b&#62;title\"",
        "value=\"no address\"",
        "value=\"x\"",
        ">{</textarea>",
        "value=\"these\" checked",
        "value=\"sms\" checked",
        "value=\"2026-12-01T09:00\"",
        "value=\"my-id\"",
        "value=\"k-7\"",
    ];
    has(found.text(), &kept);
    has(found.text(), &["To <a href=\"/console/recipient?id=ada\"><bdi>ada</bdi></a>", "<dt>Devices</dt>"]);
    let unknown = find("nobody").await;
    has(unknown.text(), &["No profile is stored under this id."]);
    let empty = find("").await;
    assert_eq!(empty.status, 422, "{}", empty.text());
    has(empty.text(), &kept);
    has(empty.text(), &["href=\"#field-to\""]);
    assert!(world.mails().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn a_viewer_gets_no_previews_and_no_inputs() {
    let world = World::start().await;
    let (viewer, sender) = (world.person(Role::Viewer), world.person(Role::Sender));
    let send = world.open_page(&viewer, "send", &[]).await;
    has(send.text(), &["<fieldset class=\"bare\" disabled>"]);
    let query = [("name", "payment-due"), ("locale", "it"), ("channel", "email")];
    let template = world.open_page(&viewer, "template", &query).await;
    for page in [&send, &template] {
        assert!(
            !page.text().contains("data-preview") && !page.text().contains("name=\"email\" sandbox"),
            "{}",
            page.text()
        );
        has(page.text(), &["<fieldset class=\"bare\" disabled>"]);
    }
    has(world.open_page(&sender, "send", &[]).await.text(), &["data-preview=\"preview\"", "<fieldset class=\"bare\">"]);
}

#[tokio::test]
async fn a_preview_names_the_recipient_and_the_locale_of_the_text() {
    let world = World::start().await;
    let profile = json!({"email": "ada@example.com", "locale": "it-CH", "time_zone": "Europe/Zurich"});
    world.put_profile("ada", profile).await;
    let sender = world.person(Role::Sender);
    let form = [("action", "preview"), ("to", "ada"), ("template", "payment-due"), ("variables", "{}")];
    let page = world.send_form(&sender, "send", &form).await;
    has(
        page.text(),
        &["a…@example.com", "Europe/Zurich", "it: the template&#39;s closest one to the recipient&#39;s it-CH"],
    );
    assert!(!page.text().contains("ada@example.com"), "the address is masked: {}", page.text());
    let unknown = world.send_form(&sender, "send", &[("action", "preview"), ("to", "nobody"), ("title", "t")]).await;
    has(unknown.text(), &["No profile is stored under this id"]);
}

#[tokio::test]
async fn a_search_for_an_address_says_why_it_finds_nothing() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for (id, says) in [("ada@example.com", true), ("+393331234567", true), ("customer-7", false)] {
        let page = world.open_page(&viewer, "recipient", &[("id", id)]).await;
        assert_eq!((page.status, page.text().contains("Addresses cannot be searched.")), (404, says), "{id}");
    }
    world.put_profile("eve@example.com", json!({"locale": "en"})).await;
    let page = world.open_page(&viewer, "recipient", &[("id", "eve@example.com")]).await;
    assert!(page.status == 200 && !page.text().contains("Addresses cannot be searched."), "an id may look like one");
}

#[tokio::test]
async fn a_zone_that_is_not_set_is_named() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "costs", &[("zone", "organisation")]).await;
    has(page.text(), &["Organisation (not set)", "settings#field-organisation.time_zone", "UTC"]);
    assert!(!world.open_page(&viewer, "costs", &[]).await.text().contains("(not set)"));
}

#[tokio::test]
async fn a_kept_form_shows_what_was_typed_alone() {
    let world = World::start().await;
    let form = [("action", "send"), ("key", "k-1"), ("to", "ada"), ("title", "typed"), ("body", "b")];
    let kept = world.send_form(&world.person(Role::Viewer), "send", &form).await;
    assert_eq!(kept.status, 403, "{}", kept.text());
    has(kept.text(), &["name=\"key\" value=\"k-1\"", "<th scope=\"row\">title</th>"]);
    for hidden in ["action", "key"] {
        assert!(!kept.text().contains(&format!("<th scope=\"row\">{hidden}</th>")), "{hidden}: {}", kept.text());
    }
}
