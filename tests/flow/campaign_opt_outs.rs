//! Opt-outs on the preference page of a campaign's message count for the guard of the campaign, whichever link led
//! there.

use std::collections::BTreeSet;

use serde_json::json;

use super::campaigns::{crowd, with};
use super::preference_page::Form;
use world::World;

/// A campaign of e-mails whose template has both links, rolled out to a half of 40 people.
pub async fn half_sent() -> (World, String) {
    let world = crowd(0).await;
    for number in 0..40 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com"), "locale": "en"})).await;
    }
    let text = "News. Choose: {{ preferences_url }} Stop: {{ unsubscribe_url }}";
    let html = "<p>News <a href=\"{{ preferences_url }}\">choose</a> <a href=\"{{ unsubscribe_url }}\">stop</a></p>";
    let template = json!({
        "title": "Reminder", "default_locale": "en", "variables": {"type": "object", "properties": {}},
        "parts": {"en": {"email": {"subject": "News", "html": html, "text": text}}},
    });
    world.publish_template(template).await;
    let steps = json!({"steps": [{"percent": 50, "hold_minutes": 60}, {"percent": 100}]});
    let guards = json!({"max_opted_out_percent": 10, "min_people": 5});
    let changes = json!({"content": null, "template": {"name": "reminder"}, "rollout": steps, "guards": guards});
    let id = world.approved_campaign(with(changes)).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert!(world.mails().len() >= 5);
    (world, id)
}

/// Returns the links of all mails below a path.
pub fn links_of(world: &World, path: &str) -> BTreeSet<String> {
    let links = world.mails().into_iter().flat_map(|mail| world::links(&mail));
    links.filter(|link| link.contains(path)).collect()
}

/// Opens the page behind each link and refuses what `key` names, twice.
pub async fn refuse(world: &World, links: BTreeSet<String>, key: &str) {
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        let form = Form::of(&world.follow("GET", &link).await).untick(key);
        for _ in 0..2 {
            assert_eq!(world.submit(&link, &form.fields).await.status, 200);
        }
    }
}

async fn is_paused(world: &World, id: &str) -> bool {
    world.fold().await;
    world.advance(60);
    world.reconcile().await;
    let progress = world.progress(id).await;
    let is_paused = progress["state"] == "paused";
    if is_paused {
        let detail = progress["pause_detail"].as_str().unwrap();
        assert!(progress["pause_reason"] == "guard" && detail.contains("led to an opt-out"), "{progress}");
        assert!(detail.starts_with("100.0 %"), "each person counts once: {progress}");
    }
    is_paused
}

#[tokio::test]
async fn who_refuses_the_type_or_the_channel_of_a_message_on_the_preference_page_is_an_opt_out() {
    for key in ["NEWS|*", "*|email", "NEWS|email"] {
        let (world, id) = half_sent().await;
        refuse(&world, links_of(&world, "/v1/preferences/"), key).await;
        assert!(is_paused(&world, &id).await, "{key}");
    }
}

#[tokio::test]
async fn the_page_behind_an_unsubscribe_link_counts_too_and_the_one_click_after_it_not_again() {
    let (world, id) = half_sent().await;
    let links = links_of(&world, "/v1/unsubscribe/");
    let pages = links.iter().map(|link| link.replace("/v1/unsubscribe/", "/v1/preferences/")).collect();
    refuse(&world, pages, "NEWS|*").await;
    for link in &links {
        assert_eq!(world.follow("POST", link).await.status, 200);
    }
    assert!(is_paused(&world, &id).await);
}

#[tokio::test]
async fn who_refuses_something_else_is_no_opt_out_of_the_campaign() {
    for key in ["PAYMENT_DUE|*", "*|sms", "NEWS|push"] {
        let (world, id) = half_sent().await;
        refuse(&world, links_of(&world, "/v1/preferences/"), key).await;
        assert!(!is_paused(&world, &id).await, "{key}");
    }
}
