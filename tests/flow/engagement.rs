//! Metrics of opens, clicks, dismissals and conversions: each event counts once, on its own attempt, in any order.

use jiff::SignedDuration;
use proptest::prelude::{Just, ProptestConfig, Strategy, proptest};
use serde_json::{Value, json};

use crate::track::{ada, id_of, token_of};
use world::{Reply, World, links};

#[tokio::test]
async fn engagement_appears_in_metrics_channels_and_the_comparison() {
    let world = World::start().await;
    let ada = ada(&world).await;
    world.subscribe("bob", "laptop").await;
    for user in ["ada", "bob"] {
        world.send(user, json!({})).await;
    }
    world.send("nobody", json!({})).await;
    world.advance(60);
    world.fold().await;
    let token = token_of(&world, &ada);
    for (event, more) in [("opened", json!({})), ("clicked", json!({})), ("dismissed", json!({}))] {
        world.receipt(&token, event, more).await;
        world.fold().await;
    }
    world.receipt(&token, "converted", json!({"value_micros": 19_900_000})).await;
    let metrics = world.metrics().await;
    for figures in [&metrics["summary"], &metrics["by_version"]["v2"], &metrics["by_type"]["DEFAULT"]] {
        let count = |name: &str| figures[name].as_i64().unwrap();
        assert_eq!(["closed", "accepted", "delivered", "failed"].map(count), [2, 1, 1, 0], "one moved, once");
        assert_eq!(["opened", "clicked", "dismissed", "converted"].map(count), [1; 4]);
        assert_eq!(count("conversion_value_micros"), 19_900_000);
        assert_eq!(["confirmed_rate", "ctr", "conversion_rate"].map(|name| &figures[name]), [&json!(0.5); 3]);
    }
    let push = &world.ops("GET /v1/metrics/channels", &[]).await.body["channels"]["push"];
    assert_eq!((&push["notifications"], &push["reached"], &push["missed"]), (&json!(2), &json!(2), &json!(0)));
    let compared = world.ops("GET /v1/rollout/comparison", &[]).await.body;
    for rate in ["ctr", "conversion_rate"] {
        assert_eq!((&compared["v2"][rate], &compared["v1"][rate]), (&json!(0.5), &Value::Null), "{compared}");
    }
}

#[tokio::test]
async fn a_late_delivery_of_a_failed_notification_is_counted_once() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.push.answer("phone", [Reply::status(400)]);
    let sent = world.send("ada", json!({"channels": ["push"]})).await;
    assert_eq!(sent.body["status"], "failed");
    let token = token_of(&world, &browser);
    let before = world.metrics().await["summary"].clone();
    assert_eq!((&before["failed"], &before["delivered"], &before["error_rate"]), (&json!(1), &json!(0), &json!(1.0)));
    assert_eq!(world.list(&[("status", "failed")]).await.body["items"].as_array().unwrap().len(), 1);
    world.advance(600);
    for event in ["delivered", "delivered", "opened"] {
        world.receipt(&token, event, json!({})).await;
        let after = world.metrics().await["summary"].clone();
        assert_eq!((&after["failed"], &after["delivered"], &after["closed"]), (&json!(0), &json!(1), &json!(1)));
        assert_eq!((&after["sent"], &after["error_rate"]), (&json!(1), &json!(0.0)));
    }
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["reason"]), (&json!("delivered"), &Value::Null));
    assert_eq!(world.list(&[("status", "failed")]).await.body["items"], json!([]));
}

/// An event after an unconfirmed push and the e-mail that followed it.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A receipt of the push, this many minutes after it was sent.
    Push(&'static str, i64),
    /// A click on the e-mail's link.
    Click,
    /// A conversion, reported by the linked page.
    Converted,
    /// A fold by rollup, and a sweep by cascade.
    Minute,
}

const ALL: [Happening; 8] = [
    Happening::Push("delivered", 5),
    Happening::Push("opened", 6),
    Happening::Push("clicked", 7),
    Happening::Push("dismissed", 8),
    Happening::Push("converted", 9),
    Happening::Click,
    Happening::Converted,
    Happening::Minute,
];

async fn after(order: &[Happening]) -> (Value, Value) {
    let world = World::start().await;
    let browser = ada(&world).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/?n={token}"});
    let asked = json!({"type": "PAYMENT_DUE", "channels": ["push", "email"], "content": content});
    let sent = world.send("ada", asked).await;
    let (began, token) = (world.clock.now(), token_of(&world, &browser));
    world.advance(4 * 3_600 + 60);
    world.sweep().await;
    let click = links(&world.mails()[0]).into_iter().find(|link| link.contains("/clicks/")).unwrap();
    for happening in order {
        match happening {
            Happening::Push(event, minutes) => {
                let at = (began + SignedDuration::from_mins(*minutes)).to_string();
                let value = (*event == "converted").then_some(19_900_000);
                let answer = world.receipt(&token, event, json!({"at": at, "value_micros": value})).await;
                assert_eq!(answer.status, 200);
            }
            Happening::Click => assert_eq!(world.follow("GET", &click).await.status, 302),
            Happening::Converted => {
                let token = click.rsplit('/').next().unwrap();
                assert_eq!(world.receipt(token, "converted", json!({"value_micros": 19_900_000})).await.status, 200);
            }
            Happening::Minute => {
                world.fold().await;
                assert_eq!(world.sweep().await.found, 0);
            }
        }
    }
    (world.get(&id_of(&sent)).await.body, world.metrics_of_last(300).await)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn receipts_in_any_order_and_any_number_lead_to_the_same_state(
        order in proptest::sample::subsequence(ALL.to_vec(), 0..=ALL.len())
            .prop_flat_map(|again| Just([ALL.to_vec(), again].concat()).prop_shuffle()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (end, metrics) = runtime.block_on(after(&order));
        let fields = ["status", "channel", "delivered_at", "opened_at", "clicked_at", "dismissed_at", "converted_at"];
        let times = [5, 6, 7, 8, 9].map(|minute| format!("2026-11-23T10:0{minute}:00Z"));
        let expected = ["delivered", "push"].map(str::to_owned).into_iter().chain(times);
        assert_eq!(fields.map(|field| end[field].as_str().unwrap().to_owned()).to_vec(), expected.collect::<Vec<_>>());
        let amounts = ["conversion_value_micros", "cost_micros", "wasted_cost_micros"];
        assert_eq!(amounts.map(|field| &end[field]), [&json!(19_900_000), &json!(92), &json!(92)]);
        let summary = &metrics["summary"];
        assert_eq!(amounts.map(|field| &summary[field]), [&json!(19_900_000), &json!(92), &json!(92)]);
        let ones = ["sent", "closed", "delivered", "opened", "clicked", "dismissed", "converted"];
        assert_eq!(ones.map(|field| &summary[field]), [&json!(1); 7]);
        assert_eq!(["accepted", "failed"].map(|field| &summary[field]), [&json!(0); 2]);
    }
}
