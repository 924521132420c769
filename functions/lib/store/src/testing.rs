//! DynamoDB emulator inside the test process. The SDK calls it over HTTP on a random port.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws::{AwsConfig, DynamoClient, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

/// Empty DynamoDB emulator. It stops with the test's runtime.
pub struct Dynamo {
    endpoint: String,
}

impl Dynamo {
    /// Starts an emulator.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        Self { endpoint }
    }

    /// Creates a client.
    pub fn client(&self) -> DynamoClient {
        self.client_with(Fuse::default())
    }

    /// Creates a client whose calls fail once the fuse blows.
    pub fn client_with(&self, fuse: Fuse) -> DynamoClient {
        self.client_over(Fused { fuse, connector: Arc::new(Connector::builder().build_http()) })
    }

    /// Creates a client whose calls go through a connector.
    pub fn client_over(&self, connector: impl HttpConnector + 'static) -> DynamoClient {
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-south-1"))
            .endpoint_url(&self.endpoint)
            .retry_config(RetryConfig::disabled());
        aws::dynamodb(&AwsConfig::new(sdk, connector, Credentials::new("id", "secret", None, None, "test")))
    }

    /// Creates a table with the keys `pk` and `sk`, as in infra/data.yaml.
    pub async fn create_table(&self, name: &str) {
        let mut create = self.client().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (key, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let definition = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
            create = create
                .key_schema(KeySchemaElement::builder().attribute_name(key).key_type(kind).build().unwrap())
                .attribute_definitions(definition.build().unwrap());
        }
        create.send().await.unwrap();
    }
}

/// Simulates a function that crashes after a number of calls. The last call is carried out, but its response is lost.
/// Every later call fails. Clones share the count.
#[derive(Debug, Clone)]
pub struct Fuse(Arc<AtomicI64>);

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Fuse {
    /// Allows this number of calls. The response of the last call is lost.
    pub fn set(&self, calls: i64) {
        self.0.store(calls, Ordering::SeqCst);
    }

    /// Returns the number of calls that are still allowed.
    pub fn left(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Connector of a client with a fuse.
#[derive(Debug)]
struct Fused {
    fuse: Fuse,
    connector: Arc<Connector>,
}

impl HttpConnector for Fused {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (fuse, connector) = (self.fuse.clone(), Arc::clone(&self.connector));
        let dead = |why: &str| Err(ConnectorError::other(why.into(), None));
        HttpConnectorFuture::new(async move {
            if fuse.0.fetch_sub(1, Ordering::SeqCst) <= 0 {
                return dead("the process is dead");
            }
            let answer = connector.call(request).await;
            if fuse.left() > 0 { answer } else { dead("the process died before the response") }
        })
    }
}
