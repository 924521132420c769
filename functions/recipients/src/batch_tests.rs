//! Tests of `POST /v1/recipients/batch`, on tables with DynamoDB's real semantics.

use jiff::ToSpan;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{TestApi, subscription};

const BATCH: &str = "POST /v1/recipients/batch";

impl TestApi {
    pub async fn import(&self, mode: &str, items: &[Value]) -> Value {
        let body = json!({"mode": mode, "items": items}).to_string();
        let (status, answer) = self.send(BATCH, &[], &[], body.into_bytes()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Imports a batch that must change nothing, and returns its response.
    async fn imported_without_change(&self, mode: &str, items: &[Value]) -> Value {
        let before = self.everything().await;
        let answer = self.import(mode, items).await;
        assert_eq!(self.everything().await, before, "{answer}");
        answer
    }
}

/// Results of the items, with the first field of each problem.
fn results(answer: &Value) -> Vec<String> {
    let entry = |item: &Value| match (&item["result"], &item["problem"]) {
        (Value::String(result), _) => result.clone(),
        (_, problem) => format!("{} {}", problem["status"], problem["errors"][0]["field"].as_str().unwrap_or("-")),
    };
    answer["items"].as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn a_batch_creates_updates_and_leaves_what_is_the_same() {
    let mut world = TestApi::new().await;
    world.put("bob", &json!({"email": "bob@example.com", "attributes": {"plan": "gold"}})).await;
    world.put("eve", &json!({"email": "eve@example.com"})).await;
    world.now += 1.hour();
    let items = [
        json!({"id": "ada", "email": "ada@example.com", "devices": [subscription("one"), subscription("two")]}),
        json!({"id": "bob", "phone": "+393331234567", "attributes": {"city": "Rome"}}),
        json!({"id": "eve", "email": "eve@example.com"}),
    ];
    let answer = world.import("upsert", &items).await;
    assert_eq!(results(&answer), ["created", "updated", "unchanged"]);
    assert_eq!(answer["counts"], json!({"created": 1, "updated": 1, "unchanged": 1, "problems": 0}));
    assert_eq!((&answer["items"][1]["index"], &answer["items"][1]["id"]), (&json!(1), &json!("bob")));
    assert_eq!(world.devices("ada").await.len(), 2);
    let (_, bob) = world.get("bob").await;
    assert_eq!(
        (&bob["email"], &bob["attributes"]),
        (&json!("bob@example.com"), &json!({"plan": "gold", "city": "Rome"}))
    );
    // A repeat finds everything as it is, also a day later: an import is no use of a device.
    world.now += 25.hours();
    for mode in ["upsert", "create", "update_only"] {
        let answer = world.imported_without_change(mode, &items).await;
        assert_eq!(results(&answer), ["unchanged", "unchanged", "unchanged"], "{mode}");
    }
}

#[tokio::test]
async fn a_mode_refuses_its_items_alone() {
    let world = TestApi::new().await;
    world.put("bob", &json!({"email": "bob@example.com"})).await;
    let items = [json!({"id": "ada", "locale": "it"}), json!({"id": "bob", "locale": "it"})];
    assert_eq!(results(&world.import("create", &items).await), ["created", "409 items[1].id"]);
    assert_eq!(world.get("bob").await.1["locale"], Value::Null);
    let items = [json!({"id": "new", "locale": "it"}), json!({"id": "bob", "locale": "it"})];
    assert_eq!(results(&world.import("update_only", &items).await), ["404 items[0].id", "updated"]);
    assert_eq!(world.get("new").await.0, 404);
}

#[tokio::test]
async fn a_dry_run_returns_the_same_results_and_writes_nothing() {
    let world = TestApi::new().await;
    world.put("bob", &json!({"email": "bob@example.com"})).await;
    let items = [
        json!({"id": "ada", "devices": [subscription("one")]}),
        json!({"id": "bob", "devices": [subscription("two")]}),
        json!({"id": "eve", "email": "secret"}),
    ];
    let before = world.everything().await;
    let body = json!({"mode": "upsert", "dry_run": true, "items": items}).to_string();
    let (_, dry) = world.send(BATCH, &[], &[], body.into_bytes()).await;
    assert_eq!(world.everything().await, before);
    assert_eq!(dry["dry_run"], true);
    let real = world.import("upsert", &items).await;
    assert_eq!((&dry["counts"], &dry["items"]), (&real["counts"], &real["items"]));
    assert_eq!(results(&dry), ["created", "updated", "422 items[2].email"]);
}

#[tokio::test]
async fn an_invalid_item_names_its_field_and_changes_nothing() {
    let world = TestApi::new().await;
    let with = |name: &str, value: Value| {
        let mut item = json!({"id": "ada"});
        item[name] = value;
        item
    };
    let mut bad_key = subscription("x");
    bad_key["keys"]["auth"] = json!("secret");
    for (item, field) in [
        (json!("secret"), ""),
        (json!({"email": "a@example.com"}), ".id"),
        (with("id", json!("")), ".id"),
        (with("id", json!(7)), ".id"),
        (with("email", json!("secret")), ".email"),
        (with("phone", json!("secret")), ".phone"),
        (with("colour", json!("secret")), ".colour"),
        (with("preferences", json!({"opted_out_types": ["DEFAULT", "secret"]})), ".preferences.opted_out_types[1]"),
        (with("preferences", json!({"opted_out_channels": ["secret"]})), ".preferences.opted_out_channels[0]"),
        (with("unsubscribed_types", json!(["secret"])), ".unsubscribed_types[0]"),
        (with("suppressed_channels", json!(["sms"])), ".suppressed_channels"),
        (with("created_at", json!("2020-01-01T00:00:00Z")), ".created_at"),
        (with("devices", json!([subscription("x"), bad_key])), ".devices[1].keys.auth"),
        (with("devices", json!([{"keys": {"p256dh": "x", "auth": "y"}}])), ".devices[0].endpoint"),
        (with("devices", json!([{"device_id": "secret"}])), ".devices[0]"),
        (with("devices", json!(vec![subscription("x"); 21])), ".devices"),
    ] {
        let answer = world.imported_without_change("upsert", std::slice::from_ref(&item)).await;
        assert_eq!(results(&answer), [format!("422 items[0]{field}")], "{answer}");
        assert!(!answer.to_string().contains("secret"), "{answer}");
        let answer = world.import("upsert", &[json!({"id": "bob"}), item]).await;
        assert_ne!(answer["items"][0]["result"], Value::Null, "another item is not affected");
        world.erase("bob").await;
    }
}

#[tokio::test]
async fn an_import_never_undoes_a_no() {
    let world = TestApi::new().await;
    let mut item = json!({
        "id": "ada", "email": "ada@example.com", "time_zone": "UTC", "unsubscribed_types": ["PAYMENT_DUE"],
        "preferences": {
            "opted_out_types": ["CERTIFICATE_EXPIRING"], "opted_out_channels": ["sms"],
            "quiet_hours": {"start": "22:00", "end": "07:00"},
        },
    });
    assert_eq!(results(&world.import("upsert", std::slice::from_ref(&item)).await), ["created"]);
    let (_, stored) = world.get("ada").await;
    for member in ["opted_out_types", "opted_out_channels", "quiet_hours"] {
        assert_eq!(stored["preferences"][member], item["preferences"][member]);
    }
    assert_eq!(stored["unsubscribed_types"], json!(["PAYMENT_DUE"]));
    for preferences in [
        json!(null),
        json!({}),
        json!({"opted_out_types": [], "opted_out_channels": []}),
        json!({"opted_out_types": null, "opted_out_channels": null, "quiet_hours": null}),
    ] {
        item["preferences"] = preferences;
        item["unsubscribed_types"] = json!([]);
        let answer = world.imported_without_change("upsert", std::slice::from_ref(&item)).await;
        assert_eq!(results(&answer), ["unchanged"]);
    }
    item["preferences"] = json!({"opted_out_types": ["DEFAULT"], "opted_out_channels": ["push"]});
    assert_eq!(results(&world.import("upsert", &[item]).await), ["updated"]);
    let (_, stored) = world.get("ada").await;
    assert_eq!(stored["preferences"]["opted_out_types"], json!(["CERTIFICATE_EXPIRING", "DEFAULT"]));
    assert_eq!(stored["preferences"]["opted_out_channels"], json!(["push", "sms"]));
}

#[tokio::test]
async fn every_one_of_two_items_for_one_person_or_one_browser_is_refused() {
    let world = TestApi::new().await;
    let items = [
        json!({"id": "ada", "locale": "it"}),
        json!({"id": "bob"}),
        json!({"id": "ada", "locale": "en"}),
        json!({"id": "c", "devices": [subscription("x")]}),
        json!({"id": "d", "devices": [subscription("y"), subscription("x")]}),
        json!({"id": "e", "devices": [subscription("z"), subscription("z")]}),
    ];
    let answer = world.import("upsert", &items).await;
    let expected = [
        "422 items[0].id",
        "created",
        "422 items[2].id",
        "422 items[3].devices[0].endpoint",
        "422 items[4].devices[1].endpoint",
        "created",
    ];
    assert_eq!(results(&answer), expected);
    assert_eq!(answer["items"][0]["problem"]["errors"][0]["message"], "is the same as items[2].id");
    assert_eq!(world.devices("e").await.len(), 1);
}

#[tokio::test]
async fn an_invalid_batch_is_refused_as_a_whole() {
    let world = TestApi::new().await;
    let many = json!({"mode": "upsert", "items": vec![json!({"id": "a"}); 101]}).to_string();
    for (body, status, field) in [
        (r#"{"items": [{"id": "a"}]}"#, 422, "mode"),
        (r#"{"mode": "replace", "items": [{"id": "a"}]}"#, 422, "mode"),
        (r#"{"mode": "upsert", "dry_run": "yes", "items": [{"id": "a"}]}"#, 422, "dry_run"),
        (r#"{"mode": "upsert", "colour": 1, "items": [{"id": "a"}]}"#, 422, "colour"),
        (r#"{"mode": "upsert"}"#, 422, "items"),
        (r#"{"mode": "upsert", "items": []}"#, 422, "items"),
        (&many, 422, "items"),
        ("[]", 422, "body"),
        ("{", 400, ""),
    ] {
        let (answered, problem) = world.send(BATCH, &[], &[], body.as_bytes().to_vec()).await;
        let found = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!((answered, found), (status, field), "{problem}");
    }
    assert!(world.everything().await.is_empty());
}

#[tokio::test]
async fn a_suppressed_address_stays_suppressed() {
    let world = TestApi::new().await;
    let email = domain::channel::EmailAddress::parse("ada@example.com").unwrap();
    let address = domain::recipient::Address::Email(&email);
    let reason = domain::recipient::SuppressionReason::Complaint;
    world.api.suppressions.suppress(address, reason, None, world.now).await.unwrap();
    world.import("upsert", &[json!({"id": "ada", "email": "ada@example.com"})]).await;
    assert_eq!(world.get("ada").await.1["suppressed_channels"], json!(["email"]));
}

/// Profiles as callers write them.
pub fn profiles() -> impl Strategy<Value = Value> {
    let types = prop::sample::subsequence(vec!["DEFAULT", "CERTIFICATE_EXPIRING", "PAYMENT_DUE"], 0..=3);
    let channels = prop::sample::subsequence(vec!["push", "email", "sms"], 0..=3);
    let number = prop_oneof![any::<i64>().prop_map(|n| json!(n)), any::<f64>().prop_map(|n| json!(n))];
    let value = prop_oneof![number, ".{0,12}".prop_map(Value::from), any::<bool>().prop_map(Value::from)];
    let attributes = prop::collection::btree_map("[a-z]{1,6}", value, 0..5);
    let quiet =
        prop::option::of((0_u8..24).prop_map(|h| json!({"start": format!("{h:02}:00"), "end": format!("{h:02}:30")})));
    (prop::option::of("[a-c]"), any::<bool>(), types, channels, attributes, quiet).prop_map(
        |(name, has_phone, types, channels, attributes, quiet)| {
            json!({
                "email": name.map(|name| format!("{name}@example.com")),
                "phone": has_phone.then_some("+393331234567"),
                "locale": has_phone.then_some("it-IT"),
                "time_zone": "Europe/Rome",
                "attributes": attributes,
                "preferences": {"opted_out_types": types, "opted_out_channels": channels, "quiet_hours": quiet},
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn importing_an_export_changes_nothing(profile in profiles(), devices in 0_usize..3, unsubscribed in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = TestApi::new().await;
            assert!(world.put("ada", &profile).await.0 < 300);
            for device in 0..devices {
                world.register("ada", &format!("device-{device}")).await;
            }
            if unsubscribed {
                let key = world.api.hasher.recipient_key(&domain::recipient::RecipientId::parse("ada").unwrap());
                let by = domain::recipient::ChoiceAuthor::Link;
                world.api.recipients.unsubscribe(&key, "DEFAULT", by, world.now).await.unwrap();
            }
            let (_, document) = world.ask("GET /v1/recipients/{id}/export", "ada", "").await;
            let export = document["recipient"].clone();
            for mode in ["create", "upsert", "update_only"] {
                let answer = world.imported_without_change(mode, std::slice::from_ref(&export)).await;
                assert_eq!(results(&answer), ["unchanged"]);
            }
        });
    }
}

#[tokio::test]
async fn of_two_batches_at_once_neither_loses_a_member() {
    let world = std::sync::Arc::new(TestApi::new().await);
    let mut at_once = tokio::task::JoinSet::new();
    for number in 0..6 {
        let world = world.clone();
        at_once.spawn(async move {
            let item = json!({"id": "ada", "attributes": {(format!("n{number}")): number}});
            results(&world.import("upsert", &[item]).await)
        });
    }
    let done = at_once.join_all().await;
    assert!(done.iter().flatten().all(|result| result == "created" || result == "updated"), "{done:?}");
    let (_, stored) = world.get("ada").await;
    assert_eq!(stored["attributes"].as_object().unwrap().len(), 6);
}
