//! The web console: sessions, rights, forms of other sites, and what a person typed.

use console::site::{ROUTES, Role, SESSION_LIFETIME};
use jiff::SignedDuration;
use serde_json::{Value, json};

use world::World;
use world::console_pages::event;

#[tokio::test]
async fn every_page_opens_on_an_empty_stack() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for route in ROUTES.iter().filter(|route| route.action.is_empty() && !needs_a_name(route.page)) {
        let page = world.open_page(&viewer, route.page, &[]).await;
        assert_eq!(page.status, 200, "{}: {}", route.page, page.text());
        let html = page.text();
        let title = html.split_once("<h1>").and_then(|(_, rest)| rest.split_once("</h1>")).unwrap().0;
        assert!(html.contains(&format!("<title>{title} – ")), "{}: the heading is the title", route.page);
        assert!(
            !html.contains("style=\"") && !html.contains("onclick"),
            "{}: the policy allows no inline code",
            route.page
        );
    }
}

/// Pages about one thing, which need its name.
fn needs_a_name(page: &str) -> bool {
    let of_one_thing = ["search", "notification", "message", "recipient", "template", "segment_count"];
    of_one_thing.contains(&page) || page.ends_with("-csv")
}

#[tokio::test]
async fn a_person_without_a_session_is_sent_to_the_login_and_back() {
    let world = World::start().await;
    let page = world.console_event(event("GET", "rollout", &[("zone", "utc")], &[], None, "none")).await;
    assert_eq!((page.status, page.header("location")), (303, Some("/console/login?to=rollout%3Fzone%3Dutc")));
    let old = world.person(Role::Admin);
    world.advance(u64::try_from(SESSION_LIFETIME.as_secs()).unwrap());
    assert_eq!(world.open_page(&old, "", &[]).await.status, 303);
}

/// A session that ends while a form is filled loses nothing: the page keeps the fields, and a later session confirms
/// them.
#[tokio::test]
async fn what_was_typed_survives_the_end_of_the_session() {
    let world = World::start().await;
    let old = world.person(Role::Admin);
    world.advance(u64::try_from(SESSION_LIFETIME.as_secs()).unwrap() + 1);
    let typed = [("action", "percentage"), ("percentage", "12.5"), ("reason", "slow & <b>steady</b>")];
    let page = world.send_form(&old, "rollout", &typed).await;
    assert_eq!(page.status, 401);
    assert!(
        page.text().contains("value=\"12.5\"") && page.text().contains("slow &#38; &#60;b&#62;steady"),
        "{}",
        page.text()
    );
    assert_eq!(world.parameter("rollout-percentage"), "100", "nothing was changed");

    let new = world.person(Role::Admin);
    let page =
        world.console_event(event("POST", "rollout", &[], &with(&typed, old.csrf()), Some(&new), "same-origin")).await;
    assert_eq!(page.status, 409, "the token is that of the old session");
    assert!(page.text().contains(new.csrf()) && page.text().contains("value=\"12.5\""));
    assert_eq!(world.parameter("rollout-percentage"), "100");
    assert_eq!(world.send_form(&new, "rollout", &typed).await.status, 303);
    assert_eq!(world.parameter("rollout-percentage"), "12.5");
}

fn with<'a>(form: &[(&'a str, &'a str)], csrf: &'a str) -> Vec<(&'a str, &'a str)> {
    form.iter().copied().chain([("csrf", csrf)]).collect()
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let form = with(&[("action", "zero")], admin.csrf());
    for site in ["cross-site", "same-site", "none"] {
        let page = world.console_event(event("POST", "rollout", &[], &form, Some(&admin), site)).await;
        assert_eq!(page.status, 403, "{site}");
    }
    // A browser that sends no Sec-Fetch-Site sends Origin.
    let mut foreign = event("POST", "rollout", &[], &form, Some(&admin), "");
    for origin in [json!(null), json!("https://evil.example"), json!("null")] {
        foreign["headers"] = if origin.is_null() { json!({}) } else { json!({"origin": origin}) };
        assert_eq!(world.console_event(foreign.clone()).await.status, 403, "{origin}");
    }
    assert_eq!(world.parameter("rollout-percentage"), "100");
    let base = world.parameter("public-base-url");
    let origin = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    foreign["headers"] = json!({"origin": origin});
    assert_eq!(world.console_event(foreign).await.status, 303);
    assert_eq!(world.parameter("rollout-percentage"), "0");
}

