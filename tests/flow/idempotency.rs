//! Idempotency keys: requests with the same key and body are one request, however often and concurrently they arrive.

use serde_json::{Value, json};

use world::{ApiResponse, CrashPoint, CrashTiming, Reply, RunOutcome, SHOP, World};

const SINGLE: &str = "POST /v1/notifications";
const BATCH: &str = "POST /v1/notifications/batch";

fn to(id: &str) -> Value {
    json!({"to": id, "content": {"title": "Hi", "body": "there"}})
}

#[tokio::test]
async fn the_same_key_and_body_is_the_same_notification() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let first = world.send_once("k-1", "ada", json!({})).await;
    let again = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(first.header("Idempotency-Replayed"), None);
    assert_eq!(again.header("Idempotency-Replayed"), Some("true"));
    assert_eq!(world.push.count("phone"), 1);
    let other = world.send_once("k-1", "ada", json!({"urgency": "low"})).await;
    assert_eq!((other.status, &other.body["type"]), (422, &json!("urn:notifications:problem:idempotency-key-reused")));
    world.advance(86_400);
    let next_day = world.send_once("k-1", "ada", json!({})).await;
    assert_ne!(next_day.body["id"], first.body["id"]);
}

#[tokio::test]
async fn a_scheduled_request_is_still_the_same_one_when_its_time_has_passed() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let at = json!({"send_at": "2026-11-23T10:01:00Z"});
    let first = world.send_once("k-1", "ada", at.clone()).await;
    world.advance(3_600);
    world.sweep().await;
    let again = world.send_once("k-1", "ada", at.clone()).await;
    assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]), "{again:?}");
    assert_eq!((&again.body["status"], again.header("Idempotency-Replayed")), (&json!("accepted"), Some("true")));
    let fresh = world.send_once("k-2", "ada", at.clone()).await;
    assert_eq!((fresh.status, fresh.fields()), (422, vec!["send_at"]));
    world.advance(86_400);
    assert_eq!(world.send_once("k-1", "ada", at).await.status, 422, "forgotten, and refused like a new one");
}

#[tokio::test]
async fn a_batch_that_crashed_halfway_is_finished_by_the_same_request() {
    for calls in [3, 12, 24] {
        let world = World::start().await;
        let to = |user: usize| json!({"to": format!("user-{user}"), "content": {"title": "Hi", "body": "there"}});
        for user in 0..8 {
            world.put_profile(&format!("user-{user}"), json!({"email": "ada@example.com"})).await;
        }
        let messages: Vec<_> = (0..8).map(to).collect();
        world.aws.state.lock().unwrap().dynamo_fuse = Some(calls);
        world.batch(messages.clone(), Some("b-1")).await;
        world.aws.state.lock().unwrap().dynamo_fuse = None;
        world.advance(100);
        world.sweep().await;
        let again = world.batch(messages, Some("b-1")).await;
        let statuses: Vec<_> = again.body["items"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
        assert_eq!(statuses.len(), 8, "after {calls} calls");
        assert!(statuses.iter().all(|status| *status == "accepted" || *status == "uncertain"), "{statuses:?}");
        assert_eq!((world.items("notifications").len(), world.mails().len() <= 8), (8, true), "after {calls} calls");
    }
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    assert_eq!(world.send_once("k-1", "ada", json!({"ttl_seconds": 0})).await.status, 422);
    assert_eq!(world.send_once("k-1", "ada", json!({})).await.status, 202);
}

#[tokio::test]
async fn a_batch_of_one_bad_message_is_a_batch_and_leaves_its_key_free() {
    let world = World::start().await;
    for key in [None, Some("b-1")] {
        let sent = world.batch(vec![json!({"to": "ada"})], key).await;
        assert_eq!((sent.status, &sent.body["items"][0]["errors"][0]["field"]), (202, &json!("messages[0].content")));
    }
    assert_eq!(world.items("control").len(), 0);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours_to_the_millisecond_whatever_the_table_still_holds() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let first = world.send_once("k-1", "ada", json!({})).await;
    world.clock.advance(std::time::Duration::from_millis(86_399_999));
    let known = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((&known.body["id"], known.header("Idempotency-Replayed")), (&first.body["id"], Some("true")));
    assert_eq!(world.send_once("k-1", "ada", json!({"urgency": "low"})).await.status, 422);
    world.clock.advance(std::time::Duration::from_millis(1));
    let fresh = world.send_once("k-1", "ada", json!({"urgency": "low"})).await;
    assert_eq!((fresh.status, fresh.header("Idempotency-Replayed")), (202, None));
    assert_ne!(fresh.body["id"], first.body["id"]);
    assert_eq!(
        (world.items("control").len(), world.push.count("phone")),
        (2, 2),
        "a record, and the owner of the endpoint"
    );
}

#[tokio::test]
async fn a_key_is_one_callers_on_one_route() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let batch = json!({"messages": [to("ada")]});
    let mut ids = Vec::new();
    for (caller, route, body) in
        [(SHOP, SINGLE, to("ada")), ("bank-client", SINGLE, to("ada")), (SHOP, BATCH, batch.clone())]
    {
        for replayed in [None, Some("true")] {
            let sent = world.post_as(caller, route, body.clone(), Some("k-1")).await;
            assert_eq!((sent.status, sent.header("Idempotency-Replayed")), (202, replayed), "{caller} {route}");
            ids.push(sent.body["id"].as_str().or(sent.body["items"][0]["id"].as_str()).unwrap().to_owned());
        }
    }
    ids.dedup();
    assert_eq!((ids.len(), world.push.count("phone")), (3, 3));
    assert_eq!(world.post("POST /v1/notifications/explain", to("ada"), Some("k-1")).await.status, 200);
}

