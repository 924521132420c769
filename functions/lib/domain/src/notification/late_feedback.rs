//! Status of a notification after late reports. It is pure, and independent of the order of the reports.
//!
//! | status | after proof of delivery | after the last channel that accepted the message reports a failure |
//! |---|---|---|
//! | `accepted`, `uncertain`, `failed`, `expired` | `delivered` | see below |
//! | `delivered` | | see below, unless there is other proof of delivery |
//! | `cascading` | `delivered` | due at once, for the next channel |
//! | `sending` | unchanged: the lease holder finds the fact with its next write and decides again | the same |
//! | `cancelled`, `skipped` | unchanged: the caller's or the gate's decision stays; the facts are stored | the same |
//!
//! A notification that had ended becomes `cascading` and due at once, if its type requires proof of delivery and its
//! lifetime is not over. Otherwise it gets the status that it would have without the failed attempt. That is `failed`,
//! unless another attempt was accepted or is uncertain.

use jiff::Timestamp;

use super::{Attempt, AttemptOutcome, Effect, Engagement, FailureReason, Notification, ProviderReport, Reason, Status};
use crate::TypeRules;
use crate::channel::Channel;

impl Notification {
    /// Returns the wasted cost in micro-euro: attempts on other channels after the attempt that reached the recipient.
    #[must_use]
    pub fn wasted_cost_micros(&self) -> i64 {
        let Some((_, proven)) = self.parts.engagement.delivered() else { return 0 };
        let tried = || self.attempts_on(proven);
        let taken = tried().find(|attempt| attempt.outcome == AttemptOutcome::Accepted).or_else(|| tried().next());
        let Some(reached) = taken else { return 0 };
        let later = self.parts.attempts.iter().filter(|one| one.channel != proven && one.at_ms > reached.at_ms);
        later.map(|attempt| attempt.cost_micros).sum()
    }

    /// Returns `true` if a provider may have accepted the message on this channel. Otherwise no report about it can be
    /// true.
    #[must_use]
    pub fn may_have_been_accepted_on(&self, channel: Channel) -> bool {
        let is_open = self.parts.in_flight.is_some_and(|claim| claim.channel == channel);
        is_open
            || self.parts.engagement.reports.on(channel).failed.is_some()
            || self.attempts_on(channel).any(|attempt| attempt.outcome.may_have_arrived())
    }

    /// Merges a provider's report about a channel, made at `at`. `change` gets the report and that time, limited to
    /// the notification's life.
    pub fn merge_report(
        &mut self,
        channel: Channel,
        at: Timestamp,
        rules: &TypeRules,
        now: Timestamp,
        change: impl FnOnce(&mut ProviderReport, Timestamp),
    ) -> Effect {
        if !self.may_have_been_accepted_on(channel) {
            return Effect::Impossible;
        }
        let before = (self.parts.status, self.parts.engagement);
        let at = at.clamp(self.parts.request.created_at.min(now), now);
        change(self.parts.engagement.reports.on_mut(channel), at);
        self.recompute_status(rules, now);
        Effect::since(before, self)
    }

    /// Takes over the stored facts, which changed while the function held the lease, and applies reported failures.
    pub fn merge_engagement(&mut self, facts: Engagement) {
        self.parts.engagement = facts;
        self.apply_failure_reports();
    }

    /// Applies reported failures to the attempts that they are about. Returns `true` if an attempt that counted as
    /// accepted or uncertain now counts as failed.
    pub fn apply_failure_reports(&mut self) -> bool {
        let mut found = false;
        for attempt in &mut self.parts.attempts {
            let report = self.parts.engagement.reports.on(attempt.channel);
            let may_have_arrived = attempt.outcome.may_have_arrived();
            if report.outweighed().is_some() && (may_have_arrived || failed_by_report(attempt)) {
                (attempt.outcome, attempt.detail) = (AttemptOutcome::Accepted, None);
            }
            let Some(why) = report.failure() else { continue };
            if may_have_arrived || failed_by_report(attempt) {
                attempt.outcome = if why.ends_address() { AttemptOutcome::Gone } else { AttemptOutcome::Rejected };
                attempt.detail = Some(why.as_str().to_owned());
                found |= may_have_arrived;
            }
        }
        found
    }

    /// Recomputes the status after a new fact, unless a function holds the lease.
    pub fn recompute_status(&mut self, rules: &TypeRules, now: Timestamp) {
        if self.parts.status == Status::Sending {
            return;
        }
        let only_now = self.apply_failure_reports();
        match (self.parts.status, self.parts.engagement.is_delivered()) {
            (Status::Accepted | Status::Failed | Status::Expired | Status::Uncertain, true) => self.confirm(),
            (Status::Cascading, true) => self.finish(Status::Delivered, None, now),
            (Status::Cascading, false) if only_now => self.wait(now, now),
            (Status::Accepted | Status::Uncertain | Status::Delivered, false) if only_now => {
                self.escalate_or_end(rules, now)
            }
            // A more severe reason was reported after the first one.
            (Status::Failed, false) if self.parts.attempts.last().is_some_and(failed_by_report) => {
                self.parts.reason = Some(self.reason_of_last_attempt());
            }
            _ => {}
        }
    }

    fn escalate_or_end(&mut self, rules: &TypeRules, now: Timestamp) {
        if rules.escalate_after.is_some() && now < self.parts.request.lives_until {
            return self.wait(now, now);
        }
        // `updated_at` stays, so metrics correct the minute in which the notification ended, and no other.
        let failed = (Status::Failed, Some(self.reason_of_last_attempt()));
        (self.parts.status, self.parts.reason) = self.result_so_far().unwrap_or(failed);
    }

    fn reason_of_last_attempt(&self) -> Reason {
        let last = self.parts.attempts.last().map(|attempt| attempt.outcome);
        if last == Some(AttemptOutcome::Gone) { Reason::Gone } else { Reason::Rejected }
    }

    /// Sets `delivered` and keeps `updated_at`, so metrics correct the minute in which the notification ended.
    fn confirm(&mut self) {
        self.parts.status = Status::Delivered;
        self.parts.reason = None;
    }
}

/// Returns `true` if a provider had accepted the attempt and reported a failure later. The detail of such an attempt is
/// a code of [`FailureReason`], which no refusal has.
fn failed_by_report(attempt: &Attempt) -> bool {
    FailureReason::ALL.into_iter().any(|finding| attempt.detail.as_deref() == Some(finding.as_str()))
}
