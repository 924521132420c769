//! Responses of the console about real events.

use platform::clock::Clock;
use serde_json::{Value, json};

use world::{Reply, World};

/// Three recipients with a browser: one push is accepted; for one the device is gone and an e-mail is accepted; one is
/// gone without another channel.
pub async fn an_hour_with_trouble() -> World {
    let world = World::start().await;
    for user in ["ada", "bob", "eve"] {
        world.subscribe(user, user).await;
    }
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.push.answer("bob", [Reply::status(410)]);
    world.push.answer("eve", [Reply::status(410)]);
    for user in ["ada", "bob", "eve", "nobody"] {
        world.send(user, json!({})).await;
    }
    world.advance(30);
    world.fold().await;
    world
}

#[tokio::test]
async fn channel_reports_show_results_and_recommendations() {
    let world = an_hour_with_trouble().await;
    let channels = world.ops("GET /v1/metrics/channels", &[]).await.body;
    let push = &channels["channels"]["push"];
    assert_eq!((&push["notifications"], &push["reached"], &push["missed"]), (&json!(3), &json!(1), &json!(2)));
    assert!(push["recommendations"][0].as_str().unwrap().contains("33.3 % of 3 notifications"));
    let email = &channels["channels"]["email"];
    assert_eq!((&email["delivery_rate"], &email["cost_per_delivered_micros"]), (&json!(1.0), &json!(92)));
    assert!(email["latency_ms"]["average"].is_u64() && email["latency_ms"]["p95"].is_u64());
    assert_eq!(channels["channels"]["sms"]["delivery_rate"], Value::Null);
}

