//! Lists of the console: filters, and the pages of a list.

use console::site::Role;
use jiff::SignedDuration;
use serde_json::json;

use super::campaigns::{campaign, crowd, with};
use world::{Reply, World};

/// A place in one list means nothing in another one.
#[tokio::test]
async fn another_filter_begins_at_the_first_page() {
    let world = World::start().await;
    for id in ["ada", "bob"] {
        world.subscribe(id, id).await;
        world.push.answer(id, [Reply::status(410)]);
        let sent = world.send(id, json!({"channels": ["push"]})).await;
        assert_eq!(sent.body["status"], "failed", "{}", sent.body);
        world.advance(1);
    }
    let viewer = world.person(Role::Viewer);
    let next = async |after: Option<&str>| {
        let after = after.map(|after| ("after", after));
        let query: Vec<_> = [("status", "failed"), ("limit", "1")].into_iter().chain(after).collect();
        let page = world.list(&query).await.body;
        page["next"].as_str().map(str::to_owned)
    };
    let first = world.open_page(&viewer, "notifications", &[]).await;
    assert!(!first.text().contains(">Newest</a>") && !first.text().contains(">Next 50</a>"), "{}", first.text());
    let second = next(None).await.expect("there are two");
    let query = [("status", "failed"), ("to", "2026-12-01T00:00:00Z"), ("after", second.as_str())];
    let page = world.open_page(&viewer, "notifications", &query).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let tabs = page.text().split_once("aria-label=\"Status\"").unwrap().1.split_once("</ul>").unwrap().0;
    assert!(!tabs.contains("after="), "{tabs}");
    assert!(tabs.contains("?to=2026-12-01T00%3A00%3A00Z&#38;status=expired\""), "other filters stay: {tabs}");
    let newest = "/console/notifications?status=failed&#38;to=2026-12-01T00%3A00%3A00Z\">Newest</a>";
    assert!(page.text().contains(newest), "{}", page.text());
    let zones = page.text().split_once("Times in:").unwrap().1.split_once("</p>").unwrap().0;
    assert!(zones.contains("after="), "another zone shows the same page: {zones}");
    if let Some(end) = next(Some(&second)).await {
        let page = world.open_page(&viewer, "notifications", &[("status", "failed"), ("after", &end)]).await;
        assert!(page.text().contains("No further notification."), "{}", page.text());
    }
}

#[tokio::test]
async fn one_progress_that_cannot_be_read_does_not_cost_the_list_of_campaigns() {
    let world = crowd(1).await;
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    world.work_on_tasks().await;
    world.campaign_request("POST /v1/campaigns/{id}/approve", id, json!({})).await;
    world.launch(id).await;
    let viewer = world.person(Role::Viewer);
    let usual = world.open_page(&viewer, "campaigns", &[]).await;
    assert!(usual.text().contains("a second, ") && !usual.text().contains("open it to see"), "{}", usual.text());
    // The list is one Query; each progress is read by key.
    world.aws.fails(Some("GetItem"), 0, "ProvisionedThroughputExceededException");
    let page = world.open_page(&viewer, "campaigns", &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("Autumn") && page.text().contains("not available; open it to see"), "{}", page.text());
}

