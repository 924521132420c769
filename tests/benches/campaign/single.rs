//! Single sends: `POST /v1/notifications` one after another in a warm process, from the event of API Gateway to its
//! result, with the push accepted and recorded.

use std::time::Instant;

use serde_json::{Value, json};
use tests::cpu_time;
use world::World;

use super::{Measured, runtime};

/// Sends that are not measured: they open the connections and read the configuration.
const WARM_UP: usize = 20;

/// Sends one message to each person with an instance of `send` of its own.
pub fn single(world: &World, people: usize) -> Measured {
    runtime().block_on(async {
        let send = world.another_send().await;
        for number in 0..WARM_UP.min(people) {
            answered(&world.handle_send(&send, event(number)).await);
        }
        // The events exist before the measurement, as the runtime of Lambda parses them.
        let events: Vec<_> = (0..people).map(event).collect();
        let (began, cpu) = (Instant::now(), cpu_time::of_thread_seconds());
        let mut results = Vec::with_capacity(people);
        for event in events {
            results.push(world.handle_send(&send, event).await);
        }
        let measured = Measured {
            pushes: people,
            cpu_seconds: cpu_time::of_thread_seconds() - cpu,
            seconds: began.elapsed().as_secs_f64(),
        };
        results.iter().for_each(answered);
        measured
    })
}

pub fn event(number: usize) -> Value {
    let body = json!({
        "to": format!("user-{number}"), "type": "NEWS",
        "content": {"title": "Autumn", "body": "New things for you in the shop"},
    });
    World::send_event(&body)
}

pub fn answered(result: &Value) {
    assert_eq!(result["statusCode"], 202, "{result}");
    let body: Value = serde_json::from_str(result["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["status"], "accepted", "{body}");
}
