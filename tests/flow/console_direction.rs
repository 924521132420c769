//! Text that callers and recipients control cannot reorder the page around it: a mark of direction ends with its value.

use console::site::Role;
use serde_json::json;

use super::campaigns::{crowd, with};
use world::World;

/// Text with an override of the direction and an isolate that nothing ends.
const VALUE: &str = "\u{202e}evil\u{2067}";
/// Elements that isolate their text, or show it as a block or a value of its own.
const ISOLATING: [&str; 5] = ["bdi", "textarea", "option", "pre", "title"];
/// Blocks, which isolate a value if they have no other text.
const BLOCKS: [&str; 13] =
    ["td", "th", "dd", "dt", "li", "p", "h1", "h2", "h3", "caption", "label", "legend", "strong"];

/// Returns the places of a page where the value stands beside other text without an element that isolates it.
fn mixed(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, _) in html.match_indices(VALUE) {
        let (before, after) = html.split_at(place);
        let (opened, closed) = (before.rfind('<').unwrap(), before.rfind('>').unwrap());
        // The value of an attribute is no text of the page.
        if opened > closed {
            continue;
        }
        let tag = before[opened + 1..closed].split([' ', '\n']).next().unwrap();
        let text = format!("{}{}", &before[closed + 1..], after.split('<').next().unwrap());
        let is_alone = text.trim() == VALUE && after.contains(&format!("</{tag}>")) && BLOCKS.contains(&tag);
        if !ISOLATING.contains(&tag) && !is_alone {
            found.push(format!("<{tag}> {text}"));
        }
    }
    found
}

/// Creates a type, a template, a segment, a person and a campaign whose texts are the value. Returns the campaign and a
/// notification.
async fn world_of_marks() -> (World, String, String) {
    let world = crowd(2).await;
    let kind = json!({"title": VALUE, "class": "marketing", "channels": ["push", "email"], "template": "reminder"});
    let template = json!({
        "title": VALUE, "default_locale": "en",
        "variables": {"type": "object", "required": ["who"], "properties": {"who": {"type": "string", "description": VALUE, "example": VALUE}}},
        "parts": {"en": {"email": {"subject": VALUE, "text": format!("{VALUE} {{{{ who }}}}"), "html": format!("<p>{VALUE} {{{{ who }}}}</p>")}, "push": {"title": VALUE, "body": VALUE}}},
    });
    world.publish_template(template).await;
    assert_eq!(world.put_type("MARKED", kind).await.status, 201);
    let filter = json!({"field": "attributes.plan", "op": "eq", "value": VALUE});
    let segment = json!({"title": VALUE, "filter": filter});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "marked", segment, None).await.status, 201);
    let profile = json!({"email": "marked@example.com", "attributes": {"plan": VALUE, "note": VALUE}});
    world.put_profile("marked", profile).await;
    let content = json!({"title": VALUE, "body": VALUE});
    let sent = world.send("marked", json!({"channels": ["email"], "content": content})).await;
    assert_eq!(world.put_rollout(json!({"percentage": 99, "reason": VALUE})).await.status, 200);
    let id = world.approved_campaign(with(json!({"title": VALUE, "content": content}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.fold().await;
    let id_of_sent = sent.body["id"].as_str().unwrap().to_owned();
    (world, id, id_of_sent)
}

#[tokio::test]
async fn a_value_with_marks_of_direction_is_isolated_on_every_page() {
    let (world, campaign, notification) = world_of_marks().await;
    let approver = world.person(Role::Admin);
    let draft = world.campaign_request("POST /v1/campaigns", "", with(json!({"title": VALUE}))).await;
    let draft = draft.body["id"].as_str().unwrap().to_owned();
    let (campaign, draft, notification) = (campaign.as_str(), draft.as_str(), notification.as_str());
    let pages: [(&str, Vec<(&str, &str)>); 24] = [
        ("", vec![]),
        ("send", vec![("to", "marked"), ("template", "reminder")]),
        ("notification", vec![("id", notification), ("why", "now")]),
        ("recipient", vec![("id", "marked")]),
        ("recipient_segments", vec![("id", "marked")]),
        ("types", vec![]),
        ("type", vec![("name", "MARKED")]),
        ("templates", vec![]),
        ("template", vec![("name", "reminder"), ("locale", "en"), ("channel", "email")]),
        ("template", vec![("name", "reminder"), ("view", "about")]),
        ("template", vec![("name", "reminder"), ("view", "versions")]),
        ("segments", vec![]),
        ("segment", vec![("id", "marked")]),
        ("campaigns", vec![]),
        ("campaign", vec![("id", campaign)]),
        ("campaign", vec![("id", campaign), ("tab", "recipients")]),
        ("campaign", vec![("id", campaign), ("tab", "results")]),
        ("campaign", vec![("id", campaign), ("tab", "definition")]),
        ("campaign", vec![("id", draft)]),
        ("campaign", vec![("id", draft), ("step", "content")]),
        ("analytics", vec![]),
        ("rollout", vec![]),
        ("audit", vec![]),
        ("costs", vec![]),
    ];
    let (mut shown, mut violations) = (0, Vec::new());
    for (page, query) in pages {
        let answer = world.open_page(&approver, page, &query).await;
        assert_eq!(answer.status, 200, "{page} {query:?}: {}", answer.text());
        violations.extend(mixed(answer.text()).into_iter().map(|text| format!("{page} {query:?}: {text}")));
        shown += usize::from(answer.text().contains(VALUE));
    }
    assert_eq!(violations, Vec::<String>::new());
    assert!(shown >= 16, "the value is on {shown} pages");
}

#[tokio::test]
async fn a_refused_form_isolates_what_was_typed() {
    let (world, ..) = world_of_marks().await;
    let admin = world.person(Role::Admin);
    let forms: [(&str, Vec<(&str, &str)>); 5] = [
        ("send", vec![("action", "preview"), ("to", "marked"), ("title", VALUE), ("body", VALUE), ("url", VALUE)]),
        ("type", vec![("action", "check"), ("new_name", VALUE), ("title", VALUE), ("tries", VALUE)]),
        ("settings", vec![("action", "check_one"), ("path", "sms.max_parts"), ("value", VALUE)]),
        ("rollout", vec![("action", "percentage"), ("percentage", VALUE), ("reason", VALUE)]),
        (
            "campaign",
            vec![("action", "create"), ("title", VALUE), ("type", "NEWS"), ("audience", "filter"), ("filter", VALUE)],
        ),
    ];
    for (page, form) in forms {
        let answer = world.send_form(&admin, page, &form).await;
        assert!((400..500).contains(&answer.status), "{page}: {}", answer.text());
        assert_eq!(mixed(answer.text()), Vec::<String>::new(), "{page}");
    }
}
