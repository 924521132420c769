//! Items with the sums of a day or a month, and the updates of these sums.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::{Item, StoreError};
use domain::budget::{Ceiling, Limit, Period, Reservation};

/// Retention of an item after the end of its period.
const RETENTION_AFTER_PERIOD: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Sums of one item to which a reservation adds its price.
pub(super) struct PeriodSums<'a> {
    reservation: &'a Reservation,
    period: Period,
    /// The sums of this item, each with its limit, if one is set.
    parts: Vec<(Ceiling, Option<Limit>)>,
}

impl<'a> PeriodSums<'a> {
    /// Returns the items in which a reservation is counted: its day, and its month if that has a budget.
    pub(super) fn all_of(reservation: &'a Reservation, limits: &[Limit]) -> Vec<Self> {
        let parts = |of_month: bool| {
            let counted = reservation.counted.iter().copied().filter(|one| *one != Ceiling::SmsRecipient);
            let here = counted.filter(|one| (*one == Ceiling::Month) == of_month);
            here.map(|one| (one, limits.iter().copied().find(|limit| limit.ceiling == one))).collect()
        };
        let items = [(Period::Day, false), (Period::Month, true)];
        let items = items.map(|(period, of_month)| Self { reservation, period, parts: parts(of_month) });
        items.into_iter().filter(|sum| !sum.parts.is_empty()).collect()
    }

    /// Builds the update that adds the price, on the condition that every sum stays within its ceiling.
    pub(super) fn addition(&self, table: &str) -> Result<Update, StoreError> {
        let price = self.reservation.price_micros;
        let mut values = HashMap::new();
        let mut conditions = Vec::new();
        for (place, (_, limit)) in self.parts.iter().enumerate() {
            let Some(limit) = limit else { continue };
            // A price above the whole ceiling is refused even if the sum does not exist yet.
            let is_new =
                if limit.forbids(price, 0) { String::new() } else { format!("attribute_not_exists(#s{place}) OR ") };
            conditions.push(format!("({is_new}#s{place} <= :most{place})"));
            values.insert(format!(":most{place}"), number(limit.most.saturating_sub(price)));
        }
        self.update(table, price, &conditions, values)
    }

    /// Builds the update that subtracts the price, on the condition that every sum contains it.
    pub(super) fn subtraction(&self, table: &str) -> Result<Update, StoreError> {
        let price = self.reservation.price_micros;
        let conditions: Vec<_> = (0..self.parts.len()).map(|place| format!("#s{place} >= :price")).collect();
        self.update(table, -price, &conditions, HashMap::from([(":price".to_owned(), number(price))]))
    }

    fn update(
        &self,
        table: &str,
        by: i64,
        conditions: &[String],
        mut values: HashMap<String, AttributeValue>,
    ) -> Result<Update, StoreError> {
        let at = self.reservation.at;
        let gone = self.period.end(at).checked_add(RETENTION_AFTER_PERIOD).unwrap_or(Timestamp::MAX);
        values.extend([(":by".to_owned(), number(by)), (":gone".to_owned(), number(gone.as_second()))]);
        let names = self.parts.iter().enumerate();
        let names = names
            .map(|(place, (one, _))| (format!("#s{place}"), attribute(*one, self.reservation.type_id.as_str(), at)));
        let adds: Vec<_> = (0..self.parts.len()).map(|place| format!("#s{place} :by")).collect();
        Update::builder()
            .table_name(table)
            .key("pk", AttributeValue::S(period_key(self.period, at)))
            .update_expression(format!("ADD {} SET expires_at = :gone", adds.join(", ")))
            .set_condition_expression((!conditions.is_empty()).then(|| conditions.join(" AND ")))
            .set_expression_attribute_names(Some(names.collect()))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// Returns the ceiling that was exceeded, according to the stored item.
    pub(super) fn exceeded(&self, item: Option<&Item>) -> Ceiling {
        let Reservation { type_id, at, price_micros, .. } = self.reservation;
        let used = |one| item.map_or(0, |item| sum_in(item, &attribute(one, type_id.as_str(), *at)));
        let limits = || self.parts.iter().filter_map(|(_, limit)| *limit);
        let is_full = |limit: &Limit| limit.forbids(*price_micros, used(limit.ceiling));
        limits().find(is_full).or_else(|| limits().next()).map_or(Ceiling::Day, |limit| limit.ceiling)
    }
}

/// Returns the key of a day's or a month's item.
pub(super) fn period_key(period: Period, at: Timestamp) -> String {
    let form = if period == Period::Month { "budget#%Y-%m" } else { "budget#%F" };
    at.to_zoned(TimeZone::UTC).strftime(form).to_string()
}

/// Returns the attribute with the sum for a ceiling, in the item of the period that contains `at`.
pub(super) fn attribute(ceiling: Ceiling, kind: &str, at: Timestamp) -> String {
    match ceiling {
        Ceiling::Hour => at.to_zoned(TimeZone::UTC).strftime("h%H").to_string(),
        Ceiling::Month => "month".to_owned(),
        Ceiling::TypeDay => format!("{TYPE}{kind}"),
        Ceiling::SmsDay => "sms".to_owned(),
        _ => "day".to_owned(),
    }
}

/// Returns a sum of an item, or 0 if it does not exist.
pub(super) fn sum_in(item: &Item, name: &str) -> i64 {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or(0)
}

/// Prefix of the attribute with the sum of one type.
pub(super) const TYPE: &str = "type#";

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
