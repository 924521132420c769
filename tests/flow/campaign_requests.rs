//! Requests about campaigns: what is refused, what is approved, and what happens once.

use serde_json::json;

use super::campaigns::{campaign, crowd, with};

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_stored() {
    let world = crowd(2).await;
    let code = json!({"title": "Code", "class": "critical", "channels": ["push"]});
    assert_eq!(world.put_type("CODE", code).await.status, 201);
    let deep = |depth: usize| {
        let leaf = json!({"field": "has.push", "op": "eq", "value": true});
        (0..depth).fold(leaf, |inner, _| json!({"not": inner}))
    };
    let wide = json!({"all": (0..51).map(|_| deep(0)).collect::<Vec<_>>()});
    let before = world.items("settings").len();
    for (changes, field) in [
        (json!({"filter": null}), "segment"),
        (json!({"filter": deep(6)}), "filter.not.not.not.not.not"),
        (json!({"filter": wide}), "filter.all"),
        (json!({"filter": {"field": "shoe", "op": "eq", "value": 1}}), "filter.field"),
        (json!({"filter": {"field": "opted_out_of", "op": "contains", "value": "news"}}), "filter.value"),
        (
            json!({"exclude": {"filter": {"field": "opted_out_of", "op": "contains", "value": "news"}}}),
            "exclude.filter.value",
        ),
        (json!({"filter": null, "segment": "unknown"}), "segment"),
        (json!({"type": "CODE"}), "type"),
        (json!({"type": "NEWZ"}), "type"),
        (json!({"send_at": "2026-11-23T09:00:00Z"}), "send_at"),
        (json!({"rollout": {"steps": [{"percent": 100}], "criteria": {"min_clicked_percent": 1}}}), "rollout.criteria"),
        (json!({"content": null, "template": {"name": "unknown"}}), "template.name"),
        (json!({"filter": null, "recipients": []}), "recipients"),
        (json!({"filter": null, "recipients": ["ada", ""]}), "recipients[1]"),
        (json!({"filter": null, "recipients": ["ada", 7]}), "recipients[1]"),
        (json!({"retry_of": {"campaign": "0123456789abcdefghjkmnpqrs", "outcomes": ["failed"]}}), "retry_of.campaign"),
        (json!({"retry_of": {"campaign": "0123456789abcdefghjkmnpqrs", "outcomes": ["holdout"]}}), "retry_of.outcomes"),
        (
            json!({"at_local": {"date_time": "2026-12-01T09:00:00-05:00", "default_time_zone": "UTC"}}),
            "at_local.date_time",
        ),
        (json!({"at_local": {"date_time": "2026-12-01T09:00:60", "default_time_zone": "UTC"}}), "at_local.date_time"),
        (
            json!({"at_local": {"date_time": "2026-12-01T09:00:00", "default_time_zone": "Etc/Unknown"}}),
            "at_local.default_time_zone",
        ),
    ] {
        let refused = world.campaign_request("POST /v1/campaigns", "", with(changes.clone())).await;
        assert_eq!(refused.status, 422, "{changes} {refused:?}");
        let fields: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert!(fields.contains(&&json!(field)), "{changes} names {fields:?}");
    }
    let refuses = |kind: &str| json!({"field": "opted_out_of", "op": "contains", "value": kind});
    let unknown = json!({"filter": {"any": [refuses("X"), refuses("NEWS")]}, "exclude": {"filter": refuses("Y")}});
    let refused = world.campaign_request("POST /v1/campaigns", "", with(unknown)).await;
    assert_eq!(refused.fields(), ["filter.any[0].value", "exclude.filter.value"]);
    assert_eq!(world.items("settings").len(), before);
    assert_eq!(
        world.campaign_request("GET /v1/campaigns/{id}", "0123456789abcdefghjkmnpqrs", json!(null)).await.status,
        404
    );
}

