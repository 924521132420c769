//! The two ways out: to public addresses only, and to extra origins.
//!
//! A name is judged by what it resolves to at the moment of connecting, by the resolver that the connection itself uses,
//! so there is no second look-up that could answer differently. An address in place of a name, which would be connected to
//! without a look-up, is turned away. Redirects are not followed and proxies not asked for: this client knows neither.

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
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
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

/// A pooled HTTP client over TCP connections of `C`.
type HttpClient<C> = Client<HttpsConnector<C>, Full<Bytes>>;
/// The client for the known push services.
pub(super) type PublicClient = HttpClient<NamesOnly<HttpConnector<PublicOnly<GaiResolver>>>>;
/// The client for extra origins.
pub(super) type ExtraClient = HttpClient<HttpConnector<GaiResolver>>;

/// For the known push services: https, and to public addresses.
pub(super) fn public_client() -> PublicClient {
    public_client_with(GaiResolver::new())
}

fn public_client_with<R: Resolver>(resolver: R) -> HttpClient<NamesOnly<HttpConnector<PublicOnly<R>>>> {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_only().enable_all_versions();
    pooled(tls.wrap_connector(NamesOnly(tcp(PublicOnly(resolver)))))
}

/// For extra origins: also plain http, and to wherever the operator pointed.
pub(super) fn extra_client() -> ExtraClient {
    let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
    pooled(tls.wrap_connector(tcp(GaiResolver::new())))
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
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .build(connector)
}

/// What looks up names, with the bounds that hyper has on it.
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

/// A resolver that keeps only what is public of another's answers.
#[derive(Clone)]
pub(super) struct PublicOnly<R>(R);

/// A connector for names: hyper connects to an address without asking its resolver, so an address must not get that far.
#[derive(Clone)]
pub(super) struct NamesOnly<C>(C);

/// A name resolved to nothing public, or there was an address in its place.
#[derive(Debug, thiserror::Error)]
#[error("the push service's name resolves to no public address")]
pub(super) struct NotPublic;

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
        Box::pin(async move { connecting.ok_or(NotPublic)?.await.map_err(Into::into) })
    }
}

/// Whether hyper would take the host for an address. Other notations (`127.1`, `0x7f000001`) are names to it, which the
/// resolver answers.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use http::Request;
    use tokio::net::TcpListener;

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

    /// Whether the client refuses to connect, and `listener` hears nothing.
    async fn is_turned_away<C>(client: &Client<C, Full<Bytes>>, listener: &TcpListener, host: &str) -> bool
    where
        C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
    {
        let url = format!("https://{host}:{}/", listener.local_addr().unwrap().port());
        let request = Request::post(url).body(Full::default()).unwrap();
        let error = client.request(request).await.unwrap_err();
        let nobody_came = futures_util::FutureExt::now_or_never(listener.accept()).is_none();
        is_not_public(&error) && nobody_came
    }

    #[tokio::test]
    async fn the_public_client_connects_to_no_notation_of_this_machine() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = public_client();
        for host in [
            "localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0x7f000001",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1]",
        ] {
            assert!(is_turned_away(&client, &listener, host).await, "{host}");
        }
    }

    /// Answers each look-up with the next of its lists.
    #[derive(Clone)]
    struct Scripted(Arc<Mutex<VecDeque<Vec<SocketAddr>>>>);

    impl Service<Name> for Scripted {
        type Response = std::vec::IntoIter<SocketAddr>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            std::future::ready(Ok(self.0.lock().unwrap().pop_front().unwrap().into_iter()))
        }
    }

    fn scripted(answers: &[&[&str]]) -> Scripted {
        Scripted(Arc::new(Mutex::new(answers.iter().map(|list| addresses(list)).collect())))
    }

    #[tokio::test]
    async fn a_name_that_was_public_a_moment_ago_is_judged_by_what_it_is_now() {
        let name = || "fcm.googleapis.com".parse::<Name>().unwrap();
        let rebound = scripted(&[&["142.250.185.138:0"], &["127.0.0.1:0"], &["127.0.0.1:0"]]);
        let mut resolver = PublicOnly(rebound.clone());
        assert_eq!(resolver.call(name()).await.unwrap().collect::<Vec<_>>(), addresses(&["142.250.185.138:0"]));
        assert!(is_not_public(resolver.call(name()).await.unwrap_err().as_ref()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(is_turned_away(&public_client_with(rebound.clone()), &listener, "fcm.googleapis.com").await);
        assert!(rebound.0.lock().unwrap().is_empty(), "the connection's own look-up was the last one");
    }

    #[tokio::test]
    async fn a_known_name_that_somebody_bent_inwards_is_not_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for (address, what) in INWARDS {
            let client = public_client_with(scripted(&[&[address]]));
            assert!(is_turned_away(&client, &listener, "fcm.googleapis.com").await, "{what}");
        }
    }

    /// What a name may be bent to, and why that is not the public internet.
    const INWARDS: &[(&str, &str)] = &[
        ("127.0.0.1:0", "loopback"),
        ("0.0.0.0:0", "unspecified, which means this machine"),
        ("10.1.2.3:0", "private"),
        ("172.16.0.1:0", "private"),
        ("192.168.1.1:0", "private"),
        ("169.254.169.254:0", "link-local: the cloud's metadata"),
        ("169.254.100.1:0", "link-local: Lambda's own"),
        ("100.64.0.1:0", "carrier-grade NAT"),
        ("192.0.0.170:0", "protocol assignments"),
        ("192.0.2.1:0", "documentation"),
        ("198.18.0.1:0", "benchmarks"),
        ("198.51.100.1:0", "documentation"),
        ("203.0.113.1:0", "documentation"),
        ("224.0.0.1:0", "multicast"),
        ("240.0.0.1:0", "reserved"),
        ("255.255.255.255:0", "broadcast"),
        ("[::]:0", "unspecified"),
        ("[::1]:0", "loopback"),
        ("[::ffff:10.0.0.1]:0", "an IPv4 address, mapped"),
        ("[::10.0.0.1]:0", "an IPv4 address, compatible"),
        ("[64:ff9b::a00:1]:0", "an IPv4 address behind NAT64"),
        ("[64:ff9b:1::a00:1]:0", "an IPv4 address behind a local NAT64"),
        ("[2002:a00:1::]:0", "an IPv4 address behind 6to4"),
        ("[2001:0:a00:1::]:0", "an IPv4 address behind Teredo"),
        ("[fd00:ec2::254]:0", "unique local: the cloud's metadata"),
        ("[fe80::1]:0", "link-local"),
        ("[fec0::1]:0", "site-local"),
        ("[ff02::1]:0", "multicast"),
        ("[2001:db8::1]:0", "documentation"),
        ("[100::1]:0", "discarded"),
    ];

    #[tokio::test]
    async fn the_public_client_speaks_https_only() {
        let request = Request::post("http://fcm.googleapis.com/").body(Full::default()).unwrap();
        assert!(public_client().request(request).await.unwrap_err().is_connect());
    }
}
