//! The overview of the console: what limits sending, and what waits for a person.

use console::site::Role;
use serde_json::json;

use super::campaigns::{campaign, crowd, with};
use world::World;

async fn overview(world: &World) -> String {
    let page = world.open_page(&world.person(Role::Viewer), "", &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page.text().to_owned()
}

#[tokio::test]
async fn the_quota_of_ses_is_read_once_a_minute_and_an_outage_is_said() {
    let world = World::start().await;
    world.aws.state.lock().unwrap().mail_quota = None;
    let reads = || world.aws.state.lock().unwrap().mail_quota_reads;
    for _ in 0..3 {
        let html = overview(&world).await;
        assert!(html.contains("SES quota, 24 h") && html.contains("not available"), "{html}");
    }
    assert_eq!(reads(), 1, "a failure is kept for a minute too");
    world.advance(60);
    world.aws.state.lock().unwrap().mail_quota = Some([14.0, 50_000.0, 40_500.0]);
    for _ in 0..2 {
        let html = overview(&world).await;
        assert!(html.contains("40,500 of 50,000") && html.contains("9,500 are left. 14 e-mails a second"), "{html}");
    }
    assert_eq!(reads(), 2);
    let capacity = world.ops("GET /v1/capacity", &[]).await.body;
    assert_eq!(capacity["email_quota"]["remaining"], 9_500.0);
    world.advance(60);
    world.aws.state.lock().unwrap().mail_quota = Some([500.0, -1.0, 7.0]);
    assert!(world.ops("GET /v1/capacity", &[]).await.body["email_quota"]["per_day"].is_null(), "-1 is no limit");
    assert_eq!(reads(), 3, "the page and the API share the value");
}

#[tokio::test]
async fn the_first_steps_tick_themselves_and_disappear() {
    let world = World::start().await;
    let open = async |step: &str| {
        let html = overview(&world).await;
        html.contains("First steps") && html.contains(&format!("open</span> {step}"))
    };
    assert!(!open("VAPID key").await, "the key exists");
    for step in ["First device", "SES identity", "First type of your own", "First send"] {
        assert!(open(step).await, "{step}");
    }
    let kind = json!({"title": "News", "class": "marketing", "channels": ["email"]});
    assert_eq!(world.put_type("NEWS", kind).await.status, 201);
    world.advance(30);
    assert!(!open("First type of your own").await);
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.send("bob", json!({})).await;
    world.subscribe("ada", "phone").await;
    world.send("ada", json!({})).await;
    world.fold().await;
    world.advance(60);
    assert!(!overview(&world).await.contains("First steps"));
}

/// Figures of 90 days are read for the checklist alone: while a step is open, and not at every refresh.
#[tokio::test]
async fn the_figures_of_90_days_are_read_while_a_first_step_is_open() {
    const LONG: &str = "minutes=129600";
    let world = World::start().await;
    assert!(overview(&world).await.contains(LONG));
    world.advance(10);
    assert!(!overview(&world).await.contains(LONG), "a refresh");
    world.advance(300);
    assert!(overview(&world).await.contains(LONG), "a step is still open");
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.send("bob", json!({})).await;
    world.subscribe("ada", "phone").await;
    world.send("ada", json!({})).await;
    world.fold().await;
    world.advance(600);
    let html = overview(&world).await;
    assert!(!html.contains(LONG) && html.contains("First steps"), "the figures of 30 days show them: {html}");
}

#[tokio::test]
async fn an_open_campaign_is_shown_however_many_came_after_it() {
    let world = crowd(1).await;
    let mut oldest = campaign();
    oldest["title"] = json!("The oldest");
    let created = world.campaign_request("POST /v1/campaigns", "", oldest).await;
    let id = created.body["id"].as_str().unwrap();
    world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    world.work_on_tasks().await;
    for _ in 0..51 {
        world.advance(1);
        let later = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
        let later = later.body["id"].as_str().unwrap().to_owned();
        assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &later, json!({})).await.status, 200);
    }
    let html = overview(&world).await;
    let link = format!("/console/campaign?id={id}&#38;step=approve");
    assert!(html.contains(&link) && html.contains("The oldest"), "{html}");
}