/// A single send refuses the same content, for the same reason.
#[tokio::test]
async fn a_content_that_a_channel_cannot_carry_is_refused_before_anybody_is_sent_to() {
    let world = crowd(2).await;
    let texts = json!({"title": "Texts", "class": "marketing", "channels": ["sms"]});
    assert_eq!(world.put_type("TEXTS", texts).await.status, 201);
    world.set("settings", r#"{"sms": {"max_parts": 1}}"#);
    world.advance(60);
    let long = json!({"title": "Autumn", "body": "x".repeat(3_950)});
    let far = json!({"title": "Autumn", "body": "New", "url": format!("https://shop.example/{}", "a".repeat(2_000))});
    let variants = json!([{"name": "a", "weight_bp": 5_000, "content": long},
        {"name": "b", "weight_bp": 5_000, "content": {"title": "Autumn", "body": "New"}}]);
    for (changes, field) in
        [(json!({"content": long}), "content"), (json!({"content": null, "variants": variants}), "variants[0].content")]
    {
        let refused = world.campaign_request("POST /v1/campaigns", "", with(changes.clone())).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{refused:?}");
        assert!(refused.body.to_string().contains("at most 3,993 fit"), "{refused:?}");
    }
    let single = world.send("user-0", json!({"type": "NEWS", "content": long})).await;
    assert_eq!((single.status, single.fields()), (422, vec!["content"]));
    world.set("public-base-url", "");
    world.advance(60);
    let refused =
        world.campaign_request("POST /v1/campaigns", "", with(json!({"type": "TEXTS", "content": far}))).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["content.url"]), "{refused:?}");
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    let patched = world.campaign_request("PATCH /v1/campaigns/{id}", id, json!({"content": long})).await;
    assert_eq!((patched.status, patched.fields()), (422, vec!["content"]), "{patched:?}");
}

