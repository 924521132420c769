//! Tests with a table that never responds: every caller gets 503 with `Retry-After`, long before API Gateway times out.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::*;

use crate::testing::types;
use aws::fake_aws;
use platform::private::Private;

/// Returns the API on a DynamoDB that accepts every call and never responds.
fn silent() -> RecipientsApi {
    on(aws::dynamodb(&fake_aws::config(|_, _| std::future::pending()).map(aws::limits)))
}

/// Returns the API on this DynamoDB.
fn on(client: aws::DynamoClient) -> RecipientsApi {
    let recipients = RecipientsStore::new(client.clone(), "recipients", "control");
    RecipientsApi {
        erasure: ErasureStore::new(client.clone(), recipients.clone(), "notifications", "settings"),
        notifications: NotificationsStore::new(client.clone(), "notifications"),
        suppressions: SuppressionsStore::new(client.clone(), "recipients", "control", KeyHasher::new(&[7; 32])),
        recipients,
        hasher: KeyHasher::new(&[7; 32]),
        extra_origins: ExtraOrigins::default(),
        config: types(&client),
        vapid_public_key: [4; 65],
    }
}

fn request(route: &str, body: &serde_json::Value) -> Request {
    let part = |name: &str, value: &str| (name.to_owned(), Private::new(value.to_owned()));
    let path = BTreeMap::from([part("id", "ada"), part("channel", "email")]);
    let body = Private::new(body.to_string().into_bytes());
    Request { route: route.to_owned(), path, body, ..Request::default() }
}

#[tokio::test(start_paused = true)]
async fn every_route_responds_503_with_retry_after_within_8_seconds() {
    let keys = json!({"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg"});
    let subscription = json!({"endpoint": "https://fcm.googleapis.com/fcm/send/1", "keys": keys});
    let (api, now) = (silent(), "2027-01-10T12:00:00Z".parse().unwrap());
    for (route, body) in [
        ("PUT /v1/recipients/{id}", json!({})),
        ("GET /v1/recipients/{id}", json!({})),
        ("PATCH /v1/recipients/{id}", json!({})),
        // The store retries this call, so only the deadline ends it.
        ("PUT /v1/recipients/{id}/devices", subscription),
        ("GET /v1/recipients/{id}/notifications", json!({})),
        ("POST /v1/recipients/batch", json!({"mode": "upsert", "items": [{"id": "ada"}, {"id": "bob"}]})),
        ("GET /v1/recipients/{id}/export", json!({})),
        ("DELETE /v1/recipients/{id}/suppressions/{channel}", json!({})),
        ("DELETE /v1/recipients/{id}", json!({})),
    ] {
        let began = Instant::now();
        let response = api.answer(&request(route, &body), now).await;
        assert_eq!(response.status, 503, "{route}: {response:?}");
        assert_eq!(response.headers, [("Retry-After", "2".to_owned())], "{route}");
        assert!(began.elapsed() <= RECIPIENTS_REQUEST_LIMIT + Duration::from_secs(1), "{route}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_a_slow_table_left_no_time_for_are_returned_as_not_processed() {
    let slow = fake_aws::config(|_, _| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        (200, json!({"Items": []}))
    });
    let slow = aws::dynamodb(&slow.map(aws::limits));
    let items: Vec<_> = (0..100).map(|number| json!({"id": format!("r{number}")})).collect();
    let body = json!({"mode": "upsert", "dry_run": true, "items": items});
    let began = Instant::now();
    let now = "2027-01-10T12:00:00Z".parse().unwrap();
    let response = on(slow).answer(&request("POST /v1/recipients/batch", &body), now).await;
    assert!(began.elapsed() <= RECIPIENTS_BATCH_LIMIT, "{:?}", began.elapsed());
    let answer: serde_json::Value = serde_json::from_str(response.body.expose()).unwrap();
    assert_eq!(answer["counts"], json!({"created": 80, "updated": 0, "unchanged": 0, "problems": 20}));
    assert_eq!(
        (&answer["items"][79]["result"], &answer["items"][80]["problem"]["status"]),
        (&json!("created"), &json!(503))
    );
}
