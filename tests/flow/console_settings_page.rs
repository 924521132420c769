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
    let back = "<bdi>1 (from parameter)</bdi></td><td class=\"typed\"><bdi>3 (from default)</bdi>";
    assert!(page.text().contains(back), "the effect of going back: {}", page.text());
    assert_eq!(world.parameter("settings"), r#"{"sms":{"max_parts":1}}"#, "nothing is changed by looking");
    assert_eq!(world.send_form(&admin, "settings", &save(&tag(&world), "{}")).await.status, 303);
    assert_eq!(world.parameter("settings"), "{}");
}

#[tokio::test]
async fn the_effect_of_a_whole_document_is_shown_before_it_is_saved() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"max_parts": 3}}"#);
    world.advance(31);
    let admin = world.person(Role::Admin);
    let (before, first) = (world.parameter("settings"), tag(&world));
    let check = |document: &'static str| [("action", "check"), ("if_match", first.as_str()), ("document", document)];
    let document = r#"{"sms": {"max_parts": 4}, "budgets": {"day_micros": 5}}"#;
    let page = world.send_form(&admin, "settings", &check(document)).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    for part in [
        "What would change",
        "<bdi>3 (from parameter)</bdi></td><td class=\"typed\"><bdi>4 (from parameter)</bdi>",
        "<bdi>budgets.day_micros</bdi>",
        "&#34;day_micros&#34;: 5}",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let same = world.send_form(&admin, "settings", &check(r#"{"sms": {"max_parts": 3}}"#)).await;
    assert!(same.text().contains("Nothing would change: the settings have these values already."), "{}", same.text());
    let refused = world.send_form(&admin, "settings", &check(r#"{"sms": {"max_parts": 9}}"#)).await;
    assert_eq!((refused.status, refused.text().contains("What would change</h3>")), (422, false));
    assert_eq!(world.parameter("settings"), before, "nothing is changed by looking");
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

fn one<'a>(path: &'a str, value: &'a str, tag: &'a str, action: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("action", action), ("path", path), ("value", value), ("if_match", tag)]
}

/// Returns the hidden field of the document that the page has checked.
fn checked(html: &str) -> String {
    let value =
        html.split_once("name=\"checked\" value=\"").expect("a change was checked").1.split_once('"').unwrap().0;
    value.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

#[tokio::test]
async fn one_setting_is_changed_after_its_difference_was_shown() {
    let world = World::start().await;
    world.set("settings", r#"{"budgets":{"day_micros":5},"sms":{"max_parts":2}}"#);
    let admin = world.person(Role::Admin);
    let all = world.open_page(&admin, "settings", &[]).await;
    assert!(all.text().contains("href=\"/console/settings?change=sms.max_parts\">Change<"), "{}", all.text());
    let page = world.open_page(&admin, "settings", &[("change", "sms.max_parts")]).await;
    let html = page.text();
    for part in
        ["Maximum number of parts of one message", "<dt>Range</dt><dd>1 to 5</dd>", "value=\"2\"", "<dt>Default</dt>"]
    {
        assert!(html.contains(part), "{part}: {html}");
    }
    let first = tag(&world);
    // A change that was never shown is shown first.
    let page = world.send_form(&admin, "settings", &one("sms.max_parts", "4", &first, "save_one")).await;
    assert!(page.text().contains("was not checked yet"), "{}", page.text());
    let page = world.send_form(&admin, "settings", &one("sms.max_parts", "3", &first, "check_one")).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    assert!(html.contains("<bdi>2 (from parameter)</bdi>") && html.contains("<bdi>3 (from parameter)</bdi>"), "{html}");
    assert_eq!(tag(&world), first, "nothing is changed by looking");
    let document = checked(html);
    let mut form = one("sms.max_parts", "3", &first, "save_one");
    form.push(("checked", &document));
    let saved = world.send_form(&admin, "settings", &form).await;
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, Some("/console/settings?done=settings")),
        "{}",
        saved.text()
    );
    assert_eq!(world.parameter("settings"), r#"{"budgets":{"day_micros":5},"sms":{"max_parts":3}}"#);
    // Back to the default: the parameter names it no more.
    let second = tag(&world);
    let mut form = one("sms.max_parts", "3", &second, "check_one");
    form.push(("default", "true"));
    let document = checked(world.send_form(&admin, "settings", &form).await.text());
    (form[0], form[4]) = (("action", "save_one"), ("default", "true"));
    form.push(("checked", &document));
    assert_eq!(world.send_form(&admin, "settings", &form).await.status, 303);
    assert_eq!(world.parameter("settings"), r#"{"budgets":{"day_micros":5}}"#);
}

#[tokio::test]
async fn a_refused_value_of_one_setting_is_kept_and_changes_nothing() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let (before, first) = (world.parameter("settings"), tag(&world));
    for (path, value) in [
        ("sms.max_parts", "<b>9</b>"),
        ("sms.max_parts", "1,000"),
        ("sms.max_parts", ""),
        ("sms.allowed_countries", "IT, UK"),
        ("quiet_hours.marketing", "[{"),
        ("organisation.time_zone", "Mars/Base"),
    ] {
        for action in ["check_one", "save_one"] {
            let page = world.send_form(&admin, "settings", &one(path, value, &first, action)).await;
            let html = page.text();
            assert_eq!(page.status, 422, "{path} {value}: {html}");
            assert!(html.contains(&format!("href=\"#field-{path}\"")), "{path} {value}: {html}");
            let kept = value.replace('<', "&#60;").replace('>', "&#62;");
            assert!(html.contains(&kept) && !html.contains("<b>9"), "{html}");
            assert!(!html.contains("value=\"save_one\""), "what is refused cannot be saved");
        }
    }
    assert_eq!(world.parameter("settings"), before);
    let unknown = world.open_page(&admin, "settings", &[("change", "sms.max_part")]).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    let viewer = world.open_page(&world.person(Role::Viewer), "settings", &[("change", "sms.max_parts")]).await;
    assert!(viewer.text().contains("yours is viewer") && !viewer.text().contains("check_one"), "{}", viewer.text());
}

#[tokio::test]
async fn one_setting_that_another_person_changed_shows_who_did_and_both_values() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let old = tag(&world);
    assert_eq!(world.put_settings(json!({"sms": {"max_parts": 4}}), Some("*")).await.status, 200);
    let page = world.send_form(&admin, "settings", &one("sms.max_parts", "5", &old, "check_one")).await;
    let html = page.text();
    assert_eq!(page.status, 412, "{html}");
    assert!(html.contains("Who changed it") && html.contains("<bdi>ops-client</bdi></th>"), "{html}");
    assert!(
        html.contains("<dd class=\"typed\"><bdi>4</bdi>, from the parameter</dd>") && html.contains("value=\"5\""),
        "{html}"
    );
    assert!(html.contains(&format!("name=\"if_match\" value=\"{}\"", tag(&world).replace('"', "&#34;"))));
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
    assert_eq!(html.matches("Another person changed").count(), 1, "one heading: {html}");
    assert!(html.contains("<h3>What you typed</h3>") && html.contains("api ops-client"), "{html}");
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
    assert!(page.text().contains("is not valid: <bdi>sms has an unknown field"), "{}", page.text());
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
async fn the_audit_of_one_thing_also_of_caps_and_ended_sessions() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let rules = json!({"rules": [{"id": "day", "max": 2, "per": "day", "classes": ["marketing"]}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    for person in ["ada@example.com", "eve@example.com"] {
        assert_eq!(world.end_sessions(json!({"person": person})).await.status, 200);
        world.advance(1);
    }
    let page = world.open_page(&viewer, "audit", &[]).await;
    let html = page.text();
    for part in [
        "<option value=\"caps\">",
        "<option value=\"sessions\">",
        "href=\"/console/caps\"><bdi>caps</bdi>",
        "href=\"/console/sessions\"><bdi>eve@example.com</bdi>",
        "href=\"/console/audit?kind=sessions&#38;subject=eve%40example.com\">all its changes",
        "href=\"/console/audit?kind=caps&#38;subject=caps\">all its changes",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let one = [("kind", "sessions"), ("subject", "eve@example.com")];
    let page = world.open_page(&viewer, "audit", &one).await;
    assert!(page.text().contains("<bdi>eve@example.com</bdi>") && !page.text().contains("ada@"), "{}", page.text());
    assert!(page.text().contains("audit-csv?kind=sessions&#38;subject=eve%40example.com"), "{}", page.text());
    let file = world.open_page(&viewer, "audit-csv", &one).await;
    assert_eq!(file.text().lines().count(), 2, "{}", file.text());
    let refused = world.open_page(&viewer, "audit", &[("subject", "eve@example.com")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("href=\"#field-kind\"") && refused.text().contains("value=\"eve@example.com\""));
    let caps = world.open_page(&viewer, "caps", &[]).await;
    assert!(caps.text().contains("/console/audit?kind=caps&#38;subject=caps"), "{}", caps.text());
    let sessions = world.open_page(&viewer, "sessions", &[]).await;
    assert!(sessions.text().contains("/console/audit?kind=sessions\""), "{}", sessions.text());
    world.put_rollout(json!({"percentage": 5})).await;
    let rollout = world.open_page(&viewer, "rollout", &[]).await;
    assert!(rollout.text().contains("/console/audit?kind=rollout\""), "{}", rollout.text());
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