#[tokio::test]
async fn an_approval_is_for_one_text_and_a_launch_happens_once() {
    let world = crowd(3).await;
    let post = async |route: &str, id: &str| {
        let answer = world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{route}"), id, json!({})).await;
        let kind = answer.body["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned();
        (answer.status, kind)
    };
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap().to_owned();
    assert_eq!(post("approve", &id).await, (409, "approval-stale".to_owned()), "nobody planned it");
    assert_eq!(post("launch", &id).await, (409, "conflict".to_owned()), "nobody approved it");
    let plan = world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    assert_eq!(post("approve", &id).await, (409, "conflict".to_owned()), "the plan is not complete");
    world.work_on_tasks().await;
    assert_eq!(post("approve", &id).await.0, 200);
    let other = json!({"hash": "0".repeat(64)});
    let stale = world.campaign_request("POST /v1/campaigns/{id}/launch", &id, other).await;
    assert!(stale.status == 409 && stale.body["type"].as_str().unwrap().ends_with("approval-stale"), "{stale:?}");
    let changed = json!({"content": {"title": "Winter", "body": "Newer things"}});
    let patched = world.campaign_request("PATCH /v1/campaigns/{id}", &id, changed).await;
    assert_eq!(
        (patched.status, &patched.body["state"], &patched.body["approval"]),
        (200, &json!("draft"), &json!(null))
    );
    assert_eq!(post("approve", &id).await, (409, "approval-stale".to_owned()), "the plan was of the text before");
    assert_ne!(plan.body["plan"]["hash"], json!(null));
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    world.work_on_tasks().await;
    assert_eq!(post("approve", &id).await.0, 200);
    // The type changes after the approval.
    let tag = world.type_request("GET", "NEWS", json!(null)).await;
    assert_eq!(tag.status, 200);
    let news = json!({"title": "News", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("NEWS", news).await.status, 200);
    world.advance(11);
    assert_eq!(post("launch", &id).await, (409, "approval-stale".to_owned()), "other channels were approved");
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    world.work_on_tasks().await;
    assert_eq!(post("approve", &id).await.0, 200);
    assert_eq!(post("launch", &id).await.0, 200);
    assert_eq!(post("launch", &id).await, (409, "conflict".to_owned()), "twice");
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 3);
    assert_eq!(post("plan", &id).await, (409, "conflict".to_owned()));
}

#[tokio::test]
async fn a_test_reaches_the_named_people_and_no_figure_counts_it() {
    let world = crowd(3).await;
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    let test = async |to: serde_json::Value| {
        world.campaign_request("POST /v1/campaigns/{id}/test", id, json!({"to": to})).await
    };
    assert_eq!(
        (
            test(json!([])).await.status,
            test(json!(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"])).await.status
        ),
        (422, 422)
    );
    let tested = test(json!(["user-1", "unknown"])).await;
    assert_eq!(tested.status, 202, "{tested:?}");
    world.work_on_tasks().await;
    assert_eq!((world.push.total(), world.push.count("user-1")), (1, 1));
    let sent = world.get(tested.body["items"][0]["notification"].as_str().unwrap()).await;
    assert_eq!(sent.status, 404, "the notification belongs to the operator who tested");
    assert_eq!(world.items("notifications")[0]["test"]["N"], "1");
    assert_eq!(world.metrics().await["summary"]["sent"], 0);
    // A second test reaches the person again, and so does the campaign itself.
    assert_eq!(test(json!(["user-1"])).await.status, 202);
    let early = test(json!(["user-2"])).await;
    assert_eq!((early.status, early.header("Retry-After")), (409, Some("2")), "the test before is not sent yet");
    world.work_on_tasks().await;
    let planned = world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    assert_eq!(planned.status, 202);
    world.work_on_tasks().await;
    world.campaign_request("POST /v1/campaigns/{id}/approve", id, json!({})).await;
    world.launch(id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.count("user-1"), 3);
}

#[tokio::test]
async fn an_idempotency_key_creates_one_campaign() {
    let world = crowd(1).await;
    let first = world.create_campaign_once("autumn", campaign()).await;
    let second = world.create_campaign_once("autumn", campaign()).await;
    assert_eq!((first.status, second.status, &first.body["id"]), (201, 201, &second.body["id"]));
    assert_eq!(second.header("Idempotency-Replayed"), Some("true"));
    assert_eq!(world.create_campaign_once("autumn", with(json!({"title": "Winter"}))).await.status, 422);
    let listed = world.campaign_request("GET /v1/campaigns", "", json!(null)).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_open_campaign_is_listed_on_one_page() {
    let world = crowd(1).await;
    let list = async |query: &[(&str, &str)]| {
        world.campaign_request_by("ops-client", "GET /v1/campaigns", "", json!(null), None, query).await
    };
    let mut created = Vec::new();
    for _ in 0..52 {
        world.advance(1);
        let campaign = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
        created.push(campaign.body["id"].as_str().unwrap().to_owned());
    }
    let ended = &created[50];
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", ended, json!({})).await.status, 200);
    let open = list(&[("state", "open")]).await;
    let ids: Vec<_> = open.body["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
    let expected: Vec<_> = created.iter().rev().filter(|id| *id != ended).map(String::as_str).collect();
    assert_eq!((ids, &open.body["next"]), (expected, &json!(null)), "newest first");
    let older = list(&[("state", "open"), ("after", &created[1])]).await;
    assert_eq!(older.body["items"].as_array().unwrap().len(), 1);
    for wrong in ["running", ""] {
        let refused = list(&[("state", wrong)]).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["state"]), "{wrong}");
    }
}

#[tokio::test]
async fn a_change_takes_the_tag_of_the_present_state() {
    let world = crowd(1).await;
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let (id, tag) = (created.body["id"].as_str().unwrap(), created.header("ETag").unwrap());
    let patch = async |title: &str, tag: &str| {
        let body = json!({"title": title});
        let route = "PATCH /v1/campaigns/{id}";
        world.campaign_request_by("ops-client", route, id, body, Some(tag), &[]).await.status
    };
    assert_eq!((patch("B", tag).await, patch("C", tag).await), (200, 412));
    let shown = world.campaign_request("GET /v1/campaigns/{id}", id, json!(null)).await;
    assert_eq!(shown.body["title"], "B");
}

#[tokio::test]
async fn what_an_open_campaign_names_stays() {
    let world = crowd(1).await;
    let template = json!({"title": "Reminder", "default_locale": "en", "variables": {"type": "object", "properties": {}},
        "parts": {"en": {"push": {"title": "Hi", "body": "News for you"}}}});
    world.publish_template(template).await;
    let segment = json!({"title": "All", "filter": {"all": []}});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "all", segment, None).await.status, 201);
    let names = json!({"content": null, "template": {"name": "reminder"}, "filter": null, "segment": "all"});
    let created = world.campaign_request("POST /v1/campaigns", "", with(names)).await;
    let id = created.body["id"].as_str().unwrap();
    let delete = async || {
        let template = world.template("DELETE", "", json!(null)).await;
        (template, world.segment_request("DELETE /v1/segments/{id}", "all", json!(null), None).await)
    };
    let (template, segment) = delete().await;
    for refused in [template, segment] {
        assert!(refused.status == 409 && refused.body["detail"].as_str().unwrap().contains(id), "{refused:?}");
    }
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", id, json!(null)).await.status, 200);
    let (template, segment) = delete().await;
    assert_eq!((template.status, segment.status), (200, 204));
}

#[tokio::test]
async fn a_paused_campaign_takes_a_newer_version_of_its_template_for_the_rest() {
    let world = crowd(40).await;
    let template = |text: &str| {
        json!({"title": "Reminder", "default_locale": "en", "variables": {"type": "object", "properties": {}},
            "parts": {"en": {"push": {"title": "Hi", "body": text}}}})
    };
    world.publish_template(template("first")).await;
    let message = json!({"content": null, "template": {"name": "reminder"}, "rollout": {"steps": [{"percent": 100}]}});
    let id = world.approved_campaign(with(message)).await;
    world.launch(&id).await;
    for _ in 0..40 {
        let task = world.next_task().unwrap();
        world.work_on_task(&world.fanout, &task).await.unwrap();
    }
    let before = world.push.total();
    let used = async || {
        let shown = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await;
        shown.body["launch"]["templates"][0].clone()
    };
    assert_eq!(used().await, json!({"name": "reminder", "version": 1, "newer_version": null}));
    world.publish_template(template("second")).await;
    world.advance(31);
    assert_eq!(used().await, json!({"name": "reminder", "version": 1, "newer_version": 2}));
    let patch = async |body: serde_json::Value| world.campaign_request("PATCH /v1/campaigns/{id}", &id, body).await;
    let newer = json!({"template": {"name": "reminder"}});
    assert_eq!(patch(newer.clone()).await.status, 409, "it runs");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!(null)).await.status, 200);
    let other = patch(json!({"template": {"name": "payment-due"}})).await;
    assert_eq!((other.status, &other.body["errors"][0]["field"]), (422, &json!("template")), "{other:?}");
    assert_eq!(patch(newer).await.status, 200);
    assert_eq!(used().await, json!({"name": "reminder", "version": 2, "newer_version": null}));
    world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await;
    world.work_on_tasks().await;
    let sent = world.items("notifications");
    let with_version = |version: u32| {
        let text = format!("\\\"version\\\":{version}");
        sent.iter().filter(|item| item.to_string().contains(&text)).count()
    };
    assert_eq!((sent.len(), with_version(1), with_version(2)), (40, before, 40 - before));
}