fn only_answers_or_409_with_a_time(answers: &[ApiResponse]) {
    for answer in answers {
        let wait_seconds = answer.header("Retry-After").and_then(|wait| wait.parse::<u64>().ok());
        let may_wait = matches!(wait_seconds, Some(1..=5));
        assert!(answer.status == 202 || answer.status == 409 && may_wait, "{answer:?}");
    }
    let first = answers.iter().filter(|one| one.status == 202 && one.header("Idempotency-Replayed").is_none());
    assert_eq!(first.count(), 1, "exactly one is not a replay");
}

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_make_one_notification() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let answers = futures_util::future::join_all((0..50).map(|_| world.send_once("k-1", "ada", json!({})))).await;
    only_answers_or_409_with_a_time(&answers);
    assert_eq!((world.items("notifications").len(), world.texts().len()), (1, 1));
}

#[tokio::test]
async fn fifty_batches_at_once_with_one_key_make_each_notification_once() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.subscribe("eve", "eve").await;
    let messages: Vec<_> = ["ada", "bob", "eve"].map(to).to_vec();
    let answers = futures_util::future::join_all((0..50).map(|_| world.batch(messages.clone(), Some("b-1")))).await;
    only_answers_or_409_with_a_time(&answers);
    assert_eq!(world.items("notifications").len(), 3);
    assert_eq!((world.texts().len(), world.mails().len(), world.push.count("eve")), (1, 1, 1));
}

#[tokio::test]
async fn of_fifty_that_find_a_crashed_request_one_finishes_it() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    // The rollout is read and the key stored.
    let line = CrashPoint { timing: CrashTiming::After, call: 3 };
    assert!(matches!(world.crash_at(line, world.send_once("k-1", "ada", json!({}))).await, RunOutcome::Crashed(_)));
    let early = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((early.status, early.header("Retry-After")), (409, Some("5")));
    world.advance(33);
    assert_eq!(world.send_once("k-1", "ada", json!({})).await.header("Retry-After"), Some("1"));
    world.advance(1);
    let answers = futures_util::future::join_all((0..50).map(|_| world.send_once("k-1", "ada", json!({})))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 202 | 409)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 202));
    assert_eq!((world.items("notifications").len(), world.texts().len()), (1, 1));
}

#[tokio::test]
async fn a_request_at_work_is_409_and_is_answered_as_soon_as_it_is_done() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "60")]);
    let held = world.push.hold();
    let first = world.send_once("k-1", "ada", json!({}));
    let meanwhile = async {
        while world.push.count("phone") == 0 {
            tokio::task::yield_now().await;
        }
        let early = world.send_once("k-1", "ada", json!({})).await;
        assert_eq!((early.status, early.header("Retry-After")), (409, Some("5")));
        assert_eq!(early.body["type"], "urn:notifications:problem:idempotency-in-progress");
        held.notify_one();
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    let again = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(first.body["status"], "cascading");
}

#[tokio::test]
async fn a_repeated_batch_returns_the_part_left_to_cascade_at_once() {
    let world = World::start().await;
    let people: Vec<_> = (0..80).map(|number| format!("user-{number}")).collect();
    for id in &people {
        world.subscribe(id, id).await;
    }
    world.push.takes(&world.clock, 1);
    let messages: Vec<_> = people.iter().map(|id| to(id)).collect();
    let sent = world.batch(messages.clone(), Some("b-1")).await;
    let items = sent.body["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["status"] == "sending"), "{items:?}");
    let pushes = || people.iter().map(|id| world.push.count(id)).sum::<usize>();
    let before = pushes();
    let again = world.batch(messages.clone(), Some("b-1")).await;
    assert_eq!((again.status, &again.body), (202, &sent.body), "its function may live on, and is done");
    assert_eq!(pushes(), before);
    world.push.takes(&world.clock, 0);
    world.advance(1);
    world.sweep().await;
    let done = world.batch(messages, Some("b-1")).await;
    let items = done.body["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["status"] == "accepted"), "{items:?}");
}

#[tokio::test]
async fn an_answer_that_was_none_is_not_kept() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    for (body, status) in [(json!("{oops"), 400), (json!({"to": "ada"}), 422), (json!(" ".repeat(1_048_577)), 413)] {
        assert_eq!(world.post(SINGLE, body, Some("k-1")).await.status, status);
    }
    let is_record = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("idempotency#");
    assert!(!world.items("control").iter().any(is_record));
    // Fails from the second call on: the key is stored, and nothing else.
    world.aws.state.lock().unwrap().dynamo_fuse = Some(1);
    assert_eq!(world.send_once("k-1", "ada", json!({})).await.status, 503);
    world.aws.state.lock().unwrap().dynamo_fuse = None;
    world.advance(34);
    let sent = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((sent.status, &sent.body["status"], world.push.count("phone")), (202, &json!("accepted"), 1));
}
