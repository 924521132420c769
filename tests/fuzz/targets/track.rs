//! A request without an account, with tokens that are valid, expired, another recipient's or broken: it changes only
//! what its token permits, once, and redirects to the message's own URL or nowhere.

use metrics::{Image, contribution};
use platform::gateway;
use platform::http::{Request, Response};
use serde_json::{Map, Value, json};

use super::form;
use super::world::{FuzzWorld, with_world};

/// Attributes of a notification that a receipt may change.
const TRACKED: [&str; 20] = [
    "status",
    "reason",
    "channel",
    "updated_at",
    "next_action_at",
    "due_shard",
    "attention_at",
    "attention_shard",
    "waited_ms",
    "revision",
    "noted",
    "delivered_at",
    "delivered_on",
    "opened_at",
    "clicked_at",
    "dismissed_at",
    "converted_at",
    "conversion_value_micros",
    "wasted_cost_micros",
    "in_flight",
];
/// Attributes of a profile that unsubscribing may change, and at the end those that the preference page may also
/// change.
const OWN_WORD: [&str; 4] = ["choices", "updated_at", "revision", "quiet_hours"];

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    with_world(|world| {
        let Some(event) = form::event(&world.with_tokens(text), &world.push_origin) else { return };
        let Some(request) = gateway::request(event).filter(|request| FuzzWorld::is_track(&request.route)) else {
            return;
        };
        let before = world.aws.items();
        let response = world.answer(&request);
        let after = world.aws.items();
        judge(&request, &response);
        changes_what_it_may(&request, &response, &before, &after);
        let again = world.answer(&request);
        assert_eq!(world.aws.items(), after, "twice is as once");
        assert_eq!((again.status, location(&again)), (response.status, location(&response)));
        assert!(again.content_type != "application/json" || again.body.expose() == r#"{"recorded":false}"#);
    });
}

fn judge(request: &Request, response: &Response) {
    let body = response.body.expose();
    assert!((200..500).contains(&response.status), "{} {body}", response.status);
    match (response.content_type, response.status) {
        ("application/json", 200) => assert!(body.starts_with(r#"{"recorded":"#)),
        ("application/problem+json", 400..) => {
            let problem: Value = serde_json::from_str(body).unwrap();
            assert_eq!(problem["status"], json!(response.status));
            assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        }
        ("text/html; charset=utf-8", 200 | 400..) => assert!(body.starts_with("<!DOCTYPE html>")),
        ("text/javascript; charset=utf-8" | "application/typescript; charset=utf-8", 200) => {
            assert!(request.route.starts_with("GET /v1/client/"))
        }
        ("text/plain; charset=utf-8", 302) => {
            let own = format!("https://shop.example/7?n={}", request.path("token"));
            assert_eq!(location(response), Some(own.as_str()), "the message's own and no other");
        }
        other => panic!("{other:?}: {body}"),
    }
    assert_eq!(location(response).is_some(), response.status == 302);
}

fn location(response: &Response) -> Option<&str> {
    response.headers.iter().find(|(name, _)| *name == "Location").map(|(_, value)| value.as_str())
}

fn changes_what_it_may(
    request: &Request,
    response: &Response,
    before: &[(&'static str, Value)],
    after: &[(&'static str, Value)],
) {
    assert_eq!(before.len(), after.len(), "nothing comes or goes");
    let changed: Vec<_> = before.iter().zip(after).filter(|(before, after)| before != after).collect();
    // A receipt also stores that the recipient is engaged.
    assert!(changed.len() <= 2 && (changed.is_empty() || response.status < 400), "{changed:?}");
    for ((table, old), (_, new)) in changed {
        let may = match (request.route.as_str(), *table) {
            ("POST /v1/receipts" | "GET /v1/clicks/{token}", "notifications") => &TRACKED[..],
            ("POST /v1/receipts" | "GET /v1/clicks/{token}", "recipients") => &["last_engaged_at"],
            ("POST /v1/unsubscribe/{token}", "recipients") => &OWN_WORD[..3],
            ("POST /v1/preferences/{token}", "recipients") => &OWN_WORD[..],
            other => panic!("{other:?} changed {new}"),
        };
        let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
        let names = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name));
        names.for_each(|name| assert!(may.contains(&name.as_str()), "{name}"));
        if *table == "notifications" {
            is_counted(new);
        }
    }
}

/// Rollup can read the notification, and counts it once.
fn is_counted(item: &Map<String, Value>) {
    let plain = item.iter().filter_map(|(name, value)| {
        let number = value["N"].as_str().map(|digits| serde_json::from_str(digits).unwrap());
        Some((name.clone(), number.or_else(|| value.get("S").cloned())?))
    });
    let image: Image = serde_json::from_value(Value::Object(plain.collect())).expect("rollup reads it");
    let counted = contribution(&image);
    for name in ["delivered", "opened", "clicked", "dismissed", "converted"] {
        let all: i64 = counted
            .iter()
            .filter(|(counter, _)| counter.to_string() == format!("type/DEFAULT/{name}"))
            .map(|(_, count)| count)
            .sum();
        assert!((0..=1).contains(&all), "{name}");
    }
}
