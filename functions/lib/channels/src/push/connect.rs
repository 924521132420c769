//! HTTP clients for push services: one that connects to public addresses only, and one for extra origins.
//!
//! A name is checked by the addresses that it resolves to at the moment of connecting. The connection uses the same
//! resolver, so there is no second lookup with a different answer. An IP address in place of a name would be
//! connected to without a lookup, so it is refused. This client follows no redirects and uses no proxies.

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use domain::channel::push::address::is_public;

/// Maximum time to open a TCP connection, well within the time of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Period for which an idle connection is kept; push services close theirs later.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Interval of the HTTP/2 keep-alive, which detects a connection that died while the process was frozen.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(4);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum bytes of an answer that are buffered before it is read, its head included.
pub(super) const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// A pooled HTTP client over TCP connections of `C`.
type HttpClient<C> = Client<HttpsConnector<C>, Full<Bytes>>;
/// Client for the known push services.
pub type PublicClient = HttpClient<NamesOnly<HttpConnector<PublicOnly<GaiResolver>>>>;
/// Client for extra origins.
pub type ExtraClient = HttpClient<HttpConnector<GaiResolver>>;

/// Creates the client for the known push services: https, and public addresses only.
pub fn public_client() -> PublicClient {
    public_client_with(GaiResolver::new())
}

fn public_client_with<R: Resolver>(resolver: R) -> HttpClient<NamesOnly<HttpConnector<PublicOnly<R>>>> {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_only().enable_all_versions();
    pooled(tls.wrap_connector(NamesOnly(tcp(PublicOnly(resolver)))))
}

/// Creates the client for extra origins: also plain http, and any address that the operator set.
pub fn extra_client() -> ExtraClient {
    pooled(extra_connector())
}

fn extra_connector() -> HttpsConnector<HttpConnector<GaiResolver>> {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
    tls.wrap_connector(tcp(GaiResolver::new()))
}

/// Creates a client for extra origins that uses HTTP/2 over plain http. Large push services negotiate HTTP/2 within
/// TLS.
#[cfg(test)]
pub(super) fn http2_client() -> ExtraClient {
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

/// A service that resolves names, with the bounds that hyper requires.
pub(super) trait Resolver:
    Service<Name, Response: Iterator<Item = SocketAddr>, Error: Into<BoxError>, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<R> Resolver for R where
    R: Service<Name, Response: Iterator<Item = SocketAddr>, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Resolver that keeps only the public addresses of another resolver's answers.
#[derive(Clone)]
pub struct PublicOnly<R>(R);

/// Connector that accepts names only. hyper connects to an IP address without its resolver, so an address is refused
/// here.
#[derive(Clone)]
pub struct NamesOnly<C>(C);

/// Error for a name without a public address, and for an IP address in place of a name.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to no public address")]
pub(super) struct NotPublicError;

type BoxError = Box<dyn Error + Send + Sync>;
type Resolved = Result<std::vec::IntoIter<SocketAddr>, BoxError>;

impl<R: Resolver> Service<Name> for PublicOnly<R> {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Resolved> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { public(resolving.await.map_err(Into::into)?) })
    }
}

impl<C> Service<Uri> for NamesOnly<C>
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = (!uri.host().is_none_or(is_address)).then(|| self.0.call(uri));
        Box::pin(async move { connecting.ok_or(NotPublicError)?.await.map_err(Into::into) })
    }
}

/// Returns `true` if hyper would treat the host as an IP address. Other notations (`127.1`, `0x7f000001`) are names
/// to hyper.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// Returns the public addresses, or [`NotPublicError`] if there are none.
fn public(resolved: impl Iterator<Item = SocketAddr>) -> Resolved {
    let addresses: Vec<_> = resolved.filter(|address| is_public(address.ip())).collect();
    if addresses.is_empty() { Err(NotPublicError.into()) } else { Ok(addresses.into_iter()) }
}

/// Returns `true` if a request failed because of [`NotPublicError`].
pub(super) fn is_not_public(error: &(dyn Error + 'static)) -> bool {
    error.is::<NotPublicError>() || error.source().is_some_and(is_not_public)
}

/// Returns `true` if the answer is not HTTP, or if its head exceeds the limit.
pub(super) fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) || error.source().is_some_and(is_no_http)
}

#[cfg(test)]
mod tests;
