//! The recipients API on tables with DynamoDB's real semantics, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws::DynamoClient;
use aws::fake_aws;
use aws::parameters::ParameterStore;
use aws_sdk_dynamodb::types::AttributeValue;
use delivery::config::ConfigSource;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::RecipientsApi;
use domain::channel::push::ExtraOrigins;
use domain::recipient::KeyHasher;
use platform::clock::Clock;
use platform::http::Request;
use platform::private::Private;
use store::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS, items, tables};
use store::{CatalogStore, ErasureStore, NotificationsStore, RecipientsStore, SuppressionsStore};

pub const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Returns a source of the types in the tables of `client`. It never calls SSM.
pub fn types(client: &DynamoClient) -> Arc<ConfigSource> {
    let parameters = ParameterStore::new(aws::ssm(&fake_aws::config(|_, _| std::future::pending())));
    let catalog = CatalogStore::new(client.clone(), SETTINGS);
    Arc::new(ConfigSource::new(parameters, "", Clock::System).catalog_only(catalog))
}

/// The API on empty tables, with a clock that tests set.
pub struct TestApi {
    pub api: RecipientsApi,
    pub client: DynamoClient,
    pub now: Timestamp,
}

impl TestApi {
    pub async fn new() -> Self {
        let client = tables().await.client();
        let recipients = RecipientsStore::new(client.clone(), RECIPIENTS, CONTROL);
        let api = RecipientsApi {
            erasure: ErasureStore::new(client.clone(), recipients.clone(), NOTIFICATIONS, SETTINGS),
            notifications: NotificationsStore::new(client.clone(), NOTIFICATIONS),
            recipients,
            suppressions: SuppressionsStore::new(client.clone(), RECIPIENTS, CONTROL, KeyHasher::new(&[7; 32])),
            hasher: KeyHasher::new(&[7; 32]),
            extra_origins: ExtraOrigins::default(),
            config: types(&client),
            vapid_public_key: [4; 65],
        };
        Self { api, client, now: "2027-01-10T12:00:00Z".parse().unwrap() }
    }

    pub async fn ask(&self, route: &str, id: &str, body: &str) -> (u16, Value) {
        self.send(route, &[("id", id)], &[], body.as_bytes().to_vec()).await
    }

    pub async fn send(
        &self,
        route: &str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (u16, Value) {
        let request = Self::request(route, path, query, body);
        let response = self.api.answer(&request, self.now).await;
        (response.status, serde_json::from_str(response.body.expose()).unwrap_or(Value::Null))
    }

    pub fn request(route: &str, path: &[(&str, &str)], query: &[(&str, &str)], body: Vec<u8>) -> Request {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), Private::new((*value).to_owned()))).collect()
        };
        Request {
            route: route.to_owned(),
            path: owned(path),
            query: owned(query),
            body: Private::new(body),
            request_id: "r-1".to_owned(),
            ..Request::default()
        }
    }

    pub async fn put(&self, id: &str, body: &Value) -> (u16, Value) {
        self.ask("PUT /v1/recipients/{id}", id, &body.to_string()).await
    }

    pub async fn get(&self, id: &str) -> (u16, Value) {
        self.ask("GET /v1/recipients/{id}", id, "").await
    }

    pub async fn erase(&self, id: &str) -> (u16, Value) {
        self.ask("DELETE /v1/recipients/{id}", id, "").await
    }

    pub async fn register(&self, id: &str, token: &str) -> (u16, Value) {
        self.ask("PUT /v1/recipients/{id}/devices", id, &subscription(token).to_string()).await
    }

    pub async fn delete_device(&self, id: &str, device_id: &str) -> (u16, Value) {
        self.send(
            "DELETE /v1/recipients/{id}/devices/{device_id}",
            &[("id", id), ("device_id", device_id)],
            &[],
            vec![],
        )
        .await
    }

    pub async fn devices(&self, id: &str) -> Vec<String> {
        let (_, recipient) = self.get(id).await;
        let devices = recipient["devices"].as_array().cloned().unwrap_or_default();
        devices.iter().map(|device| device["device_id"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns all stored items, to check that nothing changed. Erasure markers are left out, since they contain
    /// nothing about recipients.
    pub async fn everything(&self) -> String {
        let all = [RECIPIENTS, CONTROL, NOTIFICATIONS].map(|table| items(&self.client, table));
        let all = futures_util::future::join_all(all).await.concat();
        let sorted = all.into_iter().map(|item| {
            format!("{:?}", item.iter().map(|(name, value)| (name, shown(value))).collect::<BTreeMap<_, _>>())
        });
        sorted.collect::<Vec<_>>().join("\n")
    }

    /// Returns the kinds of everything that is stored about recipients, beside notifications.
    pub async fn stored_parts(&self) -> Vec<&'static str> {
        let mut parts = Vec::new();
        for profile in items(&self.client, RECIPIENTS).await {
            let devices = profile["devices"].as_m().unwrap();
            parts.extend(devices.keys().map(|_| "device"));
            parts.push("profile");
        }
        let control = items(&self.client, CONTROL).await;
        parts.extend(control.iter().filter(|item| item.contains_key("recipient")).map(|_| "owner"));
        parts.sort_unstable();
        parts
    }
}

/// Returns a value as text. The entries of maps are sorted.
fn shown(value: &AttributeValue) -> String {
    match value.as_m() {
        Ok(map) => {
            format!("{:?}", map.iter().map(|(name, value)| (name, shown(value))).collect::<BTreeMap<_, _>>())
        }
        Err(_) => format!("{value:?}"),
    }
}

/// Returns a subscription as a browser gives it.
pub fn subscription(token: &str) -> Value {
    json!({
        "endpoint": format!("https://fcm.googleapis.com/fcm/send/{token}"),
        "expirationTime": null,
        "keys": {"p256dh": P256DH, "auth": AUTH},
    })
}

impl TestApi {
    pub async fn renew(&self, id: &str, old: &str, new: &str) -> u16 {
        let mut body = subscription(new);
        body["old_endpoint"] = subscription(old)["endpoint"].clone();
        self.ask("PUT /v1/recipients/{id}/devices", id, &body.to_string()).await.0
    }

    pub async fn delete_endpoint(&self, id: &str, endpoint: &str) -> (u16, Value) {
        let route = "DELETE /v1/recipients/{id}/devices";
        self.send(route, &[("id", id)], &[("endpoint", endpoint)], vec![]).await
    }
}
