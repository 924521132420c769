//! Tests over HTTP/2, which the large push services use: refused streams and connections that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, server};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};

use super::super::PushClient;
use super::misbehaviour::push;
use super::service::{later, vapid};
use domain::channel::{Answer, Outcome};

const PLENTY: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(300);

/// Action on a request.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Answers 201.
    Create,
    /// Answers 201 and sends GOAWAY: no further request on this connection.
    CreateAndGo,
    /// Sends an informational answer first.
    Announce,
    /// Resets the stream with this reason.
    Reset(Reason),
    /// Sends GOAWAY without an answer to the request.
    Go(Reason),
    /// Closes the connection.
    Close,
    /// Sends nothing.
    Wait,
    /// Answers 201 with a head of a megabyte.
    LongHead,
    /// Answers 201 with an endless body.
    Flood,
}

struct Service {
    origin: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    connections: AtomicUsize,
    flooded_bytes: AtomicUsize,
}

impl Service {
    /// Runs the n-th action on the n-th request, and answers 201 afterwards.
    async fn doing(acts: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let (shared, acts) = (Arc::clone(&counts), acts.to_vec());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(stream, acts.clone(), Arc::clone(&shared)));
            }
        });
        Self { origin, counts }
    }

    fn asked(&self) -> (usize, usize) {
        (self.counts.requests.load(Ordering::SeqCst), self.counts.connections.load(Ordering::SeqCst))
    }
}

async fn connection(stream: TcpStream, acts: Vec<Act>, counts: Arc<Counts>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        let act = acts.get(number).copied().unwrap_or(Act::Create);
        match act {
            Act::Close => return,
            Act::Go(reason) => connection.abrupt_shutdown(reason),
            Act::CreateAndGo => {
                tokio::spawn(answer(Act::Create, request, respond, Arc::clone(&counts)));
                connection.graceful_shutdown();
            }
            act => drop(tokio::spawn(answer(act, request, respond, Arc::clone(&counts)))),
        }
    }
}

async fn answer(act: Act, request: Request<RecvStream>, mut respond: SendResponse<Bytes>, counts: Arc<Counts>) {
    let mut body = request.into_body();
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
    }
    let created = || Response::builder().status(201);
    match act {
        Act::Reset(reason) => respond.send_reset(reason),
        Act::Wait => tokio::time::sleep(Duration::from_secs(60)).await,
        Act::LongHead => {
            let head = (0..64).fold(created(), |head, n| head.header(format!("x-{n}"), "x".repeat(16 * 1024)));
            let _ = respond.send_response(head.body(()).unwrap(), true);
        }
        Act::Flood => flood(respond.send_response(created().body(()).unwrap(), false).unwrap(), &counts).await,
        Act::Announce => {
            respond.send_informational(Response::builder().status(103).body(()).unwrap()).unwrap();
            let _ = respond.send_response(created().body(()).unwrap(), true);
        }
        _ => drop(respond.send_response(created().body(()).unwrap(), true)),
    }
}

/// Sends as many bytes as the client's flow control allows.
async fn flood(mut body: h2::SendStream<Bytes>, counts: &Counts) {
    loop {
        body.reserve_capacity(16 * 1024);
        match std::future::poll_fn(|context| body.poll_capacity(context)).await {
            Some(Ok(taken)) if body.send_data(Bytes::from(vec![b'x'; taken]), false).is_ok() => {
                counts.flooded_bytes.fetch_add(taken, Ordering::SeqCst);
            }
            _ => return,
        }
    }
}

fn client() -> PushClient {
    PushClient::over_http2(vapid())
}

fn seen(answer: &Answer) -> (Outcome, Option<u16>, Option<&str>) {
    (answer.outcome, answer.status_code, answer.detail.as_deref())
}

const ACCEPTED: (Outcome, Option<u16>, Option<&str>) = (Outcome::Accepted, Some(201), None);
const LOST: (Outcome, Option<u16>, Option<&str>) = (later(None), None, Some("the connection was lost"));

#[tokio::test]
async fn pushes_share_a_connection_and_an_announcement_is_no_answer() {
    let (client, service) = (client(), Service::doing(&[Act::Create, Act::Announce]).await);
    for _ in 0..5 {
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
    }
    assert_eq!(service.asked(), (5, 1));
}

#[tokio::test]
async fn a_refused_stream_and_a_connection_that_goes_away_are_tried_once_more_at_once() {
    for act in [
        Act::Reset(Reason::REFUSED_STREAM),
        Act::Reset(Reason::CANCEL),
        Act::Reset(Reason::INTERNAL_ERROR),
        Act::Reset(Reason::ENHANCE_YOUR_CALM),
        Act::Go(Reason::NO_ERROR),
        Act::Go(Reason::ENHANCE_YOUR_CALM),
        Act::Close,
    ] {
        let (client, service) = (client(), Service::doing(&[Act::Create, act]).await);
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED, "{act:?}");
        assert_eq!(service.asked().0, 3, "{act:?}");
        let service = Service::doing(&[act, act]).await;
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), LOST, "{act:?}");
        assert_eq!(service.asked().0, 2, "no third try after {act:?}");
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED, "after {act:?}");
    }
}

#[tokio::test]
async fn a_connection_that_went_away_between_two_pushes_costs_nothing() {
    let (client, service) = (client(), Service::doing(&[Act::CreateAndGo; 5]).await);
    for number in 1..=5 {
        assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
        assert_eq!(service.asked().0, number);
    }
}

#[tokio::test]
async fn a_stream_that_hangs_leaves_the_connection_to_the_others() {
    let (client, service) = (client(), Service::doing(&[Act::Wait]).await);
    let silent = push(&client, &service.origin, SHORT).await;
    assert_eq!(seen(&silent), (later(None), None, Some("timed out")));
    assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
    assert_eq!(service.asked(), (2, 1));
}

#[tokio::test]
async fn what_has_no_end_is_read_to_64_kib_and_no_further() {
    let (client, service) = (client(), Service::doing(&[Act::Flood]).await);
    let answer = push(&client, &service.origin, PLENTY).await;
    assert_eq!(seen(&answer), ACCEPTED);
    assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
    // Bytes that were read, and bytes that may be in transit before the client reads.
    let flooded = service.counts.flooded_bytes.load(Ordering::SeqCst);
    assert!((64 * 1024..=2 * 64 * 1024 + 32 * 1024).contains(&flooded), "{flooded}");

    let service = Service::doing(&[Act::LongHead, Act::LongHead]).await;
    let answer = push(&client, &service.origin, PLENTY).await;
    assert_eq!((answer.outcome, answer.status_code), (later(None), None));
    assert_eq!(seen(&push(&client, &service.origin, PLENTY).await), ACCEPTED);
}

#[tokio::test]
async fn what_is_no_http2_is_a_reason_to_try_later() {
    let (client, service) = (client(), super::faulty_service::FaultyPushService::doing(Vec::new()).await);
    let answer = push(&client, &service.origin, PLENTY).await;
    assert_eq!((answer.outcome, answer.status_code), (later(None), None));
}
