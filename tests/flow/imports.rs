//! Imports of recipients: what was imported is used by the next send, and a "no" holds on every path.

use serde_json::{Value, json};

use world::World;

#[tokio::test]
async fn an_imported_recipient_is_reached_and_an_imported_no_is_respected() {
    let world = World::start().await;
    let browser = World::browser("phone");
    let keys = json!({"p256dh": browser.p256dh(), "auth": browser.auth()});
    let device = json!({"endpoint": format!("{}/push/phone", world.push.origin), "keys": keys});
    let items = vec![
        json!({"id": "ada", "locale": "it-IT", "devices": [device]}),
        json!({"id": "bob", "email": "bob@example.com", "preferences": {"opted_out_channels": ["email"]}}),
        json!({"id": "eve", "email": "eve@example.com", "unsubscribed_types": ["PAYMENT_DUE"]}),
    ];
    let imported = world.import("upsert", items.clone()).await;
    assert_eq!(imported.body["counts"]["created"], 3, "{imported:?}");
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    assert_eq!(world.send("bob", json!({})).await.body["reason"], "no_channel");
    assert_eq!(world.send("eve", json!({})).await.attempts(), ["email:accepted"]);
    assert_eq!(world.send("eve", json!({"type": "PAYMENT_DUE"})).await.body["reason"], "opted_out");
    // The same file a second time, and the export of every recipient, write nothing.
    world.write_units();
    let again = world.import("create", items).await;
    assert_eq!(again.body["counts"]["unchanged"], 3, "{again:?}");
    let mut export: Vec<Value> = Vec::new();
    for id in ["ada", "bob", "eve"] {
        let document = world.on_recipient("GET /v1/recipients/{id}/export", id, Value::Null).await;
        assert_eq!(document.status, 200, "{document:?}");
        export.push(document.body["recipient"].clone());
    }
    let again = world.import("update_only", export).await;
    assert_eq!(again.body["counts"]["unchanged"], 3, "{again:?}");
    assert_eq!(world.write_units(), 0.0);
}

#[tokio::test]
async fn an_export_with_choices_about_a_deleted_type_changes_nothing() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    for number in 0..60 {
        let offers = json!({"title": "Offers", "class": "marketing", "channels": ["email"]});
        assert_eq!(world.put_type(&format!("OFFERS_{number}"), offers).await.status, 201);
    }
    let refusals: Vec<_> = (0..60).map(|n| json!({"type": format!("OFFERS_{n}"), "wants": false})).collect();
    let route = "PUT /v1/recipients/{id}/preferences";
    assert_eq!(world.on_recipient(route, "ada", json!({"choices": refusals})).await.status, 200);
    let archived = world.type_request("DELETE", "OFFERS_7", Value::Null).await;
    let removable: jiff::Timestamp = archived.body["removable_at"].as_str().unwrap().parse().unwrap();
    world.advance(u64::try_from(removable.as_second() - world.clock.now().as_second() + 1).unwrap());
    assert_eq!(world.type_request("DELETE", "OFFERS_7", Value::Null).await.status, 204);
    world.advance(30);
    let ada = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await.body;
    assert_eq!(ada["unsubscribed_types"].as_array().unwrap().len(), 60, "{ada}");
    world.write_units();
    let again = world.import("update_only", vec![ada.clone()]).await;
    assert_eq!((&again.body["counts"]["unchanged"], world.write_units()), (&json!(1), 0.0), "{again:?}");
    let mut other = ada;
    other["id"] = json!("bob");
    let refused = world.import("create", vec![other]).await;
    let fields: Vec<_> = refused.body["items"][0]["problem"]["errors"].as_array().unwrap().iter().collect();
    assert!(fields.iter().all(|error| error["message"].as_str().unwrap().contains("OFFERS")), "{refused:?}");
    assert_eq!(fields.len(), 2, "the name in both lists: {refused:?}");
}

#[tokio::test]
async fn an_item_that_the_contract_does_not_allow_is_a_problem_of_that_item() {
    let world = World::start().await;
    let items = vec![json!({"id": "ada", "colour": "red"}), json!({"id": "bob"}), json!({"id": 7})];
    let answer = world.import("upsert", items).await;
    let problems = [&answer.body["items"][0]["problem"]["errors"], &answer.body["items"][2]["problem"]["errors"]];
    assert_eq!(problems.map(|errors| &errors[0]["field"]), [&json!("items[0].colour"), &json!("items[2].id")]);
    assert_eq!(answer.body["items"][1]["result"], "created");
}

#[tokio::test]
async fn an_import_does_not_revert_what_the_recipient_chose_by_a_link() {
    let world = World::start().await;
    world.put_profile("eve", json!({"email": "eve@example.com"})).await;
    world.send("eve", json!({})).await;
    let link = world.unsubscribe_link();
    assert_eq!(world.follow("POST", &link).await.status, 200);
    let item =
        json!({"id": "eve", "email": "eve@example.com", "locale": "it", "unsubscribed_types": [], "preferences": null});
    assert_eq!(world.import("upsert", vec![item]).await.body["counts"]["updated"], 1);
    assert_eq!(world.send("eve", json!({})).await.body["reason"], "opted_out");
}
