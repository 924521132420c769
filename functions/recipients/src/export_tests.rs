//! Tests of the export of a recipient, on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used)]

use jiff::ToSpan;
use serde_json::{Value, json};

use super::super::testing::{AUTH, P256DH, TestApi};
use domain::notification::Content;

const EXPORT: &str = "GET /v1/recipients/{id}/export";

#[tokio::test]
async fn an_export_holds_everything_of_one_recipient_and_nothing_that_can_send() {
    let mut world = TestApi::new().await;
    world.put("ada", &json!({"email": "ada@example.com", "attributes": {"plan": "gold"}})).await;
    world.register("ada", "secret-token").await;
    let email = domain::channel::EmailAddress::parse("ada@example.com").unwrap();
    let address = domain::recipient::Address::Email(&email);
    let reason = domain::recipient::SuppressionReason::Complaint;
    world.api.suppressions.suppress(address, reason, None, world.now).await.unwrap();
    let mut first = store::sample::notification("ada", world.now, None);
    first.parts_mut().engagement.clicked_at = Some(world.now + 1.minute());
    world.api.notifications.create(&first).await.unwrap();
    for (id, hours) in [("ada", 1), ("bob", 2)] {
        let notification = store::sample::notification(id, world.now + hours.hours(), None);
        world.api.notifications.create(&notification).await.unwrap();
    }
    world.now += 3.hours();
    let (status, export) = world.ask(EXPORT, "ada", "").await;
    assert_eq!(status, 200, "{export}");
    assert_eq!(export["exported_at"], "2027-01-10T15:00:00Z");
    assert_eq!(export["recipient"], world.get("ada").await.1);
    let suppression = json!({"channel": "email", "reason": "complaint", "suppressed_at": "2027-01-10T12:00:00Z"});
    assert_eq!(export["suppressions"], json!([suppression]));
    let items = export["history"]["items"].as_array().unwrap();
    assert_eq!((items.len(), &export["history"]["next"]), (2, &Value::Null));
    assert_eq!(items[1]["content"], serde_json::to_value(first.message().content()).unwrap());
    assert_eq!(items[1]["notification"]["id"], json!(first.id()));
    let clicked =
        json!({"notification_id": first.id(), "event": "clicked", "at": "2027-01-10T12:01:00Z", "value_micros": null});
    assert_eq!(export["engagement"], json!([clicked]));
    let text = export.to_string();
    assert!(!text.contains("secret-token") && !text.contains(P256DH) && !text.contains(AUTH), "{text}");
}

#[tokio::test]
async fn a_long_history_is_exported_in_several_documents() {
    let world = TestApi::new().await;
    let long = "x".repeat(3_900);
    for number in 0..900 {
        let mut notification = store::sample::notification("ada", world.now + number.minutes(), None);
        let content = Content { body: long.clone().into(), ..notification.message().content().unwrap().clone() };
        notification.parts_mut().request.message = content.into();
        world.api.notifications.create(&notification).await.unwrap();
    }
    let (mut seen, mut documents, mut after) = (std::collections::BTreeSet::new(), 0, None::<String>);
    loop {
        let query: Vec<_> = after.iter().map(|after| ("after", after.as_str())).collect();
        let (status, export) = world.send(EXPORT, &[("id", "ada")], &query, vec![]).await;
        assert!(status == 200 && export.to_string().len() < 4_500_000);
        assert_eq!(export["recipient"], Value::Null, "there is no profile");
        let items = export["history"]["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["notification"]["id"].as_str().unwrap().to_owned()));
        documents += 1;
        after = export["history"]["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), documents), (900, 2));
}

#[tokio::test]
async fn an_unknown_recipient_and_a_bad_position_are_named() {
    let world = TestApi::new().await;
    assert_eq!(world.ask(EXPORT, "nobody", "").await.0, 404);
    let (status, problem) = world.send(EXPORT, &[("id", "ada")], &[("after", "yesterday")], vec![]).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("after")));
}
