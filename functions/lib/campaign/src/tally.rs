//! Numbers of people by outcome.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audience::OutcomeName;
use domain::channel::Channel;
use domain::notification::{Notification, Reason, Status};

/// Maximum number of reasons, variants or locales that are counted by name. Time zones have no maximum, because each of
/// them may be a time of the campaign. The time zone database has about 600.
const MAX_NAMES: usize = 60;
/// Name under which the remaining ones are counted.
const OTHERS: &str = "others";
/// Reason for people who are skipped because their local time has passed.
pub const LOCAL_TIME_PASSED: &str = "local_time_passed";
/// Reason for people who are skipped because the type of the campaign no longer exists.
pub const UNKNOWN_TYPE: &str = "unknown_type";
/// Reasons of skips for which no notification is stored.
const WITHOUT_NOTIFICATION: [&str; 2] = [LOCAL_TIME_PASSED, UNKNOWN_TYPE];
/// Reason for a skip without a stored reason.
const UNKNOWN: &str = "unknown";

/// Outcome of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonOutcome {
    /// A provider accepted a message on this channel; in a plan, the first channel that would be tried.
    Sent(Channel),
    /// A later attempt is due.
    Waiting,
    /// A gate holds the notification.
    Held,
    /// No provider accepted a message, for this reason.
    Failed(&'static str),
    /// Nothing was sent, for this reason.
    Skipped(&'static str),
    /// Held out on purpose.
    Holdout,
    /// The person was erased before a message was sent.
    Erased,
}

/// Numbers of one task, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleTally {
    /// People that were read.
    pub people: u64,
    /// People who match the audience.
    pub matched: u64,
    /// People with an accepted message.
    pub sent: u64,
    /// People for whom a later attempt is due.
    pub waiting: u64,
    /// People whose notification is held by a gate.
    pub held: u64,
    /// People whose message no provider accepted.
    pub failed: u64,
    /// The same people by reason. Tasks of earlier releases have none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed_by_reason: BTreeMap<String, u64>,
    /// People to whom nothing was sent, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// People who were held out.
    pub holdout: u64,
    /// People who were erased in the meantime.
    pub erased: u64,
    /// People with an accepted message, by channel.
    pub by_channel: BTreeMap<String, u64>,
    /// People who match and were not held out, by variant, if there are several.
    pub by_variant: BTreeMap<String, u64>,
    /// People who match, by locale. Counted by a plan alone.
    pub by_locale: BTreeMap<String, u64>,
    /// People who match, by time zone. Counted by a plan alone.
    pub by_time_zone: BTreeMap<String, u64>,
    /// Cost so far; in a plan, the cost if every first channel succeeds. In micro-euro.
    pub cost_micros: i64,
    /// In a plan, the cost if every first channel but the last one fails. In micro-euro.
    pub most_cost_micros: i64,
    /// Malformed profiles, which are skipped.
    pub malformed: u64,
}

impl PersonOutcome {
    /// Returns the outcome of a person with a notification.
    #[must_use]
    pub fn of(notification: &Notification) -> Self {
        match notification.status() {
            Status::Accepted | Status::Delivered => match notification.channel() {
                Some(channel) => Self::Sent(channel),
                None => Self::Failed(Status::Failed.as_str()),
            },
            Status::Held => Self::Held,
            Status::Scheduled | Status::Sending | Status::Cascading => Self::Waiting,
            Status::Skipped if notification.reason() == Some(Reason::UnknownRecipient) => Self::Erased,
            Status::Skipped => Self::Skipped(notification.reason().map_or(UNKNOWN, Reason::as_str)),
            Status::Cancelled => Self::Skipped(Status::Cancelled.as_str()),
            status @ (Status::Failed | Status::Expired | Status::Uncertain) => {
                Self::Failed(notification.reason().map_or(status.as_str(), Reason::as_str))
            }
        }
    }

    /// Returns the name of the outcome.
    #[must_use]
    pub const fn name(&self) -> OutcomeName {
        match self {
            Self::Sent(_) => OutcomeName::Sent,
            Self::Waiting => OutcomeName::Waiting,
            Self::Held => OutcomeName::Held,
            Self::Failed(_) => OutcomeName::Failed,
            Self::Skipped(_) => OutcomeName::Skipped,
            Self::Holdout => OutcomeName::Holdout,
            Self::Erased => OutcomeName::Erased,
        }
    }

    /// Returns the reason of a failure or a skip with this name.
    #[must_use]
    pub fn reason_named(name: &str) -> Option<&'static str> {
        let ends = [Status::Failed, Status::Expired, Status::Uncertain, Status::Cancelled].map(Status::as_str);
        let mut own = ends.into_iter().chain([LOCAL_TIME_PASSED, UNKNOWN_TYPE, UNKNOWN]);
        own.find(|own| *own == name).or_else(|| Reason::parse(name).map(Reason::as_str))
    }

    /// Returns the reason of a failure or a skip.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Failed(reason) | Self::Skipped(reason) => Some(reason),
            _ => None,
        }
    }
}

impl PeopleTally {
    /// Returns the number of people with a stored notification.
    #[must_use]
    pub fn with_notification(&self) -> u64 {
        let without = |reason: &str| self.skipped.get(reason).copied().unwrap_or(0);
        let without = WITHOUT_NOTIFICATION.iter().map(|reason| without(reason)).sum::<u64>() + self.holdout;
        self.matched.saturating_sub(without)
    }

