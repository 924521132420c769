//! Tests of devices, on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::ToSpan;
use serde_json::json;

use super::testing::{AUTH, P256DH, TestApi, subscription};
use domain::recipient::RecipientId;

#[tokio::test]
async fn a_device_creates_the_recipient_and_exposes_neither_endpoint_nor_keys() {
    let world = TestApi::new().await;
    let (status, registered) = world.register("ada", "secret-token").await;
    assert_eq!(status, 201);
    let (_, read) = world.get("ada").await;
    assert_eq!(
        read["devices"],
        json!([{
            "device_id": registered["device_id"], "host": "fcm.googleapis.com", "expires_at": null,
            "created_at": "2027-01-10T12:00:00Z", "last_used_at": "2027-01-10T12:00:00Z",
        }])
    );
    let text = read.to_string();
    assert!(!text.contains("secret-token") && !text.contains(P256DH) && !text.contains(AUTH));
    assert_eq!(world.stored_parts().await, ["device", "owner", "profile"]);
}

#[tokio::test]
async fn a_repeated_registration_writes_nothing_on_the_same_day_and_refreshes_the_device_on_the_next() {
    let mut world = TestApi::new().await;
    let (_, first) = world.register("ada", "one").await;
    let before = world.everything().await;
    world.now += 23.hours();
    assert_eq!(world.register("ada", "one").await, (200, first.clone()));
    assert_eq!(world.everything().await, before);

    world.now += 1.hour();
    assert_eq!(world.register("ada", "one").await, (200, first));
    let (_, read) = world.get("ada").await;
    assert_eq!(read["devices"][0]["last_used_at"], "2027-01-11T12:00:00Z");
    assert_eq!(read["devices"][0]["created_at"], "2027-01-10T12:00:00Z");
}

#[tokio::test]
async fn new_keys_of_a_known_endpoint_are_stored_at_once() {
    let world = TestApi::new().await;
    world.register("ada", "one").await;
    let mut changed = subscription("one");
    changed["keys"]["auth"] = json!(URL_SAFE_NO_PAD.encode([9; 16]));
    changed["expirationTime"] = json!(1_830_000_000_000_u64);
    assert_eq!(world.ask("PUT /v1/recipients/{id}/devices", "ada", &changed.to_string()).await.0, 200);
    let key = world.api.hasher.recipient_key(&RecipientId::parse("ada").unwrap());
    let stored = world.api.recipients.load(&key).await.unwrap().unwrap();
    assert_eq!(stored.devices[0].auth.expose(), &URL_SAFE_NO_PAD.encode([9; 16]));
    assert_eq!(stored.devices[0].expires_at.unwrap().as_millisecond(), 1_830_000_000_000);
}

#[tokio::test]
async fn an_endpoint_belongs_to_the_recipient_who_registered_it_last() {
    let world = TestApi::new().await;
    let (_, ada) = world.register("ada", "shared-tablet").await;
    world.register("ada", "her-phone").await;
    let (status, bob) = world.register("bob", "shared-tablet").await;
    assert_eq!((status, &bob), (201, &ada));
    assert_eq!(world.devices("ada").await.len(), 1);
    assert_eq!(world.devices("bob").await, [bob["device_id"].as_str().unwrap()]);
    assert_eq!(world.stored_parts().await, ["device", "device", "owner", "owner", "profile", "profile"]);
    // The device returns to its first recipient.
    assert_eq!(world.register("ada", "shared-tablet").await.0, 201);
    assert_eq!((world.devices("ada").await.len(), world.devices("bob").await.len()), (2, 0));
}

#[tokio::test]
async fn the_21st_device_replaces_the_least_recently_used_one() {
    let mut world = TestApi::new().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let (status, registered) = world.register("ada", &format!("d{number}")).await;
        assert_eq!(status, 201);
        ids.push(registered["device_id"].as_str().unwrap().to_owned());
        world.now += 1.minute();
    }
    world.now += 24.hours();
    assert_eq!(world.register("ada", "d0").await.0, 200);
    for (number, gone) in [(20, &ids[1]), (21, &ids[2])] {
        assert_eq!(world.register("ada", &format!("d{number}")).await.0, 201);
        let devices = world.devices("ada").await;
        assert!(devices.len() == 20 && !devices.contains(gone) && devices.contains(&ids[0]), "{number}");
    }
    let keys = world.stored_parts().await;
    assert_eq!(keys.iter().filter(|part| **part == "owner").count(), 20, "its endpoint's owner went with it");
}

#[tokio::test]
async fn a_renewed_subscription_replaces_the_old_one() {
    let world = TestApi::new().await;
    world.register("ada", "phone").await;
    for number in 0..25 {
        assert_eq!(world.renew("ada", &format!("s{number}"), &format!("s{}", number + 1)).await, 201);
    }
    assert_eq!(world.devices("ada").await.len(), 2, "the phone, and the newest of the renewed ones");
    assert_eq!(world.stored_parts().await, ["device", "device", "owner", "owner", "profile"]);
    // The same request is repeated after a lost response. Then a device renews its own subscription.
    assert_eq!(world.renew("ada", "s24", "s25").await, 200);
    assert_eq!(world.renew("ada", "s25", "s25").await, 200);
    assert_eq!(world.devices("ada").await.len(), 2);
    assert_eq!(world.renew("ada", "phone", "s25").await, 200);
    assert_eq!(world.stored_parts().await, ["device", "owner", "profile"]);
}

