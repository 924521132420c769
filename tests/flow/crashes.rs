//! Functions that die: nothing is lost, and nothing is paid for twice.

use serde_json::json;

use crate::world::{Reply, World};

#[tokio::test]
async fn a_function_that_dies_while_ses_is_called_leaves_an_uncertain_send_and_no_second_mail() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    world.aws.state.lock().unwrap().ses.push_back(Reply::Silence);
    // The function is gone as soon as SES has the message and before anybody learns of it.
    tokio::select! {
        _ = world.send("ada", json!({})) => panic!("SES never answers"),
        () = async { while world.mails().is_empty() { tokio::task::yield_now().await } } => {}
    }
    world.advance(100);
    assert_eq!(world.sweep().await.worked, 1);
    let id = only_id(&world);
    let end = world.get(&id).await;
    assert_eq!((&end.body["status"], &end.body["reason"]), (&json!("uncertain"), &json!("outcome_unknown")));
    assert_eq!((end.attempts(), &end.body["cost_micros"]), (vec!["email:uncertain".to_owned()], &json!(92)));
    assert_eq!((world.mails().len(), world.texts().len()), (1, 0));
    assert_eq!(world.list(&[("status", "uncertain")]).await.body["items"][0]["id"], id.as_str());
}

#[tokio::test]
async fn a_function_that_dies_at_any_call_of_the_table_loses_nothing_and_pays_once() {
    for calls in 1..9 {
        let world = World::start().await;
        world.put_profile("ada", json!({"phone": "+393331234567"})).await;
        world.aws.state.lock().unwrap().dynamo_fuse = Some(calls);
        let sent = world.send_once("k-1", "ada", json!({})).await;
        world.aws.state.lock().unwrap().dynamo_fuse = None;
        world.advance(100);
        world.sweep().await;
        // The caller tries again, as the answer told it to.
        let again = world.send_once("k-1", "ada", json!({})).await;
        assert_eq!(again.status, 202, "after {calls} calls: {sent:?}, then {again:?}");
        let status = again.body["status"].as_str().unwrap();
        assert!(matches!(status, "accepted" | "uncertain"), "after {calls} calls: {status}");
        assert_eq!((world.items("notifications").len(), world.texts().len()), (1, 1), "after {calls} calls");
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again_by_its_writer() {
    for lost in [1, 2] {
        let world = World::start().await;
        world.put_profile("ada", json!({"email": "ada@example.com"})).await;
        world.aws.state.lock().unwrap().answers_lost = Some(("PutItem", lost));
        let sent = world.send("ada", json!({})).await;
        assert_eq!((sent.status, sent.attempts()), (202, vec!["email:accepted".to_owned()]));
        world.advance(100);
        assert_eq!((world.sweep().await.found, world.mails().len()), (0, 1));
    }
}

#[tokio::test]
async fn what_a_paid_call_came_to_is_stored_although_the_table_throttles_for_a_while() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    {
        let mut aws = world.aws.state.lock().unwrap();
        // The claim goes through; then the SDK's three attempts to store the result fail.
        (aws.fuse_is_for, aws.dynamo_fuse, aws.fuse_mends_after) = (Some("PutItem"), Some(1), Some(3));
    }
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("accepted"), vec!["email:accepted".to_owned()]));
    assert_eq!(world.get(&only_id(&world)).await.body, sent.body);
}

#[tokio::test]
async fn a_push_that_nobody_recorded_is_sent_again_with_the_same_topic() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::Silence]);
    tokio::select! {
        _ = world.send("ada", json!({})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == 0 { tokio::task::yield_now().await } } => {}
    }
    let (first, _) = world.push.opened("phone", &browser);
    world.advance(100);
    world.sweep().await;
    let (second, message) = world.push.opened("phone", &browser);
    assert_eq!(world.push.count("phone"), 2);
    assert_eq!(first.header("topic"), second.header("topic"));
    assert_eq!(message["tag"], first.header("topic"));
    assert_eq!(world.get(&only_id(&world)).await.body["status"], "accepted");
}

#[tokio::test]
async fn what_is_leased_by_a_running_function_is_left_alone() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::Silence]);
    tokio::select! {
        _ = world.send("ada", json!({})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == 0 { tokio::task::yield_now().await } } => {}
    }
    world.advance(30);
    assert_eq!(world.sweep().await.found, 0);
    assert_eq!(world.get(&only_id(&world)).await.body["status"], "sending");
}

fn only_id(world: &World) -> String {
    let items = world.items("notifications");
    assert_eq!(items.len(), 1);
    let text = |name: &str| items[0][name]["S"].as_str().unwrap().to_owned();
    format!("{}-{}", text("pk"), text("sk"))
}
