//! Crashes of a sending function at every call.

use serde_json::json;

use super::check::phone;
use super::crash_runs::{Acting, LAST_QUERY, Story, cascade, nothing};
use world::CrashTiming::{After, Before};
use world::{Reply, World};

pub(super) const ONE: (usize, usize) = (1, 1);
/// A caller without a key gets no response, so the notification may not exist.
const AT_MOST_ONE: (usize, usize) = (0, 1);

fn with_device(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
    })
}

fn with_email(world: &World) -> Acting<'_> {
    Box::pin(world.put_profile("ada", json!({"email": "ada@example.com"})))
}

fn with_phone(world: &World) -> Acting<'_> {
    Box::pin(world.put_profile("ada", json!({"phone": phone("ada")})))
}

/// A device that is gone, an address that SES refuses, and a phone.
pub(super) fn with_only_sms_left(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": phone("ada")})).await;
        world.push.answer("ada", std::iter::repeat_n(Reply::status(410), 9));
        world.aws.state.lock().unwrap().ses.extend(std::iter::repeat_n(refusal("MessageRejected"), 9));
    })
}

pub(super) fn refusal(code: &str) -> Reply {
    Reply::text(400, format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"))
}

pub(super) fn send(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.send("ada", json!({})).await;
    })
}

fn send_once(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.send_once("k-1", "ada", json!({})).await;
    })
}

/// A caller with a key repeats the request after a missing response, and once more after the result.
fn ask_again(world: &World) -> Acting<'_> {
    Box::pin(async {
        let again = world.send_once("k-1", "ada", json!({})).await;
        assert_eq!(again.status, 202, "after the lease: {again:?}");
        super::crash_runs::settle(world).await;
        let known = world.send_once("k-1", "ada", json!({})).await;
        assert_eq!((known.status, &known.body["id"]), (202, &again.body["id"]));
        assert_eq!(known.header("Idempotency-Replayed"), Some("true"));
    })
}

pub(super) const PLAIN: Story =
    Story { given: with_device, act: send, then: nothing, notifications: AT_MOST_ONE, pushes: 1, from: 1, lines: &[] };

fn send_about_a_topic(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.send("ada", json!({"topic": "score"})).await;
    })
}

/// A push is made before its notification is stored, and once with a topic, whose lease is stored first.
#[tokio::test]
async fn of_a_push() {
    let lines = &[
        (Before, "/push/ada"),
        (After, "/push/ada"),
        (Before, "PutItem notifications"),
        (After, "PutItem notifications"),
    ];
    for act in [send, send_about_a_topic] {
        Story { act, lines, ..PLAIN }.survives_every_crash().await;
    }
}

