//! Who may call what: no token is 401, another scope's token is 403, on every route but the public one.

use serde_json::Value;

use crate::world::world;

/// Method, path, and a scope that opens it; with two, both are named.
const PROTECTED: [(&str, &str, &[&str]); 19] = [
    ("POST", "/v1/notifications", &["send"]),
    ("POST", "/v1/notifications/batch", &["send"]),
    ("POST", "/v1/notifications/explain", &["send"]),
    ("GET", "/v1/notifications/n", &["send", "ops"]),
    ("GET", "/v1/notifications", &["ops"]),
    ("DELETE", "/v1/notifications/n", &["send", "ops"]),
    ("POST", "/v1/cleanup", &["ops"]),
    ("PUT", "/v1/recipients/eve", &["recipients"]),
    ("GET", "/v1/recipients/eve", &["recipients"]),
    ("DELETE", "/v1/recipients/eve", &["recipients"]),
    ("GET", "/v1/recipients/eve/notifications", &["recipients"]),
    ("PUT", "/v1/recipients/eve/devices", &["recipients"]),
    ("DELETE", "/v1/recipients/eve/devices/d", &["recipients"]),
    ("GET", "/v1/metrics", &["ops"]),
    ("GET", "/v1/metrics/channels", &["ops"]),
    ("GET", "/v1/metrics/costs", &["ops"]),
    ("GET", "/v1/health", &["ops"]),
    ("GET", "/v1/rollout/comparison", &["ops"]),
    ("GET", "/v1/report", &["ops"]),
];

#[test]
#[ignore = "needs the local stack: make test"]
fn nobody_gets_in_without_a_token_or_with_a_broken_one() {
    let world = world();
    let token = world.stack.token("ops");
    let (signed, _) = token.rsplit_once('.').unwrap();
    for (method, path, _) in PROTECTED {
        assert_eq!(world.call_as_stranger(method, path, None), 401, "{method} {path}");
        assert_eq!(world.call_as_stranger(method, path, Some("nonsense")), 401, "{method} {path}");
        assert_eq!(world.call_as_stranger(method, path, Some(&format!("{signed}.AAAA"))), 401, "{method} {path}");
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_token_opens_the_routes_of_its_scope_and_no_others() {
    let world = world();
    for (method, path, scopes) in PROTECTED {
        for scope in ["send", "recipients", "ops"].into_iter().filter(|scope| !scopes.contains(scope)) {
            assert_eq!(world.call(scope, method, path, &Value::Null).status, 403, "{method} {path} with {scope}");
        }
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn either_scope_of_a_shared_route_opens_it() {
    let world = world();
    for (method, path, scopes) in PROTECTED.into_iter().filter(|(_, _, scopes)| scopes.len() > 1) {
        for scope in scopes {
            assert_eq!(world.call(scope, method, path, &Value::Null).status, 404, "{method} {path} with {scope}");
        }
    }
}
