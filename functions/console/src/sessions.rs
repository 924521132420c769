//! `POST /v1/console/sessions/end`: ends sessions of the web console before their time.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ConsoleApi;
use domain::Actor;
use platform::http::Request;
use platform::problem::Problem;

/// Maximum length of a person's name.
const MAX_NAME_BYTES: usize = 256;

/// Body of the request: a person, or everyone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndRequest {
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    everyone: bool,
}

impl ConsoleApi {
    pub(super) async fn end_sessions(&self, request: &Request, now: Timestamp) -> Result<Value, Problem> {
        request.only_parameters(&[])?;
        let by = Actor::Api(request.author()?);
        let EndRequest { person, everyone } = request.json()?;
        if everyone == person.is_some() {
            return Err(Problem::invalid_field("person", "is required, unless everyone is true"));
        }
        // A `#` separates the parts of keys.
        let is_name = |name: &str| {
            (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(|c: char| c == '#' || c.is_control())
        };
        if person.as_deref().is_some_and(|name| !is_name(name)) {
            return Err(Problem::invalid_field(
                "person",
                "must be the name of a person, as the audit shows it, or the subject of the login",
            ));
        }
        self.ended_sessions.end(person.as_deref(), by, now).await?;
        tracing::info!(everyone, "ended sessions of the console");
        Ok(json!({"person": person, "everyone": everyone, "ended_at": now}))
    }
}
