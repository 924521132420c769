//! Checks erasures again a few minutes after they began: every five minutes, and as part of every pass.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Cleanup, Summary};
use store::SecondLook;

impl Cleanup {
    /// Checks erasures in a run of their own. The run begins at `now` and starts no work after `deadline`.
    pub async fn erasures(&self, now: Timestamp, deadline: Instant) -> Summary {
        let summary = self.look_again(now, deadline, false).await;
        summary.log();
        summary
    }

    pub(super) async fn look_again(&self, now: Timestamp, deadline: Instant, dry_run: bool) -> Summary {
        let mut summary = Summary { dry_run, complete: true, ..Summary::default() };
        let notes = self.erasure.settled(now).await.unwrap_or_else(|error| {
            tracing::warn!(cause = %error, "the notes of erasures are left for the next pass");
            summary.complete = false;
            Vec::new()
        });
        for note in notes {
            if Instant::now() >= deadline {
                summary.complete = false;
                break;
            }
            match self.erasure.look_again(&note, deadline, dry_run).await {
                Ok(SecondLook::Clean) => {}
                Ok(SecondLook::Left(is_done)) => summary.erased_recipients.count(is_done),
                Err(error) => {
                    tracing::warn!(cause = %error, "an erasure is left for the next pass");
                    summary.erased_recipients.count(false);
                }
            }
        }
        summary
    }
}
