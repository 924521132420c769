//! Checks erasures again a few minutes after they began: every five minutes, and as part of every pass.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Cleanup, Summary};
use store::RecheckResult;

impl Cleanup {
    /// Checks erasures in a run of their own. The run begins at `now` and starts no work after `deadline`.
    pub async fn erasures(&self, now: Timestamp, deadline: Instant) -> Summary {
        let summary = self.recheck(now, deadline, false).await;
        summary.log();
        summary
    }

    pub(super) async fn recheck(&self, now: Timestamp, deadline: Instant, dry_run: bool) -> Summary {
        let mut summary = Summary { dry_run, complete: true, ..Summary::default() };
        let markers = self.erasure.settled_markers(now).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to read erasure markers; the next pass retries");
            summary.complete = false;
            Vec::new()
        });
        for marker in markers {
            if Instant::now() >= deadline {
                summary.complete = false;
                break;
            }
            match self.erasure.recheck(&marker, deadline, dry_run).await {
                Ok(RecheckResult::Clean) => {}
                Ok(RecheckResult::Left(is_done)) => summary.erased_recipients.count(is_done),
                Err(error) => {
                    tracing::warn!(%error, "failed to check an erasure again; the next pass retries");
                    summary.erased_recipients.count(false);
                }
            }
        }
        summary
    }
}