#[tokio::test]
async fn costs_are_held_against_the_budget_that_ops_set() {
    let world = an_hour_with_trouble().await;
    world.set("settings", r#"{"budgets": {"month_micros": 91}}"#);
    let costs = world.ops("GET /v1/metrics/costs", &[("minutes", "60")]).await.body;
    assert_eq!((&costs["total_micros"], &costs["by_channel"]["email"]["total_micros"]), (&json!(92), &json!(92)));
    assert_eq!((&costs["average_micros"], &costs["per_delivered_micros"]), (&json!(31), &json!(46)));
    assert_eq!((&costs["month"]["spent_micros"], &costs["month"]["budget_micros"]), (&json!(92), &json!(91)));
    assert!(costs["warnings"][0].as_str().unwrap().contains("more than its budget"), "{costs}");
}

#[tokio::test]
async fn the_health_score_shows_each_deduction() {
    let world = an_hour_with_trouble().await;
    let health = world.ops("GET /v1/health", &[]).await.body;
    let taken = |area: usize, check: usize| health["areas"][area]["checks"][check]["deduction"].as_i64().unwrap();
    assert_eq!([taken(0, 0), taken(1, 0), taken(1, 1), taken(2, 0), taken(2, 1)], [20, 15, 0, 15, 15]);
    let all: i64 = (0..3).flat_map(|area| [taken(area, 0), taken(area, 1)]).sum();
    assert_eq!(health["score"].as_i64().unwrap(), 100 - all);
    assert_eq!(health["status"], "critical");
}

#[tokio::test]
async fn a_push_service_that_is_not_called_costs_health_20_until_it_answers_again() {
    let world = World::start().await;
    for id in ["ada", "bob", "eve"] {
        world.subscribe(id, id).await;
        world.push.answer(id, [Reply::status(429).with("Retry-After", "120")]);
        world.send(id, json!({})).await;
    }
    let breakers = async || world.ops("GET /v1/health", &[]).await.body["areas"][0]["checks"][1].clone();
    let open = breakers().await;
    assert_eq!((&open["verdict"], &open["deduction"], &open["value"]), (&json!("taken"), &json!(20), &json!(1)));
    assert!(world.push.origin.ends_with(open["details"][0].as_str().unwrap()), "{open}");
    // The requested time, plus a tenth, plus the spread of the waiting notifications.
    world.advance(143);
    world.sweep().await;
    let closed = breakers().await;
    assert_eq!((&closed["verdict"], &closed["value"], &closed["sample"]), (&json!("kept"), &json!(0), &json!(1)));
}

#[tokio::test]
async fn unreadable_breakers_deduct_nothing_and_the_rest_is_reported() {
    let world = an_hour_with_trouble().await;
    let before = world.ops("GET /v1/health", &[]).await.body;
    world.aws.state.lock().unwrap().control_is_down = true;
    let health = world.ops("GET /v1/health", &[]).await;
    let check = &health.body["areas"][0]["checks"][1];
    assert_eq!((health.status, &check["verdict"], &check["deduction"]), (200, &json!("no data"), &json!(0)));
    assert_eq!(
        (&check["value"], &check["details"]),
        (&Value::Null, &json!(["the circuit breakers could not be read"]))
    );
    assert_eq!(health.body["score"], before["score"]);
    let compared = world.ops("GET /v1/rollout/comparison", &[]).await;
    assert_eq!((compared.status, &compared.body["sample_ratio"]["verdict"]), (200, &json!("not known")));
    world.aws.state.lock().unwrap().control_is_down = false;
}

#[tokio::test]
async fn a_new_month_begins_at_midnight_of_utc_with_nothing_spent_and_no_pace() {
    let world = World::start_by(Clock::manual("2026-11-30T23:59:10Z".parse().unwrap())).await;
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.send("bob", json!({})).await;
    world.fold().await;
    let month = async || {
        let costs = world.ops("GET /v1/metrics/costs", &[("minutes", "60")]).await.body;
        assert_eq!(costs["total_micros"], 92, "no month in the window");
        let month = &costs["month"];
        (month["month"].clone(), month["spent_micros"].clone(), month["projected_micros"].clone())
    };
    assert_eq!(month().await, (json!("2026-11"), json!(92), json!(92)));
    world.advance(49);
    assert_eq!(month().await, (json!("2026-11"), json!(92), json!(92)), "one second before");
    world.advance(1);
    assert_eq!(month().await, (json!("2026-12"), json!(0), Value::Null));
}

#[tokio::test]
async fn the_versions_are_compared_over_the_time_since_the_percentage_was_last_changed() {
    let world = World::start().await;
    world.set("rollout-percentage", "50");
    world.tick().await.unwrap();
    world.advance(600);
    let messages =
        (0..200).map(|number| json!({"to": format!("user-{number}"), "content": {"title": "Hi", "body": "there"}}));
    world.batch(messages.collect(), None).await;
    world.fold().await;
    let compared = world.ops("GET /v1/rollout/comparison", &[("hours", "24")]).await.body;
    assert_eq!(compared["differences"]["delivery_rate"]["verdict"], "not enough data", "no recipient has a device");
    let ratio = &compared["sample_ratio"];
    assert_eq!((&ratio["verdict"], &ratio["promised"]), (&json!("as promised"), &json!(0.5)), "{ratio}");
    assert_eq!(ratio["assigned"][0].as_i64().unwrap() + ratio["assigned"][1].as_i64().unwrap(), 200);
    // Changed a moment ago: too recent to be reported as stale.
    world.set("rollout-percentage", "60");
    world.advance(30);
    world.tick().await.unwrap();
    let compared = world.ops("GET /v1/rollout/comparison", &[]).await.body;
    assert_eq!(compared["sample_ratio"]["verdict"], "not known");
}

#[tokio::test]
async fn the_report_of_a_week_is_the_same_as_json_and_as_markdown() {
    let world = an_hour_with_trouble().await;
    let asked = world.ops("GET /v1/report", &[("from", "2026-11-20T00:00:00Z"), ("to", "2026-11-23T10:00:40Z")]).await;
    assert_eq!((asked.status, &asked.body["summary"]["sent"]), (200, &json!(3)));
    assert_eq!(asked.body["targets"][0]["result"], "fail");
    assert_eq!(asked.body["incidents"], json!([]));
    let (content_type, text) = world.report_as_markdown().await;
    assert_eq!(content_type, "text/markdown; charset=utf-8");
    assert!(text.contains("| delivery rate | at least 95 % | 66.7 % | 3 | fail |"), "{text}");
    assert!(text.contains("None: no parameter was changed"));
}

#[tokio::test]
async fn a_window_that_makes_no_sense_is_named_on_every_route() {
    let world = World::start().await;
    let windows = [
        "GET /v1/metrics",
        "GET /v1/metrics/series",
        "GET /v1/metrics/channels",
        "GET /v1/metrics/costs",
        "GET /v1/report",
    ];
    let (early, late) = ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    let bad: [(&str, &[(&str, &str)]); 10] = [
        ("from", &[("from", late), ("to", late)]),
        ("from", &[("from", late), ("to", early)]),
        ("from", &[("from", "2026-11-24T00:00:00Z")]),
        ("to", &[("from", early), ("to", "2026-11-24T00:00:00Z")]),
        ("from", &[("from", "2026-08-01T00:00:00Z"), ("to", late)]),
        ("from", &[("from", "yesterday")]),
        ("from", &[("from", "")]),
        ("from", &[("to", late)]),
        // The form in which API Gateway passes a parameter that occurs twice.
        ("from", &[("from", "2026-11-22T00:00:00Z,2026-11-22T01:00:00Z")]),
        ("to", &[("from", early), ("to", "2026-11-22T02:00:00Z,2026-11-22T03:00:00Z")]),
    ];
    for route in windows {
        for (field, query) in bad {
            let answer = world.ops(route, query).await;
            assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{route} {query:?}");
        }
    }
    for route in &windows[..4] {
        for minutes in ["", "0", "-5", "1,2", "129601", "99999999999999999999", "1.5", "NaN", "+5"] {
            let answer = world.ops(route, &[("minutes", minutes)]).await;
            assert_eq!((answer.status, answer.fields()), (422, vec!["minutes"]), "{route} {minutes}");
        }
    }
    for hours in ["0", "-1", "2161", "day", "24,48", ""] {
        let answer = world.ops("GET /v1/rollout/comparison", &[("hours", hours)]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["hours"]), "{hours}");
    }
    assert_eq!(world.ops("GET /v1/health", &[("minutes", "5")]).await.fields(), ["minutes"]);
    for format in ["pdf", "json,markdown", ""] {
        assert_eq!(world.ops("GET /v1/report", &[("format", format)]).await.fields(), ["format"], "{format}");
    }
}