#[tokio::test]
async fn the_range_of_the_notifications_is_typed_in_the_zone_of_the_page_and_kept_in_the_address() {
    let world = World::start().await;
    world.set("settings", r#"{"organisation": {"time_zone": "Asia/Tokyo"}}"#);
    world.advance(31);
    let viewer = world.person(Role::Viewer);
    let typed = [("status", "expired"), ("zone", "organisation"), ("from", "2026-11-20T19:00"), ("to", "")];
    let moved = world.open_page(&viewer, "notifications", &typed).await;
    let to = "/console/notifications?status=expired&from=2026-11-20T10%3A00%3A00Z&zone=organisation";
    assert_eq!((moved.status, moved.header("location")), (303, Some(to)), "an instant means the same to everybody");
    let page = world.redirected(&viewer, &moved).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    assert!(html.contains("From (Asia/Tokyo)") && html.contains("value=\"2026-11-20T19:00\""), "{html}");
    assert!(html.contains("No notification became expired from <time datetime=\"2026-11-20T10:00:00Z\""), "{html}");
    let tabs = html.split_once("aria-label=\"Status\"").unwrap().1.split_once("</ul>").unwrap().0;
    assert!(tabs.contains("from=2026-11-20T10%3A00%3A00Z"), "{tabs}");
    for (from, to, field) in [
        ("<b>", "", "from"),
        ("2026-11-20T10:00", "yesterday", "to"),
        ("2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z", "from"),
        ("2026-09-01T00:00:00Z", "", "from"),
    ] {
        let page = world.open_page(&viewer, "notifications", &[("from", from), ("to", to)]).await;
        assert_eq!(page.status, 422, "{from}: {}", page.text());
        assert!(page.text().contains(&format!("href=\"#field-{field}\"")), "{from}: {}", page.text());
        assert!(!page.text().contains("<b>") && !page.text().contains("No notification became"), "{}", page.text());
    }
}

#[tokio::test]
async fn the_notifications_of_one_type_and_reason_are_a_list_with_an_address_of_its_own() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let mut ids = Vec::new();
    for (id, kind) in [("ada", "DEFAULT"), ("bob", "CERTIFICATE_EXPIRING")] {
        world.subscribe(id, id).await;
        world.push.answer(id, [Reply::status(410)]);
        let sent = world.send(id, json!({"channels": ["push"], "type": kind})).await;
        assert_eq!(sent.body["reason"], "gone", "{}", sent.body);
        ids.push(sent.body["id"].as_str().unwrap().to_owned());
    }
    world.advance(1);
    let query = [("status", "failed"), ("type", "CERTIFICATE_EXPIRING"), ("reason", "gone")];
    let page = world.open_page(&viewer, "notifications", &query).await;
    let html = page.text();
    assert!(!html.contains(&ids[0]) && html.contains(&ids[1]), "{html}");
    assert!(html.contains("of the type CERTIFICATE_EXPIRING that are failed for the reason gone"), "{html}");
    let inputs = ["name=\"type\" maxlength=\"64\" value=\"CERTIFICATE_EXPIRING\"", "maxlength=\"64\" value=\"gone\""];
    assert!(inputs.iter().all(|input| html.contains(input)), "{html}");
    let tabs = html.split_once("aria-label=\"Status\"").unwrap().1.split_once("</ul>").unwrap().0;
    assert!(tabs.contains("type=CERTIFICATE_EXPIRING") && tabs.contains("reason=gone"), "{tabs}");
    let typed = [query[0], query[1], query[2], ("from", "2026-11-20T10:00")];
    let moved = world.open_page(&viewer, "notifications", &typed).await;
    let to = "?status=failed&from=2026-11-20T10%3A00%3A00Z&type=CERTIFICATE_EXPIRING&reason=gone";
    assert!(moved.header("location").unwrap().ends_with(to), "{:?}", moved.header("location"));
    let none = world.open_page(&viewer, "notifications", &[query[0], ("type", "DELETED_ONCE")]).await;
    assert!(
        none.text().contains("No notification of the type <bdi>DELETED_ONCE</bdi> became failed"),
        "{}",
        none.text()
    );
    for (name, value) in [("type", "<b>"), ("reason", "unlucky")] {
        let refused = world.open_page(&viewer, "notifications", &[query[0], (name, value)]).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        let link = format!("href=\"#field-{name}\"");
        assert!(refused.text().contains(&link) && !refused.text().contains("<b>"), "{}", refused.text());
    }
}