#[tokio::test]
async fn the_age_of_due_work_counts_from_its_time() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    assert!(overview(&world).await.contains("nothing is due"));
    world.send("ada", json!({"send_at": "2026-11-23T12:00:00Z"})).await;
    world.advance(2 * 3_600 + 90);
    let html = overview(&world).await;
    assert!(html.contains("<p class=\"figure warn\">1 min 30 s</p>"), "{html}");
    let due = &world.ops("GET /v1/capacity", &[]).await.body["due"];
    assert_eq!((&due["age_s"], &due["oldest_at"]), (&json!(90), &json!("2026-11-23T12:00:00Z")));
    world.sweep().await;
    world.advance(15);
    assert!(overview(&world).await.contains("nothing is due"));
    world.aws.fails(Some("Query"), 0, "ProvisionedThroughputExceededException");
    world.advance(15);
    let capacity = world.ops("GET /v1/capacity", &[]).await;
    assert_eq!((capacity.status, &capacity.body["due"]), (200, &json!(null)));
}

/// The health alone is required: any other part says that it is not available.
#[tokio::test]
async fn a_table_that_does_not_answer_costs_its_parts_alone() {
    let world = World::start().await;
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.send("bob", json!({})).await;
    world.fold().await;
    let usual = overview(&world).await;
    assert!(usual.contains("Sent, last 24 h") && !usual.contains("ot available"), "{usual}");
    for (table, lost) in [
        (
            "settings",
            &["Alerts of the last 24 hours</h2>\n\n<p class=\"empty\">Not available", "templates that wait"][..],
        ),
        ("control", &[]),
        ("notifications", &["not available</p>"]),
        ("recipients", &[]),
    ] {
        world.advance(60);
        world.aws.state.lock().unwrap().throttled_table = Some(table);
        let html = overview(&world).await;
        for part in lost {
            assert!(html.contains(part), "{table}: {part}: {html}");
        }
        assert!(html.contains("Arithmetic of the health") && html.contains("Sent, last 24 h"), "{table}: {html}");
    }
    world.aws.state.lock().unwrap().throttled_table = Some("metrics");
    let page = world.open_page(&world.person(Role::Viewer), "", &[]).await;
    assert_eq!(page.status, 503, "there is no health without the metrics: {}", page.text());
}

#[tokio::test]
async fn plans_and_versions_wait_for_a_person() {
    let world = crowd(1).await;
    assert!(overview(&world).await.contains("Nothing waits for an approval"));
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    assert!(overview(&world).await.contains("Nothing waits for an approval"), "a draft without a plan");
    world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    world.work_on_tasks().await;
    let html = overview(&world).await;
    let link = format!("/console/campaign?id={id}&#38;step=approve");
    assert!(html.contains(&link) && html.contains("<bdi>Autumn</bdi>") && html.contains(">approval</span>"), "{html}");
    world.campaign_request("POST /v1/campaigns/{id}/approve", id, json!({})).await;
    assert!(overview(&world).await.contains(">launch</span>"));
    world.launch(id).await;
    assert!(overview(&world).await.contains("Nothing waits for an approval"));
}

#[tokio::test]
async fn running_campaigns_show_their_progress_and_an_outage_costs_that_column_alone() {
    let world = crowd(3).await;
    let mut ids = Vec::new();
    for place in 0..6 {
        world.advance(1);
        ids.push(world.approved_campaign(with(json!({"title": format!("Number {place}")}))).await);
    }
    let row = |html: &str, place: usize| {
        let link = format!("/console/campaign?id={}\"><bdi>", ids[place]);
        html.split_once(&link).unwrap().1.split_once("</tr>").unwrap().0.to_owned()
    };
    assert!(row(&overview(&world).await, 0).ends_with("<td>–</td>"), "it does not run");
    for id in &ids {
        world.launch(id).await;
    }
    world.work_on_tasks().await;
    world.advance(1);
    let html = overview(&world).await;
    let bar =
        "<progress max=\"3\" value=\"3\" aria-label=\"People who are handled\">3 of 3 people</progress> 3 of 3 people";
    for place in 1..6 {
        assert!(row(&html, place).contains(bar), "{}", row(&html, place));
    }
    assert!(row(&html, 0).ends_with("<td>open it to see</td>"), "only five are read: {}", row(&html, 0));
    assert_eq!(html.matches("/progress?sending_only=true&#39;").count(), 5, "{html}");
    // The list of the campaigns is read before the progress of each, with the same call.
    for after in 0..40 {
        world.aws.fails(Some("GetItem"), after, "ProvisionedThroughputExceededException");
        world.advance(60);
        let html = overview(&world).await;
        world.aws.works();
        if html.contains("<td>not available</td></tr>") && html.contains("<bdi>Number 5</bdi>") {
            return;
        }
    }
    panic!("a progress that cannot be read costs its own cell");
}
