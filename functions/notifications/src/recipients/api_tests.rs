//! Stories of callers, on the real tables' semantics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use aws_sdk_dynamodb::Client;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::*;
use crate::private::Private;
use crate::store::testing_tables::{NOTIFICATIONS, RECIPIENTS, items, tables};

const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// A service with empty tables, at a moment that tests move.
struct World {
    api: RecipientsApi,
    client: Client,
    now: Timestamp,
}

impl World {
    async fn new() -> Self {
        let client = tables().await.client();
        let recipients = RecipientsStore::new(client.clone(), RECIPIENTS);
        let api = RecipientsApi {
            erasure: ErasureStore::new(client.clone(), recipients.clone(), NOTIFICATIONS),
            notifications: NotificationsStore::new(client.clone(), NOTIFICATIONS),
            recipients,
            suppressions: SuppressionsStore::new(client.clone(), RECIPIENTS, KeyHasher::new(&[7; 32])),
            hasher: KeyHasher::new(&[7; 32]),
            extra_origins: ExtraOrigins::default(),
            vapid_public_key: [4; 65],
        };
        Self { api, client, now: "2027-01-10T12:00:00Z".parse().unwrap() }
    }

    async fn ask(&self, route: &str, id: &str, body: &str) -> (u16, Value) {
        self.send(route, &[("id", id)], &[], body.as_bytes().to_vec()).await
    }

