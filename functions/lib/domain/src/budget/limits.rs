//! Ceilings that apply to a paid call.

use super::Ceiling;
use crate::TypeId;
use crate::channel::Channel;
use crate::settings::Settings;

/// Ceiling with its value: micro-euro, or a number of SMS for [`Ceiling::SmsRecipient`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Ceiling.
    pub ceiling: Ceiling,
    /// Maximum value.
    pub most: i64,
}

impl Limit {
    /// Returns the ceilings that are set for a paid call on this channel for a notification of this type.
    #[must_use]
    pub fn all_for(channel: Channel, type_id: &TypeId, settings: &Settings) -> Vec<Self> {
        let (budgets, own, sms) = (&settings.budgets, settings.types.budgets_of(type_id), &settings.sms);
        let of_sms = |most: u64| (channel == Channel::Sms).then_some(most);
        let set = [
            (Ceiling::Message, budgets.message_micros),
            (Ceiling::TypeMessage, own.message_micros),
            (Ceiling::SmsPrice, of_sms(sms.max_price_micros)),
            (Ceiling::Hour, budgets.hour_micros),
            (Ceiling::Day, budgets.day_micros),
            (Ceiling::Month, budgets.month_micros),
            (Ceiling::TypeDay, own.day_micros),
            (Ceiling::SmsDay, of_sms(sms.daily_ceiling_micros)),
            (Ceiling::SmsRecipient, of_sms(sms.per_recipient_per_day.into())),
        ];
        let limit =
            |(ceiling, most): (_, Option<u64>)| Some(Self { ceiling, most: i64::try_from(most?).unwrap_or(i64::MAX) });
        set.into_iter().filter_map(limit).collect()
    }

    /// Returns the amount that a call at this price adds to the ceiling's counter.
    #[must_use]
    pub const fn share_of(self, price_micros: i64) -> i64 {
        if matches!(self.ceiling, Ceiling::SmsRecipient) { 1 } else { price_micros }
    }

    /// Returns `true` if a call at this price would exceed the ceiling, given the amount already used.
    #[must_use]
    pub const fn forbids(self, price_micros: i64, used: i64) -> bool {
        used.saturating_add(self.share_of(price_micros)) > self.most
    }

    /// Returns `true` if the ceiling forbids the call regardless of other notifications. Either this notification's
    /// own cost is too high, or the price exceeds the whole budget.
    #[must_use]
    pub const fn forbids_alone(self, price_micros: i64, cost_so_far_micros: i64) -> bool {
        match self.ceiling {
            Ceiling::Message | Ceiling::TypeMessage => self.forbids(price_micros, cost_so_far_micros),
            _ => self.forbids(price_micros, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use Ceiling::{Day, Hour, Message, Month, SmsDay, SmsPrice, SmsRecipient, TypeDay, TypeMessage};

    fn ceilings(channel: Channel, kind: &str, settings: &str) -> Vec<Ceiling> {
        let settings = Settings::parse(settings).unwrap();
        let limits = Limit::all_for(channel, &TypeId::parse(kind).unwrap(), &settings);
        limits.into_iter().map(|limit| limit.ceiling).collect()
    }

    #[test]
    fn an_email_has_none_unless_one_is_set_and_an_sms_always_has_its_own() {
        assert_eq!(ceilings(Channel::Email, "DEFAULT", "{}"), []);
        assert_eq!(ceilings(Channel::Sms, "DEFAULT", "{}"), [SmsPrice, SmsDay, SmsRecipient]);
    }

    #[test]
    fn a_budget_holds_for_every_paid_channel_and_a_types_own_for_that_type_alone() {
        let all = r#"{"budgets": {"hour_micros": 1, "day_micros": 2, "month_micros": 3, "message_micros": 4},
            "types": {"PAYMENT_DUE": {"message_micros": 5, "day_micros": 6}}}"#;
        assert_eq!(ceilings(Channel::Email, "DEFAULT", all), [Message, Hour, Day, Month]);
        assert_eq!(ceilings(Channel::Email, "PAYMENT_DUE", all), [Message, TypeMessage, Hour, Day, Month, TypeDay]);
        assert_eq!(ceilings(Channel::Sms, "PAYMENT_DUE", all).len(), Ceiling::ALL.len());
    }

    #[test]
    fn a_limit_may_be_reached_and_not_passed() {
        let day = Limit { ceiling: Day, most: 5_000_000 };
        assert!(!day.forbids(70_000, 4_930_000) && day.forbids(70_000, 4_930_001));
        assert!(day.forbids_alone(5_000_001, 0) && !day.forbids_alone(5_000_000, 9_999_999));
        let message = Limit { ceiling: Message, most: 100_000 };
        assert!(message.forbids_alone(70_000, 30_001) && !message.forbids_alone(70_000, 30_000));
        let texts = Limit { ceiling: SmsRecipient, most: 3 };
        assert!(!texts.forbids(70_000, 2) && texts.forbids(70_000, 3));
        assert!(Limit { ceiling: Hour, most: 0 }.forbids_alone(1, 0), "0 stops whatever costs anything");
    }
}
