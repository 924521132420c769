//! Decision of the caps about one notification.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{CapPeriod, CapRule, CapRules, CapSubject, CapTag, CapUsage};
use crate::CapMode;

/// Inputs of a decision beside the recipient's claims.
#[derive(Debug, Clone, Copy)]
pub struct CapCheck<'a> {
    /// Rules in force.
    pub rules: &'a CapRules,
    /// The notification.
    pub subject: CapSubject<'a>,
    /// Time zone of the calendar periods.
    pub zone: &'a TimeZone,
}

/// Decision about a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapDecision {
    /// No rule applies: the notification is sent and does not count.
    NotCounted,
    /// The notification has a claim already.
    AlreadyClaimed,
    /// The notification may be sent once these claims, which include its own, are stored.
    Claimed(CapUsage),
    /// A rule's maximum is reached.
    Full {
        /// The rule that allows the notification last.
        rule: String,
        /// Time at which every rule allows the notification, if no other one claims the slot first.
        frees_at: Timestamp,
    },
}

/// Use of one rule by a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapRuleUse {
    /// Id of the rule.
    pub rule: String,
    /// Maximum of the rule.
    pub max: u16,
    /// Period of the rule.
    pub per: CapPeriod,
    /// Number of notifications that count now, at most about `max`.
    pub used: usize,
    /// Number of notifications that the rule still allows now.
    pub left: usize,
    /// Time at which the next slot frees; `None` while one is free.
    pub next_slot_at: Option<Timestamp>,
}

impl CapRuleUse {
    /// Returns the use of `rule`.
    #[must_use]
    pub fn of(rule: &CapRule, usage: &CapUsage, zone: &TimeZone, now: Timestamp) -> Self {
        let ends = usage.ends(rule, |at| rule.per.end(at, zone), now);
        let (max, used) = (usize::from(rule.max), ends.len());
        Self {
            rule: rule.id.clone(),
            max: rule.max,
            per: rule.per,
            used,
            left: max.saturating_sub(used),
            // The slot is free once fewer than `max` claims count.
            next_slot_at: used.checked_sub(max).and_then(|over| ends.get(over).copied()),
        }
    }
}

impl CapCheck<'_> {
    /// Decides about the notification with this tag.
    #[must_use]
    pub fn decide(&self, usage: &CapUsage, tag: CapTag, now: Timestamp) -> CapDecision {
        let applying: Vec<_> = self.applying().collect();
        if applying.is_empty() {
            return CapDecision::NotCounted;
        }
        if usage.holds(tag) {
            return CapDecision::AlreadyClaimed;
        }
        if self.subject.mode == CapMode::Respect {
            let uses = applying.iter().map(|(_, rule)| CapRuleUse::of(rule, usage, self.zone, now));
            let full = uses.filter_map(|one| Some((one.next_slot_at?, one.rule)));
            if let Some((frees_at, rule)) = full.max_by_key(|(frees_at, _)| *frees_at) {
                return CapDecision::Full { rule, frees_at };
            }
        }
        let bits: Vec<_> = applying.iter().map(|(bit, _)| *bit).collect();
        CapDecision::Claimed(usage.with(tag, &bits, self.rules, self.zone, now))
    }

    /// Returns the use of each rule that applies to the notification.
    #[must_use]
    pub fn uses(&self, usage: &CapUsage, now: Timestamp) -> Vec<CapRuleUse> {
        self.applying().map(|(_, rule)| CapRuleUse::of(rule, usage, self.zone, now)).collect()
    }

    fn applying(&self) -> impl Iterator<Item = (usize, &CapRule)> {
        let is_counted = self.subject.mode != CapMode::Bypass;
        self.rules.applying(self.subject).filter(move |_| is_counted)
    }
}
