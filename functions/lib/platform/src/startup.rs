//! A cold start overlaps: the process asks Lambda for its first event at once, while what it needs is fetched beside it.
//!
//! ```text
//! main: let secrets = Eager::start(move || load(..));   // fetches in a task
//!       lambda_runtime::run(..)                          // goes to `next` at once
//! handler: let secrets = secrets.get().await?;           // the first request waits, later ones do not
//! ```
//!
//! What can never work (a secret that is missing or malformed) ends the process, request or not, so that a deploy with a
//! mistake is seen at once. What may work in a moment is tried again, and only the requests meanwhile fail.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

/// The most that one request waits for the start to finish.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// Pauses between attempts double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why a load did not give its value. The texts go to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It can never work as things are configured; the text names what is missing or malformed.
    #[error("{0}")]
    Definitive(String),
    /// It may work in a moment.
    #[error("{0}")]
    Transient(String),
}

/// The process is not ready: answer 503 with this `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is starting; try again in {retry_after_s} s")]
pub struct NotReady {
    /// Seconds until it is worth trying again.
    pub retry_after_s: u32,
}

/// A value that is being loaded since the process began. Clones share it.
#[derive(Debug)]
pub struct Eager<T> {
    value: Arc<OnceLock<T>>,
    /// Counts the attempts that ended.
    attempts: watch::Receiver<u32>,
}

impl<T> Clone for Eager<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), attempts: self.attempts.clone() }
    }
}

impl<T: Send + Sync + 'static> Eager<T> {
    /// Begins to load in a task of the present tokio runtime. A definitive error is logged and ends the process with exit
    /// code 1; after a transient one the load is tried again, with growing pauses, until it works.
    pub fn start<F, L>(load: F) -> Self
    where
        F: Fn() -> L + Send + Sync + 'static,
        L: Future<Output = Result<T, StartError>> + Send,
    {
        Self::start_with(load, || std::process::exit(1))
    }

    /// The value, as soon as it is there.
    ///
    /// # Errors
    /// An attempt that was under way failed, or took too long.
    pub async fn get(&self) -> Result<&T, NotReady> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let mut attempts = self.attempts.clone();
        attempts.mark_unchanged();
        // Between the look above and the mark an attempt may have ended: look again before waiting for the next.
        if self.value.get().is_none() {
            // Neither a time-out nor a task that is gone needs a word of its own: the value is there or it is not.
            let _ = tokio::time::timeout(PATIENCE, attempts.changed()).await;
        }
        self.value.get().ok_or(NotReady { retry_after_s: 1 })
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
            if let Err(cause) = keep_trying(load, &slot, &ended).await {
                tracing::error!(alarm = "start_failed", cause, "this function cannot start");
                end();
            }
        });
        Self { value, attempts }
    }
}

async fn keep_trying<T, F, L>(load: F, slot: &OnceLock<T>, ended: &watch::Sender<u32>) -> Result<(), String>
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
            Err(StartError::Definitive(cause)) => return Err(cause),
            Err(StartError::Transient(cause)) => {
                tracing::warn!(alarm = "start_delayed", cause, "trying again");
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
        let eager = Eager::start(move || {
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
        let eager = Eager::start(move || {
            let load = loads.fetch_add(1, Ordering::SeqCst);
            async move { if load == 0 { Err(transient()) } else { Ok(load) } }
        });
        let failed = eager.get().await.unwrap_err();
        assert_eq!(failed.retry_after_s, 1);
        assert_eq!(eager.get().await, Ok(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_load_keeps_a_request_no_longer_than_its_patience() {
        let eager = Eager::start(std::future::pending::<Result<(), StartError>>);
        let began = tokio::time::Instant::now();
        assert!(eager.get().await.is_err());
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_definitive_failure_ends_the_process_without_any_request() {
        let (end, ended) = tokio::sync::oneshot::channel();
        let fail = || async { Err::<(), _>(StartError::Definitive("/p/link-signing-key does not exist".to_owned())) };
        let eager = Eager::start_with(fail, move || end.send(()).unwrap());
        ended.await.unwrap();
        assert!(eager.get().await.is_err());
    }

    const CHILD: &str = "NOTIFICATIONS_START_TEST_CHILD";

    /// Does nothing but when run by the test below, as the process that is to end.
    #[tokio::test]
    async fn a_child_that_lacks_a_secret() {
        if std::env::var_os(CHILD).is_some() {
            crate::telemetry::init("info");
            let fail =
                || async { Err::<(), _>(StartError::Definitive("/p/link-signing-key does not exist".to_owned())) };
            let _eager = Eager::start(fail);
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
        assert!(line.contains(r#""cause":"/p/link-signing-key does not exist""#), "{line}");
    }
}
