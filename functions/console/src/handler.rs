//! Converts a Lambda event into a call of the API, and its response back.

use crate::ConsoleApi;
use crate::site::{RequestTime, Site, is_page_event};
use aws::deadline;
use delivery::hard_deadline;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::time_limits::CONSOLE_REQUEST_LIMIT;
use serde_json::Value;

/// Answers one event.
///
/// # Errors
/// If the event is not from API Gateway's HTTP API.
pub async fn handle(
    (api, site): (&ConsoleApi, &Site),
    clock: Clock,
    event: LambdaEvent<Value>,
) -> Result<Value, Error> {
    if is_page_event(&event.payload) {
        let time = RequestTime { now: clock.now(), hard_deadline: hard_deadline(event.context.deadline) };
        return Ok(Box::pin(site.answer(api, event.payload, time)).await.to_event());
    }
    answer_api(api, clock, event).await
}

/// Answers a request of the API.
async fn answer_api(api: &ConsoleApi, clock: Clock, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let request = gateway::request(event.payload).ok_or("not an event of API Gateway's HTTP API")?;
    // Boxed, because the layout of the nested futures is too deep for the compiler.
    let answer = Box::pin(api.answer(&request, clock.now()));
    let answer = deadline::with_timeout(CONSOLE_REQUEST_LIMIT, answer).await;
    Ok(gateway::response(&request, answer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lambda_runtime::Context;

    use platform::environment::Environment;
    use serde_json::json;

    use super::*;
    use crate::config::ConsoleConfig;

    /// Returns an API whose AWS endpoint refuses connections: no process listens on that port.
    fn unreachable() -> ConsoleApi {
        let config = ConsoleConfig::read(&Environment::given([
            ("STAGE", "test"),
            ("LOG_LEVEL", "info"),
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("PARAMETER_PREFIX", "/p"),
            ("METRICS_TABLE", "metrics"),
            ("SETTINGS_TABLE", "settings"),
            ("NOTIFICATIONS_TABLE", "notifications"),
            ("CONTROL_TABLE", "control"),
        ]));
        ConsoleApi::new(&config.unwrap(), Clock::System)
    }

    #[tokio::test]
    async fn a_caller_without_a_client_id_cannot_change_the_rollout() {
        let context = json!({"requestId": "r-1", "http": {"method": "PUT"}});
        let event = json!({"routeKey": "PUT /v1/rollout", "body": "{\"percentage\": 1}", "requestContext": context});
        let answer =
            answer_api(&unreachable(), Clock::System, LambdaEvent::new(event, Context::default())).await.unwrap();
        assert_eq!(answer["statusCode"], 403);
    }

    async fn get(route: &str, query: Value) -> Value {
        let context = json!({"requestId": "r-1", "http": {"method": "GET"}});
        let event =
            json!({"routeKey": route, "queryStringParameters": query, "headers": {}, "requestContext": context});
        answer_api(&unreachable(), Clock::System, LambdaEvent::new(event, Context::default())).await.unwrap()
    }

    const ROUTES: [&str; 8] = [
        "GET /v1/capacity",
        "GET /v1/metrics",
        "GET /v1/metrics/channels",
        "GET /v1/metrics/costs",
        "GET /v1/health",
        "GET /v1/rollout",
        "GET /v1/rollout/comparison",
        "GET /v1/report",
    ];

    #[tokio::test]
    async fn an_unknown_parameter_is_a_problem_that_names_it_on_every_route() {
        for route in ROUTES {
            let answer = get(route, json!({"colour": "red"})).await;
            let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            assert_eq!(
                (&answer["statusCode"], &answer["headers"]["Content-Type"]),
                (&json!(422), &json!("application/problem+json")),
                "{route}"
            );
            let named = (&problem["errors"][0]["field"], &problem["request_id"]);
            assert_eq!(named, (&json!("colour"), &json!("r-1")), "{route}");
        }
    }

    #[tokio::test]
    async fn without_its_table_the_response_is_503_with_retry_after() {
        for route in ["GET /v1/metrics", "GET /v1/health", "GET /v1/rollout"] {
            let answer = get(route, json!({})).await;
            assert_eq!(
                (&answer["statusCode"], &answer["headers"]["Retry-After"]),
                (&json!(503), &json!("2")),
                "{route}"
            );
        }
    }

    #[tokio::test]
    async fn an_event_of_another_shape_is_refused() {
        let event = LambdaEvent::new(json!({"task": "rollup"}), Context::default());
        assert!(answer_api(&unreachable(), Clock::System, event).await.is_err());
    }
}
