//! Recipients in the web console: one person with everything that is stored, and what an operator may do for them.

use console::site::Role;
use serde_json::{Value, json};

use world::{World, bounced};

const MAIL: &str = "ada@example.com";

/// A person with a device, an address that bounced, choices, quiet hours, and a rule of the caps.
async fn ada() -> World {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let preferences = json!({"opted_out_channels": ["sms"], "quiet_hours": {"start": "02:00", "end": "03:00"}});
    let profile = json!({"email": MAIL, "phone": "+393331234567", "time_zone": "Europe/Rome", "locale": "it-IT",
        "attributes": {"plan": "<b>gold</b>"}, "preferences": preferences});
    world.put_profile("ada", profile).await;
    let choices = json!({"choices": [{"type": "PAYMENT_DUE", "wants": false}]});
    assert_eq!(world.on_recipient("PUT /v1/recipients/{id}/preferences", "ada", choices).await.status, 200);
    let rules = json!({"rules": [{"id": "daily", "max": 2, "per": "day"}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    world
}

async fn shown(world: &World, role: Role, id: &str) -> (u16, String) {
    let page = world.open_page(&world.person(role), "recipient", &[("id", id)]).await;
    (page.status, page.text().to_owned())
}

#[tokio::test]
async fn a_person_is_found_by_id_and_shown_with_everything_that_is_stored() {
    let world = ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    let id = sent.body["id"].as_str().unwrap().to_owned();
    let search = world.open_page(&world.person(Role::Viewer), "recipients", &[]).await;
    assert!(search.text().contains("name=\"id\""), "{}", search.text());
    let (status, text) = shown(&world, Role::Editor, "ada").await;
    assert_eq!(status, 200, "{text}");
    for part in [
        MAIL,
        "+393331234567",
        "02:00 to 03:00 (set by your systems)",
        "refused with the channel",
        "by <bdi>the person</bdi>, <time",
        "<td class=\"number\">2</td>",
        "&#60;b&#62;gold",
        "send?to=ada",
        ">accepted</a>",
        "Unsubscribed types</dt><dd>PAYMENT_DUE",
        &id,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("value=\"erase\""), "an editor cannot erase");
}

#[tokio::test]
async fn viewers_and_senders_see_addresses_masked_and_attributes_by_name() {
    let world = ada().await;
    for role in [Role::Viewer, Role::Sender] {
        let (_, text) = shown(&world, role, "ada").await;
        assert!(text.contains("a…@example.com") && text.contains("+39…67") && text.contains("plan"), "{text}");
        assert!(!text.contains(MAIL) && !text.contains("333123") && !text.contains("gold"), "{text}");
    }
    for role in [Role::Editor, Role::Approver, Role::Admin] {
        assert!(shown(&world, role, "ada").await.1.contains(MAIL));
    }
}

#[tokio::test]
async fn an_unknown_person_and_a_hostile_id_are_a_page_that_says_so() {
    let world = World::start().await;
    let (status, text) = shown(&world, Role::Viewer, "nobody").await;
    assert_eq!(status, 404);
    assert!(text.contains("No profile is stored under this id") && text.contains("No notification is stored"));
    let (status, text) = shown(&world, Role::Viewer, "\"><script>alert(1)</script>").await;
    assert_eq!(status, 404, "{text}");
    assert!(!text.contains("<script>alert"), "{text}");
    assert!(text.contains("&#60;script&#62;alert(1)"));
}

#[tokio::test]
async fn an_address_that_bounced_is_suppressed_until_an_admin_lifts_it() {
    let world = ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    let id = sent.body["id"].as_str().unwrap();
    world.ses_publishes(&[bounced(id, MAIL, "Permanent", "NoEmail")]).await;
    let (_, text) = shown(&world, Role::Editor, "ada").await;
    assert!(text.contains("suppressed</span>") && !text.contains("value=\"lift\""), "{text}");
    let admin = world.person(Role::Admin);
    assert!(shown(&world, Role::Admin, "ada").await.1.contains("value=\"lift\""));
    let refused = world.send_form(&admin, "recipient", &[("action", "lift"), ("id", "ada"), ("channel", "fax")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let lift = [("action", "lift"), ("id", "ada"), ("channel", "email")];
    let lifted = world.send_form(&admin, "recipient", &lift).await;
    assert_eq!(lifted.header("location").unwrap().split_once("/recipient").unwrap().1, "?id=ada&done=lifted");
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await;
    assert_eq!(profile.body["suppressed_channels"], json!([]));
}

#[tokio::test]
async fn an_admin_removes_a_device() {
    let world = ada().await;
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await;
    let device = profile.body["devices"][0]["device_id"].as_str().unwrap().to_owned();
    assert!(shown(&world, Role::Admin, "ada").await.1.contains(&device));
    let form = [("action", "remove_device"), ("id", "ada"), ("device_id", device.as_str())];
    assert_eq!(world.send_form(&world.person(Role::Admin), "recipient", &form).await.status, 303);
    assert_eq!(world.devices("ada").await, 0);
    assert!(shown(&world, Role::Admin, "ada").await.1.contains("No browser of this person is registered"));
}

#[tokio::test]
async fn an_export_is_a_file_of_everything_after_a_recent_login() {
    let world = ada().await;
    let admin = world.person(Role::Admin);
    let form = [("action", "export"), ("id", "ada"), ("after", "")];
    let file = world.send_form(&admin, "recipient", &form).await;
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"recipient.json\""));
    let document: Value = serde_json::from_str(file.text()).unwrap();
    assert_eq!((&document["recipient"]["email"], &document["history"]["next"]), (&json!(MAIL), &Value::Null));
    let refused = world.send_form(&admin, "recipient", &[&form[..2], &[("after", "<x>")]].concat()).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("value=\"&#60;x&#62;\""), "{}", refused.text());
    world.advance(901);
    assert_eq!(world.send_form(&admin, "recipient", &form).await.status, 401);
}

#[tokio::test]
async fn a_person_is_erased_after_their_id_was_typed_and_the_certificate_is_shown() {
    let world = ada().await;
    world.send("ada", json!({})).await;
    let admin = world.person(Role::Admin);
    let form = |confirm: &'static str| [("action", "erase"), ("id", "ada"), ("confirm", confirm)];
    let refused = world.send_form(&admin, "recipient", &form("Ada")).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("href=\"#field-confirm\"") && refused.text().contains("value=\"Ada\""));
    assert_eq!(world.devices("ada").await, 1, "nothing was erased");
    let erased = world.send_form(&admin, "recipient", &form("ada")).await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    for part in ["Certificate of the erasure", "profiles deleted", "left, as read again", "point-in-time backups"] {
        assert!(erased.text().contains(part), "{part}: {}", erased.text());
    }
    assert_eq!(shown(&world, Role::Admin, "ada").await.0, 404);
    world.advance(901);
    assert_eq!(world.send_form(&admin, "recipient", &form("ada")).await.status, 401);
}

#[tokio::test]
async fn the_segments_of_a_person_are_shown_with_the_conditions_that_decide() {
    let world = ada().await;
    let viewer = world.person(Role::Viewer);
    let open = async |after: &str| {
        let page = world.open_page(&viewer, "recipient_segments", &[("id", "ada"), ("after", after)]).await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text().to_owned()
    };
    assert!(open("").await.contains("There is no segment here"));
    for (id, field, value) in [("italian", "locale", "it-IT"), ("gold", "attributes.plan", "iron")] {
        let body = json!({"title": "<i>T</i>", "filter": {"field": field, "op": "eq", "value": value}});
        assert_eq!(world.segment_request("PUT /v1/segments/{id}", id, body, None).await.status, 201);
    }
    let text = open("").await;
    for part in
        [">belongs<", ">does not<", "locale = it-IT</bdi>: true", "iron</bdi>: false", "&#60;i&#62;T", "<bdi>…</bdi>"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    for number in 0..20 {
        let body = json!({"title": "T", "filter": {"all": []}});
        let id = format!("everybody-{number:02}");
        assert_eq!(world.segment_request("PUT /v1/segments/{id}", &id, body, None).await.status, 201);
    }
    assert!(open("").await.contains("after=everybody-19"), "20 a page");
    assert!(open("everybody-19").await.contains("segment?id=italian"));
    let unknown = world.open_page(&viewer, "recipient_segments", &[("id", "nobody")]).await;
    assert_eq!(unknown.status, 404);
}