#[tokio::test]
async fn of_an_email() {
    let lines = &[
        (Before, "PutItem notifications"),
        (After, "PutItem notifications"),
        (Before, "SendRawEmail"),
        (After, "SendRawEmail"),
    ];
    Story { given: with_email, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_sms() {
    let lines = &[
        (Before, "TransactWriteItems"),
        (After, "TransactWriteItems"),
        (Before, "Publish"),
        (After, "Publish"),
        (Before, "PutItem notifications"),
        (After, "PutItem notifications"),
    ];
    Story { given: with_phone, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_sms_that_is_refused() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_phone(world).await;
            world.aws.state.lock().unwrap().sns.push_back(refusal("InvalidParameter"));
        })
    }
    let lines = &[(After, "Publish"), (After, "PutItem notifications"), (After, "TransactWriteItems")];
    Story { given, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_fallback_from_push_to_email_to_sms() {
    let lines = &[(After, "/push/ada"), (After, "TransactWriteItems"), (After, "SendRawEmail"), (After, "Publish")];
    Story { given: with_only_sms_left, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_fallback_and_again_while_cascade_resumes_it() {
    Story { given: with_only_sms_left, ..PLAIN }.survives_every_second_death().await;
}

#[tokio::test]
async fn of_a_push_and_again_while_cascade_resumes_it() {
    Story { act: send_about_a_topic, ..PLAIN }.survives_every_second_death().await;
}

#[tokio::test]
async fn of_version_1() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_device(world).await;
            world.set("rollout-percentage", "0");
        })
    }
    Story { given, lines: &[(After, "/push/ada")], ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_push_with_an_idempotency_key() {
    let lines = &[(Before, "PutItem control"), (After, "PutItem control"), (After, "/push/ada")];
    let story = Story { act: send_once, then: ask_again, notifications: ONE, lines, ..PLAIN };
    story.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_escalation_with_an_idempotency_key() {
    let given = with_only_sms_left;
    let story = Story { given, act: send_once, then: ask_again, notifications: ONE, ..PLAIN };
    story.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_request_that_takes_over_from_a_crashed_one() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_phone(world).await;
            // The rollout is read and the key stored.
            let line = world::CrashPoint { timing: After, call: 2 };
            let crashed = world.crash_at(line, world.send_once("k-1", "ada", json!({}))).await;
            assert!(matches!(crashed, world::RunOutcome::Crashed(_)), "{crashed:?}");
            world.advance(100);
        })
    }
    let story = Story { given, act: send_once, then: ask_again, notifications: ONE, ..PLAIN };
    story.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_retry_that_cascade_resumes() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_device(world).await;
            world.push.answer("ada", [Reply::status(429).with("Retry-After", "60")]);
            assert_eq!(world.send("ada", json!({})).await.body["status"], "cascading");
            world.advance(70);
        })
    }
    let lines = &[(After, "Query notifications.due"), (After, "GetItem notifications"), (After, "/push/ada")];
    let story = Story { given, act: cascade, from: LAST_QUERY, notifications: ONE, pushes: 2, lines, ..PLAIN };
    story.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_sms_that_cascade_retries() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_phone(world).await;
            world.aws.state.lock().unwrap().sns.push_back(refusal("RequestTimeout"));
            assert_eq!(world.send("ada", json!({})).await.attempts(), ["sms:retry_later"]);
            world.advance(70);
        })
    }
    let lines = &[(Before, "TransactWriteItems"), (After, "TransactWriteItems"), (After, "Publish")];
    Story { given, act: cascade, from: LAST_QUERY, notifications: ONE, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_scheduled_send_that_is_due_and_falls_back() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_only_sms_left(world).await;
            world.send("ada", json!({"send_at": "2026-11-23T10:01:00Z"})).await;
            world.advance(70);
        })
    }
    let lines = &[(After, "/push/ada"), (After, "SendRawEmail"), (After, "Publish")];
    Story { given, act: cascade, from: LAST_QUERY, notifications: ONE, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_scheduled_send() {
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.send("ada", json!({"send_at": "2026-11-23T10:05:00Z"})).await;
        })
    }
    Story { act, lines: &[(After, "PutItem notifications")], ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_cancellation() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            with_device(world).await;
            world.send("ada", json!({"send_at": "2026-11-23T10:05:00Z"})).await;
        })
    }
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.cancel(&world.only_id()).await;
        })
    }
    let lines = &[(Before, "PutItem notifications"), (After, "PutItem notifications")];
    Story { given, act, notifications: ONE, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_batch() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.subscribe("ada", "ada").await;
            world.put_profile("bob", json!({"email": "bob@example.com"})).await;
            world.put_profile("eve", json!({"phone": phone("eve")})).await;
            world.subscribe("joe", "joe").await;
            world.put_profile("joe", json!({"email": "joe@example.com"})).await;
            world.push.answer("joe", std::iter::repeat_n(Reply::status(410), 9));
        })
    }
    async fn batch(world: &World) -> world::ApiResponse {
        let to = |id| json!({"to": id, "content": {"title": "Hi", "body": "there"}});
        world.batch(["ada", "bob", "eve", "joe"].map(to).to_vec(), Some("b-1")).await
    }
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            batch(world).await;
        })
    }
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            let again = batch(world).await;
            assert_eq!(again.status, 202, "{again:?}");
        })
    }
    // Messages of a batch run concurrently, so the calls after the key's vary between runs.
    let lines = &[(After, "PutItem control")];
    Story { given, act, then, notifications: (4, 4), lines, ..PLAIN }.survives_every_crash().await;
}
