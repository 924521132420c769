//! The one HTTP connector of a process: all AWS clients share its connections.

use std::sync::OnceLock;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use platform::environment::{Environment, EnvironmentError};

use crate::limits::CONNECT_TIMEOUT;

/// Five root certificates that Amazon Trust Services requires in custom trust stores (amazontrust.com/repository):
/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2. The first of them expires on 31 December 2037.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");
/// Prefixes of regions outside AWS's commercial partition, which may use other certificate authorities.
const OTHER_PARTITIONS: [&str; 5] = ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"];

/// Certificate authorities that are trusted for AWS endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// AWS's own authority; parsing takes 0.05 ms.
    Amazon,
    /// Authorities that the machine trusts; reading them adds 0.7 ms or more to every start.
    Machine,
}

impl Trust {
    /// Selects `Amazon`, with three exceptions that select `Machine`. The endpoint may belong to another party
    /// (`AWS_ENDPOINT_URL` with https). The region belongs to another partition. Or the operator sets certificates
    /// with OpenSSL's variables `SSL_CERT_FILE` or `SSL_CERT_DIR`.
    pub(super) fn of(region: &str, environment: &Environment) -> Result<Self, EnvironmentError> {
        let elsewhere = environment.optional("AWS_ENDPOINT_URL")?.is_some_and(|url| url.starts_with("https:"));
        let named = environment.optional("SSL_CERT_FILE")?.or(environment.optional("SSL_CERT_DIR")?).is_some();
        let other = OTHER_PARTITIONS.iter().any(|start| region.starts_with(start));
        Ok(if elsewhere || named || other { Self::Machine } else { Self::Amazon })
    }

    fn store(self) -> TrustStore {
        match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::Machine => TrustStore::default(),
        }
    }
}

/// Connector with rustls on ring, whose TLS side is built with the first request.
#[derive(Debug)]
pub(super) struct LazyHttpClient {
    trust: Trust,
    connector: OnceLock<Connector>,
}

impl LazyHttpClient {
    pub(super) const fn new(trust: Trust) -> Self {
        Self { trust, connector: OnceLock::new() }
    }

    fn build(&self) -> Connector {
        // Building cannot fail with these two stores. If it did, the default is the machine's store.
        let tls = TlsContext::builder().with_trust_store(self.trust.store()).build().unwrap_or_default();
        Connector::builder()
            .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build()
    }
}

impl HttpConnector for LazyHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connector.get_or_init(|| self.build()).call(request)
    }
}

/// Gives one connector to all clients of the SDK. It omits the SDK's check at creation, which builds a connector with
/// all root certificates and discards it.
#[derive(Debug)]
pub(super) struct OneConnector(pub(super) SharedHttpConnector);

impl HttpClient for OneConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn trust(region: &str, variables: &[(&str, &str)]) -> Trust {
        Trust::of(region, &Environment::given(variables.iter().copied())).unwrap()
    }

    #[test]
    fn aws_itself_is_known_by_its_own_roots_and_whatever_else_by_the_machines() {
        assert_eq!(AMAZON_ROOTS.matches("BEGIN CERTIFICATE").count(), 5);
        assert_eq!(trust("eu-south-1", &[]), Trust::Amazon);
        assert_eq!(trust("eu-south-1", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]), Trust::Amazon);
        assert_eq!(trust("eu-south-1", &[("AWS_ENDPOINT_URL", "https://aws.example.com")]), Trust::Machine);
        for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            assert_eq!(trust("eu-south-1", &[(variable, "/etc/ours")]), Trust::Machine);
        }
        for region in
            ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1"]
        {
            assert_eq!(trust(region, &[]), Trust::Machine, "{region}");
        }
    }
}
