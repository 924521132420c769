//! Plans: what a dry run of a campaign says before anybody is sent to.

use serde_json::json;

use super::campaigns::{crowd, with};

#[tokio::test]
async fn a_plan_decides_about_quiet_hours_as_of_the_begin_of_the_campaign() {
    let world = crowd(3).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("user-1", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let planned = async |timing: serde_json::Value| {
        let id = world.approved_campaign(with(timing)).await;
        let numbers = world.progress(&id).await["plan"]["numbers"].clone();
        (numbers["by_channel"]["push"].clone(), numbers["held"].clone())
    };
    // Now it is 11:00 in Rome.
    assert_eq!(planned(json!({})).await, (json!(2), json!(1)));
    assert_eq!(planned(json!({"send_at": "2026-11-23T11:30:00Z"})).await, (json!(3), json!(0)), "half past twelve");
    let local = |time: &str| json!({"at_local": {"date_time": time, "default_time_zone": "UTC"}});
    assert_eq!(planned(local("2026-11-24T11:00:00")).await, (json!(2), json!(1)));
    assert_eq!(planned(local("2026-11-24T13:00:00")).await, (json!(3), json!(0)));
}

#[tokio::test]
async fn a_plan_shows_what_three_of_its_people_would_get_and_stores_none_of_it() {
    let world = crowd(4).await;
    for number in 0..4 {
        let (id, email) = (format!("user-{number}"), format!("user-{number}@example.com"));
        let attributes = json!({"name": format!("Name-{number}"), "code": "secret"});
        world.put_profile(&id, json!({"email": email, "locale": "it-IT", "attributes": attributes})).await;
    }
    let template = json!({
        "title": "Reminder", "default_locale": "en", "variables": {"type": "object", "required": ["name", "code"],
            "properties": {"name": {"type": "string", "example": "Ada"},
                "code": {"type": "string", "example": "1", "sensitive": true}}},
        "parts": {
            "en": {"push": {"title": "Hi {{ name }}", "body": "News {{ code }}"},
                "email": {"subject": "Hi {{ name }}", "html": "<p>{{ code }} <a href=\"{{ unsubscribe_url }}\">x</a></p>", "text": "News {{ code }} {{ unsubscribe_url }}"}},
            "it": {"push": {"title": "Ciao {{ name }}", "body": "Novità {{ code }}"},
                "email": {"subject": "Ciao {{ name }}", "html": "<p>{{ code }} <a href=\"{{ unsubscribe_url }}\">x</a></p>", "text": "Novità {{ code }} {{ unsubscribe_url }}"}}},
    });
    world.publish_template(template).await;
    let from = json!({"name": "name", "code": "code"});
    let id = world
        .approved_campaign(with(json!({"content": null, "template": {"name": "reminder"}, "variables_from": from})))
        .await;
    let samples = async || world.progress(&id).await["plan"]["samples"].as_array().unwrap().clone();
    let shown = samples().await;
    assert_eq!(shown.len(), 3, "{shown:?}");
    for sample in &shown {
        assert_eq!(
            (&sample["recipient"]["id"], &sample["recipient"]["email"]),
            (&json!("us…"), &json!("u…@example.com"))
        );
        assert!(sample["messages"]["push"].to_string().contains("Ciao Name-"), "{sample}");
        assert!(sample["messages"]["email"]["subject"].as_str().unwrap().starts_with("Ciao Name-"), "{sample}");
        assert!(!sample.to_string().contains("secret"), "{sample}");
    }
    assert!(!serde_json::to_string(&world.items("settings")).unwrap().contains("Name-"), "a plan stores no text");
    assert_eq!(world.push.total(), 0);
    for number in 0..4 {
        world.on_recipient("DELETE /v1/recipients/{id}", &format!("user-{number}"), json!(null)).await;
    }
    assert_eq!(samples().await, Vec::<serde_json::Value>::new(), "an erased person is in no sample");
}
