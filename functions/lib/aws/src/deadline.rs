//! Deadline for all AWS calls of the current work, in addition to the limits of each call.
//!
//! Each call has its own limits. But one request makes several calls, and their limits add up. So the code that
//! handles an event sets one deadline. Every AWS call within that work gets the remaining time: an interceptor of the
//! SDK shortens its time-outs.
//!
//! The deadline applies to a future and everything awaited in it. It does not apply to spawned tasks, unless they are
//! wrapped in [`propagate`]. Each such future is boxed, because nested futures are too large for the stack of a thread.

use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;
use platform::time_limits::INVOCATION_END_MARGIN;
use tokio::time::Instant;

use crate::limits::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT, timeouts};

tokio::task_local! {
    static UNTIL: Instant;
}

/// Returns the time that remains for AWS calls in an invocation that Lambda ends at `ends_at_ms` (milliseconds since
/// the epoch).
#[must_use]
pub fn of_invocation(ends_at_ms: u64, now: Timestamp) -> Duration {
    let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
    Duration::from_millis(ends_at_ms.saturating_sub(now_ms)).saturating_sub(INVOCATION_END_MARGIN)
}

/// Runs `work` with a deadline of `left` for its AWS calls. An earlier deadline that is already set stays in force.
pub async fn with_timeout<F: Future>(left: Duration, work: F) -> F::Output {
    let until = Instant::now() + left;
    let until = UNTIL.try_with(|earlier| until.min(*earlier)).unwrap_or(until);
    UNTIL.scope(until, Box::pin(work)).await
}

/// Runs `work` with a new deadline of `left` for its AWS calls, even if an earlier one is set. It is for work that
/// must continue after the rest of a request is given up.
pub async fn with_fresh_timeout<F: Future>(left: Duration, work: F) -> F::Output {
    UNTIL.scope(Instant::now() + left, Box::pin(work)).await
}

/// Returns the time that remains until the current deadline; `None` if none is set.
#[must_use]
pub fn left() -> Option<Duration> {
    UNTIL.try_with(|until| until.saturating_duration_since(Instant::now())).ok()
}

/// Applies the current deadline to `work`, for another task.
pub fn propagate<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let until = UNTIL.try_with(|until| *until).ok();
    async move {
        match until {
            Some(until) => UNTIL.scope(until, work).await,
            None => work.await,
        }
    }
}

/// Interceptor that shortens a call's time-outs to the remaining time. After the deadline, a call fails as after a
/// time-out.
#[derive(Debug)]
pub(super) struct Deadline;

impl Intercept for Deadline {
    fn name(&self) -> &'static str {
        "Deadline"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(left) = left() {
            cfg.interceptor_state().store_put(timeouts(ATTEMPT_TIMEOUT.min(left), OPERATION_TIMEOUT.min(left)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use platform::environment::Environment;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate as aws;
    use crate::fake_aws;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns the duration of a DynamoDB call that receives no response, in seconds, with the limits of every call.
    async fn silent_call() -> f64 {
        let silent = fake_aws::config(|_, _| std::future::pending());
        let client = aws::dynamodb(&silent.map(aws::limits));
        let began = Instant::now();
        let answer = client.get_item().table_name("t").send().await;
        assert!(matches!(answer, Err(aws_sdk_dynamodb::error::SdkError::TimeoutError(_))), "{answer:?}");
        began.elapsed().as_secs_f64().round()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_by_its_own_limit_or_by_the_deadline_whichever_is_sooner() {
        assert_eq!(silent_call().await, 6.0);
        assert_eq!(with_timeout(60 * SECOND, silent_call()).await, 6.0);
        assert_eq!(with_timeout(SECOND, silent_call()).await, 1.0);
        assert_eq!(with_timeout(Duration::ZERO, silent_call()).await, 0.0);
    }

    #[tokio::test]
    async fn an_answer_that_stalls_ends_by_the_deadline() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // Bytes before the request would be an error of their own.
                let _ = stream.read(&mut [0; 4_096]).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
                open.push(stream);
            }
        });
        let variables = [
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let client = aws::dynamodb(&aws::config(&Environment::given(variables)).unwrap());
        let answer = with_timeout(SECOND, client.get_item().table_name("t").send()).await;
        assert!(matches!(answer, Err(aws_sdk_dynamodb::error::SdkError::TimeoutError(_))), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_one_after_the_other_share_one_deadline() {
        let three = async { (silent_call().await, silent_call().await, silent_call().await) };
        assert_eq!(with_timeout(8 * SECOND, three).await, (6.0, 2.0, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_deadline_may_be_sooner_and_is_later_only_when_asked_for() {
        assert_eq!(with_timeout(SECOND, with_timeout(3 * SECOND, silent_call())).await, 1.0);
        assert_eq!(with_timeout(3 * SECOND, with_timeout(SECOND, silent_call())).await, 1.0);
        assert_eq!(with_timeout(SECOND, with_fresh_timeout(3 * SECOND, silent_call())).await, 3.0);
    }

    #[test]
    fn an_invocation_keeps_its_last_two_seconds() {
        let now = Timestamp::from_millisecond(1_000_000).unwrap();
        assert_eq!(of_invocation(1_025_000, now), 23 * SECOND);
        assert_eq!(of_invocation(1_001_000, now), Duration::ZERO);
        assert_eq!(of_invocation(0, now), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_takes_the_deadline_along() {
        let spawned = with_timeout(SECOND, async { tokio::spawn(propagate(silent_call())).await.unwrap() });
        assert_eq!(spawned.await, 1.0);
        assert_eq!(tokio::spawn(propagate(silent_call())).await.unwrap(), 6.0);
    }
}