#[tokio::test]
async fn some_actions_need_a_login_of_the_last_quarter_of_an_hour() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    world.advance(901);
    let form = [("action", "percentage"), ("percentage", "50")];
    let page = world.send_form(&admin, "rollout", &form).await;
    assert_eq!(page.status, 401);
    assert!(page.text().contains("value=\"50\""), "what was typed is kept");
    assert_eq!(world.parameter("rollout-percentage"), "100");
    // The way back is open to an old login.
    assert_eq!(world.send_form(&admin, "rollout", &[("action", "zero")]).await.status, 303);
    assert_eq!(world.parameter("rollout-percentage"), "0");
    assert!(SignedDuration::from_secs(901) > console::site::RECENT_LOGIN);
}

#[tokio::test]
async fn a_refused_change_names_the_field_and_keeps_the_text() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let page = world.send_form(&admin, "rollout", &[("action", "percentage"), ("percentage", "50 %")]).await;
    assert_eq!(page.status, 422);
    assert!(
        page.text().contains("href=\"#field-percentage\"") && page.text().contains("value=\"50 %\""),
        "{}",
        page.text()
    );
    assert!(page.text().contains("urn:notifications:problem:invalid"), "the problem's type can be copied");
}

#[tokio::test]
async fn a_message_is_previewed_and_sent_once_and_shown_with_its_timeline() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let sender = world.person(Role::Sender);
    let form = [("to", "ada"), ("title", "Hello <script>"), ("body", "There"), ("key", "form-1")];
    let preview = world.send_form(&sender, "send", &[&form[..], &[("action", "preview")]].concat()).await;
    assert!(preview.text().contains("It would be sent now."), "{}", preview.text());
    assert!(preview.text().contains("Hello &#60;script&#62;") && !preview.text().contains("<script>Hello"));
    assert_eq!(world.items("notifications").len(), 0, "a preview sends nothing");

    let send = [&form[..], &[("action", "send")]].concat();
    let sent = world.send_form(&sender, "send", &send).await;
    let again = world.send_form(&sender, "send", &send).await;
    let location = sent.header("location").unwrap().to_owned();
    assert_eq!((sent.status, again.header("location")), (303, Some(location.as_str())), "the form acts once");
    let id = location.split_once("id=").unwrap().1.split('&').next().unwrap();
    let page = world.open_page(&sender, "notification", &[("id", id)]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    for part in ["A provider accepted it by push", "accepted by the API", "Copy as curl", "render=true"] {
        assert!(page.text().contains(part), "{part}");
    }
    assert!(page.text().contains("<h3>push: as it was sent</h3>"), "{}", page.text());
    assert!(page.text().contains("data-live=\"5\""), "a proof may still come");
    world.advance(29 * 86_400);
    let page = world.open_page(&world.person(Role::Sender), "notification", &[("id", id)]).await;
    assert!(!page.text().contains("data-live"), "nothing comes after the lifetime: {}", page.text());
}

