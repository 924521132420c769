//! What a notification is, seen from what was told of it later. Pure, and the same in whatever order it was told.
//!
//! | status | once it is confirmed that it arrived | once the last channel that took it says that it did not |
//! |---|---|---|
//! | `accepted`, `uncertain`, `failed`, `expired` | `delivered` | see below |
//! | `delivered` | | see below, unless something else confirms it |
//! | `cascading` | `delivered` | due at once, for the next channel |
//! | `sending` | as it is: somebody holds it, finds the fact with its next write, and thinks again | the same |
//! | `cancelled`, `skipped` | as it is: its caller, or a gate, had the last word; the facts are kept | the same |
//!
//! What had ended goes on, as `cascading` and due at once, when its type wants proof of delivery and it still lives.
//! Else it ends as what it would have been without the attempt that came back: `failed`, unless another provider took it.

use jiff::Timestamp;

use super::{Attempt, AttemptOutcome, Engagement, Finding, Notification, Reason, Status};
use crate::channel::Channel;

impl Notification {
    /// What other channels cost after the one that reached the person had been tried.
    #[must_use]
    pub fn wasted_cost_micros(&self) -> i64 {
        let Some((_, proven)) = self.engagement.delivered() else { return 0 };
        let tried = || self.attempts_on(proven);
        let taken = tried().find(|attempt| attempt.outcome == AttemptOutcome::Accepted).or_else(|| tried().next());
        let Some(reached) = taken else { return 0 };
        let later = self.attempts.iter().filter(|one| one.channel != proven && one.at_ms > reached.at_ms);
        later.map(|attempt| attempt.cost_micros).sum()
    }

    /// Whether a provider may have taken it on this channel: else nothing that is told of it can be true.
    #[must_use]
    pub fn may_have_left_on(&self, channel: Channel) -> bool {
        let is_open = self.in_flight.is_some_and(|claim| claim.channel == channel);
        let took = |outcome: AttemptOutcome| matches!(outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
        is_open
            || self.engagement.reports.on(channel).failed.is_some()
            || self.attempts_on(channel).any(|attempt| took(attempt.outcome))
    }

    /// Takes over what was told while it was being worked on.
    pub fn learn(&mut self, facts: Engagement) {
        self.engagement = facts;
        self.heed_failures();
    }

    /// Lets attempts that came back count as what they came to. Whether any did so only now.
    pub fn heed_failures(&mut self) -> bool {
        let mut found = false;
        for attempt in &mut self.attempts {
            let report = self.engagement.reports.on(attempt.channel);
            let took = matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
            if report.outweighed().is_some() && (took || came_back(attempt)) {
                (attempt.outcome, attempt.detail) = (AttemptOutcome::Accepted, None);
            }
            let Some(why) = report.failure() else { continue };
            if took || came_back(attempt) {
                attempt.outcome = if why.ends_address() { AttemptOutcome::Gone } else { AttemptOutcome::Rejected };
                attempt.detail = Some(why.as_str().to_owned());
                found |= took;
            }
        }
        found
    }

    /// Draws the conclusions of a fact that was added, unless somebody holds it.
    pub fn reconsider(&mut self, now: Timestamp) {
        if self.status == Status::Sending {
            return;
        }
        let only_now = self.heed_failures();
        match (self.status, self.engagement.is_delivered()) {
            (Status::Accepted | Status::Failed | Status::Expired | Status::Uncertain, true) => self.confirm(),
            (Status::Cascading, true) => self.finish(Status::Delivered, None, now),
            (Status::Cascading, false) if only_now => self.wait(now, now),
            (Status::Accepted | Status::Uncertain | Status::Delivered, false) if only_now => self.go_on_or_end(now),
            // A weightier reason than the one that was told first.
            (Status::Failed, false) if self.attempts.last().is_some_and(came_back) => {
                self.reason = Some(self.reason_of_the_last());
            }
            _ => {}
        }
    }

    fn go_on_or_end(&mut self, now: Timestamp) {
        if self.kind.escalate_after.is_some() && now < self.lives_until {
            return self.wait(now, now);
        }
        // It stays in the time in which it ended, so that figures of that time are corrected and no other's.
        let failed = (Status::Failed, Some(self.reason_of_the_last()));
        (self.status, self.reason) = self.settled().unwrap_or(failed);
    }

    fn reason_of_the_last(&self) -> Reason {
        let last = self.attempts.last().map(|attempt| attempt.outcome);
        if last == Some(AttemptOutcome::Gone) { Reason::Gone } else { Reason::Rejected }
    }

    /// Says that it was delivered after all, in the time in which it ended.
    fn confirm(&mut self) {
        self.status = Status::Delivered;
        self.reason = None;
    }
}

/// Whether a provider had taken it and said later that it did not arrive: no refusal has such a detail.
fn came_back(attempt: &Attempt) -> bool {
    Finding::ALL.into_iter().any(|finding| attempt.detail.as_deref() == Some(finding.as_str()))
}
