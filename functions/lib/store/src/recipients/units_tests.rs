//! Compares the write units of each request with the table in the module's documentation.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::*;
use crate::ErasureStore;
use crate::sample::{TestTables, key, recipient_id, registering};
use crate::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS};
use domain::recipient::{ChoiceAuthor, Device, Preferences, ProfileVersion};

const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

/// Requests the consumed capacity of every write and adds it up.
#[derive(Debug, Clone)]
struct Meter {
    units: Arc<AtomicU64>,
    connector: Arc<Connector>,
}

impl HttpConnector for Meter {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let is_write = WRITES.iter().any(|name| target.ends_with(&format!(".{name}")));
        if is_write {
            let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            body["ReturnConsumedCapacity"] = json!("TOTAL");
            *request.body_mut() = SdkBody::from(body.to_string());
            request.headers_mut().remove("content-length");
        }
        let Self { units, connector } = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = connector.call(request).await?;
            let status = answer.status();
            let body = ByteStream::new(answer.into_body()).collect().await.unwrap().into_bytes();
            let found: Value = serde_json::from_slice(&body).unwrap();
            units.fetch_add(consumed(&found["ConsumedCapacity"]), Ordering::SeqCst);
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

/// Adds up the units of one table or of several.
fn consumed(tables: &Value) -> u64 {
    let tables = tables.as_array().cloned().unwrap_or_else(|| vec![tables.clone()]);
    tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum::<f64>() as u64
}

struct Metered {
    _world: TestTables,
    store: RecipientsStore,
    erasure: ErasureStore,
    meter: Meter,
}

impl Metered {
    async fn new() -> Self {
        let world = TestTables::new().await;
        let meter = Meter { units: Arc::default(), connector: Arc::new(Connector::builder().build_http()) };
        let client = world.dynamo.client_over(meter.clone());
        let store = RecipientsStore::new(client.clone(), RECIPIENTS, CONTROL);
        let erasure = ErasureStore::new(client, store.clone(), NOTIFICATIONS, SETTINGS);
        Self { _world: world, store, erasure, meter }
    }

    async fn register(&self, id: &str, device: &Device) -> u64 {
        self.register_for(id, device, None).await
    }

    /// Registers in place of the device with this id.
    async fn register_for(&self, id: &str, device: &Device, replaced: Option<&str>) -> u64 {
        self.store.register(&recipient_id(id), &key(id), device, replaced).await.unwrap();
        self.units()
    }

    /// Returns the write units since the last call.
    fn units(&self) -> u64 {
        self.meter.units.swap(0, Ordering::SeqCst)
    }
}

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn every_request_writes_the_units_in_the_table() {
    let metered = Metered::new().await;
    metered
        .store
        .put_profile(&recipient_id("ada"), &key("ada"), &Profile::default(), &BTreeSet::new(), now())
        .await
        .unwrap();
    assert_eq!(metered.units(), 1, "put a profile");
    assert_eq!(
        metered.store.unsubscribe(&key("ada"), "NEWS", ChoiceAuthor::Link, now()).await.unwrap().result,
        OptOutResult::Stored
    );
    assert_eq!(metered.units(), 1, "unsubscribe");
    metered.store.subscribe_again(&key("ada"), "NEWS", now()).await.unwrap();
    assert_eq!(metered.units(), 1, "subscribe again");
    let read = ProfileVersion::of(&metered.store.load(&key("ada")).await.unwrap().unwrap());
    metered.store.put_preferences_if(&key("ada"), &Preferences::default(), read, now()).await.unwrap().unwrap();
    assert_eq!(metered.units(), 1, "put preferences");
    let device = registering("tablet", now(), None);
    assert_eq!(metered.register("ada", &device).await, 4, "register a new device");
    assert_eq!(metered.register("ada", &device).await, 0, "register a known device");
    assert_eq!(metered.register("ada", &registering("tablet", now() + 24.hours(), None)).await, 1, "once a day");
    assert_eq!(metered.register("bob", &device).await, 6, "move a device");
    let renewed = registering("renewed", now(), None);
    assert_eq!(metered.register_for("bob", &renewed, Some(&device.device_id)).await, 6, "replace a device");
    assert_eq!(metered.register_for("bob", &device, Some(&renewed.device_id)).await, 6, "and back");
    metered.store.load(&key("bob")).await.unwrap();
    assert_eq!(metered.units(), 0, "load");
    metered.store.remove_device(&key("bob"), &device.device_id, device.endpoint.expose()).await.unwrap();
    assert_eq!(metered.units(), 4, "remove a device");
}

#[tokio::test]
async fn an_erasure_writes_one_unit_per_item_one_for_the_marker_and_none_without_items() {
    let metered = Metered::new().await;
    metered.register("ada", &registering("tablet", now(), None)).await;
    metered
        .erasure
        .erase(&key("ada"), now(), tokio::time::Instant::now() + std::time::Duration::from_secs(9))
        .await
        .unwrap();
    assert_eq!(metered.units(), 3, "profile with its device, owner, marker");
    metered
        .erasure
        .erase(&key("ada"), now(), tokio::time::Instant::now() + std::time::Duration::from_secs(9))
        .await
        .unwrap();
    assert_eq!(metered.units(), 0);
}