#[tokio::test]
async fn the_variables_of_a_template_are_inputs_and_a_message_is_tried_by_oneself_first() {
    let world = World::start().await;
    let sender = world.person(Role::Sender);
    let form = [("to", "ada"), ("template", "payment-due"), ("key", "k-1")];
    let shown = world.send_form(&sender, "send", &[&form[..], &[("action", "preview")]].concat()).await;
    let version = world.open_page(&sender, "templates", &[]).await;
    assert!(version.text().contains("payment-due") && shown.text().contains("Variables of payment-due, version 1"));
    let inputs = shown.text().matches("name=\"var.").count();
    assert!(inputs > 0, "{}", shown.text());
    assert!(shown.text().contains("There is no preview yet"), "it says what is missing: {}", shown.text());

    world.subscribe("me", "phone").await;
    let text = [("to", "ada"), ("title", "Hello"), ("body", "There"), ("key", "k-2")];
    let preview = world.send_form(&sender, "send", &[&text[..], &[("action", "preview")]].concat()).await;
    let curl = "/v1/notifications&#39; \\\n  -H &#34;Authorization";
    assert!(
        preview.text().contains("Copy the form as curl (1)") && preview.text().contains(curl),
        "{}",
        preview.text()
    );
    let tried = world.send_form(&sender, "send", &[&text[..], &[("action", "self"), ("me", "me")]].concat()).await;
    assert_eq!(tried.status, 303, "{}", tried.text());
    let cookie = tried.cookies().find(|cookie| cookie.starts_with("console-my-recipient=me;")).unwrap().to_owned();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let mut again = event("GET", "send", &[], &[], Some(&sender), "none");
    again["cookies"].as_array_mut().unwrap().push(json!("console-my-recipient=me"));
    assert!(world.console_event(again).await.text().contains("name=\"me\" maxlength=\"128\" value=\"me\""));
    let sent = world.send_form(&sender, "send", &[&text[..], &[("action", "send")]].concat()).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    assert_ne!(sent.header("location"), tried.header("location"), "the form's key is still free");
}

#[tokio::test]
async fn a_notification_is_explained_as_of_now_and_a_missing_one_says_why() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let sent = world.send("ada", json!({})).await;
    let id = sent.body["id"].as_str().unwrap();
    let sender = world.person(Role::Sender);
    let page = world.open_page(&sender, "notification", &[("id", id)]).await;
    assert!(page.text().contains("why=now#why") && page.text().contains("no paid call was begun"), "{}", page.text());
    let kind = "<dt>Type</dt><dd><a href=\"/console/type?name=DEFAULT\">DEFAULT</a></dd>";
    assert!(page.text().contains(kind), "{}", page.text());
    let gates = |html: &str| {
        html.split_once("Verdict of each gate then").unwrap().1.split_once("</table>").unwrap().0.to_owned()
    };
    assert_eq!(gates(page.text()).matches("<span class=\"state good\">passed</span>").count(), 7, "{}", page.text());
    let page = world.open_page(&sender, "notification", &[("id", id), ("why", "now")]).await;
    assert!(page.text().contains("It would be sent now.") && page.text().contains("Gates in order"), "{}", page.text());
    assert!(gates(page.text()).contains("<th scope=\"col\">Now</th>"), "{}", page.text());
    let viewer = world.open_page(&world.person(Role::Viewer), "notification", &[("id", id), ("why", "now")]).await;
    assert!(!viewer.text().contains("Gates in order") && viewer.text().contains("needs the role sender"));

    let erased = [("action", "erase"), ("id", "ada"), ("confirm", "ada")];
    assert_eq!(world.send_form(&world.person(Role::Admin), "recipient", &erased).await.status, 200);
    for gone in [id, "3v9dmwkfe1t5x8n2q7r0b6c4yz-01kat2m8x0g7h3j5n9p1q4r6sv", "no-id"] {
        let page = world.open_page(&sender, "notification", &[("id", gone)]).await;
        assert_eq!(page.status, 404, "{gone}: {}", page.text());
        for part in
            ["No such notification", "90 days after their lifetime", "recipient was erased", "Look the recipient up"]
        {
            assert!(page.text().contains(part), "{gone}: {part}: {}", page.text());
        }
    }
    let cancelled = world.send_form(&sender, "notification", &[("action", "cancel"), ("id", id)]).await;
    assert_eq!(cancelled.status, 404);
    assert!(cancelled.text().contains("No such notification"), "{}", cancelled.text());
}

