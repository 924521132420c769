//! Numbers of one in the console: no sentence has a noun in the plural after them.

use console::site::Role;
use serde_json::json;
use world::World;

use super::campaigns::{crowd, with};

/// Nouns that follow a number on a page.
const PLURALS: [&str; 20] = [
    "people",
    "notifications",
    "devices",
    "minutes",
    "hours",
    "days",
    "steps",
    "messages",
    "recipients",
    "versions",
    "rows",
    "parts",
    "tasks",
    "profiles",
    "bytes",
    "findings",
    "countries",
    "more people",
    "more recipients",
    "stored profiles",
];

/// Returns the words around a number of one that is followed by a plural.
fn plural_of_one(html: &str) -> Option<String> {
    let text: String = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_plural = |rest: &str| {
        PLURALS.iter().any(|noun| rest.strip_prefix(noun).is_some_and(|end| !end.starts_with(char::is_alphanumeric)))
    };
    let mut from = 0;
    while let Some(place) = words[from..].find("1 ").map(|place| place + from) {
        let before = words[..place].chars().next_back();
        if before.is_none_or(|letter| " (".contains(letter)) && is_plural(&words[place + 2..]) {
            return Some(words[place..].chars().take(60).collect());
        }
        from = place + 2;
    }
    None
}

#[test]
fn a_plural_after_one_is_found() {
    for wrong in ["<b>1</b> people, exact", "of 1 parts", "(1 notifications)", "send to 1 more people"] {
        assert!(plural_of_one(wrong).is_some(), "{wrong}");
    }
    for right in ["21 people", "2.1 hours", "v1 notifications", "1 person", "<td>1</td><td>people", "1 partition"] {
        assert_eq!(plural_of_one(right), None, "{right}");
    }
}

async fn check(world: &World, page: &str, query: &[(&str, &str)], parts: &[&str]) {
    let shown = world.open_page(&world.person(Role::Admin), page, query).await;
    assert_eq!(shown.status, 200, "{page} {query:?}: {}", shown.text());
    assert_eq!(plural_of_one(shown.text()), None, "{page} {query:?}: {}", shown.text());
    for part in parts {
        assert!(shown.text().contains(part), "{page} {query:?}: {part}: {}", shown.text());
    }
}

#[tokio::test]
async fn a_campaign_of_one_person_has_nouns_in_the_singular() {
    let world = crowd(1).await;
    let id = world.approved_campaign(with(json!({}))).await;
    let id = ("id", id.as_str());
    check(&world, "campaign", &[id, ("step", "plan")], &["The 1 person of the plan gets nothing."]).await;
    check(&world, "campaign", &[id, ("step", "launch")], &["Send to 1 person, "]).await;
    world.launch(id.1).await;
    let left = ["0 of 1 person is handled", "Cancel: 1 person gets nothing", "1 person who is left gets nothing."];
    check(&world, "campaign", &[id], &left).await;
    check(&world, "campaigns", &[], &["0 of 1 person, "]).await;
    check(&world, "", &[], &[]).await;
    world.campaign_request("POST /v1/campaigns/{id}/pause", id.1, json!({})).await;
    check(&world, "campaign", &[id], &["Resume: send to 1 more person"]).await;
    world.campaign_request("POST /v1/campaigns/{id}/resume", id.1, json!({})).await;
    world.work_on_tasks().await;
    check(&world, "campaign", &[id], &["1 of 1 person is handled", "What 1 person got stays sent"]).await;
    let list = json!({"title": "Few", "filter": null, "recipients": ["user-0"]});
    let few = world.campaign_request("POST /v1/campaigns", "", with(list)).await.body;
    check(&world, "campaign", &[("id", few["id"].as_str().unwrap())], &["The stored list of 1 person"]).await;
}

#[tokio::test]
async fn other_numbers_of_one_have_nouns_in_the_singular() {
    let world = crowd(1).await;
    world.set("rollout-percentage", "0");
    world.tick().await.unwrap();
    world.advance(1);
    let plan = json!({"steps": [{"percentage": 10, "hold_minutes": 1}]});
    assert_eq!(world.put_rollout(json!({"plan": plan})).await.status, 200);
    world.send("user-0", json!({})).await;
    world.advance(60);
    world.fold().await;
    let week = "In the last 7 days, 1 notification was sent, to one person.";
    check(&world, "rollout", &[], &["10 % for 1 minute ", "The last hour had 1 notification:", week]).await;
    for page in ["", "costs", "analytics", "types", "templates", "segments", "settings"] {
        check(&world, page, &[], &[]).await;
    }
    let form = [("json", r#"{"all": []}"#), ("title", "All"), ("new_id", "all")];
    let viewer = world.person(Role::Viewer);
    for (action, says) in
        [("preview", "</span> person, exact"), ("preview", "1 person was read, in"), ("sample", "1 person was read")]
    {
        let page = world.send_form(&viewer, "segment", &[&form[..], &[("action", action)]].concat()).await;
        assert_eq!(plural_of_one(page.text()), None, "{action}: {}", page.text());
        assert!(page.text().contains(says), "{says}: {}", page.text());
    }
}
