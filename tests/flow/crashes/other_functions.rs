//! Crashes of the other functions at every call: the repeated request or run completes the work.

use serde_json::json;

use super::crash_runs::{Acting, Story, nothing};
use world::CrashTiming::{After, Before};
use world::{CrashPoint, RunOutcome, World};

const QUIET: Story =
    Story { given: nothing, act: nothing, then: nothing, notifications: (0, 0), pushes: 1, from: 1, lines: &[] };

fn register(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
    })
}

/// The browser registers again, as it does whenever its service worker starts, and is reachable.
fn register_again(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
        assert_eq!((world.devices("ada").await, world.devices("bob").await), (1, 0));
        assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
        let control = world.items("control");
        assert_eq!(control.iter().filter(|item| item.get("recipient").is_some()).count(), 1, "one owner");
    })
}

#[tokio::test]
async fn of_a_registration() {
    let lines = &[(Before, "TransactWriteItems"), (After, "TransactWriteItems")];
    Story { act: register, then: register_again, notifications: (1, 1), lines, ..QUIET }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_device_that_moves_to_another_recipient() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.subscribe("bob", "ada").await;
        })
    }
    let story = Story { given, act: register, then: register_again, notifications: (1, 1), ..QUIET };
    Story { lines: &[(After, "TransactWriteItems")], ..story }.survives_every_crash().await;
}

fn erase(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    })
}

fn with_a_history(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": super::check::phone("ada")})).await;
        for channel in ["push", "email", "sms"] {
            world.send("ada", json!({"channels": [channel]})).await;
        }
    })
}

#[tokio::test]
async fn of_an_erasure() {
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            let again = world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
            assert_eq!(again.status, 200, "{again:?}");
            // The record for finding late writes is removed by the second pass.
            world.advance(300);
            world.retry_erasures().await;
            assert_eq!((world.items("recipients").len(), world.items("notifications").len()), (0, 0));
        })
    }
    // Metrics that were counted remain, and identify no recipient.
    for call in 1.. {
        let mut occurred = false;
        for timing in [Before, After] {
            let world = World::start().await;
            with_a_history(&world).await;
            occurred |=
                matches!(world.crash_at(CrashPoint { timing, call }, erase(&world)).await, RunOutcome::Crashed(_));
            then(&world).await;
        }
        if !occurred {
            assert!(call > 3);
            return;
        }
    }
}

#[tokio::test]
async fn of_a_cleanup() {
    /// Creates a device without use, and a send whose function crashed after SES took the e-mail and that was not
    /// resumed for days.
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.subscribe("bob", "bob").await;
            world.advance(181 * 86_400);
            world.put_profile("ada", json!({"email": "ada@example.com"})).await;
            // With a key the id, and so its shard, is the same in every world.
            let line = CrashPoint { timing: After, call: 10 };
            let crashed = world.crash_at(line, world.send_once("k-1", "ada", json!({}))).await;
            assert!(matches!(&crashed, RunOutcome::Crashed(call) if call == "SendRawEmail"), "{crashed:?}");
            world.advance(2 * 86_400);
        })
    }
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.clean(std::time::Duration::from_secs(60)).await;
        })
    }
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            let summary = world.clean(std::time::Duration::from_secs(60)).await;
            assert!(summary.complete, "{summary:?}");
            assert_eq!(world.devices("bob").await, 0);
            let end = world.get(&world.only_id()).await;
            assert_eq!(
                (&end.body["status"], end.attempts()),
                (&json!("uncertain"), vec!["email:uncertain".to_owned()])
            );
        })
    }
    let lines = &[(Before, "PutItem notifications"), (After, "PutItem notifications"), (After, "TransactWriteItems")];
    // The function queries every shard in turn; the crashes begin at the shard that holds an item.
    Story { given, act, then, from: 10, notifications: (1, 1), lines, ..QUIET }.survives_every_crash().await;
}

/// Creates a recipient that receives a push, clicks, and unsubscribes.
fn reached(world: &World) -> Acting<'_> {
    Box::pin(async {
        world.subscribe("ada", "ada").await;
        world.put_profile("ada", json!({"email": "ada@example.com"})).await;
        world.send("ada", json!({"channels": ["push"]})).await;
    })
}

#[tokio::test]
async fn of_a_receipt() {
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.receipt(&world.receipt_token(), "clicked", json!({})).await;
        })
    }
    /// The service worker got no response and reports again.
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            let token = world.receipt_token();
            assert_eq!(world.receipt(&token, "clicked", json!({})).await.status, 200);
            assert_eq!(world.receipt(&token, "clicked", json!({})).await.body, json!({"recorded": false}));
            let end = world.get(&world.only_id()).await.body;
            assert_eq!((&end["status"], end["clicked_at"].is_string()), (&json!("delivered"), true));
        })
    }
    let lines = &[(Before, "PutItem notifications"), (After, "PutItem notifications")];
    Story { given: reached, act, then, notifications: (1, 1), lines, ..QUIET }.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_opt_out() {
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.follow("POST", &world.unsubscribe_link()).await;
        })
    }
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            assert_eq!(world.follow("POST", &world.unsubscribe_link()).await.status, 200);
            let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body;
            assert_eq!(profile["unsubscribed_types"], json!(["DEFAULT"]));
        })
    }
    let lines = &[(Before, "UpdateItem recipients"), (After, "UpdateItem recipients")];
    Story { given: reached, act, then, notifications: (1, 1), lines, ..QUIET }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_rollup() {
    fn act(world: &World) -> Acting<'_> {
        Box::pin(async {
            world.metrics_of_last(24 * 60).await;
        })
    }
    fn then(world: &World) -> Acting<'_> {
        Box::pin(async {
            // Lambda delivers the same records again.
            world.redeliver_stream_to_rollup();
        })
    }
    Story { given: with_a_history, act, then, notifications: (3, 3), ..QUIET }.survives_every_crash().await;
}
