//! Compares the write units of each request with the table in the module's documentation.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total;
use aws_smithy_runtime_api::box_error::BoxError;
use jiff::ToSpan;

use super::*;
use crate::ErasureStore;
use crate::sample::{TestTables, key, recipient_id, registering};
use crate::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS};
use domain::recipient::{ChoiceAuthor, Device, Preferences, ProfileVersion};

/// Requests the consumed capacity of every write and adds it up.
#[derive(Debug, Clone, Default)]
struct Meter(Arc<AtomicU64>);

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        if let Some(update) = input.downcast_mut::<UpdateItemInput>() {
            update.return_consumed_capacity = Some(Total);
        } else if let Some(delete) = input.downcast_mut::<DeleteItemInput>() {
            delete.return_consumed_capacity = Some(Total);
        } else if let Some(put) = input.downcast_mut::<PutItemInput>() {
            put.return_consumed_capacity = Some(Total);
        } else if let Some(transaction) = input.downcast_mut::<TransactWriteItemsInput>() {
            transaction.return_consumed_capacity = Some(Total);
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        let consumed = if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
            units(update.consumed_capacity())
        } else if let Some(delete) = output.downcast_ref::<DeleteItemOutput>() {
            units(delete.consumed_capacity())
        } else if let Some(put) = output.downcast_ref::<PutItemOutput>() {
            units(put.consumed_capacity())
        } else if let Some(transaction) = output.downcast_ref::<TransactWriteItemsOutput>() {
            units(transaction.consumed_capacity())
        } else {
            0.0
        };
        self.0.fetch_add(consumed as u64, Ordering::SeqCst);
        Ok(())
    }
}

fn units<'a>(tables: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    tables.into_iter().filter_map(ConsumedCapacity::capacity_units).sum()
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
        let meter = Meter::default();
        let config = world.dynamo.client().config().to_builder().interceptor(meter.clone()).build();
        let client = Client::from_conf(config);
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
        self.meter.0.swap(0, Ordering::SeqCst)
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