#[tokio::test]
async fn a_device_of_another_recipient_is_not_replaced() {
    let world = TestApi::new().await;
    world.register("bob", "bobs").await;
    let bobs = world.devices("bob").await;
    assert_eq!(world.renew("ada", "bobs", "adas").await, 201);
    assert_eq!((world.devices("bob").await, world.devices("ada").await.len()), (bobs, 1));
}

#[tokio::test]
async fn a_device_is_deleted_by_its_endpoint_in_any_spelling_and_of_any_host() {
    let world = TestApi::new().await;
    world.register("ada", "one").await;
    let endpoint = "https://FCM.googleapis.com:443/fcm/send/one";
    assert_eq!(world.delete_endpoint("bob", endpoint).await.0, 204);
    assert_eq!(world.devices("ada").await.len(), 1, "another recipient's");
    for _ in 0..2 {
        assert_eq!(world.delete_endpoint("ada", endpoint).await.0, 204);
        assert_eq!(world.stored_parts().await, ["profile"]);
    }
    assert_eq!(world.delete_endpoint("ada", "https://no.longer.example.com/x").await.0, 204);
    for wrong in ["", "secret", "https://secret@fcm.googleapis.com/x", &"x".repeat(2_049)] {
        let (status, problem) = world.delete_endpoint("ada", wrong).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("endpoint")));
        assert!(!problem.to_string().contains("secret"));
    }
    assert_eq!(world.send("DELETE /v1/recipients/{id}/devices", &[("id", "ada")], &[], vec![]).await.0, 422);
}

#[tokio::test]
async fn unknown_fields_of_a_subscription_are_ignored() {
    let world = TestApi::new().await;
    let mut body = subscription("one");
    body["contentEncoding"] = json!("aes128gcm");
    body["keys"]["other"] = json!({"a": [1]});
    body["expirationTime"] = json!(1_900_000_000_000.5);
    body["keys"]["auth"] = json!(format!("{}==", AUTH.replace('-', "+").replace('_', "/")));
    assert_eq!(world.ask("PUT /v1/recipients/{id}/devices", "ada", &body.to_string()).await.0, 201);
    assert_eq!(world.get("ada").await.1["devices"][0]["expires_at"], "2030-03-17T17:46:40Z");
}

#[tokio::test]
async fn concurrent_registrations_never_create_a_21st_device() {
    let world = std::sync::Arc::new(TestApi::new().await);
    for number in 0..17 {
        world.register("ada", &format!("d{number}")).await;
    }
    let mut at_once = tokio::task::JoinSet::new();
    for number in 17..25 {
        let world = world.clone();
        at_once.spawn(async move { world.register("ada", &format!("d{number}")).await.0 });
    }
    let statuses = at_once.join_all().await;
    assert!(statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 201).count() >= 3, "{statuses:?}");
    assert_eq!(world.devices("ada").await.len(), 20);
}

#[tokio::test]
async fn concurrent_registrations_of_one_device_create_one_device() {
    let world = std::sync::Arc::new(TestApi::new().await);
    let mut at_once = tokio::task::JoinSet::new();
    for number in 0..6 {
        let world = world.clone();
        at_once.spawn(async move { world.register(["ada", "bob"][number % 2], "tablet").await.0 });
    }
    at_once.join_all().await;
    assert_eq!(world.devices("ada").await.len() + world.devices("bob").await.len(), 1);
    let keys = world.stored_parts().await;
    assert_eq!(keys.iter().filter(|part| **part == "owner").count(), 1);
}

#[tokio::test]
async fn a_device_is_deleted_with_its_owner_item_and_the_delete_is_idempotent() {
    let world = TestApi::new().await;
    let (_, registered) = world.register("ada", "one").await;
    let device_id = registered["device_id"].as_str().unwrap();
    assert_eq!(world.delete_device("bob", device_id).await.0, 204);
    assert_eq!(world.devices("ada").await.len(), 1);
    assert_eq!(world.delete_device("ada", device_id).await.0, 204);
    assert_eq!(world.stored_parts().await, ["profile"]);
    assert_eq!(world.delete_device("ada", device_id).await.0, 204);
}

#[tokio::test]
async fn a_gone_device_is_deleted_only_if_its_endpoint_is_the_one_that_was_tried() {
    let world = TestApi::new().await;
    let (_, registered) = world.register("ada", "one").await;
    let device_id = registered["device_id"].as_str().unwrap();
    let key = world.api.hasher.recipient_key(&RecipientId::parse("ada").unwrap());
    let remove = |endpoint| world.api.recipients.remove_device(&key, device_id, endpoint);
    assert!(!remove("https://fcm.googleapis.com/fcm/send/another").await.unwrap());
    assert_eq!(world.devices("ada").await.len(), 1);
    assert!(remove("https://fcm.googleapis.com/fcm/send/one").await.unwrap());
    assert_eq!(world.stored_parts().await, ["profile"]);
    assert!(!remove("https://fcm.googleapis.com/fcm/send/one").await.unwrap());
}
