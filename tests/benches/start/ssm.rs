//! The parameters of a working deployment, in SSM's responses.

use serde_json::{Value, json};

/// Values by the last part of their names. The VAPID pair is the application server's of RFC 8291, appendix A.
const PARAMETERS: [(&str, &str); 7] = [
    ("rollout-percentage", "100"),
    ("rollout-users", "[]"),
    ("settings", "{}"),
    ("vapid-private-key", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    ("vapid-public-key", "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
    ("recipient-hash-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("link-signing-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
];

/// The response to a GetParameters request with this body.
pub fn get_parameters(body: &[u8]) -> Value {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let names = asked["Names"].as_array().unwrap().iter().filter_map(Value::as_str);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let last = name.rsplit('/').next().unwrap_or_default();
        match PARAMETERS.iter().find(|(known, _)| *known == last) {
            Some((_, value)) => found.push(json!({"Name": name, "Value": value, "Version": 1})),
            None => unknown.push(name),
        }
    }
    json!({"Parameters": found, "InvalidParameters": unknown})
}