#[tokio::test]
async fn a_key_can_be_used_again_after_a_day_although_its_item_is_not_deleted_yet() {
    let world = crowd(1).await;
    let first = world.create_campaign_once("k", campaign()).await;
    world.advance(24 * 3_600 + 1);
    let second = world.create_campaign_once("k", campaign()).await;
    assert_eq!((second.status, second.header("Idempotency-Replayed")), (201, None), "{second:?}");
    assert_ne!(first.body["id"], second.body["id"]);
    assert_eq!(world.create_campaign_once("k", campaign()).await.body["id"], second.body["id"]);
}

#[tokio::test]
async fn values_of_sensitive_variables_are_not_shown_after_the_launch_and_never_in_the_audit() {
    let world = crowd(2).await;
    let variables = json!({"type": "object", "required": ["code", "name"], "properties": {"code": {"type": "string", "example": "1", "sensitive": true},
        "name": {"type": "string", "example": "Ada"}}});
    let push = json!({"push": {"title": "{{ name }}", "body": "{{ code }}"}});
    let template = json!({"title": "R", "default_locale": "en", "variables": variables, "parts": {"en": push}});
    world.publish_template(template).await;
    let variants = json!([
        {"name": "a", "weight_bp": 5_000, "template": {"name": "reminder"}, "variables": {"code": "Z9-secret", "name": "A"}},
        {"name": "b", "weight_bp": 5_000, "template": {"name": "reminder"}, "variables": {"code": "Z9-secret", "name": "B"}},
    ]);
    let own =
        json!({"content": null, "template": {"name": "reminder"}, "variables": {"code": "Z9-secret", "name": "A"}});
    for body in [own, json!({"content": null, "variants": variants})] {
        let id = world.approved_campaign(with(body)).await;
        let get = async |id: &str| world.campaign_request("GET /v1/campaigns/{id}", id, json!(null)).await.body;
        assert!(get(&id).await.to_string().contains("Z9-secret"), "operators check what they send");
        world.launch(&id).await;
        world.work_on_tasks().await;
        let shown = get(&id).await;
        assert!(!shown.to_string().contains("Z9-secret"), "{shown}");
        assert!(shown.to_string().contains(r#""name":"A""#), "{shown}");
        world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!({})).await;
        let mut changed = json!({"rate_per_second": 7});
        for name in ["variables", "variants"] {
            if !shown[name].is_null() {
                changed[name] = shown[name].clone();
            }
        }
        let answer = world.campaign_request("PATCH /v1/campaigns/{id}", &id, changed).await;
        assert_eq!((answer.status, &answer.body["rate_per_second"]), (200, &json!(7)), "{answer:?}");
        let retry = json!({"outcomes": ["sent"]});
        let retry = world.campaign_request("POST /v1/campaigns/{id}/retry", &id, retry).await;
        assert_eq!(retry.status, 201, "{retry:?}");
        assert!(!retry.body.to_string().contains("Z9-secret"), "{retry:?}");
    }
    assert_eq!(world.push.total(), 4);
    let audit = world.ops("GET /v1/audit", &[("kind", "campaign")]).await.body.to_string();
    assert!(!audit.contains("Z9-secret") && audit.contains("variables"), "{audit}");
}

#[tokio::test]
async fn a_progress_of_the_sending_alone_has_no_plan() {
    let world = crowd(2).await;
    let id = world.approved_campaign(campaign()).await;
    let progress = async |value: &str| {
        let (route, query) = ("GET /v1/campaigns/{id}/progress", [("sending_only", value)]);
        world.campaign_request_by("ops-client", route, &id, json!(null), None, &query).await
    };
    let before = progress("true").await.body;
    assert_eq!((&before["plan"], &before["sending"]), (&json!(null), &json!(null)), "{before}");
    world.launch(&id).await;
    world.work_on_tasks().await;
    let (alone, whole) = (progress("true").await.body, progress("false").await.body);
    assert!(alone["plan"].is_null() && whole["plan"]["is_complete"] == true, "{alone}");
    assert_eq!((&alone["sending"], &alone["state"]), (&whole["sending"], &whole["state"]));
    let refused = progress("yes").await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["sending_only"]));
}
