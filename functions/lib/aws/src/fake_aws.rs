//! Scripted AWS for unit tests. The real SDK client sends its real protocol to a function instead of a socket.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::{Value, json};

use crate::AwsConfig;

/// Response of the fake AWS: a status and a JSON body, after any delay.
type Answer = std::pin::Pin<Box<dyn Future<Output = (u16, Value)> + Send>>;
type Script = dyn Fn(String, Value) -> Answer + Send + Sync;

#[derive(Clone)]
struct FakeAws(Arc<Script>);

impl fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeAws")
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let answer = (self.0)(target, body);
        HttpConnectorFuture::new(async move {
            let (status, body) = answer.await;
            let status = status.try_into().expect("a status");
            // A string is sent unchanged, because SNS responds in XML.
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

/// Returns an SDK configuration that sends every call to `script`, with the target (`AmazonSSM.GetParameters`) and
/// the JSON body.
pub fn config<F, A>(script: F) -> AwsConfig
where
    F: Fn(String, Value) -> A + Send + Sync + 'static,
    A: Future<Output = (u16, Value)> + Send + 'static,
{
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-south-1"))
        .retry_config(RetryConfig::disabled());
    let fake = FakeAws(Arc::new(move |target, body| Box::pin(script(target, body))));
    AwsConfig::new(sdk, fake, Credentials::new("id", "secret", None, None, "test"))
}

/// Returns SSM's response to GetParameters if it holds `parameters`.
pub fn parameters_answer(asked: &Value, parameters: &[(String, String)]) -> Value {
    let names: Vec<&str> = asked["Names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let found = parameters.iter().filter(|(name, _)| names.contains(&name.as_str()));
    let found: Vec<Value> = found.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let unknown = names.iter().filter(|asked| !parameters.iter().any(|(name, _)| name == *asked));
    json!({"Parameters": found, "InvalidParameters": unknown.collect::<Vec<_>>()})
}
