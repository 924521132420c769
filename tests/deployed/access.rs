//! Authorization on every route of the template: 401 without a token or with one that is wrong in one respect, 403 with
//! another scope, and 404 for another caller's notification.

use std::collections::BTreeSet;

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{fixture, message, recipient_in};
use crate::template::{Route, Template};
use crate::tokens::Tokens;

const SCOPES: [&str; 3] = ["send", "recipients", "ops"];

/// The routes that require a token, each with its parameters filled in.
fn protected() -> Vec<(Route, String)> {
    let routes: Vec<_> = Template::read().routes().into_iter().filter(|route| !route.is_public).collect();
    assert!(routes.len() >= 14);
    let filled =
        |route: &Route| route.path.replace("{id}", "eve").replace("{device_id}", "d").replace("{type}", "NEWS");
    routes.into_iter().map(|route| (route.clone(), filled(&route))).collect()
}

fn a_scope_of(route: &Route) -> &'static str {
    SCOPES.into_iter().find(|scope| route.scopes.iter().any(|held| held == scope)).unwrap()
}

#[test]
#[ignore = "needs the local stack: make test"]
fn without_a_token_or_with_one_that_is_wrong_in_one_respect_every_route_is_401() {
    let fixture = fixture();
    let tokens = Tokens::of(&fixture.stack);
    for (route, path) in protected() {
        assert_eq!(fixture.call_as_stranger(&route.method, &path, None), 401, "{}", route.key());
        for (wrong, token) in tokens.refused(a_scope_of(&route)) {
            let status = fixture.call_as_stranger(&route.method, &path, Some(&token));
            assert_eq!(status, 401, "{} with {wrong}", route.key());
        }
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn with_another_scope_or_none_every_route_is_403() {
    let fixture = fixture();
    let tokens = Tokens::of(&fixture.stack);
    for (route, path) in protected() {
        for scope in SCOPES.into_iter().filter(|scope| !route.scopes.iter().any(|held| held == scope)) {
            assert_eq!(
                fixture.call(scope, &route.method, &path, &Value::Null).status,
                403,
                "{} with {scope}",
                route.key()
            );
        }
        for scope in [
            "",
            "send",
            "notifications",
            "notifications/",
            "notifications/SEND",
            "other/send other/ops other/recipients",
        ] {
            let token = tokens.with(a_scope_of(&route), |claims| claims["scope"] = json!(scope));
            let status = fixture.call_as_stranger(&route.method, &path, Some(&token));
            assert_eq!(status, 403, "{} with the scope {scope:?}", route.key());
        }
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn the_same_token_signed_again_and_either_scope_of_a_shared_route_open_it() {
    let fixture = fixture();
    let tokens = Tokens::of(&fixture.stack);
    for (route, path) in protected() {
        for scope in SCOPES.into_iter().filter(|scope| route.scopes.iter().any(|held| held == scope)) {
            // The request reaches the function, which finds no item, no body or no work.
            let status = fixture.call_as_stranger(&route.method, &path, Some(&tokens.with(scope, |_| ())));
            assert!(matches!(status, 200 | 204 | 400 | 404 | 422), "{} with {scope}: {status}", route.key());
        }
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_route_that_is_public_asks_for_nothing_and_no_other_path_is_there() {
    let fixture = fixture();
    let public: Vec<_> = Template::read().api_routes().into_iter().filter(|route| route.is_public).collect();
    let signed = [
        "POST /v1/receipts",
        "GET /v1/clicks/{token}",
        "GET /v1/unsubscribe/{token}",
        "POST /v1/unsubscribe/{token}",
        "GET /v1/preferences/{token}",
        "POST /v1/preferences/{token}",
    ];
    let open = [
        "GET /v1/vapid-public-key",
        "GET /v1/client/worker.js",
        "GET /v1/client/client.js",
        "GET /v1/client/client.mjs",
        "GET /v1/client/client.d.ts",
        "GET /v1/openapi.json",
    ];
    let keys: BTreeSet<_> = public.iter().map(Route::key).collect();
    assert_eq!(keys, signed.iter().chain(&open).map(|key| (*key).to_owned()).collect());
    for route in public {
        let status = fixture.call_as_stranger(&route.method, &route.path.replace("{token}", "x"), None);
        let without_one_of_ours = if route.key() == signed[0] { 400 } else { 404 };
        assert_eq!(
            status,
            if open.contains(&route.key().as_str()) { 200 } else { without_one_of_ours },
            "{}",
            route.key()
        );
    }
    for path in ["/", "/v1", "/v1/notifications/n/attempts", "/v1/recipients", "/v2/notifications", "/v1/metrics/raw"] {
        assert_eq!(fixture.call("ops", "GET", path, &Value::Null).status, 404, "{path}");
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn another_callers_notification_is_404_and_an_operator_sees_and_cancels_it() {
    let fixture = fixture();
    let tokens = Tokens::of(&fixture.stack);
    // The scope to send, in a token of another client.
    let other_client = json!(fixture.stack.text("/clients/recipients/id"));
    let stranger =
        tokens.with("send", |claims| (claims["client_id"], claims["sub"]) = (other_client.clone(), other_client));
    let id = recipient_in(Version::V2, "private");
    fixture.register(&id);
    let mut planned = message(&id, "Planned");
    planned["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
    let path = format!("/v1/notifications/{}", fixture.send(&planned)["id"].as_str().unwrap());
    for method in ["GET", "DELETE"] {
        assert_eq!(fixture.call_as_stranger(method, &path, Some(&stranger)), 404, "{method}");
    }
    assert_eq!(fixture.expect(200, "ops", "GET", &path, &Value::Null)["status"], "scheduled");
    assert_eq!(fixture.expect(200, "ops", "DELETE", &path, &Value::Null)["status"], "cancelled");
}
