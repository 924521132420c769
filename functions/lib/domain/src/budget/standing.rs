//! How the budgets stand: what is used of each, and when it begins anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Ceiling, Limit};
use crate::NotificationType;
use crate::channel::Channel;
use crate::settings::Settings;

/// What is set aside or spent so far in the hour, day and month that it is, in micro-euro.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// In this hour, on all channels.
    pub hour_micros: i64,
    /// On this day, on all channels.
    pub day_micros: i64,
    /// In this month, on all channels.
    pub month_micros: i64,
    /// On this day, for SMS.
    pub sms_day_micros: i64,
    /// On this day, by type.
    pub type_day_micros: BTreeMap<String, i64>,
}

impl Used {
    /// What counts against a ceiling of a period, for a notification of this type; `None` for what is counted elsewhere.
    #[must_use]
    pub fn of(&self, ceiling: Ceiling, kind: &str) -> Option<i64> {
        match ceiling {
            Ceiling::Hour => Some(self.hour_micros),
            Ceiling::Day => Some(self.day_micros),
            Ceiling::Month => Some(self.month_micros),
            Ceiling::TypeDay => Some(self.type_day_micros.get(kind).copied().unwrap_or(0)),
            Ceiling::SmsDay => Some(self.sms_day_micros),
            Ceiling::Message | Ceiling::TypeMessage | Ceiling::SmsPrice | Ceiling::SmsRecipient => None,
        }
    }
}

/// One budget as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which.
    pub ceiling: Ceiling,
    /// The type it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<&'static str>,
    /// The setting.
    pub limit_micros: i64,
    /// What is set aside or spent.
    pub used_micros: i64,
    /// What is left.
    pub remaining_micros: i64,
    /// When it begins anew.
    pub resets_at: Timestamp,
}

impl Standing {
    fn new(limit: Limit, kind: &'static NotificationType, used: &Used, now: Timestamp) -> Option<Self> {
        let used_micros = used.of(limit.ceiling, kind.name)?;
        Some(Self {
            ceiling: limit.ceiling,
            r#type: (limit.ceiling == Ceiling::TypeDay).then_some(kind.name),
            limit_micros: limit.most,
            used_micros,
            // What was spent before a budget was lowered stays spent.
            remaining_micros: limit.most.saturating_sub(used_micros).max(0),
            resets_at: limit.ceiling.period()?.end(now),
        })
    }
}

/// Every budget of a period that is set, as it stands; those of these types among them.
#[must_use]
pub fn standings(
    settings: &Settings,
    kinds: impl IntoIterator<Item = &'static NotificationType>,
    used: &Used,
    now: Timestamp,
) -> Vec<Standing> {
    let mut all: Vec<Standing> = Vec::new();
    for kind in kinds {
        // An SMS is under every ceiling that there is.
        let limits = Limit::all_for(Channel::Sms, kind, settings);
        for standing in limits.into_iter().filter_map(|limit| Standing::new(limit, kind, used, now)) {
            if !all.contains(&standing) {
                all.push(standing);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_budget_that_is_set_says_what_is_left_and_when_it_begins_anew() {
        let settings = r#"{"budgets": {"hour_micros": 10, "month_micros": 300, "message_micros": 1},
            "sms": {"daily_ceiling_micros": 100}, "types": {"PAYMENT_DUE": {"day_micros": 50}}}"#;
        let settings = Settings::parse(settings).unwrap();
        let used = Used { hour_micros: 12, month_micros: 100, sms_day_micros: 100, ..Used::default() };
        let now = "2026-11-23T10:05:30Z".parse().unwrap();
        let all = standings(&settings, NotificationType::all(), &used, now);
        let told: Vec<_> =
            all.iter().map(|one| (one.ceiling.as_str(), one.r#type, one.used_micros, one.remaining_micros)).collect();
        assert_eq!(
            told,
            [
                ("hour", None, 12, 0),
                ("month", None, 100, 200),
                ("sms_day", None, 100, 0),
                ("type_day", Some("PAYMENT_DUE"), 0, 50),
            ]
        );
        assert_eq!(all[1].resets_at.to_string(), "2026-12-01T00:00:00Z");
    }
}
