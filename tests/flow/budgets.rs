//! Spending limits for an hour, a day, a month, one message and one type; each is named when it prevents a send.

use serde_json::{Value, json};

use world::{ApiResponse, CrashPoint, CrashTiming, Reply, RunOutcome, World};

/// A fresh world with these budgets, in which an e-mail costs 1,000 and an SMS 70,000; ada has both addresses.
async fn world_with(settings: Value) -> World {
    let world = World::start().await;
    set(&world, settings);
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    world
}

fn set(world: &World, mut settings: Value) {
    settings["prices"] = json!({"email_micros": 1_000, "sms_micros": {"IT": 70_000}});
    if settings["sms"].is_null() {
        settings["sms"] = json!({"per_recipient_per_day": 100});
    }
    world.set("settings", &settings.to_string());
}

async fn mail(world: &World) -> ApiResponse {
    world.send("ada", json!({"channels": ["email"]})).await
}

async fn text(world: &World) -> ApiResponse {
    world.send("ada", json!({"channels": ["sms"]})).await
}

fn is_accepted(answer: &ApiResponse) {
    assert_eq!((&answer.body["status"], &answer.body["over_budget"]), (&json!("accepted"), &json!({})), "{answer:?}");
}

fn is_over(answer: &ApiResponse, channel: &str, ceiling: &str) {
    let said = (&answer.body["status"], &answer.body["reason"], &answer.body["over_budget"]);
    assert_eq!(said, (&json!("skipped"), &json!("budget"), &json!({channel: ceiling})), "{answer:?}");
    assert_eq!(answer.attempts(), Vec::<String>::new());
}

fn refusal(code: &str) -> Reply {
    Reply::text(400, format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"))
}

#[tokio::test]
async fn each_period_of_utc_has_its_budget_and_begins_anew() {
    let budgets = json!({"hour_micros": 2_000, "day_micros": 3_999, "month_micros": 5_000});
    let world = world_with(json!({"budgets": budgets})).await;
    is_accepted(&mail(&world).await);
    is_accepted(&mail(&world).await);
    is_over(&mail(&world).await, "email", "hour");
    world.advance(3_600);
    is_accepted(&mail(&world).await);
    is_over(&mail(&world).await, "email", "day");
    world.advance(86_400);
    is_accepted(&mail(&world).await);
    is_accepted(&mail(&world).await);
    world.advance(3_600);
    is_over(&mail(&world).await, "email", "month");
    assert_eq!((world.mails().len(), world.sum("day"), world.sum("month")), (5, 5_000, 5_000));
    world.advance(7 * 86_400);
    is_accepted(&mail(&world).await);
}

#[tokio::test]
async fn all_channels_share_one_budget() {
    let world = world_with(json!({"budgets": {"day_micros": 71_500}})).await;
    is_accepted(&mail(&world).await);
    is_accepted(&text(&world).await);
    is_over(&mail(&world).await, "email", "day");
    is_over(&text(&world).await, "sms", "day");
    assert_eq!((world.sum("day"), world.sum("h10"), world.sum("sms")), (71_000, 71_000, 70_000));
    assert_eq!(world.sum("month"), 0, "no month has a budget");
}

#[tokio::test]
async fn the_channels_of_one_type_draw_on_its_own_budget_and_other_types_do_not() {
    let world = world_with(json!({"types": {"DEFAULT": {"day_micros": 71_000}}})).await;
    is_accepted(&text(&world).await);
    is_accepted(&mail(&world).await);
    is_over(&mail(&world).await, "email", "type_day");
    is_over(&text(&world).await, "sms", "type_day");
    let other = world.send("ada", json!({"channels": ["email"], "type": "PAYMENT_DUE"})).await;
    assert_eq!(other.attempts(), ["email:accepted"]);
    assert_eq!((world.sum("type#DEFAULT"), world.sum("type#PAYMENT_DUE")), (71_000, 0));
    world.advance(86_400);
    is_accepted(&mail(&world).await);
}

#[tokio::test]
async fn the_next_channel_is_used_and_the_exceeded_ceiling_is_named() {
    let world = world_with(json!({"sms": {"daily_ceiling_micros": 69_999}})).await;
    let sent = world.send("ada", json!({"channels": ["sms", "email"]})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("accepted"), vec!["email:accepted".to_owned()]));
    assert_eq!(sent.body["over_budget"], json!({"sms": "sms_day"}));
    assert_eq!(world.get(sent.body["id"].as_str().unwrap()).await.body, sent.body);
    set(&world, json!({"sms": {"max_price_micros": 69_999}}));
    world.advance(30);
    is_over(&text(&world).await, "sms", "sms_price");
    set(&world, json!({"sms": {"per_recipient_per_day": 0}}));
    world.advance(30);
    is_over(&text(&world).await, "sms", "sms_recipient");
}