    async fn send(&self, route: &str, path: &[(&str, &str)], query: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), Private::new((*value).to_owned()))).collect()
        };
        let request = Request {
            route: route.to_owned(),
            path: owned(path),
            query: owned(query),
            body: Private::new(body),
            request_id: "r-1".to_owned(),
            ..Request::default()
        };
        let response = self.api.answer(&request, self.now).await;
        (response.status, serde_json::from_str(response.body.expose()).unwrap_or(Value::Null))
    }

    async fn put(&self, id: &str, body: &Value) -> (u16, Value) {
        self.ask("PUT /v1/recipients/{id}", id, &body.to_string()).await
    }

    async fn get(&self, id: &str) -> (u16, Value) {
        self.ask("GET /v1/recipients/{id}", id, "").await
    }

    async fn erase(&self, id: &str) -> (u16, Value) {
        self.ask("DELETE /v1/recipients/{id}", id, "").await
    }

    async fn register(&self, id: &str, token: &str) -> (u16, Value) {
        self.ask("PUT /v1/recipients/{id}/devices", id, &subscription(token).to_string()).await
    }

    async fn delete_device(&self, id: &str, device_id: &str) -> (u16, Value) {
        self.send(
            "DELETE /v1/recipients/{id}/devices/{device_id}",
            &[("id", id), ("device_id", device_id)],
            &[],
            vec![],
        )
        .await
    }

    async fn devices(&self, id: &str) -> Vec<String> {
        let (_, recipient) = self.get(id).await;
        let devices = recipient["devices"].as_array().cloned().unwrap_or_default();
        devices.iter().map(|device| device["device_id"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything stored about recipients, to see that nothing changed; not the notes of erasures, which say nothing of them.
    async fn everything(&self) -> String {
        let all = [items(&self.client, RECIPIENTS).await, items(&self.client, NOTIFICATIONS).await].concat();
        let sorted = all
            .into_iter()
            .filter(|item| item["pk"].as_s().unwrap() != "erased")
            .map(|item| format!("{:?}", item.into_iter().collect::<std::collections::BTreeMap<_, _>>()));
        sorted.collect::<Vec<_>>().join("\n")
    }

    async fn sort_keys(&self) -> Vec<String> {
        let items = items(&self.client, RECIPIENTS).await;
        let mut keys: Vec<_> =
            items.iter().map(|item| item["sk"].as_s().unwrap().split('#').next().unwrap().to_owned()).collect();
        keys.sort();
        keys
    }
}

fn subscription(token: &str) -> Value {
    json!({
        "endpoint": format!("https://fcm.googleapis.com/fcm/send/{token}"),
        "expirationTime": null,
        "keys": {"p256dh": P256DH, "auth": AUTH},
    })
}

#[tokio::test]
async fn a_recipient_is_made_then_replaced_and_read_back() {
    let mut world = World::new().await;
    let (status, first) = world.put("ada", &json!({"email": "ada@example.com", "attributes": {"plan": "gold"}})).await;
    assert_eq!(
        (status, &first["email"], &first["created_at"]),
        (201, &json!("ada@example.com"), &json!("2027-01-10T12:00:00Z"))
    );

    world.now += 1.hour();
    let (status, second) = world.put("ada", &json!({"phone": "+393331234567", "time_zone": "Europe/Rome"})).await;
    assert_eq!((status, &second["email"], &second["attributes"]), (200, &Value::Null, &json!({})));

    let (status, read) = world.get("ada").await;
    assert_eq!(status, 200);
    assert_eq!(
        read,
        json!({
            "id": "ada", "email": null, "phone": "+393331234567", "locale": null, "time_zone": "Europe/Rome",
            "attributes": {}, "preferences": {}, "unsubscribed_types": [], "suppressed_channels": [],
            "devices": [], "created_at": "2027-01-10T12:00:00Z", "updated_at": "2027-01-10T13:00:00Z",
        })
    );
}

#[tokio::test]
async fn a_put_replaces_the_profile_and_leaves_the_devices() {
    let world = World::new().await;
    let (_, registered) = world.register("ada", "one").await;
    assert_eq!(world.put("ada", &json!({"locale": "it-IT"})).await.0, 200);
    assert_eq!(world.devices("ada").await, [registered["device_id"].as_str().unwrap()]);
}

#[tokio::test]
async fn nobody_is_404_for_get_and_an_empty_history() {
    let world = World::new().await;
    assert_eq!(world.get("nobody").await.0, 404);
    let (status, list) = world.ask("GET /v1/recipients/{id}/notifications", "nobody", "").await;
    assert_eq!((status, list), (200, json!({"items": [], "next": null})));
}

#[tokio::test]
async fn a_device_makes_the_recipient_and_shows_neither_endpoint_nor_keys() {
    let world = World::new().await;
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
    assert_eq!(world.sort_keys().await, ["device", "owner", "profile"]);
}

#[tokio::test]
async fn a_repeat_is_known_writes_nothing_that_day_and_refreshes_the_device_the_next() {
    let mut world = World::new().await;
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
async fn new_keys_of_a_known_endpoint_are_kept_at_once() {
    let world = World::new().await;
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
async fn an_endpoint_moves_to_whoever_registers_it_last() {
    let world = World::new().await;
    let (_, ada) = world.register("ada", "shared-tablet").await;
    world.register("ada", "her-phone").await;
    let (status, bob) = world.register("bob", "shared-tablet").await;
    assert_eq!((status, &bob), (201, &ada));
    assert_eq!(world.devices("ada").await.len(), 1);
    assert_eq!(world.devices("bob").await, [bob["device_id"].as_str().unwrap()]);
    assert_eq!(world.sort_keys().await, ["device", "device", "owner", "owner", "profile", "profile"]);
    // And back again.
    assert_eq!(world.register("ada", "shared-tablet").await.0, 201);
    assert_eq!((world.devices("ada").await.len(), world.devices("bob").await.len()), (2, 0));
}

#[tokio::test]
async fn the_21st_device_takes_the_place_of_the_one_heard_of_longest_ago() {
    let mut world = World::new().await;
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
    let keys = world.sort_keys().await;
    assert_eq!(keys.iter().filter(|key| *key == "owner").count(), 20, "its endpoint's owner went with it");
}

impl World {
    async fn renew(&self, id: &str, old: &str, new: &str) -> u16 {
        let mut body = subscription(new);
        body["old_endpoint"] = subscription(old)["endpoint"].clone();
        self.ask("PUT /v1/recipients/{id}/devices", id, &body.to_string()).await.0
    }

    async fn delete_endpoint(&self, id: &str, endpoint: &str) -> (u16, Value) {
        let route = "DELETE /v1/recipients/{id}/devices";
        self.send(route, &[("id", id)], &[("endpoint", endpoint)], vec![]).await
    }
}

#[tokio::test]
async fn a_renewed_subscription_takes_the_place_of_the_old_one() {
    let world = World::new().await;
    world.register("ada", "phone").await;
    for number in 0..25 {
        assert_eq!(world.renew("ada", &format!("s{number}"), &format!("s{}", number + 1)).await, 201);
    }
    assert_eq!(world.devices("ada").await.len(), 2, "the phone, and the newest of the renewed ones");
    assert_eq!(world.sort_keys().await, ["device", "device", "owner", "owner", "profile"]);
    // The same again, when the first answer was lost; and once more for a device that is known.
    assert_eq!(world.renew("ada", "s24", "s25").await, 200);
    assert_eq!(world.renew("ada", "s25", "s25").await, 200);
    assert_eq!(world.devices("ada").await.len(), 2);
    assert_eq!(world.renew("ada", "phone", "s25").await, 200);
    assert_eq!(world.sort_keys().await, ["device", "owner", "profile"]);
}

#[tokio::test]
async fn nobody_replaces_a_device_of_another_recipient() {
    let world = World::new().await;
    world.register("bob", "bobs").await;
    let bobs = world.devices("bob").await;
    assert_eq!(world.renew("ada", "bobs", "adas").await, 201);
    assert_eq!((world.devices("bob").await, world.devices("ada").await.len()), (bobs, 1));
}

#[tokio::test]
async fn a_device_is_deleted_by_its_endpoint_in_any_spelling_and_of_any_host() {
    let world = World::new().await;
    world.register("ada", "one").await;
    let endpoint = "https://FCM.googleapis.com:443/fcm/send/one";
    assert_eq!(world.delete_endpoint("bob", endpoint).await.0, 204);
    assert_eq!(world.devices("ada").await.len(), 1, "another recipient's");
    for _ in 0..2 {
        assert_eq!(world.delete_endpoint("ada", endpoint).await.0, 204);
        assert_eq!(world.sort_keys().await, ["profile"]);
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
async fn what_a_browser_adds_to_its_subscription_is_ignored() {
    let world = World::new().await;
    let mut body = subscription("one");
    body["contentEncoding"] = json!("aes128gcm");
    body["keys"]["other"] = json!({"a": [1]});
    body["expirationTime"] = json!(1_900_000_000_000.5);
    body["keys"]["auth"] = json!(format!("{}==", AUTH.replace('-', "+").replace('_', "/")));
    assert_eq!(world.ask("PUT /v1/recipients/{id}/devices", "ada", &body.to_string()).await.0, 201);
    assert_eq!(world.get("ada").await.1["devices"][0]["expires_at"], "2030-03-17T17:46:40Z");
}

#[tokio::test]
async fn registrations_at_once_never_make_a_21st_device() {
    let world = std::sync::Arc::new(World::new().await);
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
async fn the_same_device_registered_many_times_at_once_is_one_device_of_one_recipient() {
    let world = std::sync::Arc::new(World::new().await);
    let mut at_once = tokio::task::JoinSet::new();
    for number in 0..6 {
        let world = world.clone();
        at_once.spawn(async move { world.register(["ada", "bob"][number % 2], "tablet").await.0 });
    }
    at_once.join_all().await;
    assert_eq!(world.devices("ada").await.len() + world.devices("bob").await.len(), 1);
    let keys = world.sort_keys().await;
    assert_eq!(keys.iter().filter(|key| *key == "owner").count(), 1);
}

#[tokio::test]
async fn a_deleted_device_is_gone_with_its_ownership_and_deleting_it_again_is_fine() {
    let world = World::new().await;
    let (_, registered) = world.register("ada", "one").await;
    let device_id = registered["device_id"].as_str().unwrap();
    assert_eq!(world.delete_device("bob", device_id).await.0, 204);
    assert_eq!(world.devices("ada").await.len(), 1);
    assert_eq!(world.delete_device("ada", device_id).await.0, 204);
    assert_eq!(world.sort_keys().await, ["profile"]);
    assert_eq!(world.delete_device("ada", device_id).await.0, 204);
}

#[tokio::test]
async fn a_device_that_is_gone_at_its_push_service_goes_only_with_the_endpoint_that_was_tried() {
    let world = World::new().await;
    let (_, registered) = world.register("ada", "one").await;
    let device_id = registered["device_id"].as_str().unwrap();
    let key = world.api.hasher.recipient_key(&RecipientId::parse("ada").unwrap());
    let remove = |endpoint| world.api.recipients.remove_device(&key, device_id, endpoint);
    assert!(!remove("https://fcm.googleapis.com/fcm/send/another").await.unwrap());
    assert_eq!(world.devices("ada").await.len(), 1);
    assert!(remove("https://fcm.googleapis.com/fcm/send/one").await.unwrap());
    assert_eq!(world.sort_keys().await, ["profile"]);
    assert!(!remove("https://fcm.googleapis.com/fcm/send/one").await.unwrap());
}

#[tokio::test]
async fn an_erasure_leaves_nothing_of_one_recipient_and_everything_of_another() {
    let world = World::new().await;
    world.register("bob", "bobs").await;
    let bobs = world.everything().await;
    world.put("ada", &json!({"email": "ada@example.com"})).await;
    world.register("ada", "one").await;
    world.register("ada", "two").await;
    let (status, certificate) = world.erase("ada").await;
    assert_eq!(status, 200);
    let counts = json!({"profiles": 1, "devices": 2, "endpoints": 2, "counters": 0, "remaining": 0});
    assert_eq!(certificate["tables"]["recipients"], counts);
    assert_eq!(world.everything().await, bobs);
    assert_eq!(world.get("ada").await.0, 404);
    // Again, and of somebody who never was: the same answer with nothing to count, and no write.
    for id in ["ada", "nobody"] {
        let (status, certificate) = world.erase(id).await;
        assert_eq!((status, &certificate["tables"]["recipients"]["profiles"]), (200, &json!(0)));
    }
    assert_eq!(world.everything().await, bobs);
}

#[tokio::test]
async fn every_bad_input_names_its_field_and_leaves_nothing_behind() {
    let world = World::new().await;
    let with = |path: &str, value: Value| {
        let mut body = subscription("secret");
        *body.pointer_mut(path).unwrap() = value;
        body.to_string()
    };
    let profile = "PUT /v1/recipients/{id}";
    let devices = "PUT /v1/recipients/{id}/devices";
    let endpoint = |url: &str| (devices, with("/endpoint", json!(url)), 422, "endpoint");
    let table = [
        (profile, "{\"email\"".to_owned(), 400, ""),
        (profile, String::new(), 400, ""),
        (profile, " ".repeat(1024 * 1024 + 1), 413, ""),
        (profile, "[]".to_owned(), 422, "body"),
        (profile, json!({"colour": "secret"}).to_string(), 422, "colour"),
        (profile, json!({"email": "secret"}).to_string(), 422, "email"),
        (profile, json!({"phone": "0039secret"}).to_string(), 422, "phone"),
        (profile, json!({"time_zone": "Secret/Zone"}).to_string(), 422, "time_zone"),
        (devices, "{".to_owned(), 400, ""),
        (devices, "{}".to_owned(), 422, "endpoint"),
        (devices, json!({"endpoint": "x", "keys": {}, "secret": 1}).to_string(), 422, "keys.p256dh"),
        endpoint("http://fcm.googleapis.com/secret"),
        endpoint("https://secret@fcm.googleapis.com/x"),
        endpoint("https://fcm.googleapis.com:8443/secret"),
        endpoint("https://secret.example.com/x"),
        endpoint("https://127.0.0.1/secret"),
        endpoint("https://[::1]/secret"),
        endpoint("fcm.googleapis.com/secret"),
        (devices, with("/keys/p256dh", json!("secret")), 422, "keys.p256dh"),
        (devices, with("/keys/p256dh", json!(URL_SAFE_NO_PAD.encode([4; 65]))), 422, "keys.p256dh"),
        (devices, with("/keys/auth", json!(URL_SAFE_NO_PAD.encode([4; 15]))), 422, "keys.auth"),
        (devices, with("/keys", json!({"p256dh": P256DH})), 422, "keys.auth"),
        (devices, with("/keys", json!("secret")), 422, "keys"),
        (devices, with("/keys/auth", json!(["secret"])), 422, "keys.auth"),
        (devices, with("/expirationTime", json!("secret")), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(1)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(u64::MAX)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(0)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(-1.5)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(1e300)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!("1900000000000")), 422, "expirationTime"),
        (devices, with("/expirationTime", json!({"secret": 1})), 422, "expirationTime"),
        (devices, subscription("x").to_string().replacen('{', r#"{"old_endpoint":"secret","#, 1), 422, "old_endpoint"),
        (
            devices,
            subscription("x").to_string().replacen('{', r#"{"old_endpoint":["secret"],"#, 1),
            422,
            "old_endpoint",
        ),
    ];
    for (route, body, status, field) in table {
        let (answered, problem) = world.ask(route, "ada", &body).await;
        assert_eq!(answered, status, "{route} {problem}");
        assert_eq!(problem["errors"][0]["field"].as_str().unwrap_or_default(), field, "{problem}");
        assert_eq!(problem["request_id"], "r-1");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    for id in ["", "a\nb", &"x".repeat(129)] {
        for route in [profile, "GET /v1/recipients/{id}", "DELETE /v1/recipients/{id}", devices] {
            let (status, problem) = world.ask(route, id, "{}").await;
            assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("id")));
        }
    }
    let (status, problem) = world.delete_device("ada", "550e8400-e29b-41d4-a716-446655440000").await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("device_id")));
    let list = "GET /v1/recipients/{id}/notifications";
    for (name, value) in [("limit", "0"), ("limit", "101"), ("limit", "x"), ("after", "yesterday")] {
        let (status, problem) = world.send(list, &[("id", "ada")], &[(name, value)], vec![]).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(name)));
    }
    assert!(items(&world.client, RECIPIENTS).await.is_empty());
    assert!(items(&world.client, NOTIFICATIONS).await.is_empty());
}

#[tokio::test]
async fn the_vapid_key_is_what_browsers_subscribe_with() {
    let world = World::new().await;
    let (status, body) = world.ask("GET /v1/vapid-public-key", "", "").await;
    assert_eq!((status, body), (200, json!({"public_key": "BAQE".to_owned() + &"BAQE".repeat(20) + "BAQ"})));
}

#[tokio::test]
async fn a_history_comes_newest_first_in_pages_and_is_the_recipients_own() {
    let world = World::new().await;
    for (id, hours) in [("ada", 1), ("ada", 2), ("ada", 3), ("bob", 4)] {
        let notification = crate::cleanup::sample::notification(id, world.now + hours.hours(), None);
        world.api.notifications.create(&notification).await.unwrap();
    }
    let page = async |query: &[(&str, &str)]| {
        let (status, page) = world.send("GET /v1/recipients/{id}/notifications", &[("id", "ada")], query, vec![]).await;
        let items = page["items"].as_array().unwrap().iter();
        let times: Vec<_> = items.map(|item| item["created_at"].as_str().unwrap().to_owned()).collect();
        (status, times, page["next"].as_str().map(str::to_owned))
    };
    let (status, times, next) = page(&[("limit", "2")]).await;
    assert_eq!((status, times), (200, vec!["2027-01-10T15:00:00Z".to_owned(), "2027-01-10T14:00:00Z".to_owned()]));
    let (_, times, _) = page(&[("limit", "2"), ("after", &next.unwrap())]).await;
    assert_eq!(times, ["2027-01-10T13:00:00Z"]);
    let (_, times, next) = page(&[("limit", "3")]).await;
    assert_eq!((times.len(), next), (3, None), "a full last page is the last");
}

#[tokio::test]
async fn a_parameter_that_no_route_takes_is_refused_by_name() {
    let world = World::new().await;
    for (route, name) in [
        ("GET /v1/recipients/{id}/notifications", "Limit"),
        ("GET /v1/recipients/{id}/notifications", "page"),
        ("GET /v1/recipients/{id}/notifications", "cursor"),
        ("GET /v1/recipients/{id}", "limit"),
        ("DELETE /v1/recipients/{id}", "dry_run"),
    ] {
        let (status, problem) = world.send(route, &[("id", "ada")], &[(name, "1")], vec![]).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(name)), "{route}");
    }
    let (status, _) = world.send("GET /v1/vapid-public-key", &[], &[("v", "1")], vec![]).await;
    assert_eq!(status, 200, "what a cache adds to a public route is ignored");
}
