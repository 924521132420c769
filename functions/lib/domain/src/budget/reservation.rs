//! Reservation of money for one paid call.

use jiff::Timestamp;

use super::period::utc;
use super::{Ceiling, Limit};
use crate::TypeId;
use crate::channel::Channel;

/// Money reserved for one paid call, and the counters it was added to. Money that is not spent is returned to the
/// same counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Channel of the call.
    pub channel: Channel,
    /// Type of the notification.
    pub type_id: TypeId,
    /// Reserved amount, in micro-euro.
    pub price_micros: i64,
    /// Time of the reservation. It counts in the UTC hour, day and month that contain this time.
    pub at: Timestamp,
    /// Ceilings whose counters include the amount.
    pub counted: Vec<Ceiling>,
}

impl Reservation {
    /// Returns the reservation that a call requires; `None` if no counter concerns the call.
    ///
    /// The counters of hours and days share one item and are always updated together. So a budget that is set at noon
    /// includes the SMS of the morning. A month or a type is counted only while its budget is set.
    #[must_use]
    pub fn needed(
        channel: Channel,
        type_id: &TypeId,
        price_micros: i64,
        limits: &[Limit],
        at: Timestamp,
    ) -> Option<Self> {
        let is_set = |ceiling| limits.iter().any(|limit| limit.ceiling == ceiling);
        let is_sms = channel == Channel::Sms;
        let is_counted = limits.iter().any(|limit| limit.ceiling.period().is_some());
        if !is_counted || (price_micros == 0 && !is_sms) {
            return None;
        }
        let counted = |ceiling: &Ceiling| match ceiling {
            Ceiling::Hour | Ceiling::Day => true,
            Ceiling::SmsDay | Ceiling::SmsRecipient => is_sms,
            other => other.period().is_some() && is_set(*other),
        };
        let counted = Ceiling::ALL.into_iter().filter(counted).collect();
        Some(Self { channel, type_id: type_id.clone(), price_micros, at, counted })
    }

    /// Returns `true` if this reservation can replace `other`, so that nothing has to be reserved again. Channel, type,
    /// amount, hour and counters must be equal.
    #[must_use]
    pub fn serves(&self, other: &Self) -> bool {
        let hour = |at| (utc(at).date(), utc(at).hour());
        hour(self.at) == hour(other.at) && *self == Self { at: self.at, ..other.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::Settings;

    fn needed(channel: Channel, settings: &str, at: &str) -> Option<Reservation> {
        let kind = &TypeId::parse("DEFAULT").unwrap();
        let limits = Limit::all_for(channel, kind, &Settings::parse(settings).unwrap());
        Reservation::needed(channel, kind, 92, &limits, at.parse().unwrap())
    }

    const NOON: &str = "2026-11-23T12:00:00Z";

    #[test]
    fn an_email_sets_nothing_aside_until_a_counted_budget_concerns_it() {
        for free in [
            "{}",
            r#"{"budgets": {"message_micros": 100}}"#,
            r#"{"types": {"PAYMENT_DUE": {"day_micros": 100}, "DEFAULT": {"message_micros": 100}}}"#,
        ] {
            assert_eq!(needed(Channel::Email, free, NOON), None, "{free}");
        }
        let month = needed(Channel::Email, r#"{"budgets": {"month_micros": 9}}"#, NOON).unwrap();
        assert_eq!(month.counted, [Ceiling::Hour, Ceiling::Day, Ceiling::Month]);
    }

    #[test]
    fn an_sms_always_counts_in_its_hour_its_day_and_for_its_recipient() {
        let counted = needed(Channel::Sms, "{}", NOON).unwrap().counted;
        assert_eq!(counted, [Ceiling::Hour, Ceiling::Day, Ceiling::SmsDay, Ceiling::SmsRecipient]);
    }

    #[test]
    fn it_serves_again_within_its_hour_in_the_same_counters_alone() {
        let at = |settings, at| needed(Channel::Sms, settings, at).unwrap();
        let first = at("{}", NOON);
        assert!(first.serves(&at("{}", "2026-11-23T12:59:59.999Z")));
        assert!(!first.serves(&at("{}", "2026-11-23T13:00:00Z")));
        assert!(!first.serves(&at("{}", "2026-11-24T12:00:00Z")));
        assert!(!first.serves(&at(r#"{"budgets": {"month_micros": 9}}"#, NOON)));
        assert!(!first.serves(&Reservation { price_micros: 93, ..first.clone() }));
    }
}