    /// Counts one matching person. `variant` is empty if there are no variants.
    pub fn add(&mut self, outcome: &PersonOutcome, variant: &str) {
        self.matched += 1;
        match outcome {
            PersonOutcome::Sent(channel) => {
                self.sent += 1;
                *self.by_channel.entry(channel.as_str().to_owned()).or_default() += 1;
            }
            PersonOutcome::Waiting => self.waiting += 1,
            PersonOutcome::Held => self.held += 1,
            PersonOutcome::Failed(reason) => {
                self.failed += 1;
                *self.failed_by_reason.entry((*reason).to_owned()).or_default() += 1;
            }
            PersonOutcome::Skipped(reason) => *self.skipped.entry((*reason).to_owned()).or_default() += 1,
            PersonOutcome::Holdout => self.holdout += 1,
            PersonOutcome::Erased => self.erased += 1,
        }
        if !variant.is_empty() && *outcome != PersonOutcome::Holdout {
            *self.by_variant.entry(variant.to_owned()).or_default() += 1;
        }
    }

    /// Counts the locale and the zone of a matching person.
    pub fn add_locale_and_zone(&mut self, locale: Option<&str>, time_zone: Option<&str>) {
        count_name(&mut self.by_locale, locale.unwrap_or("none"), 1);
        *self.by_time_zone.entry(time_zone.unwrap_or("none").to_owned()).or_default() += 1;
    }

    /// Adds the numbers of another task.
    pub fn merge(&mut self, other: &Self) {
        self.people += other.people;
        self.matched += other.matched;
        self.sent += other.sent;
        self.waiting += other.waiting;
        self.held += other.held;
        self.failed += other.failed;
        self.holdout += other.holdout;
        self.erased += other.erased;
        self.malformed += other.malformed;
        self.cost_micros += other.cost_micros;
        self.most_cost_micros += other.most_cost_micros;
        for (mine, theirs) in [
            (&mut self.skipped, &other.skipped),
            (&mut self.failed_by_reason, &other.failed_by_reason),
            (&mut self.by_channel, &other.by_channel),
            (&mut self.by_variant, &other.by_variant),
            (&mut self.by_locale, &other.by_locale),
        ] {
            theirs.iter().for_each(|(name, count)| count_name(mine, name, *count));
        }
        for (zone, people) in &other.by_time_zone {
            *self.by_time_zone.entry(zone.clone()).or_default() += people;
        }
    }

    /// Returns the number of people who were skipped for a reason.
    #[must_use]
    pub fn skipped_for(&self, reason: Reason) -> u64 {
        self.skipped.get(reason.as_str()).copied().unwrap_or(0)
    }

    /// Returns the number of people with an accepted message on a channel.
    #[must_use]
    pub fn on_channel(&self, channel: Channel) -> u64 {
        self.by_channel.get(channel.as_str()).copied().unwrap_or(0)
    }

    /// Returns the number of people who were skipped.
    #[must_use]
    pub fn all_skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Returns `true` if every matching person has exactly one outcome.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let outcomes = self.sent + self.waiting + self.held + self.failed + self.holdout + self.erased;
        self.matched == outcomes + self.all_skipped()
    }
}

fn count_name(counts: &mut BTreeMap<String, u64>, name: &str, by: u64) {
    let name = if counts.contains_key(name) || counts.len() < MAX_NAMES { name } else { OTHERS };
    *counts.entry(name.to_owned()).or_default() += by;
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::notification::sample;

    #[test]
    fn sums_stay_balanced_and_names_are_bounded() {
        let mut tally = PeopleTally::default();
        let outcomes = [
            PersonOutcome::Sent(Channel::Push),
            PersonOutcome::Waiting,
            PersonOutcome::Held,
            PersonOutcome::Failed("gone"),
            PersonOutcome::Skipped("opted_out"),
            PersonOutcome::Holdout,
            PersonOutcome::Erased,
        ];
        for outcome in &outcomes {
            tally.add(outcome, "a");
        }
        assert!(tally.is_balanced());
        assert_eq!((tally.matched, tally.by_variant["a"]), (7, 6));
        let mut sum = tally.clone();
        sum.merge(&tally);
        assert!(sum.is_balanced());
        assert_eq!((sum.matched, sum.skipped["opted_out"], sum.failed_by_reason["gone"]), (14, 2, 2));
        sum.sent += 1;
        assert!(!sum.is_balanced());
        for number in 0..200 {
            tally.add_locale_and_zone(Some(&format!("x{number}")), None);
        }
        assert_eq!((tally.by_locale.len(), tally.by_locale["others"], tally.by_time_zone["none"]), (61, 140, 200));
    }

    #[test]
    fn each_reason_of_an_outcome_is_known_by_its_name() {
        let ends = [Status::Failed, Status::Expired, Status::Uncertain, Status::Skipped, Status::Cancelled];
        for (status, reason) in ends.into_iter().flat_map(|status| [(status, None), (status, Some(Reason::OptedOut))]) {
            let mut notification = sample("DEFAULT", jiff::Timestamp::UNIX_EPOCH);
            notification.finish(status, reason, notification.created_at());
            let reason = PersonOutcome::of(&notification).reason();
            assert!(
                reason.is_some() && reason.and_then(PersonOutcome::reason_named) == reason,
                "{status:?} {reason:?}"
            );
        }
        for name in [LOCAL_TIME_PASSED, UNKNOWN_TYPE] {
            assert_eq!(PersonOutcome::reason_named(name), Some(name));
        }
        assert_eq!(PersonOutcome::reason_named("rain"), None);
    }
}