#[tokio::test]
async fn campaigns_that_have_not_ended_are_a_list_of_their_own_50_a_page() {
    let world = crowd(1).await;
    let viewer = world.person(Role::Viewer);
    let empty = world.open_page(&viewer, "campaigns", &[("state", "open")]).await;
    assert!(empty.text().contains("Every campaign has ended, or there is none."), "{}", empty.text());
    let mut created = Vec::new();
    for _ in 0..52 {
        world.advance(1);
        let campaign = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
        created.push(campaign.body["id"].as_str().unwrap().to_owned());
    }
    let ended = created.pop().unwrap();
    world.campaign_request("POST /v1/campaigns/{id}/cancel", &ended, json!({})).await;
    let rows = |html: &str| html.matches("<th scope=\"row\"><a href=\"/console/campaign?id=").count();
    let open = world.open_page(&viewer, "campaigns", &[("state", "open")]).await;
    assert_eq!((rows(open.text()), open.text().contains(&ended)), (50, false), "{}", open.text());
    let next = format!("/console/campaigns?state=open&#38;after={}\">Next 50</a>", created[1]);
    assert!(open.text().contains(&next), "{}", open.text());
    let rest = world.open_page(&viewer, "campaigns", &[("state", "open"), ("after", &created[1])]).await;
    assert!(rows(rest.text()) == 1 && rest.text().contains(&created[0]), "{}", rest.text());
    let all = world.open_page(&viewer, "campaigns", &[]).await;
    assert!(all.text().contains(&ended) && all.text().contains("href=\"/console/campaigns?state=open\">Not ended</a>"));
    let unknown = world.open_page(&viewer, "campaigns", &[("state", "closed")]).await;
    assert_eq!(unknown.status, 422, "{}", unknown.text());
}

#[tokio::test]
async fn a_scheduled_campaign_shows_when_it_begins() {
    let world = crowd(1).await;
    let viewer = world.person(Role::Viewer);
    let at = (world.clock.now() + SignedDuration::from_hours(2)).to_string();
    let id = world.approved_campaign(with(json!({"send_at": at}))).await;
    world.launch(&id).await;
    let time = format!("<time datetime=\"{at}\"");
    let list = world.open_page(&viewer, "campaigns", &[]).await;
    assert!(list.text().contains(&format!("<td>begins {time}")) && list.text().contains("(in 2 h"), "{}", list.text());
    let page = world.open_page(&viewer, "campaign", &[("id", &id)]).await;
    assert!(page.text().contains(&format!("Its time: {time}")), "{}", page.text());
}

#[tokio::test]
async fn a_later_page_of_a_list_leads_back_to_the_first() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for list in ["types", "templates", "segments"] {
        let first = world.open_page(&viewer, list, &[]).await;
        assert!(!first.text().contains(">First page</a>"), "{list}: {}", first.text());
        let later = world.open_page(&viewer, list, &[("after", "zzz"), ("zone", "utc")]).await;
        let link = format!("href=\"/console/{list}?zone=utc\">First page</a>");
        assert!(later.text().contains(&link) && later.text().contains("There is no further"), "{}", later.text());
    }
}

#[tokio::test]
async fn versions_of_a_template_are_shown_50_a_page_and_their_audit_is_linked() {
    let world = World::start().await;
    let template = json!({
        "title": "Reminder", "default_locale": "en", "variables": {"type": "object", "properties": {}},
        "parts": {"en": {"sms": {"text": "Hello"}}},
    });
    world.publish_template(template).await;
    for _ in 0..51 {
        assert_eq!(world.template("POST", "/versions", json!(null)).await.status, 201);
    }
    let viewer = world.person(Role::Viewer);
    let query = [("name", "reminder"), ("view", "versions")];
    let page = world.open_page(&viewer, "template", &query).await;
    let rows =
        |html: &str| html.split_once("id=\"field-version\"").unwrap().1.split_once("</table>").unwrap().0.to_owned();
    assert_eq!(rows(page.text()).matches("<tr><th scope=\"row\">").count(), 50, "{}", page.text());
    assert!(page.text().contains("after=3\">Next 50</a>"), "{}", page.text());
    assert!(page.text().contains("/console/audit?kind=template&#38;subject=reminder"), "{}", page.text());
    let page = world.open_page(&viewer, "template", &[query[0], query[1], ("after", "3")]).await;
    assert_eq!(rows(page.text()).matches("<tr><th scope=\"row\">").count(), 2, "{}", page.text());
    assert!(page.text().contains(">Newest</a>") && !page.text().contains(">Next 50</a>"), "{}", page.text());
    let page = world.open_page(&viewer, "audit", &[("kind", "template"), ("subject", "reminder")]).await;
    assert_eq!(page.text().matches("revision ").count(), 50, "{}", page.text());
}
