//! Converts a Lambda event into a pass, and its summary into the response.

use std::time::Duration;

use crate::Cleanup;
use crate::config::CleanupConfig;
use aws::deadline;
use delivery::config::ConfigSource;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::{Request, Response};
use platform::problem::Problem;
use platform::time_limits::{CLEANUP_PASS_MARGIN, CLEANUP_REQUEST_LIMIT};
use serde_json::Value;
use store::{CursorStore, ErasureStore, LastKnownGood, NotificationsStore, RecipientsStore};
use tokio::time::Instant;

/// Services that the function uses.
pub struct CleanupServices {
    /// Makes the passes.
    pub cleanup: Cleanup,
    /// Reads the retention settings.
    pub config: ConfigSource,
    /// The clock.
    pub clock: Clock,
}

impl CleanupServices {
    /// Creates the services with their own AWS clients.
    #[must_use]
    pub fn new(config: &CleanupConfig, clock: Clock) -> Self {
        let CleanupConfig { function, tables } = config;
        let dynamodb = function.dynamodb();
        let recipients = RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str());
        Self {
            cleanup: Cleanup {
                erasure: ErasureStore::new(
                    dynamodb.clone(),
                    recipients.clone(),
                    tables.notifications.as_str(),
                    tables.settings.as_str(),
                ),
                notifications: NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str()),
                cursor: CursorStore::new(dynamodb.clone(), tables.control.as_str()),
                recipients,
            },
            config: ConfigSource::new(function.parameters(), &function.parameter_prefix, clock.clone())
                .settings_only()
                .with_last_known_good(LastKnownGood::new(dynamodb, tables.control.as_str())),
            clock,
        }
    }
}

/// An event of this function, distinguished by its shape.
enum Event {
    /// The nightly schedule.
    Schedule,
    /// The schedule of every five minutes, which checks erasures again.
    Erasures,
    /// An operator requests a pass.
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
/// If the event has an unknown shape, or a scheduled pass cannot begin because the settings cannot be read. Lambda then
/// retries.
pub async fn handle(services: &CleanupServices, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline_ms = event.context.deadline;
    match Event::of(event.payload).ok_or("unknown event: not from the schedule or API Gateway")? {
        Event::Schedule => {
            let left = deadline::of_invocation(deadline_ms, services.clock.now());
            deadline::with_timeout(left, services.scheduled_pass(deadline_ms)).await
        }
        Event::Erasures => {
            let (now, left) = (services.clock.now(), deadline::of_invocation(deadline_ms, services.clock.now()));
            let until = until(deadline_ms, now.as_millisecond());
            let summary = deadline::with_timeout(left, services.cleanup.erasures(now, until)).await;
            Ok(serde_json::to_value(summary)?)
        }
        Event::Api(request) => {
            let response = deadline::with_timeout(CLEANUP_REQUEST_LIMIT, services.answer(&request)).await;
            Ok(gateway::response(&request, response))
        }
    }
}

impl CleanupServices {
    async fn scheduled_pass(&self, deadline_ms: u64) -> Result<Value, Error> {
        let days = self.device_unused_days().await.ok_or("failed to read the settings; nothing deleted")?;
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

    /// Returns the retention of unused devices, in days; `None` if neither the settings nor their last valid value can
    /// be read. No default is used, since the configured retention may be longer.
    async fn device_unused_days(&self) -> Option<u32> {
        let config = self.config.current().await;
        self.config.valid_texts().settings.map(|_| config.settings.retention_days.device_unused)
    }
}

/// Returns the moment after which a pass starts no new work.
fn until(deadline_ms: u64, now_ms: i64) -> Instant {
    let left_ms = deadline_ms.saturating_sub(u64::try_from(now_ms).unwrap_or(0));
    Instant::now() + Duration::from_millis(left_ms).saturating_sub(CLEANUP_PASS_MARGIN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_event_sources_are_distinguished_and_unknown_events_rejected() {
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
