//! Settings that all AWS clients of a process have in common.

use std::ops::Deref;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpClient, SharedHttpConnector};
use aws_types::SdkConfig;
use aws_types::sdk_config::Builder;

use crate::connector::OneConnector;

/// The SDK's configuration, and what the direct calls need beside it.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    sdk: SdkConfig,
    pub(crate) connector: SharedHttpConnector,
    pub(crate) credentials: Credentials,
}

impl AwsConfig {
    /// Completes a configuration of the SDK with the connector and the credentials that all clients use.
    pub fn new(sdk: Builder, connector: impl HttpConnector + 'static, credentials: Credentials) -> Self {
        let connector = SharedHttpConnector::new(connector);
        let sdk = sdk
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(SharedHttpClient::new(OneConnector(connector.clone())));
        Self { sdk: sdk.build(), connector, credentials }
    }

    /// Replaces the connector of all clients.
    #[must_use]
    pub fn with_connector(self, connector: impl HttpConnector + 'static) -> Self {
        Self::new(self.sdk.into_builder(), connector, self.credentials)
    }

    /// Changes the configuration of the SDK.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Builder) -> Builder) -> Self {
        Self { sdk: change(self.sdk.into_builder()).build(), ..self }
    }
}

impl Deref for AwsConfig {
    type Target = SdkConfig;

    fn deref(&self) -> &SdkConfig {
        &self.sdk
    }
}