#[tokio::test]
async fn what_stopped_a_notification_then_stands_beside_what_would_now() {
    let world = World::start().await;
    let choices = json!({"email": "bob@example.com", "preferences": {"opted_out_types": ["DEFAULT"]}});
    world.put_profile("bob", choices).await;
    let refused = world.send("bob", json!({"channels": ["email"]})).await;
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    let paid = world.send("bob", json!({"channels": ["email"]})).await;
    let sender = world.person(Role::Sender);
    let id = refused.body["id"].as_str().unwrap();
    let page = world.open_page(&sender, "notification", &[("id", id), ("why", "now")]).await;
    let html = page.text();
    let stopped = "<th scope=\"row\">opted out</th><td><span class=\"state bad\">stopped it</span></td>\
        <td><span class=\"state good\">passed</span></td>";
    assert!(html.contains(stopped) && html.contains("not decisive: an earlier gate had refused"), "{html}");
    let page = world.open_page(&sender, "notification", &[("id", paid.body["id"].as_str().unwrap())]).await;
    assert!(page.text().contains("stored before the call; 0.0001 EUR were paid"), "{}", page.text());
}

#[tokio::test]
async fn the_guard_shows_its_distances_once_it_has_evaluated() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "rollout", &[]).await;
    assert!(page.text().contains("has not evaluated anything yet"), "{}", page.text());
    world.tick().await.unwrap();
    let page = world.open_page(&viewer, "rollout", &[]).await;
    assert!(!page.text().contains("has not evaluated anything yet"), "{}", page.text());
    for part in
        ["action: hold: ", "<th scope=\"row\">error rate off</th>", ">Distance</th>", "<td class=\"number\">20 %</td>"]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let admin = world.open_page(&world.person(Role::Admin), "rollout", &[]).await;
    assert!(
        admin.text().contains("Nothing was sent in the last hour.")
            && admin.text().contains("Copy the form as curl (2)")
    );
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_a_page_that_says_so() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    world.open_page(&viewer, "rollout", &[]).await;
    world.aws.fails(Some("Query"), 0, "ProvisionedThroughputExceededException");
    let page = world.open_page(&viewer, "rollout", &[]).await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("Try again in") && page.text().contains("r-1"), "{}", page.text());
    world.aws.works();
    assert_eq!(world.open_page(&viewer, "rollout", &[]).await.status, 200);
}

/// An incident is when tables fail and the way back is needed most.
#[tokio::test]
async fn back_to_0_is_on_the_page_and_works_while_a_table_fails() {
    let world = World::start().await;
    let approver = world.person(Role::Approver);
    assert_eq!(world.open_page(&approver, "rollout", &[]).await.status, 200);
    let throttled = |table| world.aws.state.lock().unwrap().throttled_table = table;
    for table in ["metrics", "settings", "notifications", "recipients"] {
        throttled(Some(table));
        let page = world.open_page(&approver, "rollout", &[]).await;
        assert!([200, 503].contains(&page.status), "{table}: {}", page.status);
        assert!(page.text().contains("name=\"action\" value=\"zero\""), "{table}: {}", page.text());
        assert_eq!(
            page.status == 503,
            page.text().contains("are not available at present"),
            "{table}: {}",
            page.text()
        );
        assert!(!page.text().contains("What you typed"), "{table}: nothing was typed: {}", page.text());
    }
    throttled(Some("metrics"));
    let page = world.open_page(&approver, "rollout", &[]).await;
    assert!(page.text().contains("ot available"), "it says what is missing: {}", page.text());
    let done = world.send_form(&approver, "rollout", &[("action", "zero")]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(world.parameter("rollout-percentage"), "0");
    throttled(None);
    assert!(!world.open_page(&approver, "rollout", &[]).await.text().contains("ot available"));
}

#[tokio::test]
async fn a_page_about_a_problem_has_ways_on_and_keeps_its_section() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for (page, name, gone) in
        [("campaign", "id", "01kat2m8x0g7h3j5n9p1q4r6sv"), ("segment", "id", "gone"), ("type", "name", "GONE")]
    {
        let named = format!("href=\"/console/{page}?{name}={gone}&#38;zone=utc\">Try again</a>");
        let gone = world.open_page(&viewer, page, &[(name, gone), ("zone", "utc")]).await;
        assert_eq!(gone.status, 404, "{page}: {}", gone.text());
        for part in [
            named,
            format!("href=\"/console/audit?kind={page}\""),
            format!("<a href=\"/console/{page}s\" aria-current=\"page\">"),
            "It may have been deleted".to_owned(),
        ] {
            assert!(gone.text().contains(&part), "{page}: {part}: {}", gone.text());
        }
    }
    let unknown = world.open_page(&viewer, "nowhere", &[]).await;
    assert!(unknown.status == 404 && !unknown.text().contains("deleted"), "{}", unknown.text());
    world.aws.fails(None, 0, "ProvisionedThroughputExceededException");
    let failed = world.open_page(&viewer, "costs", &[("month", "2026-11")]).await;
    assert_eq!(failed.status, 503);
    assert!(failed.text().contains("href=\"/console/costs?month=2026-11\">Try again</a>"), "{}", failed.text());
    assert!(failed.text().contains("<a href=\"/console/costs\" aria-current=\"page\">"), "{}", failed.text());
}

