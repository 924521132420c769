//! Campaigns in the web console: drafted, planned, approved, launched, watched, stopped and retried by forms.

use console::site::{PageReply, Role};
use serde_json::{Value, json};
use world::World;

use super::campaigns::{campaign, crowd, with};

type Form<'a> = &'a [(&'a str, &'a str)];

const NEW: [(&str, &str); 8] = [
    ("action", "create"),
    ("title", "Autumn"),
    ("type", "NEWS"),
    ("audience", "filter"),
    ("filter", r#"{"all": []}"#),
    ("message", "content"),
    ("content.title", "Autumn"),
    ("content.body", "New things"),
];

/// Id in the address that a page redirects to.
fn id_of(reply: &PageReply) -> String {
    let location = reply.header("location").unwrap_or_else(|| panic!("{}", reply.text()));
    location.split_once("id=").unwrap().1.split('&').next().unwrap().to_owned()
}

async fn draft(world: &World) -> String {
    let form = [&NEW[..], &[("key", "k-1")]].concat();
    id_of(&world.send_form(&world.person(Role::Editor), "campaign", &form).await)
}

async fn act(world: &World, role: Role, id: &str, action: &str, more: Form<'_>) -> PageReply {
    let form = [&[("action", action), ("id", id)], more].concat();
    world.send_form(&world.person(role), "campaign", &form).await
}

async fn page(world: &World, id: &str, query: Form<'_>) -> String {
    let reply = world.open_page(&world.person(Role::Approver), "campaign", &[&[("id", id)], query].concat()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains("style=\""));
    reply.text().to_owned()
}

/// Value of a hidden field of a page.
fn hidden(html: &str, name: &str) -> String {
    let rest = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {html}")).1;
    rest.split('"').next().unwrap().replace("&#34;", "\"")
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part}: {html}");
    }
}

async fn stored(world: &World, id: &str) -> Value {
    world.campaign_request("GET /v1/campaigns/{id}", id, json!(null)).await.body
}

/// Creates a draft by the form of a new campaign, and fills the steps for the time and the guards.
async fn edited_draft(world: &World) -> String {
    let id = draft(world).await;
    assert_eq!(draft(world).await, id, "the form creates one campaign");
    let html = page(world, &id, &[("step", "time")]).await;
    let tag = hidden(&html, "if_match");
    let time =
        [("step", "time"), ("if_match", tag.as_str()), ("rate_per_second", "50"), ("rollout.steps", "100 for 0")];
    let saved = act(world, Role::Editor, &id, "save", &time).await;
    assert_eq!(saved.header("location").unwrap(), format!("/console/campaign?id={id}&step=guards&done=saved"));
    let guards = [("step", "guards"), ("guards.max_failed_percent", "3.5"), ("guards.max_complained_percent", "0.2")];
    assert_eq!(act(world, Role::Editor, &id, "save", &guards).await.status, 303);
    let now = stored(world, &id).await;
    assert_eq!(now["rate_per_second"], 50);
    assert_eq!(now["guards"], json!({"max_failed_percent": 3.5, "max_complained_percent": 0.2}));
    id
}

