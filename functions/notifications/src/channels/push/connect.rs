//! The two ways out: to public addresses only, and to extra origins.
//!
//! A name is judged by what it resolves to at the moment of connecting, by the resolver that the connection itself uses,
//! so there is no second look-up that could answer differently. Redirects are not followed and proxies not asked for:
//! this client knows neither.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::address::is_public;

/// For a TCP connection, well within the time of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections are kept this long; push services end theirs later.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How soon a connection that died while the process slept is noticed.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(4);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// The most of an answer that is kept while nobody has looked at it yet, its head included.
pub(super) const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// A pooled HTTP client over a connector that resolves names by `R`.
pub(super) type HttpClient<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// For the known push services: https, and to public addresses.
pub(super) fn public_client() -> HttpClient<PublicOnly> {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_only().enable_all_versions();
    pooled(tls.wrap_connector(tcp(PublicOnly(GaiResolver::new()))))
}

/// For extra origins: also plain http, and to wherever the operator pointed.
pub(super) fn extra_client() -> HttpClient<GaiResolver> {
    pooled(extra_connector())
}

fn extra_connector() -> HttpsConnector<HttpConnector<GaiResolver>> {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
    tls.wrap_connector(tcp(GaiResolver::new()))
}

/// The same, speaking to plain http as it speaks to the large push services, which agree on HTTP/2 within TLS.
#[cfg(test)]
pub(super) fn http2_client() -> HttpClient<GaiResolver> {
    settings().http2_only(true).build(extra_connector())
}

fn tcp<R>(resolver: R) -> HttpConnector<R> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

fn pooled<C>(connector: C) -> Client<C, Full<Bytes>>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    settings().build(connector)
}

fn settings() -> Builder {
    let mut settings = Client::builder(TokioExecutor::new());
    settings
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http1_max_buf_size(ANSWER_LIMIT_BYTES)
        .http2_initial_stream_window_size(ANSWER_LIMIT_BYTES as u32)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    settings
}

/// A resolver that keeps only what is public of another's answers.
#[derive(Clone)]
pub(super) struct PublicOnly(GaiResolver);

/// A name resolved to nothing public.
#[derive(Debug, thiserror::Error)]
#[error("the push service's name resolves to no public address")]
pub(super) struct NotPublic;

type Resolved = Result<std::vec::IntoIter<SocketAddr>, Box<dyn Error + Send + Sync>>;

impl Service<Name> for PublicOnly {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Resolved> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { public(resolving.await?) })
    }
}

/// The public ones, or [`NotPublic`] if none is.
fn public(resolved: impl Iterator<Item = SocketAddr>) -> Resolved {
    let addresses: Vec<_> = resolved.filter(|address| is_public(address.ip())).collect();
    if addresses.is_empty() { Err(NotPublic.into()) } else { Ok(addresses.into_iter()) }
}

/// Whether a request failed because of [`NotPublic`].
pub(super) fn is_not_public(error: &(dyn Error + 'static)) -> bool {
    error.is::<NotPublic>() || error.source().is_some_and(is_not_public)
}

/// Whether something came back that is no HTTP, or more of a head than is read.
pub(super) fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) || error.source().is_some_and(is_no_http)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::Request;

    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn only_the_public_answers_of_a_name_are_tried() {
        let mixed = addresses(&["10.0.0.1:0", "142.250.185.138:0", "[::1]:0", "[2a00:1450::1]:0"]);
        let kept: Vec<_> = public(mixed.into_iter()).unwrap().collect();
        assert_eq!(kept, addresses(&["142.250.185.138:0", "[2a00:1450::1]:0"]));
    }

    #[test]
    fn a_name_without_public_answers_is_refused() {
        for list in [&["127.0.0.1:0", "[::1]:0"][..], &["169.254.169.254:0"], &[]] {
            let refused = public(addresses(list).into_iter()).unwrap_err();
            assert!(is_not_public(refused.as_ref()));
        }
    }

    #[tokio::test]
    async fn the_public_client_does_not_connect_to_a_name_of_this_machine() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let request = Request::post(url).body(Full::default()).unwrap();
        let error = public_client().request(request).await.unwrap_err();
        assert!(is_not_public(&error), "{error:?}");
        let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err());
    }

    #[tokio::test]
    async fn the_public_client_speaks_https_only() {
        let request = Request::post("http://fcm.googleapis.com/").body(Full::default()).unwrap();
        assert!(public_client().request(request).await.unwrap_err().is_connect());
    }
}