#[tokio::test]
async fn a_page_that_was_loaded_earlier_stops_no_newer_plan() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    assert_eq!(world.send_form(&admin, "rollout", &[("action", "zero")]).await.status, 303);
    let plan = [("action", "plan"), ("steps", "10 for 60\n100 for 1")];
    let started = async || {
        let done = world.send_form(&admin, "rollout", &plan).await;
        assert_eq!(done.status, 303, "{}", done.text());
        let page = world.open_page(&admin, "rollout", &[]).await;
        let form = page.text().split_once("value=\"stop_plan\"").unwrap().1;
        form.split_once("name=\"was\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let stop = async |was: &str| world.send_form(&admin, "rollout", &[("action", "stop_plan"), ("was", was)]).await;
    let first = started().await;
    assert_eq!(stop(&first).await.status, 303);
    let gone = stop(&first).await;
    assert!(gone.status == 409 && gone.text().contains("No plan runs any more"), "{}", gone.text());
    world.advance(60);
    let second = started().await;
    let stale = stop(&first).await;
    assert!(stale.status == 409 && stale.text().contains("Another plan runs"), "{}", stale.text());
    assert!(stale.text().contains("value=\"stop_plan\""), "the newer plan still runs");
    // The figures are not needed to stop it.
    world.aws.state.lock().unwrap().throttled_table = Some("metrics");
    let page = world.open_page(&admin, "rollout", &[]).await;
    assert!(page.text().contains("value=\"stop_plan\""), "{}", page.text());
    assert_eq!(stop(&second).await.status, 303);
}

#[tokio::test]
async fn the_chosen_zone_stays_for_the_next_pages() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    world.set("settings", r#"{"organisation": {"time_zone": "Asia/Tokyo"}}"#);
    let page = world.open_page(&viewer, "rollout", &[("zone", "organisation")]).await;
    assert!(page.cookies().any(|cookie| cookie.starts_with("console-zone=organisation;")));
    assert!(page.text().contains("JST"), "{}", page.text());
    let request = |zone: &str| {
        let mut event: Value = event("GET", "rollout", &[], &[], Some(&viewer), "none");
        let cookies = event["cookies"].as_array_mut().unwrap();
        cookies.push(json!("console-zone=mine"));
        cookies.push(json!(format!("console-my-zone={zone}")));
        event
    };
    assert!(world.console_event(request("Europe%2FRome")).await.text().contains("CET"));
    assert!(world.console_event(request("Mars%2FBase")).await.text().contains("UTC"), "an unknown zone is UTC");
}