#[tokio::test]
async fn a_campaign_goes_from_a_form_to_its_recipients() {
    let world = crowd(4).await;
    world.put_profile("nobody", json!({"locale": "de"})).await;
    let list = world.open_page(&world.person(Role::Editor), "campaigns", &[]).await;
    has(list.text(), &["There is no campaign yet.", "New campaign"]);
    let id = edited_draft(&world).await;
    has(&page(&world, &id, &[("step", "approve")]).await, &["There is no plan yet."]);
    assert_eq!(act(&world, Role::Editor, &id, "plan", &[]).await.status, 303);
    let html = page(&world, &id, &[("step", "plan")]).await;
    has(&html, &["counting", "data-live=\"3\"", "Guards <span class=\"small\">(done)"]);
    world.work_on_tasks().await;
    let html = page(&world, &id, &[("step", "plan")]).await;
    has(
        &html,
        &[
            "complete",
            "skipped: no channel",
            "By locale",
            "it-IT",
            "the sum is right",
            "Send the test",
            "What a few of them would get",
            "New things",
            "Continue to the approval",
        ],
    );
    assert_eq!(world.push.total(), 0);

    let html = page(&world, &id, &[("step", "approve")]).await;
    has(&html, &["Approve: 4 people, 0.00 EUR"]);
    let hash = hidden(&html, "hash");
    assert_eq!(act(&world, Role::Editor, &id, "approve", &[("hash", &hash)]).await.status, 403);
    assert_eq!(act(&world, Role::Approver, &id, "approve", &[("hash", &hash)]).await.status, 303);
    has(&page(&world, &id, &[("step", "launch")]).await, &["Send to 4 people, 0.00 EUR", "cannot be taken back"]);
    assert_eq!(act(&world, Role::Approver, &id, "launch", &[("hash", &hash)]).await.status, 303);
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 4);
    let list = world.open_page(&world.person(Role::Viewer), "campaigns", &[]).await;
    has(list.text(), &["Autumn", "running", "5 of 5 people, 50 a second"]);
    let html = page(&world, &id, &[]).await;
    has(
        &html,
        &[
            "data-live=\"5\"",
            "5 of 5 people are handled",
            "the sum is right",
            "By channel",
            "Pause",
            "Cancel: 0 people",
        ],
    );
    let html = page(&world, &id, &[("tab", "recipients"), ("outcome", "sent")]).await;
    has(&html, &["user-1", "user-3", "accepted"]);
    assert!(!html.contains("nobody"), "{html}");
    has(&page(&world, &id, &[("tab", "definition")]).await, &["rate per second", "launched by <bdi>approver@"]);
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed_and_leads_to_the_field() {
    let world = crowd(1).await;
    let editor = world.person(Role::Editor);
    let mut form = NEW.to_vec();
    form[4] = ("filter", "{\"all\": [}");
    let refused = world.send_form(&editor, "campaign", &form).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["#field-filter", "must be JSON", "{&#34;all&#34;: [}", "value=\"Autumn\""]);
    form[4] = ("filter", r#"{"all": [{"field": "shoe", "op": "eq", "value": 1}]}"#);
    let refused = world.send_form(&editor, "campaign", &form).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["href=\"#field-filter\"", "at filter.all[0].field", "shoe"]);
    let id = draft(&world).await;
    let steps = [("step", "time"), ("rollout.steps", "50 for 10\n20 for 5"), ("not_after", "2020-01-01T00:00")];
    let refused = act(&world, Role::Editor, &id, "save", &steps).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["href=\"#field-rollout.steps\"", "line 2:", "20 for 5"]);
    assert!(world.open_page(&editor, "campaign", &[("id", "0123456789abcdefghjkmnpqrs")]).await.status == 404);
}

#[tokio::test]
async fn a_stale_form_shows_what_was_stored_meanwhile() {
    let world = crowd(1).await;
    let id = draft(&world).await;
    let tag = hidden(&page(&world, &id, &[("step", "time")]).await, "if_match");
    let other = json!({"rate_per_second": 70});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", &id, other).await.status, 200);
    let mine = [("step", "time"), ("rate_per_second", "20")];
    let refused = act(&world, Role::Editor, &id, "save", &[&mine[..], &[("if_match", &tag)]].concat()).await;
    assert_eq!(refused.status, 412);
    has(refused.text(), &["Present value", "<td class=\"typed\">70</td><td class=\"typed\">20</td>", "value=\"20\""]);
    let note = "<bdi>ops-client</bdi></th>";
    has(
        refused.text(),
        &["Who changed it", note, "<bdi>definition.rate_per_second</bdi>", "<bdi>70</bdi>", "editor@example.com"],
    );
    let tag = hidden(refused.text(), "if_match");
    assert_eq!(act(&world, Role::Editor, &id, "save", &[&mine[..], &[("if_match", &tag)]].concat()).await.status, 303);
    assert_eq!(stored(&world, &id).await["rate_per_second"], 20);
}

