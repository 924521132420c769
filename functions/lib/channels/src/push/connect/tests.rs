#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::Request;
use hyper_util::client::legacy::Error as ClientError;
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

/// Returns the error of a connection to `host`, and checks that `listener` receives no connection.
async fn refusal<C>(client: &Client<C, Full<Bytes>>, listener: &TcpListener, host: &str) -> ClientError
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let url = format!("https://{host}:{}/", listener.local_addr().unwrap().port());
    let error = client.request(Request::post(url).body(Full::default()).unwrap()).await.unwrap_err();
    let nobody_came = futures_util::FutureExt::now_or_never(listener.accept()).is_none();
    assert!(nobody_came && error.is_connect(), "{host}: {error:?}");
    error
}

#[tokio::test]
async fn the_public_client_connects_to_no_notation_of_this_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = public_client();
    for host in
        ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]"]
    {
        assert!(is_not_public(&refusal(&client, &listener, host).await), "{host}");
    }
    // A resolver maps these to 127.0.0.1 too. No connection is made, but the error may be another one.
    for host in ["127.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.1"] {
        refusal(&client, &listener, host).await;
    }
}

/// Resolver that answers each lookup with the next of its lists.
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
    let client = public_client_with(rebound.clone());
    assert!(is_not_public(&refusal(&client, &listener, "fcm.googleapis.com").await));
    assert!(rebound.0.lock().unwrap().is_empty(), "the connection's own look-up was the last one");
}

#[tokio::test]
async fn a_public_name_that_resolves_to_a_private_address_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (address, what) in INWARDS {
        let client = public_client_with(scripted(&[&[address]]));
        assert!(is_not_public(&refusal(&client, &listener, "fcm.googleapis.com").await), "{what}");
    }
}

/// Addresses that a hostile name may resolve to, each with the reason why it is not public.
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
