//! The console's pages of the settings and of the audit.

use console::site::Role;
use serde_json::json;

use world::World;

const NAME: &str = "/push-notifications/test/settings";

fn save<'a>(tag: &'a str, document: &'a str) -> [(&'a str, &'a str); 3] {
    [("action", "save"), ("if_match", tag), ("document", document)]
}

fn tag(world: &World) -> String {
    format!("\"{}\"", world.aws.state.lock().unwrap().parameters.history(NAME).len())
}

#[tokio::test]
async fn the_settings_show_meaning_default_range_and_source() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"max_parts": 2}}"#);
    let page = world.open_page(&world.person(Role::Viewer), "settings", &[]).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    for part in [
        "<tr id=\"field-sms.max_parts\">",
        "Maximum number of parts of one message",
        "<td>1 to 5</td>",
        "<strong>parameter</strong>",
        "field-types.PAYMENT_DUE.tries",
        "The role admin may change the settings; yours is viewer.",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<textarea"), "a viewer has no form");
}

#[tokio::test]
async fn an_admin_changes_the_settings_and_goes_back() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let before = world.parameter("settings");
    let first = tag(&world);
    let saved = world.send_form(&admin, "settings", &save(&first, r#"{"sms": {"max_parts": 1}}"#)).await;
    assert_eq!((saved.status, saved.header("location")), (303, Some("/console/settings?done=settings")));
    assert_eq!(world.parameter("settings"), r#"{"sms":{"max_parts":1}}"#);
    let page = world.redirected(&admin, &saved).await;
    assert!(page.text().contains("The settings were changed") && page.text().contains("api admin@example.com"));
    let version = first.trim_matches('"');
    assert!(page.text().contains(&format!("/console/settings?revert={version}#edit")), "{}", page.text());
    let page = world.open_page(&admin, "settings", &[("revert", version)]).await;
    let form = page.text().split_once("<textarea").unwrap().1;
    assert!(form.split_once("</textarea>").unwrap().0.ends_with(">{}"), "{form}: {before}");
    assert!(page.text().contains(&format!("The form holds version {version}")));
    assert_eq!(world.parameter("settings"), r#"{"sms":{"max_parts":1}}"#, "nothing is changed by looking");
    assert_eq!(world.send_form(&admin, "settings", &save(&tag(&world), "{}")).await.status, 303);
    assert_eq!(world.parameter("settings"), "{}");
}

#[tokio::test]
async fn a_refused_setting_is_named_and_the_text_is_kept() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let before = world.parameter("settings");
    for (document, field) in [
        (r#"{"sms": {"max_parts": "</textarea><script>alert(1)</script>"}}"#, "sms.max_parts"),
        (r#"{"guard": {"evaluations": 0}}"#, "guard.evaluations"),
        (r#"{"types": {"PAYMENT_DUE": {"tries": 0}}}"#, "types.PAYMENT_DUE.tries"),
        ("{\"sms\": ", "body"),
        ("[]", "body"),
    ] {
        let first = tag(&world);
        let page = world.send_form(&admin, "settings", &save(&first, document)).await;
        let html = page.text();
        assert_eq!(page.status, 422, "{document}");
        assert!(html.contains(&format!("href=\"#field-{field}\"")) && html.contains(&format!("id=\"field-{field}\"")));
        let kept = document.replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;");
        assert!(html.contains(&kept) && !html.contains("<script>alert"), "{html}");
        assert!(html.contains(&format!("name=\"if_match\" value=\"{}\"", first.replace('"', "&#34;"))));
    }
    assert_eq!(world.parameter("settings"), before);
}

#[tokio::test]
async fn a_stale_form_shows_both_values_and_the_author() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let old = tag(&world);
    assert_eq!(world.put_settings(json!({"sms": {"max_parts": 4}}), Some("*")).await.status, 200);
    let page = world.send_form(&admin, "settings", &save(&old, r#"{"sms": {"max_parts": 5}}"#)).await;
    let html = page.text();
    assert_eq!(page.status, 412, "{html}");
    assert!(html.contains("Who changed it") && html.contains("<bdi>ops-client</bdi></th>"), "{html}");
    assert!(
        html.contains("Another person changed the settings meanwhile") && html.contains("api ops-client"),
        "{html}"
    );
    assert!(html.contains("&#34;max_parts&#34;: 4") && html.contains("&#34;max_parts&#34;: 5"));
    // The form now names the version that the page shows.
    assert!(html.contains(&format!("name=\"if_match\" value=\"{}\"", tag(&world).replace('"', "&#34;"))));
    assert_eq!(world.parameter("settings"), r#"{"sms":{"max_parts":4}}"#);
}

#[tokio::test]
async fn settings_that_are_not_valid_are_named_and_can_be_repaired() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    world.set("settings", r#"{"sms": {"max_part": 1}}"#);
    world.advance(21);
    let page = world.open_page(&world.person(Role::Admin), "settings", &[]).await;
    assert!(page.text().contains("is not valid: sms has an unknown field"), "{}", page.text());
    assert_eq!(world.send_form(&admin, "settings", &save(&tag(&world), "{}")).await.status, 303);
    let page = world.open_page(&admin, "settings", &[]).await;
    assert!(!page.text().contains("present version") && page.text().contains("not valid: sms has an unknown field"));
}

#[tokio::test]
async fn the_audit_shows_filters_and_downloads_changes() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "audit", &[]).await;
    assert!(page.text().contains("Nothing was changed yet"), "{}", page.text());
    world.put_rollout(json!({"percentage": 50, "reason": "=cmd()<script>"})).await;
    world.advance(1);
    let offers = json!({"title": "Offers", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("OFFERS", offers).await.status, 201);
    let page = world.open_page(&viewer, "audit", &[]).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    assert!(
        html.contains("href=\"/console/type?name=OFFERS\"") && html.contains("href=\"/console/rollout\""),
        "{html}"
    );
    assert!(html.contains("=cmd()&#60;script&#62;") && !html.contains("<script>"), "{html}");
    let page = world.open_page(&viewer, "audit", &[("kind", "type"), ("who", "ops-client")]).await;
    assert!(page.text().contains("OFFERS") && !page.text().contains("rollout-percentage"));
    assert!(page.text().contains("<option value=\"type\" selected>") && page.text().contains("value=\"ops-client\""));
    let page = world.open_page(&viewer, "audit", &[("kind", "campaign")]).await;
    assert!(page.text().contains("No change has these properties"));
    assert_eq!(world.open_page(&viewer, "audit", &[("kind", "people")]).await.status, 422);
    let file = world.open_page(&viewer, "audit-csv", &[("kind", "rollout")]).await;
    assert!(
        file.text().starts_with("at,kind,subject,") && file.text().contains("\"'=cmd()<script>\""),
        "{}",
        file.text()
    );
}

#[tokio::test]
async fn a_page_of_the_audit_has_50_changes_and_leads_to_the_next() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for number in 0..60 {
        world.put_rollout(json!({"percentage": number})).await;
        world.advance(2);
    }
    let page = world.open_page(&viewer, "audit", &[("kind", "rollout")]).await;
    assert_eq!(page.text().matches("revision ").count(), 50, "{}", page.text());
    let after = page.text().split_once("after=").unwrap().1.split_once('"').unwrap().0;
    let after = after.replace("%23", "#").replace("%40", "@");
    let page = world.open_page(&viewer, "audit", &[("kind", "rollout"), ("after", &after)]).await;
    assert!(page.text().matches("revision ").count() >= 10 && page.text().contains(">Newest</a>"));
}