#[tokio::test]
async fn over_10_000_people_the_number_is_typed_and_the_login_is_recent() {
    let world = crowd(1).await;
    let id = world.approved_campaign(campaign()).await;
    world.enlarge_plan(&id, 12_345);
    let html = page(&world, &id, &[("step", "launch")]).await;
    has(&html, &["Type the number of people, 12,345", "Send to 12,345 people"]);
    for typed in ["", "12344"] {
        let refused = act(&world, Role::Approver, &id, "launch", &[("people", typed), ("step", "launch")]).await;
        assert_eq!(refused.status, 422, "{typed}");
        has(refused.text(), &["#field-people", "must be the number of people of the plan"]);
    }
    let old = world.person(Role::Approver);
    world.advance(901);
    let form = [("action", "launch"), ("id", id.as_str()), ("people", "12,345")];
    let refused = world.send_form(&old, "campaign", &form).await;
    assert_eq!(refused.status, 401);
    has(refused.text(), &["needs a login of the last 15 minutes", "value=\"12,345\""]);
    assert_eq!(stored(&world, &id).await["state"], "approved", "nothing was launched");
    assert_eq!(world.send_form(&world.person(Role::Approver), "campaign", &form).await.status, 303);
    assert_eq!(stored(&world, &id).await["state"], "running");
}

#[tokio::test]
async fn over_10_000_people_a_resumption_is_typed_too() {
    let world = crowd(1).await;
    let id = world.approved_campaign(campaign()).await;
    world.enlarge_plan(&id, 12_345);
    assert_eq!(act(&world, Role::Approver, &id, "launch", &[("people", "12345")]).await.status, 303);
    assert_eq!(act(&world, Role::Approver, &id, "pause", &[]).await.status, 303);
    let asked = ["Type the number of people who are left", "Resume: send to 12,345 more people"];
    has(&page(&world, &id, &[]).await, &asked);
    for typed in ["", "12344"] {
        let refused = act(&world, Role::Approver, &id, "resume", &[("people", typed)]).await;
        assert_eq!(refused.status, 422, "{typed}");
        let value = format!("value=\"{typed}\"");
        has(refused.text(), &["href=\"#field-people\"", "who are left: 12,345", "id=\"field-people\"", &value]);
    }
    let old = world.person(Role::Approver);
    world.advance(901);
    let form = [("action", "resume"), ("id", id.as_str()), ("people", "12,345")];
    let refused = world.send_form(&old, "campaign", &form).await;
    assert_eq!(refused.status, 401);
    has(refused.text(), &["needs a login of the last 15 minutes", "value=\"12,345\""]);
    assert_eq!(stored(&world, &id).await["state"], "paused", "nothing was resumed");
    assert_eq!(world.send_form(&world.person(Role::Approver), "campaign", &form).await.status, 303);
    assert_eq!(stored(&world, &id).await["state"], "running");
}

#[tokio::test]
async fn a_running_campaign_is_paused_slowed_resumed_and_cancelled_by_forms() {
    let world = crowd(3).await;
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    assert_eq!(act(&world, Role::Editor, &id, "pause", &[]).await.status, 403);
    assert_eq!(act(&world, Role::Approver, &id, "pause", &[]).await.status, 303);
    let html = page(&world, &id, &[]).await;
    has(&html, &["It is paused by a person", "Resume: send to 3 more people", "Cancel: 3 people get nothing"]);
    let html = page(&world, &id, &[("tab", "definition")]).await;
    let tag = hidden(&html, "if_match");
    let slower = [("if_match", tag.as_str()), ("tab", "definition"), ("rate_per_second", "7")];
    assert_eq!(act(&world, Role::Approver, &id, "pace", &slower).await.status, 303);
    assert_eq!(stored(&world, &id).await["rate_per_second"], 7);
    let stale = act(&world, Role::Approver, &id, "pace", &[&slower[..2], &[("rate_per_second", "9")]].concat()).await;
    assert_eq!(stale.status, 412);
    has(stale.text(), &["<td class=\"typed\">7</td><td class=\"typed\">9</td>", "value=\"9\""]);
    assert_eq!(act(&world, Role::Approver, &id, "resume", &[]).await.status, 303);
    assert_eq!(act(&world, Role::Approver, &id, "cancel", &[]).await.status, 303);
    has(&page(&world, &id, &[]).await, &["It was cancelled; 0 of 3 people"]);
    let again = act(&world, Role::Approver, &id, "resume", &[]).await;
    assert_eq!(again.status, 409);
    has(again.text(), &["cannot be resumed"]);
    let never = draft(&world).await;
    assert_eq!(act(&world, Role::Approver, &never, "cancel", &[]).await.status, 303);
    has(&page(&world, &never, &[("tab", "results")]).await, &["It was never launched"]);
}