#[tokio::test]
async fn all_attempts_of_one_notification_stay_within_the_ceiling_of_a_message() {
    for (settings, ceiling) in [
        (json!({"budgets": {"message_micros": 70_999}}), "message"),
        (json!({"types": {"DEFAULT": {"message_micros": 70_999}}}), "type_message"),
    ] {
        let mut settings = settings;
        settings["types"]["DEFAULT"]["on_uncertain"] = json!("next");
        let world = world_with(settings.clone()).await;
        is_accepted(&text(&world).await);
        world.aws.state.lock().unwrap().ses.push_back(Reply::HangUp);
        let sent = world.send("ada", json!({"channels": ["email", "sms"]})).await;
        assert_eq!((&sent.body["status"], sent.attempts()), (&json!("uncertain"), vec!["email:uncertain".to_owned()]));
        assert_eq!(sent.body["over_budget"], json!({"sms": ceiling}));
        settings["types"]["DEFAULT"]["on_uncertain"] = json!("repeat");
        set(&world, settings);
        world.advance(30);
        world.aws.state.lock().unwrap().sns.push_back(Reply::HangUp);
        let sent = text(&world).await;
        assert_eq!((&sent.body["status"], sent.attempts()), (&json!("uncertain"), vec!["sms:uncertain".to_owned()]));
        assert_eq!((world.texts().len(), world.sum("sms")), (2, 140_000), "what is unknown keeps its money");
    }
}

#[tokio::test]
async fn a_budget_that_is_changed_while_it_is_spent_applies_from_the_next_send_on() {
    let world = world_with(json!({"budgets": {"day_micros": 10_000}})).await;
    for _ in 0..3 {
        is_accepted(&mail(&world).await);
    }
    set(&world, json!({"budgets": {"day_micros": 2_000, "hour_micros": 2_500}}));
    world.advance(30);
    is_over(&mail(&world).await, "email", "hour");
    assert_eq!(world.sum("day"), 3_000, "what was spent stays spent");
    set(&world, json!({"budgets": {"day_micros": 4_000}}));
    world.advance(30);
    is_accepted(&mail(&world).await);
    is_over(&mail(&world).await, "email", "day");
    set(&world, json!({"budgets": {"day_micros": 0}}));
    world.advance(86_400);
    is_over(&mail(&world).await, "email", "day");
}

#[tokio::test]
async fn a_refusal_at_the_turn_of_a_month_releases_the_reservation_of_the_old_month() {
    let world = world_with(json!({"budgets": {"hour_micros": 100_000, "month_micros": 100_000}})).await;
    world.advance(8 * 86_400 - 10 * 3_600 - 1);
    assert_eq!(world.clock.now().to_string(), "2026-11-30T23:59:59Z");
    {
        let mut aws = world.aws.state.lock().unwrap();
        // The reservation itself crosses midnight.
        aws.writes_take = Some((world.clock.clone(), 2));
        aws.sns.push_back(refusal("InvalidParameter"));
    }
    let refused = text(&world).await;
    assert_eq!((&refused.body["status"], refused.attempts()), (&json!("failed"), vec!["sms:rejected".to_owned()]));
    world.aws.state.lock().unwrap().writes_take = None;
    assert_eq!(["h23", "h00", "day", "month", "sms"].map(|name| world.sum(name)), [0; 5]);
    is_accepted(&text(&world).await);
    assert_eq!(["h23", "h00", "day", "month", "sms"].map(|name| world.sum(name)), [0, 70_000, 70_000, 70_000, 70_000]);
    let keys = world.items("control").into_iter().map(|item| item["pk"]["S"].as_str().unwrap().to_owned());
    let mut keys: Vec<_> = keys.filter(|key| key.starts_with("budget#")).collect();
    keys.sort();
    assert_eq!(keys, ["budget#2026-11", "budget#2026-11-30", "budget#2026-12", "budget#2026-12-01"]);
}

#[tokio::test]
async fn a_crash_after_the_reservation_keeps_it_whether_or_not_the_call_was_made() {
    for (timing, mails) in [(CrashTiming::Before, 0), (CrashTiming::After, 1)] {
        let world = world_with(json!({"budgets": {"month_micros": 1_999}})).await;
        // GetParameters, Query of the types, GetItem of the recipient and of the caps, BatchGetItem,
        // TransactWriteItems, and two GetItem of the check before the send.
        let line = CrashPoint { timing, call: 9 };
        let crashed = world.crash_at(line, mail(&world)).await;
        assert!(matches!(&crashed, RunOutcome::Crashed(call) if call == "SendRawEmail"), "{crashed:?}");
        world.advance(100);
        world.sweep().await;
        let end = world.get(&world.only_id()).await;
        assert_eq!((&end.body["status"], &end.body["cost_micros"]), (&json!("uncertain"), &json!(1_000)));
        assert_eq!((world.mails().len(), world.sum("month")), (mails, 1_000));
        is_over(&mail(&world).await, "email", "month");
    }
}

