//! Test tables with the keys and indexes of infra/data.yaml.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};

use super::Item;
use super::testing::Dynamo;

pub const RECIPIENTS: &str = "recipients";
pub const NOTIFICATIONS: &str = "notifications";
pub const CONTROL: &str = "control";
pub const SETTINGS: &str = "settings";

/// Starts an emulator with four tables, empty.
pub async fn tables() -> Dynamo {
    let dynamo = Dynamo::start().await;
    dynamo.create_table(RECIPIENTS).await;
    let client = dynamo.client();
    create_settings(&client).await;
    let control = client.create_table().table_name(CONTROL).billing_mode(BillingMode::PayPerRequest);
    control.key_schema(key("pk", KeyType::Hash)).attribute_definitions(text("pk")).send().await.unwrap();
    create_notifications(&client).await;
    dynamo
}

/// Returns all items of a table in the order of their keys.
pub async fn items(client: &DynamoClient, table: &str) -> Vec<Item> {
    let mut items = client.scan().table_name(table).consistent_read(true).send().await.unwrap().items.unwrap();
    items.sort_by_key(|item| format!("{:?}{:?}", item.get("pk"), item.get("sk")));
    items
}

async fn create_settings(client: &DynamoClient) {
    let mut create = client.create_table().table_name(SETTINGS).billing_mode(BillingMode::PayPerRequest);
    for name in ["pk", "sk", "trail"] {
        create = create.attribute_definitions(text(name));
    }
    let index = GlobalSecondaryIndex::builder()
        .index_name("trail")
        .key_schema(key("trail", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build());
    let create = create.global_secondary_indexes(index.build().unwrap());
    create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range)).send().await.unwrap();
}

async fn create_notifications(client: &DynamoClient) {
    let mut create = client.create_table().table_name(NOTIFICATIONS).billing_mode(BillingMode::PayPerRequest);
    for name in ["pk", "sk", "due_shard", "attention_shard"] {
        create = create.attribute_definitions(text(name));
    }
    for name in ["next_action_at", "attention_at"] {
        create = create.attribute_definitions(attribute(name, ScalarAttributeType::N));
    }
    for (name, hash, range) in
        [("due", "due_shard", "next_action_at"), ("attention", "attention_shard", "attention_at")]
    {
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key(range, KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        create = create.global_secondary_indexes(index.build().unwrap());
    }
    create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range)).send().await.unwrap();
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn text(name: &str) -> AttributeDefinition {
    attribute(name, ScalarAttributeType::S)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}