#[tokio::test]
async fn failed_people_are_retried_in_a_new_draft_and_a_test_is_sent() {
    let world = crowd(3).await;
    world.push.always(Some(world::Reply::status(403)));
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let numbers = page(&world, &id, &[]).await;
    has(
        &numbers,
        &["Retry these 3 (a new draft)", "Failed people by reason", "the provider refused the message for good"],
    );
    has(&numbers, &["outcome=failed&amp;reason=rejected"]);
    let listed = [("tab", "recipients"), ("outcome", "failed"), ("reason", "rejected")];
    has(&page(&world, &id, &listed).await, &["user-0", "user-2"]);
    let of_others = [("tab", "recipients"), ("outcome", "failed"), ("reason", "gone")];
    assert!(!page(&world, &id, &of_others).await.contains("user-2"));
    let by_reason = act(&world, Role::Editor, &id, "retry", &[("outcome", "failed"), ("reason", "rejected")]).await;
    let draft_of_reason = id_of(&by_reason);
    has(&page(&world, &draft_of_reason, &[]).await, &["people of an earlier campaign: failed (rejected)"]);
    assert_eq!(act(&world, Role::Editor, &id, "retry", &[("outcome", "failed"), ("reason", "<b>")]).await.status, 422);
    let retried = act(&world, Role::Editor, &id, "retry", &[("outcome", "failed")]).await;
    let draft = id_of(&retried);
    has(&page(&world, &draft, &[]).await, &["Retry: Autumn", "people of an earlier campaign: failed"]);
    world.push.always(None);
    let tested = act(&world, Role::Editor, &draft, "test", &[("to", "user-1\n\n user-2 ")]).await;
    assert_eq!(tested.status, 303, "{}", tested.text());
    assert_eq!(tested.header("location").unwrap().matches("%2C").count(), 1, "two notifications");
    world.work_on_tasks().await;
    let refused = act(&world, Role::Editor, &draft, "test", &[("step", "plan"), ("to", "")]).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["#field-to"]);
}

#[tokio::test]
async fn variants_are_edited_and_their_results_say_that_no_difference_is_shown() {
    let world = crowd(6).await;
    let id = draft(&world).await;
    let variants = [
        ("step", "content"),
        ("message", "variants"),
        ("variants[0].name", "a"),
        ("variants[0].weight_bp", "50"),
        ("variants[0].content.title", "Autumn"),
        ("variants[0].content.body", "A"),
        ("variants[1].name", "b"),
        ("variants[1].weight_bp", "50"),
        ("variants[1].content.title", "For you"),
        ("variants[1].content.body", "B"),
    ];
    let mut wrong = variants.to_vec();
    wrong[7].1 = "60";
    let refused = act(&world, Role::Editor, &id, "save", &wrong).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["href=\"#field-variants\"", "id=\"field-variants\"", "value=\"60\"", "For you"]);
    assert_eq!(act(&world, Role::Editor, &id, "save", &variants).await.status, 303);
    assert_eq!(stored(&world, &id).await["variants"][1]["weight_bp"], 5_000);
    let phase = [("test.share_percent", "20"), ("test.hours", "4"), ("test.metric", "clicked")];
    assert_eq!(act(&world, Role::Editor, &id, "save", &[&variants[..], &phase].concat()).await.status, 303);
    has(&page(&world, &id, &[("step", "content")]).await, &["name=\"test.hours\" inputmode=\"numeric\" value=\"4\""]);
    assert_eq!(act(&world, Role::Editor, &id, "save", &variants).await.status, 303);
    assert!(stored(&world, &id).await["test"].is_null(), "an empty field removes the test phase");
    act(&world, Role::Editor, &id, "plan", &[]).await;
    world.work_on_tasks().await;
    act(&world, Role::Approver, &id, "approve", &[]).await;
    assert_eq!(act(&world, Role::Approver, &id, "launch", &[]).await.status, 303);
    world.work_on_tasks().await;
    has(&page(&world, &id, &[]).await, &["By variant"]);
    let html = page(&world, &id, &[("tab", "results")]).await;
    has(&html, &["No difference is shown between the variants.", "b against a", "not enough data", "95 % interval"]);
    world.fold().await;
    let html = page(&world, &id, &[("tab", "results")]).await;
    has(
        &html,
        &["class=\"chart intervals\"", "Share of the reached people: delivered", "class=\"band\"", "data:text/csv"],
    );
    world.advance(120);
    let analytics = world.open_page(&world.person(Role::Viewer), "analytics", &[]).await;
    has(
        analytics.text(),
        &["Campaigns of the range", "<bdi>Autumn</bdi>", "text of its own", "single sends belong to no campaign"],
    );
}

