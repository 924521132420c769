//! Names of the ceilings, as callers and operators see them.

use serde::Serialize;

use super::Period;

/// Limit of cost or number, named by its setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Ceiling {
    /// `budgets.message_micros`: all paid attempts of one notification together.
    Message,
    /// `types.<TYPE>.message_micros`: all paid attempts of one notification of this type.
    TypeMessage,
    /// `sms.max_price_micros`: one SMS with all its parts.
    SmsPrice,
    /// `budgets.hour_micros`: all channels together, per hour.
    Hour,
    /// `budgets.day_micros`: all channels together, per day.
    Day,
    /// `budgets.month_micros`: all channels together, per calendar month.
    Month,
    /// `types.<TYPE>.day_micros`: all channels together, for one type per day.
    TypeDay,
    /// `sms.daily_ceiling_micros`: SMS only, per day.
    SmsDay,
    /// `sms.per_recipient_per_day`: a number of SMS, not an amount of money.
    SmsRecipient,
}

impl Ceiling {
    /// All ceilings.
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::TypeMessage,
        Self::SmsPrice,
        Self::Hour,
        Self::Day,
        Self::Month,
        Self::TypeDay,
        Self::SmsDay,
        Self::SmsRecipient,
    ];

    /// Returns the period over which the ceiling counts; `None` for a limit of a single notification or SMS.
    #[must_use]
    pub const fn period(self) -> Option<Period> {
        match self {
            Self::Message | Self::TypeMessage | Self::SmsPrice => None,
            Self::Hour => Some(Period::Hour),
            Self::Day | Self::TypeDay | Self::SmsDay | Self::SmsRecipient => Some(Period::Day),
            Self::Month => Some(Period::Month),
        }
    }

    /// Returns the name that responses and table items use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the ceiling with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ceiling| ceiling.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api_and_read_back() {
        for ceiling in Ceiling::ALL {
            assert_eq!(serde_json::json!(ceiling), ceiling.as_str());
            assert_eq!(Ceiling::parse(ceiling.as_str()), Some(ceiling));
        }
        assert_eq!(Ceiling::parse("week"), None);
    }
}
