//! Tests of push services that misbehave: the result of the push, and the success of the next one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::super::PushClient;
use super::browser::Browser;
use super::faulty_service::{Act, CREATED, FaultyPushService, say};
use super::service::{client, later, message};
use domain::channel::push::{ExtraOrigins, Subscription};
use domain::channel::{Answer, Outcome, Rejection};

/// Time limit for cases without a wait, sufficient on a busy machine too.
const PLENTY: Duration = Duration::from_secs(8);
/// Time limit for cases that would wait for ever.
const SHORT: Duration = Duration::from_millis(300);
const ACCEPTED: Outcome = Outcome::Accepted;
const LATER: Outcome = later(None);
const UNEXPECTED: Outcome = Outcome::Rejected { reason: Rejection::Unexpected };
const CONFIG: Outcome = Outcome::Rejected { reason: Rejection::Config };
const TOO_LARGE: Outcome = Outcome::Rejected { reason: Rejection::TooLarge };

const LOST: Option<&str> = Some("the connection was lost");
const SILENT: Option<&str> = Some("timed out");
const NO_HTTP: Option<&str> = Some("the answer was not HTTP");

/// Result of one push, and the number of requests that the service received.
type PushResult = (Outcome, Option<u16>, Option<&'static str>, usize);

pub async fn push(client: &PushClient, origin: &str, limit: Duration) -> Answer {
    let browser = Browser::new(&[0x42; 32], *b"sixteen secrets!");
    let extra = ExtraOrigins::parse(origin).unwrap();
    let endpoint = format!("{origin}/push/device-1");
    let subscription = Subscription::parse(&endpoint, &browser.p256dh(), &browser.auth(), &extra).unwrap();
    client.push_within(&subscription, &message("x"), Timestamp::now(), limit).await
}

/// Pushes once to a service that runs `acts`, and once more when the service answers correctly again.
async fn assert_push(
    client: &PushClient,
    name: &str,
    acts: Vec<Vec<Act>>,
    limit: Duration,
    expected: PushResult,
) -> FaultyPushService {
    let service = FaultyPushService::doing(acts).await;
    let answer = push(client, &service.origin, limit).await;
    let (outcome, status, detail, requests) = expected;
    let seen = (answer.outcome, answer.status_code, answer.detail.as_deref());
    assert_eq!(seen, (outcome, status, detail), "{name}");
    assert_eq!(service.count(), requests, "{name}");
    assert!(answer.latency_ms < 6_000, "{name} took {} ms", answer.latency_ms);
    let next = push(client, &service.origin, PLENTY).await;
    assert_eq!((next.outcome, next.status_code), (ACCEPTED, Some(201)), "after {name}");
    assert_eq!(service.count(), requests + 1, "after {name}");
    service
}

#[tokio::test]
async fn each_status_has_its_meaning_and_leaves_the_connection_usable() {
    let client = client();
    for (statuses, outcome) in [
        (&[200, 201, 202, 203, 206, 299][..], ACCEPTED),
        (&[404, 410], Outcome::Gone),
        (&[400, 401, 403], CONFIG),
        (&[413], TOO_LARGE),
        (&[406, 408, 425, 429, 500, 502, 503, 504, 507, 599], LATER),
        (&[300, 301, 302, 303, 305, 307, 308, 402, 405, 418, 451, 999], UNEXPECTED),
    ] {
        for status in statuses {
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno");
            let name = status.to_string();
            let expected = (outcome, Some(*status), None, 1);
            let service = assert_push(&client, &name, vec![vec![say(answer)]], PLENTY, expected).await;
            assert_eq!(service.connections.load(Ordering::SeqCst), 1, "{status}");
        }
    }
    for (status, outcome) in [(204, ACCEPTED), (205, ACCEPTED), (304, UNEXPECTED)] {
        let answer = format!("HTTP/1.1 {status} X\r\n\r\n");
        let acts = vec![vec![say(answer), Act::Close]];
        assert_push(&client, "an answer without a body", acts, PLENTY, (outcome, Some(status), None, 1)).await;
    }
}

#[tokio::test]
async fn an_answer_may_be_announced_and_a_long_announcement_is_given_up() {
    let client = client();
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    for announced in ["HTTP/1.1 100 Continue\r\n\r\n".to_owned(), early.repeat(5)] {
        let acts = vec![vec![say(announced), say(CREATED)]];
        assert_push(&client, "announced", acts, PLENTY, (ACCEPTED, Some(201), None, 1)).await;
    }
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let acts = vec![vec![say(switching), Act::Wait]];
    assert_push(&client, "another protocol", acts, PLENTY, (UNEXPECTED, Some(101), None, 1)).await;
    assert_push(&client, "only announced", vec![vec![Act::Flood(early)]], SHORT, (LATER, None, SILENT, 1)).await;
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_when_the_time_is_over() {
    let client = client();
    let silent = (LATER, None, SILENT, 1);
    for (name, acts) in [
        ("silence", vec![Act::Wait]),
        ("half a status line", vec![say("HTTP/1.1 20"), Act::Wait]),
        ("half a head", vec![say("HTTP/1.1 201 Created\r\nLocation: /m"), Act::Wait]),
        ("a head that drips", vec![Act::Drip(CREATED.to_owned())]),
    ] {
        assert_push(&client, name, vec![acts], SHORT, silent).await;
    }
}

#[tokio::test]
async fn an_answer_counts_though_its_body_never_comes() {
    let client = client();
    let head = |status: u16| format!("HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: 50\r\n\r\n");
    let rows = [
        ("no body", 201, Act::Wait, ACCEPTED),
        ("a body that drips", 201, Act::Drip("x".repeat(200)), ACCEPTED),
        ("half a body", 201, say("half"), ACCEPTED),
        ("a gone device without a body", 410, Act::Wait, Outcome::Gone),
        ("later without a body", 503, Act::Wait, later(Some(7_000))),
        ("half a body and the end", 201, Act::Close, ACCEPTED),
        ("half a refusal and the end", 403, Act::Close, CONFIG),
    ];
    let at_once = rows.map(|(name, status, rest, outcome)| {
        let acts = vec![vec![say(head(status)), say("x"), rest, Act::Wait]];
        assert_push(&client, name, acts, PLENTY, (outcome, Some(status), None, 1))
    });
    futures_util::future::join_all(at_once).await;
}

#[tokio::test]
async fn a_lost_connection_is_worth_a_second_try_and_no_third() {
    let client = client();
    let half = "HTTP/1.1 201 Created\r\nLoc";
    for (name, acts) in [
        ("closed without a word", vec![Act::Close]),
        ("closed within the head", vec![say(half), Act::Close]),
        ("reset before the request was read", vec![Act::Reset]),
    ] {
        assert_push(&client, name, vec![acts.clone()], PLENTY, (ACCEPTED, Some(201), None, 2)).await;
        assert_push(&client, name, vec![acts.clone(), acts], PLENTY, (LATER, None, LOST, 2)).await;
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_idled_costs_nothing() {
    let client = client();
    let service = FaultyPushService::doing(vec![vec![say(CREATED), Act::Close]; 6]).await;
    for number in 1..=6 {
        let answer = push(&client, &service.origin, PLENTY).await;
        assert_eq!((answer.outcome, service.count()), (ACCEPTED, number));
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_reason_to_try_later_and_not_at_once() {
    let client = client();
    let heads = [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}F",
        "\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d",
        "<html>gateway</html>\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20 X\r\n\r\n",
        "HTTP/1.1 -1 X\r\n\r\n",
        "HTTP/9.9 201 X\r\n\r\n",
        "HTTP/1.1 201 X\r\nno colon\r\n\r\n",
        "HTTP/1.1 201 X\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 201 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 201 X\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ];
    for head in heads {
        let acts = vec![vec![say(head), Act::Close]];
        assert_push(&client, &format!("{head:?}"), acts, PLENTY, (LATER, None, NO_HTTP, 1)).await;
    }
}

#[tokio::test]
async fn what_has_no_end_is_read_to_64_kib_and_no_further() {
    let client = client();
    let chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = "HTTP/1.1 201 Created\r\nContent-Length: 9223372036854775807\r\n\r\n";
    let until_closed = "HTTP/1.1 500 X\r\n\r\n";
    for (name, head, more, expected) in [
        ("chunks", chunked, "5\r\nhello\r\n", (ACCEPTED, Some(201), None, 1)),
        ("one chunk", chunked, "fffffffffff\r\n", (ACCEPTED, Some(201), None, 1)),
        ("no chunks", chunked, "zz\r\n", (ACCEPTED, Some(201), None, 1)),
        ("chunk extensions", chunked, "5;a=b;", (ACCEPTED, Some(201), None, 1)),
        ("trailers", chunked, "0\r\nA: b\r\n", (ACCEPTED, Some(201), None, 1)),
        ("a length", long, "hello", (ACCEPTED, Some(201), None, 1)),
        ("a body to the end", until_closed, "hello", (LATER, Some(500), None, 1)),
        ("headers", "HTTP/1.1 201 X\r\n", "A: b\r\n", (LATER, None, NO_HTTP, 1)),
        ("a header", "HTTP/1.1 201 X\r\nA: ", "bbbbbbbb", (LATER, None, NO_HTTP, 1)),
        ("a status line", "HTTP/1.1 201 ", "x", (LATER, None, NO_HTTP, 1)),
        ("empty lines", "", "\r\n", (LATER, None, NO_HTTP, 1)),
    ] {
        let service = assert_push(&client, name, vec![vec![say(head), Act::Flood(more)]], PLENTY, expected).await;
        // The count includes data that the systems at both ends buffered before it was read.
        let taken = service.taken_bytes.load(Ordering::SeqCst);
        assert!(taken < 24 * 1024 * 1024, "{taken} bytes of {name} without end were taken");
    }
}

#[tokio::test]
async fn a_second_answer_is_never_taken_for_the_next_one() {
    let client = client();
    let two = format!("{CREATED}HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    for _ in 0..20 {
        assert_push(&client, "two answers", vec![vec![say(&two)]], PLENTY, (ACCEPTED, Some(201), None, 1)).await;
    }
}

#[tokio::test]
async fn a_retry_after_that_makes_no_sense_is_as_good_as_none() {
    let client = client();
    let long = "9".repeat(40_000);
    for (lines, outcome) in [
        ("Retry-After: 120", later(Some(120_000))),
        ("Retry-After: 0", later(Some(1_000))),
        ("Retry-After: 99999999999999999999", later(Some(3_600_000))),
        (&format!("Retry-After: {long}"), later(Some(3_600_000))),
        ("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", later(Some(1_000))),
        ("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", later(Some(3_600_000))),
        ("Retry-After: 5\r\nRetry-After: 3000", later(Some(5_000))),
        ("Retry-After: -1", LATER),
        ("Retry-After:", LATER),
        ("Retry-After: soon", LATER),
        ("Retry-After: 1.5", LATER),
        ("Retry-After: 5, 7", LATER),
        ("Retry-After: f\u{fc}nf", LATER),
        ("Retry-After: 5\u{a0}", LATER),
        ("Retry-After: Mon, 99 Foo 2026 99:99:99 GMT", LATER),
    ] {
        for status in [429, 406, 503] {
            let answer = format!("HTTP/1.1 {status} X\r\n{lines}\r\nContent-Length: 0\r\n\r\n");
            let name = &lines[..lines.len().min(60)];
            assert_push(&client, name, vec![vec![say(answer)]], PLENTY, (outcome, Some(status), None, 1)).await;
        }
    }
}

#[tokio::test]
async fn a_redirect_of_any_kind_is_never_followed() {
    let client = client();
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let other = FaultyPushService::doing(Vec::new()).await;
        let answer =
            format!("HTTP/1.1 {status} X\r\nLocation: {}/push/device-1\r\nContent-Length: 0\r\n\r\n", other.origin);
        let expected = (UNEXPECTED, Some(status), None, 1);
        assert_push(&client, "a redirect", vec![vec![say(answer)]], PLENTY, expected).await;
        assert_eq!(other.connections.load(Ordering::SeqCst), 0, "{status}");
    }
}

#[tokio::test]
async fn one_that_hangs_does_not_hold_up_the_others() {
    let client = client();
    let (hangs, works) =
        (FaultyPushService::doing(vec![vec![Act::Wait]; 64]).await, FaultyPushService::doing(Vec::new()).await);
    let waiting = futures_util::future::join_all((0..32).map(|_| push(&client, &hangs.origin, PLENTY)));
    let sent = async {
        for _ in 0..32 {
            assert_eq!(push(&client, &works.origin, PLENTY).await.outcome, ACCEPTED);
        }
    };
    tokio::select! {
        _ = waiting => panic!("those that wait were done first"),
        () = sent => {}
    }
}