#[tokio::test]
async fn hostile_texts_of_a_campaign_are_shown_as_text() {
    let world = crowd(1).await;
    let evil = "<script>x</script>\u{202e}{{ 7*7 }}";
    let text = json!({"title": evil, "body": "</textarea><script>x</script>"});
    let id = world.approved_campaign(with(json!({"title": "<img src=x onerror=y>", "content": text}))).await;
    for query in [&[("step", "audience")][..], &[("step", "content")], &[("step", "launch")]] {
        let html = page(&world, &id, query).await;
        assert!(!html.contains("<script>x") && !html.contains("<img src=x"), "{html}");
        assert!(!html.contains(">49<") && !html.contains("x</script>49"), "{html}");
    }
    world.launch(&id).await;
    let html = page(&world, &id, &[("tab", "definition")]).await;
    has(&html, &["&#60;img src=x", "&#60;script&#62;x"]);
    let list = world.open_page(&world.person(Role::Viewer), "campaigns", &[]).await;
    assert!(!list.text().contains("<img src=x"), "{}", list.text());
    let tab = [("tab", "\"><script>"), ("outcome", "<script>"), ("step", "<b>"), ("tested", "<script>x")];
    assert!(!page(&world, &id, &tab).await.contains("<script>"), "only a script of the console has a source");
}

#[tokio::test]
async fn the_audience_is_built_by_buttons_and_estimated_before_it_is_saved() {
    let world = crowd(4).await;
    let id = draft(&world).await;
    let html = page(&world, &id, &[("step", "audience")]).await;
    has(&html, &["All of these", "campaign?id=", "&amp;do=add_condition&amp;at=n\"", "Estimate the people"]);
    let (tag, was) = (hidden(&html, "if_match"), hidden(&html, "filter_was"));
    let fixed = [
        ("id", id.as_str()),
        ("step", "audience"),
        ("if_match", &tag),
        ("title", "Autumn"),
        ("type", "NEWS"),
        ("filter", &was),
        ("filter_was", &was),
        ("n.kind", "all"),
    ];
    let editor = world.person(Role::Editor);
    let edit = [&fixed[..], &[("action", "edit"), ("audience", "segment"), ("csrf", editor.csrf())]].concat();
    let place = [("do", "add_condition"), ("at", "n")];
    let event = world::console_pages::event("POST", "campaign", &place, &edit, Some(&editor), "same-origin");
    let added = world.console_event(event).await;
    has(added.text(), &["name=\"n.0.field\"", "value=\"filter\" checked", "value=\"attributes.\""]);
    let condition =
        [("n.0.kind", "condition"), ("n.0.field", "attributes.plan"), ("n.0.op", "eq"), ("n.0.value", "gold")];
    let filled = [&fixed[..], &condition, &[("audience", "filter")]].concat();
    let estimated = world.send_form(&editor, "campaign", &[&filled[..], &[("action", "edit")]].concat()).await;
    has(estimated.text(), &["<span class=\"figure\">2</span>", "reachable by push", "value=\"gold\""]);
    assert_eq!(stored(&world, &id).await["filter"], json!({"all": []}), "an estimate saves nothing");
    let saved = world.send_form(&editor, "campaign", &[&filled[..], &[("action", "save")]].concat()).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let expected = json!({"all": [{"field": "attributes.plan", "op": "eq", "value": "gold"}]});
    assert_eq!(stored(&world, &id).await["filter"], expected);
    // The form and the JSON say different things.
    let mut both = filled.clone();
    both[2] = ("if_match", "*");
    both[5] = ("filter", r#"{"any": []}"#);
    let refused = world.send_form(&editor, "campaign", &[&both[..], &[("action", "save")]].concat()).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["were both changed", "Use the form", "Use the JSON"]);
}
