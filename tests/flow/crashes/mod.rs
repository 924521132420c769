//! Crashes of functions: nothing is lost, and nothing is paid for twice.

mod budgets;
mod check;
mod crash_runs;
mod other_functions;
mod sends;

use serde_json::json;

use world::{Reply, World};

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
async fn the_result_of_a_push_is_stored_although_the_table_throttles_for_a_while() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    {
        let mut aws = world.aws.state.lock().unwrap();
        // The three attempts of the SDK to store the notification for the first time fail.
        (aws.fuse_is_for, aws.dynamo_fuse, aws.fuse_mends_after) = (Some("PutItem"), Some(0), Some(3));
    }
    let sent = world.send("ada", json!({})).await;
    assert_eq!((sent.status, sent.attempts()), (202, vec!["push:accepted".to_owned()]));
    assert_eq!(world.get(&world.only_id()).await.body, sent.body);
}

#[tokio::test]
async fn a_push_whose_result_cannot_be_stored_is_503_and_its_repeat_replaces_it() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.aws.fails(Some("PutItem"), 1, "ThrottlingException");
    let sent = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((sent.status, world.items("notifications").len(), world.push.count("phone")), (503, 0, 1));
    world.aws.works();
    let again = world.send_once("k-1", "ada", json!({})).await;
    assert_eq!((again.status, again.attempts()), (202, vec!["push:accepted".to_owned()]));
    let pushed = world.push.all_opened("phone", &World::browser("phone"));
    let topics: Vec<_> = pushed.iter().map(|(arrival, _)| arrival.header("topic")).collect();
    assert_eq!((topics.len(), topics[0]), (2, topics[1]), "the second push replaces the first one");
}

#[tokio::test]
async fn the_result_of_a_paid_call_is_stored_although_the_table_throttles_for_a_while() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    {
        let mut aws = world.aws.state.lock().unwrap();
        // The claim is stored; then the three attempts of the SDK to store the result fail.
        (aws.fuse_is_for, aws.dynamo_fuse, aws.fuse_mends_after) = (Some("PutItem"), Some(1), Some(3));
    }
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("accepted"), vec!["email:accepted".to_owned()]));
    assert_eq!(world.get(&world.only_id()).await.body, sent.body);
}

#[tokio::test]
async fn a_notification_under_a_valid_lease_is_left_alone() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::Silence]);
    tokio::select! {
        _ = world.send("ada", json!({"topic": "score"})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == 0 { tokio::task::yield_now().await } } => {}
    }
    world.advance(30);
    assert_eq!(world.sweep().await.found, 0);
    assert_eq!(world.get(&world.only_id()).await.body["status"], "sending");
}