#[tokio::test]
async fn a_waiting_notification_has_no_reservation_and_may_end_without_cost() {
    let world = world_with(json!({"budgets": {"month_micros": 1_000_000}})).await;
    world.aws.state.lock().unwrap().sns.extend([refusal("RequestTimeout"), refusal("RequestTimeout")]);
    let sms = |ttl: u32| json!({"channels": ["sms"], "ttl_seconds": ttl});
    for ttl in [3_600, 600] {
        let sent = world.send("ada", sms(ttl)).await;
        assert_eq!(sent.attempts(), ["sms:retry_later"]);
        assert_eq!((world.sum("month"), world.sum("sms"), world.counted_sms()), (0, 0, 0));
        if ttl == 3_600 {
            assert_eq!(world.cancel(sent.body["id"].as_str().unwrap()).await.body["status"], "cancelled");
        }
    }
    world.advance(601);
    world.sweep().await;
    assert_eq!((world.sum("month"), world.counted_sms(), world.texts().len()), (0, 0, 2));
}

#[tokio::test]
async fn a_notification_that_a_budget_passed_over_may_still_use_the_channel_later() {
    let world = world_with(json!({"budgets": {"hour_micros": 1_000}})).await;
    is_accepted(&mail(&world).await);
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "3000"), Reply::status(410)]);
    let sent = world.send("ada", json!({"channels": ["email", "push"]})).await;
    assert_eq!((&sent.body["status"], &sent.body["over_budget"]), (&json!("cascading"), &json!({"email": "hour"})));
    world.advance(3_600);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!(
        (&end.body["status"], end.attempts()),
        (&json!("accepted"), vec!["push:retry_later".into(), "email:accepted".into()])
    );
    assert_eq!(end.body["over_budget"], json!({}));
}

#[tokio::test]
async fn explain_shows_the_remaining_budgets_and_the_exhausted_ones() {
    let budgets = json!({"day_micros": 71_500, "month_micros": 1_000_000});
    let world = world_with(json!({"budgets": budgets, "sms": {"per_recipient_per_day": 1}})).await;
    let explain = async |extra: Value| {
        let mut body = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}, "channels": ["sms", "email"]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        world.write_units();
        let explained = world.post("POST /v1/notifications/explain", body, None).await;
        assert_eq!((explained.status, world.write_units()), (200, 0.0));
        explained.body
    };
    let over = |explained: &Value| [0, 1].map(|step: usize| explained["plan"][step]["over_budget"].clone());
    let free = explain(json!({})).await;
    assert_eq!(over(&free), [json!(null), json!(null)]);
    assert_eq!(free["cost_estimate_micros"], json!({"first": 70_000, "at_most": 71_000}));
    is_accepted(&text(&world).await);
    let texted = explain(json!({})).await;
    assert_eq!(over(&texted), [json!("day"), json!(null)]);
    assert_eq!(texted["cost_estimate_micros"], json!({"first": 1_000, "at_most": 1_000}));
    let day = json!({"ceiling": "day", "limit_micros": 71_500, "used_micros": 70_000, "remaining_micros": 1_500,
        "resets_at": "2026-11-24T00:00:00Z"});
    let standing = texted["budgets"].as_array().unwrap();
    assert_eq!(
        (&standing[0], &standing[1]["remaining_micros"], &standing[2]["ceiling"]),
        (&day, &json!(930_000), &json!("sms_day"))
    );
    is_accepted(&mail(&world).await);
    let spent = explain(json!({})).await;
    assert_eq!(
        (over(&spent), &spent["verdict"], &spent["reason"]),
        ([json!("day"), json!("day")], &json!("skipped"), &json!("budget"))
    );
    assert_eq!(world.send("ada", json!({"channels": ["sms", "email"]})).await.body["reason"], "budget");
    let tomorrow = explain(json!({"send_at": "2026-11-24T10:00:00Z"})).await;
    assert_eq!(tomorrow["verdict"], "send", "by then there is a new day");
    set(&world, json!({"sms": {"per_recipient_per_day": 1}}));
    world.advance(30);
    assert_eq!(over(&explain(json!({})).await), [json!("sms_recipient"), json!(null)]);
}

#[tokio::test]
async fn costs_show_every_budget_beside_the_months_projection() {
    let budgets = json!({"hour_micros": 80_000, "month_micros": 1_000_000});
    let world = world_with(json!({"budgets": budgets, "types": {"DEFAULT": {"day_micros": 75_000}}})).await;
    is_accepted(&text(&world).await);
    world.fold().await;
    let costs = world.ops("GET /v1/metrics/costs", &[]).await.body;
    let shown = |one: &Value| (one["ceiling"].clone(), one["used_micros"].clone(), one["remaining_micros"].clone());
    let shown: Vec<_> = costs["budgets"].as_array().unwrap().iter().map(shown).collect();
    let standing = |ceiling: &str, remaining: i64| (json!(ceiling), json!(70_000), json!(remaining));
    let wanted = [("hour", 10_000), ("month", 930_000), ("type_day", 5_000), ("sms_day", 4_930_000)];
    assert_eq!(shown, wanted.map(|(ceiling, remaining)| standing(ceiling, remaining)));
    assert_eq!(costs["month"]["spent_micros"], 70_000);
    world.advance(3_600);
    let costs = world.ops("GET /v1/metrics/costs", &[]).await.body;
    assert_eq!(costs["budgets"][0]["used_micros"], 0, "another hour");
    world.aws.fails(Some("BatchGetItem"), 0, "ProvisionedThroughputExceededException");
    assert_eq!(world.ops("GET /v1/metrics/costs", &[]).await.status, 503);
}
