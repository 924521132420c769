//! Types that a request names, which may be newer than the cached catalog.

use serde_json::Value;

use super::RecipientsApi;
use delivery::config::ConfigSnapshot;
use platform::problem::Problem;

/// Places of a body that hold an array of names, as JSON pointers (RFC 6901).
const NAMES: [&str; 2] = ["/preferences/opted_out_types", "/unsubscribed_types"];
/// Places of a body that hold an array of choices with the member `type`.
const CHOICES: [&str; 2] = ["/preferences/choices", "/choices"];

impl RecipientsApi {
    /// Returns the configuration in force for a request with these bodies. If one names an unknown type, the catalog is
    /// read now, because the type may be new.
    ///
    /// # Errors
    /// 503 if the definition of a type could not be read.
    pub(super) async fn config_for(&self, bodies: &[&Value]) -> Result<ConfigSnapshot, Problem> {
        let names: Vec<_> = bodies.iter().flat_map(|body| named_types(body)).collect();
        self.config_with(&names).await
    }

    /// Returns the configuration in force for a request with these names of types, as [`Self::config_for`].
    ///
    /// # Errors
    /// As [`Self::config_for`].
    pub(super) async fn config_with(&self, names: &[&str]) -> Result<ConfigSnapshot, Problem> {
        let config = self.config.with_types(names).await;
        let types = &config.settings.types;
        if !names.iter().all(|name| types.is_certain_of(name)) {
            return Err(Problem::service_unavailable());
        }
        Ok(config)
    }
}

/// Returns the names of types in a body. Values of another JSON type are left to the parser.
fn named_types(body: &Value) -> impl Iterator<Item = &str> {
    let listed = move |path: &&str| body.pointer(path).and_then(Value::as_array);
    let names = NAMES.iter().filter_map(listed).flatten();
    let choices = CHOICES.iter().filter_map(listed).flatten();
    names.chain(choices.filter_map(|choice| choice.get("type"))).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_of_a_body_is_looked_at() {
        let body = json!({
            "type": "NO", "unsubscribed_types": ["A", 1], "choices": [{"type": "B"}, {"channel": "sms"}, 3],
            "preferences": {"opted_out_types": ["C"], "choices": [{"type": "D"}], "types": ["NO"]},
        });
        assert_eq!(named_types(&body).collect::<Vec<_>>(), ["C", "A", "D", "B"]);
        for body in [json!(null), json!([]), json!({"preferences": [], "choices": {"type": "NO"}})] {
            assert_eq!(named_types(&body).count(), 0, "{body}");
        }
    }
}
