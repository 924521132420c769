//! Concurrent cold start: the process requests its first event from Lambda at once, while a task loads secrets and
//! configuration.
//!
//! ```text
//! main: let secrets = BackgroundInit::start(move || load(..));   // loads in a task
//!       lambda_runtime::run(..)                          // requests the first event at once
//! handler: let secrets = secrets.get().await?;           // the first request waits, later ones do not
//! ```
//!
//! A permanent error (a secret that is missing or malformed) ends the process, even without a request. So a faulty
//! deployment is noticed at once. After a transient error, the load is retried. Only requests in the meantime fail.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::alarm::AlarmLine;
use crate::time_limits::START_WAIT_LIMIT;

/// First pause between attempts. It doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Number of turns of the event loop that the load leaves to the request for the first event.
const TURNS_OF_FIRST_REQUEST: u32 = 8;

/// Reason for which a load failed. The text is logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A retry cannot succeed with this configuration. The text names the part that is missing or malformed.
    #[error("{0}")]
    Permanent(String),
    /// A retry may succeed.
    #[error("{0}")]
    Transient(String),
}

/// The process is not ready. The response is 503 with this `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is starting; try again in {retry_after_s} s")]
pub struct StillStartingError {
    /// Time after which a retry makes sense, in seconds.
    pub retry_after_s: u32,
}

/// Value that is loaded in the background from the start of the process. Clones share it.
#[derive(Debug)]
pub struct BackgroundInit<T> {
    value: Arc<OnceLock<T>>,
    /// Number of attempts that have ended.
    attempts: watch::Receiver<u32>,
}

impl<T> Clone for BackgroundInit<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), attempts: self.attempts.clone() }
    }
}

impl<T: Send + Sync + 'static> BackgroundInit<T> {
    /// Starts the load in a task of the current tokio runtime. A permanent error is logged and ends the process with
    /// exit code 1. After a transient error, the load is retried with growing pauses until it succeeds.
    pub fn start<F, L>(load: F) -> Self
    where
        F: Fn() -> L + Send + Sync + 'static,
        L: Future<Output = Result<T, StartError>> + Send,
    {
        Self::start_with(load, || std::process::exit(1))
    }

    /// Creates the value in a task of the current tokio runtime, once the request for the first event is sent.
    pub fn create(new: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self::start(move || std::future::ready(Ok(new())))
    }

    /// Returns the value, and waits for it if necessary.
    ///
    /// # Errors
    /// The current attempt failed, or did not end within [`START_WAIT_LIMIT`].
    pub async fn get(&self) -> Result<&T, StillStartingError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let mut attempts = self.attempts.clone();
        attempts.mark_unchanged();
        // An attempt may have ended between the first check and `mark_unchanged`, so the value is checked again
        // before the wait.
        if self.value.get().is_none() {
            // A time-out and an ended task are not handled separately: either the value is set or it is not.
            let _ = tokio::time::timeout(START_WAIT_LIMIT, attempts.changed()).await;
        }
        self.value.get().ok_or(StillStartingError { retry_after_s: 1 })
    }

    fn start_with<F, L>(load: F, end: impl FnOnce() + Send + 'static) -> Self
    where
        F: Fn() -> L + Send + Sync + 'static,
        L: Future<Output = Result<T, StartError>> + Send,
    {
        let value = Arc::new(OnceLock::new());
        let (ended, attempts) = watch::channel(0);
        let slot = Arc::clone(&value);
        tokio::spawn(async move {
            // The load begins with work of milliseconds, such as reading root certificates. The request for the first
            // event goes before it on the only thread: its connection and its bytes each take a turn.
            for _ in 0..TURNS_OF_FIRST_REQUEST {
                tokio::task::yield_now().await;
            }
            if let Err(error) = keep_trying(load, &slot, &ended).await {
                tracing::error!(
                    alarm = AlarmLine::StartFailed.as_str(),
                    %error,
                    "failed to load the services; the process ends"
                );
                end();
            }
        });
        Self { value, attempts }
    }
}

async fn keep_trying<T, F, L>(load: F, slot: &OnceLock<T>, ended: &watch::Sender<u32>) -> Result<(), StartError>
where
    F: Fn() -> L,
    L: Future<Output = Result<T, StartError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match load().await {
            Ok(value) => {
                let _ = slot.set(value);
                ended.send_modify(|count| *count += 1);
                return Ok(());
            }
            Err(error @ StartError::Permanent(_)) => return Err(error),
            Err(StartError::Transient(error)) => {
                tracing::warn!(
                    alarm = AlarmLine::StartDelayed.as_str(),
                    error,
                    "failed to load the services; retrying"
                );
                ended.send_modify(|count| *count += 1);
            }
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::process::Command;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn transient() -> StartError {
        StartError::Transient("throttled".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_waits_and_later_ones_share_the_value() {
        let loads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&loads);
        let eager = BackgroundInit::start(move || {
            let load = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(load)
            }
        });
        let other = eager.clone();
        let (one, two) = tokio::join!(eager.get(), other.get());
        assert_eq!((one, two), (Ok(&0), Ok(&0)));
        assert_eq!(eager.get().await, Ok(&0));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_failure_fails_only_the_request_that_met_it() {
        let loads = AtomicU32::new(0);
        let eager = BackgroundInit::start(move || {
            let load = loads.fetch_add(1, Ordering::SeqCst);
            async move { if load == 0 { Err(transient()) } else { Ok(load) } }
        });
        let failed = eager.get().await.unwrap_err();
        assert_eq!(failed.retry_after_s, 1);
        assert_eq!(eager.get().await, Ok(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_load_keeps_a_request_no_longer_than_its_patience() {
        let eager = BackgroundInit::start(std::future::pending::<Result<(), StartError>>);
        let began = tokio::time::Instant::now();
        assert!(eager.get().await.is_err());
        assert_eq!(began.elapsed(), START_WAIT_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_definitive_failure_ends_the_process_without_any_request() {
        let (end, ended) = tokio::sync::oneshot::channel();
        let fail = || async { Err::<(), _>(StartError::Permanent("/p/link-signing-key does not exist".to_owned())) };
        let eager = BackgroundInit::start_with(fail, move || end.send(()).unwrap());
        ended.await.unwrap();
        assert!(eager.get().await.is_err());
    }

    const CHILD: &str = "NOTIFICATIONS_START_TEST_CHILD";

    /// Child process of the test below. Without the variable, this test does nothing.
    #[tokio::test]
    async fn a_child_that_lacks_a_secret() {
        if std::env::var_os(CHILD).is_some() {
            crate::telemetry::init("info");
            let fail =
                || async { Err::<(), _>(StartError::Permanent("/p/link-signing-key does not exist".to_owned())) };
            let _eager = BackgroundInit::start(fail);
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    #[test]
    fn the_process_really_ends_with_code_1_and_a_line_that_names_the_secret() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--nocapture", "startup::tests::a_child_that_lacks_a_secret"]).env(CHILD, "1");
        let output = child.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let line = said.lines().find(|line| line.contains("start_failed")).unwrap();
        assert!(line.contains(r#""error":"/p/link-signing-key does not exist""#), "{line}");
    }
}
