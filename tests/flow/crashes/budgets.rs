//! Crashes of a function that spends from a budget, at every call: a send that happened or may have happened keeps its
//! reservation, any other is released.

use serde_json::json;

use super::check::phone;
use super::crash_runs::{Acting, LAST_QUERY, Story, cascade};
use super::sends::{ONE, PLAIN, refusal, send, with_only_sms_left};
use world::CrashTiming::{After, Before};
use world::World;

/// Creates ada with an e-mail address and a phone number; every paid attempt counts against every kind of budget.
fn under_budgets(world: &World) -> Acting<'_> {
    Box::pin(async {
        set(world);
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": phone("ada")})).await;
    })
}

fn set(world: &World) {
    let budgets =
        json!({"hour_micros": 500_000, "day_micros": 500_000, "month_micros": 500_000, "message_micros": 500_000});
    let types = json!({"DEFAULT": {"day_micros": 500_000, "message_micros": 500_000}});
    world.set("settings", &json!({"budgets": budgets, "types": types}).to_string());
}

#[tokio::test]
async fn of_an_email_under_a_budget() {
    let lines = &[
        (Before, "TransactWriteItems"),
        (After, "TransactWriteItems"),
        (Before, "SendRawEmail"),
        (After, "SendRawEmail"),
        (Before, "PutItem notifications"),
        (After, "PutItem notifications"),
    ];
    Story { given: under_budgets, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_email_that_is_refused_and_an_sms_behind_it() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            under_budgets(world).await;
            world.aws.state.lock().unwrap().ses.push_back(refusal("MessageRejected"));
        })
    }
    let lines = &[(After, "SendRawEmail"), (After, "TransactWriteItems"), (Before, "Publish"), (After, "Publish")];
    Story { given, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_an_escalation_under_budgets() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            set(world);
            with_only_sms_left(world).await;
        })
    }
    let lines = &[(After, "/push/ada"), (After, "SendRawEmail"), (After, "Publish")];
    Story { given, lines, ..PLAIN }.survives_every_crash().await;
}

#[tokio::test]
async fn of_a_paid_retry_that_cascade_resumes_in_the_next_month() {
    fn given(world: &World) -> Acting<'_> {
        Box::pin(async {
            under_budgets(world).await;
            world.advance(8 * 86_400 - 36_000 - 30);
            world.aws.state.lock().unwrap().ses.push_back(refusal("RequestTimeout"));
            send(world).await;
            world.advance(60);
        })
    }
    let lines = &[(After, "TransactWriteItems"), (After, "SendRawEmail"), (After, "PutItem notifications")];
    Story { given, act: cascade, from: LAST_QUERY, notifications: ONE, lines, ..PLAIN }.survives_every_crash().await;
}
