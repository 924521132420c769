//! Current usage of each budget, and the time at which it resets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Ceiling, Limit};
use crate::TypeId;
use crate::channel::Channel;
use crate::settings::Settings;

/// Amounts reserved or spent in the current hour, day and month, in micro-euro.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpentAmounts {
    /// Amount in this hour, on all channels.
    pub hour_micros: i64,
    /// Amount on this day, on all channels.
    pub day_micros: i64,
    /// Amount in this month, on all channels.
    pub month_micros: i64,
    /// Amount on this day, for SMS.
    pub sms_day_micros: i64,
    /// Amount on this day, by type.
    pub type_day_micros: BTreeMap<String, i64>,
}

impl SpentAmounts {
    /// Returns the amount that counts against a ceiling for a notification of this type. `None` for ceilings that are
    /// counted elsewhere.
    #[must_use]
    pub fn of(&self, ceiling: Ceiling, type_id: &TypeId) -> Option<i64> {
        match ceiling {
            Ceiling::Hour => Some(self.hour_micros),
            Ceiling::Day => Some(self.day_micros),
            Ceiling::Month => Some(self.month_micros),
            Ceiling::TypeDay => Some(self.type_day_micros.get(type_id.as_str()).copied().unwrap_or(0)),
            Ceiling::SmsDay => Some(self.sms_day_micros),
            Ceiling::Message | Ceiling::TypeMessage | Ceiling::SmsPrice | Ceiling::SmsRecipient => None,
        }
    }
}

/// Current usage of one budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetUsage {
    /// Ceiling of the budget.
    pub ceiling: Ceiling,
    /// Type that the budget applies to, if it is a type's budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<TypeId>,
    /// Configured limit.
    pub limit_micros: i64,
    /// Amount reserved or spent.
    pub used_micros: i64,
    /// Amount left, at least 0.
    pub remaining_micros: i64,
    /// Time at which the counter resets.
    pub resets_at: Timestamp,
}

impl BudgetUsage {
    fn new(limit: Limit, type_id: &TypeId, used: &SpentAmounts, now: Timestamp) -> Option<Self> {
        let used_micros = used.of(limit.ceiling, type_id)?;
        Some(Self {
            ceiling: limit.ceiling,
            r#type: (limit.ceiling == Ceiling::TypeDay).then(|| type_id.clone()),
            limit_micros: limit.most,
            used_micros,
            // If a budget was lowered, the amount already used may exceed it.
            remaining_micros: limit.most.saturating_sub(used_micros).max(0),
            resets_at: limit.ceiling.period()?.end(now),
        })
    }
}

/// Returns the usage of every budget that is set and has a period, including the budgets of the given types.
#[must_use]
pub fn budget_usage<'a>(
    settings: &Settings,
    types: impl IntoIterator<Item = &'a TypeId>,
    used: &SpentAmounts,
    now: Timestamp,
) -> Vec<BudgetUsage> {
    let mut all: Vec<BudgetUsage> = Vec::new();
    for type_id in types {
        // Every kind of ceiling can apply to an SMS, so the SMS limits include all others.
        let limits = Limit::all_for(Channel::Sms, type_id, settings);
        for usage in limits.into_iter().filter_map(|limit| BudgetUsage::new(limit, type_id, used, now)) {
            if !all.contains(&usage) {
                all.push(usage);
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
    fn each_budget_that_is_set_shows_the_rest_and_the_begin_of_its_next_period() {
        let settings = r#"{"budgets": {"hour_micros": 10, "month_micros": 300, "message_micros": 1},
            "sms": {"daily_ceiling_micros": 100}, "types": {"PAYMENT_DUE": {"day_micros": 50}}}"#;
        let settings = Settings::parse(settings).unwrap();
        let used = SpentAmounts { hour_micros: 12, month_micros: 100, sms_day_micros: 100, ..SpentAmounts::default() };
        let now = "2026-11-23T10:05:30Z".parse().unwrap();
        let all = budget_usage(&settings, settings.types.iter().map(|kind| &kind.id), &used, now);
        let told: Vec<_> = all
            .iter()
            .map(|one| {
                (one.ceiling.as_str(), one.r#type.as_ref().map(TypeId::as_str), one.used_micros, one.remaining_micros)
            })
            .collect();
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
