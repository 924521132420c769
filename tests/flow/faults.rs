//! Temporary faults of AWS: interrupted work resumes after the fault, and nothing is paid twice.

use serde_json::json;

use world::{Reply, World};

const ONCE: [(&str, &str); 2] = [("email", "PutItem"), ("sms", "TransactWriteItems")];

#[tokio::test]
async fn an_unconfirmed_claim_is_rolled_back_and_its_message_is_sent_once() {
    for (channel, call) in ONCE {
        let world = World::start().await;
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
        // The claim is stored, but no attempt of the SDK or of the reservation gets a response.
        world.aws.state.lock().unwrap().answers_lost = Some((call, if channel == "sms" { 24 } else { 3 }));
        let sent = world.send("ada", json!({"channels": [channel]})).await;
        assert_eq!((sent.status, &sent.body["status"]), (202, &json!("cascading")), "{channel}");
        assert_eq!((world.mails().len(), world.texts().len()), (0, 0));
        world.aws.state.lock().unwrap().answers_lost = None;
        world.redeliver_stream_to_cascade().await;
        let end = world.get(sent.body["id"].as_str().unwrap()).await;
        assert_eq!((&end.body["status"], end.attempts()), (&json!("accepted"), vec![format!("{channel}:accepted")]));
        assert_eq!(world.mails().len() + world.texts().len(), 1);
        let paid = if channel == "sms" { end.body["cost_micros"].as_i64().unwrap() } else { 0 };
        assert_eq!(world.sum("day"), paid, "what the first claim set aside was given back");
        world.advance(100);
        assert_eq!(world.sweep().await.found, 0);
    }
}

#[tokio::test]
async fn credentials_that_have_run_out_at_ses_lose_no_message() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let expired = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().ses.extend((0..4).map(|_| Reply::text(403, expired)));
    let sent = world.send("ada", json!({})).await;
    assert_eq!((sent.status, &sent.body["status"]), (202, &json!("cascading")));
    for _ in 0..6 {
        world.advance(60);
        world.sweep().await;
    }
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], end.attempts().len()), (&json!("accepted"), 5));
}
