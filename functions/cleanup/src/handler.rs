//! From an event to the domain's call and back.

use std::time::Duration;

use crate::Cleanup;
use aws::deadline;
use delivery::live::LiveSource;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::{Request, Response};
use platform::problem::Problem;
use serde_json::Value;
use tokio::time::Instant;

/// What a pass leaves of the function's time for the calls under way, the cursor and the answer.
const RESERVE_MS: u64 = 15_000;
/// A caller is answered within this: API Gateway waits 30 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// What the function works with.
pub struct Services {
    /// The work.
    pub cleanup: Cleanup,
    /// How long things are kept.
    pub live: LiveSource,
    /// The time.
    pub clock: Clock,
}

/// What the function is called with, told apart by its shape.
enum Event {
    /// The night's schedule.
    Schedule,
    /// The schedule of every few minutes: a second look at erasures.
    Erasures,
    /// Somebody asks for a pass.
    Api(Box<Request>),
}

impl Event {
    fn of(event: Value) -> Option<Self> {
        match event["task"].as_str() {
            Some("cleanup") => Some(Self::Schedule),
            Some("erasures") => Some(Self::Erasures),
            _ => gateway::request(event).map(|request| Self::Api(Box::new(request))),
        }
    }
}

/// Answers one event.
///
/// # Errors
/// An event that is none of ours, and by schedule a pass that could not begin; Lambda then tries again.
pub async fn handle(services: &Services, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline_ms = event.context.deadline;
    match Event::of(event.payload).ok_or("this event is neither the schedule's nor API Gateway's")? {
        Event::Schedule => {
            let left = deadline::of_invocation(deadline_ms, services.clock.now());
            deadline::at_most(left, services.by_schedule(deadline_ms)).await
        }
        Event::Erasures => {
            let (now, left) = (services.clock.now(), deadline::of_invocation(deadline_ms, services.clock.now()));
            let until = until(deadline_ms, now.as_millisecond());
            let summary = deadline::at_most(left, services.cleanup.erasures(now, until)).await;
            Ok(serde_json::to_value(summary)?)
        }
        Event::Api(request) => {
            let response = deadline::at_most(ANSWER_WITHIN, services.answer(&request)).await;
            Ok(gateway::response(&request, response))
        }
    }
}

impl Services {
    async fn by_schedule(&self, deadline_ms: u64) -> Result<Value, Error> {
        let days = self.device_unused_days().await.ok_or("the settings cannot be read, so nothing is deleted")?;
        let until = until(deadline_ms, self.clock.now().as_millisecond());
        let summary = self.cleanup.pass(self.clock.now(), days, until, false).await;
        Ok(serde_json::to_value(summary)?)
    }

    async fn answer(&self, request: &Request) -> Response {
        match self.device_unused_days().await {
            Some(days) => self.cleanup.answer(request, self.clock.now(), days).await,
            None => Response::problem(&Problem::unavailable(5), &request.request_id),
        }
    }

    /// The retention that ops have set. Not a default when it cannot be read: theirs may be longer.
    async fn device_unused_days(&self) -> Option<u32> {
        let live = self.live.live().await;
        self.live.good_texts().settings.map(|_| live.settings.retention_days.device_unused)
    }
}

/// The moment after which nothing more is to be begun.
fn until(deadline_ms: u64, now_ms: i64) -> Instant {
    let left_ms = deadline_ms.saturating_sub(RESERVE_MS).saturating_sub(u64::try_from(now_ms).unwrap_or(0));
    Instant::now() + Duration::from_millis(left_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schedule_and_the_api_are_told_apart_and_strangers_are_refused() {
        assert!(matches!(Event::of(json!({"task": "cleanup"})), Some(Event::Schedule)));
        assert!(matches!(Event::of(json!({"task": "erasures"})), Some(Event::Erasures)));
        let api = json!({"routeKey": "POST /v1/cleanup", "headers": {}, "requestContext": {"requestId": "r-1"}, "body": "{}"});
        assert!(matches!(Event::of(api), Some(Event::Api(request)) if request.route == "POST /v1/cleanup"));
        for stranger in [json!({"task": "cascade"}), json!({}), json!([]), json!("cleanup")] {
            assert!(Event::of(stranger).is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_ends_before_the_function_does() {
        let now = Instant::now();
        assert_eq!(until(1_300_000, 1_000_000) - now, Duration::from_secs(285));
        assert_eq!(until(1_000_000, 1_000_000), now);
    }
}
