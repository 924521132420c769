//! Claims of a recipient: the notifications that count, or may count again.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CapRule, CapRules};

/// Part of a notification's id that ties a claim to it: 40 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CapTag(pub [u8; 5]);

/// One claimed slot. One notification has one claim, for all rules that applied to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapClaim {
    /// Notification.
    pub tag: CapTag,
    /// Time of the claim.
    pub at: Timestamp,
    /// Rules that it counts for, as bits in the order of [`CapUsage::rules`].
    pub counts_for: u16,
}

/// Claims of one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapUsage {
    /// Ids of the rules that the claims refer to.
    pub rules: Vec<String>,
    /// Claims, oldest first.
    pub claims: Vec<CapClaim>,
    /// Time until which no slot can be given back, because a claim beyond a rule's maximum was dropped. Notifications
    /// that are only counted can exceed a maximum.
    pub dropped_until: Option<Timestamp>,
    /// Time from which no rule needs any of the claims.
    pub kept_until: Option<Timestamp>,
    /// Revision of the stored item; `None` if there is none.
    pub revision: Option<u32>,
}

impl CapUsage {
    /// Returns `true` if the notification has a claim.
    #[must_use]
    pub fn holds(&self, tag: CapTag) -> bool {
        self.claims.iter().any(|claim| claim.tag == tag)
    }

    /// Returns the claims without the one of this notification. Returns `None` if there is nothing to give back, or if
    /// a dropped claim may still count.
    #[must_use]
    pub fn without(&self, tag: CapTag, now: Timestamp) -> Option<Self> {
        if !self.holds(tag) || self.dropped_until.is_some_and(|until| until > now) {
            return None;
        }
        let mut left = self.clone();
        left.claims.retain(|claim| claim.tag != tag);
        Some(left)
    }

    /// Returns the number of stored claims of each rule, by the rule's id.
    pub fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = |bit: usize| self.claims.iter().filter(|claim| claim.counts_for & (1 << bit) != 0).count();
        self.rules.iter().enumerate().map(move |(bit, id)| (id.as_str(), count(bit)))
    }

    /// Returns the times at which a rule's present claims end, earliest first.
    pub(super) fn ends(&self, rule: &CapRule, end: impl Fn(Timestamp) -> Timestamp, now: Timestamp) -> Vec<Timestamp> {
        let Some(bit) = self.rules.iter().position(|id| *id == rule.id) else { return Vec::new() };
        let of_rule = self.claims.iter().filter(|claim| claim.counts_for & (1 << bit) != 0);
        let mut ends: Vec<_> = of_rule.map(|claim| end(claim.at)).filter(|end| *end > now).collect();
        ends.sort_unstable();
        ends
    }

    /// Adds the claim of a notification for the rules with these indexes. Drops the claims that no rule needs: of each
    /// rule, the newest `max` decide alone.
    pub(super) fn with(
        &self,
        tag: CapTag,
        counts_for: &[usize],
        rules: &CapRules,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let ids: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
        let mut claims: Vec<_> =
            self.claims.iter().map(|claim| CapClaim { counts_for: self.translated(claim, &ids), ..*claim }).collect();
        claims.push(CapClaim { tag, at: now, counts_for: counts_for.iter().fold(0, |bits, bit| bits | (1 << bit)) });
        claims.sort_by_key(|claim| claim.at);
        let (mut dropped_until, mut kept_until) = (self.dropped_until.filter(|until| *until > now), None);
        for (bit, rule) in rules.iter().enumerate() {
            let mut newest = 0;
            for claim in claims.iter_mut().rev().filter(|claim| claim.counts_for & (1 << bit) != 0) {
                newest += 1;
                let needed_until = rule.per.kept_until(claim.at);
                if newest <= rule.max && needed_until > now {
                    kept_until = kept_until.max(Some(needed_until));
                    continue;
                }
                claim.counts_for &= !(1 << bit);
                if rule.per.end(claim.at, zone) > now {
                    dropped_until = dropped_until.max(Some(needed_until));
                }
            }
        }
        claims.retain(|claim| claim.counts_for != 0);
        Self { rules: ids, claims, dropped_until, kept_until, revision: self.revision }
    }

    /// Returns a claim's bits in the order of other ids. A rule that no longer exists has no bit.
    fn translated(&self, claim: &CapClaim, ids: &[String]) -> u16 {
        let counted = |id: &String| {
            self.rules.iter().position(|old| old == id).is_some_and(|bit| claim.counts_for & (1 << bit) != 0)
        };
        ids.iter().enumerate().filter(|(_, id)| counted(id)).fold(0, |bits, (bit, _)| bits | (1 << bit))
    }
}
