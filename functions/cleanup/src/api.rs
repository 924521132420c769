//! The route `POST /v1/cleanup {dry_run}`: a pass that an operator starts.

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::Cleanup;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::time_limits::MANUAL_CLEANUP_PASS_LIMIT;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    dry_run: bool,
}

impl Cleanup {
    /// Makes one bounded pass. The response is 200 with `{done, remaining}` per kind, or the problem with the body.
    pub async fn answer(&self, request: &Request, now: Timestamp, device_unused_days: u32) -> Response {
        let asked = preconditions::refuse_unsupported(request).and_then(|()| request.only_parameters(&[]));
        match asked.and_then(|()| request.json::<Body>()) {
            Ok(Body { dry_run }) => {
                let summary =
                    self.pass(now, device_unused_days, Instant::now() + MANUAL_CLEANUP_PASS_LIMIT, dry_run).await;
                Response::json(200, &summary)
            }
            Err(problem) => Response::problem(&problem, &request.request_id),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::super::testing::TestCleanup;
    use super::*;
    use platform::private::Private;

    async fn ask(world: &TestCleanup, body: &str) -> (u16, Value) {
        let request = Request { body: Private::new(body.as_bytes().to_vec()), ..Request::default() };
        let response = world.cleanup.answer(&request, "2027-03-29T00:00:00Z".parse().unwrap(), 180).await;
        (response.status, serde_json::from_str(response.body.expose()).unwrap())
    }

    #[tokio::test]
    async fn a_manual_pass_returns_the_done_and_remaining_items_of_each_kind() {
        let world = TestCleanup::new().await;
        world.device("ada", "old", "2026-01-01T00:00:00Z".parse().unwrap(), None).await;
        let none = json!({"done": 0, "remaining": 0});
        let (status, summary) = ask(&world, r#"{"dry_run": true}"#).await;
        let expected = json!({
            "dry_run": true, "complete": true, "expired_devices": none, "unused_devices": {"done": 0, "remaining": 1},
            "erased_recipients": none, "stuck_notifications": none,
        });
        assert_eq!((status, summary), (200, expected));
        let (_, summary) = ask(&world, "{}").await;
        assert_eq!(summary["unused_devices"], json!({"done": 1, "remaining": 0}));
    }

    #[tokio::test]
    async fn an_invalid_body_is_a_problem_and_starts_no_pass() {
        let world = TestCleanup::new().await;
        world.device("ada", "old", "2026-01-01T00:00:00Z".parse().unwrap(), None).await;
        assert_eq!(ask(&world, "").await.0, 400);
        assert_eq!(ask(&world, r#"{"dryrun": true}"#).await.1["errors"][0]["field"], "dryrun");
        assert_eq!(ask(&world, r#"{"dry_run": "yes"}"#).await.1["errors"][0]["field"], "dry_run");
        assert_eq!(world.devices("ada").await.len(), 1);
    }
}
