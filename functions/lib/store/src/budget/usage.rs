//! Reads the sums that are used.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use super::period_sums::{TYPE, attribute, period_key, sum_in};
use crate::{Item, ItemReader, ItemWriter, StoreError};
use domain::budget::{Ceiling, Period, SpentAmounts};

const CALL: &str = "BatchGetItem";

/// Returns the sums of the day and the month of `now`, with a consistent read.
pub(super) async fn read(client: &DynamoClient, table: &str, now: Timestamp) -> Result<SpentAmounts, StoreError> {
    let keys = [Period::Day, Period::Month].map(|period| period_key(period, now));
    let wanted = keys.iter().map(|key| ItemWriter::default().text("pk", key.as_str()).finish()).collect();
    let wanted = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
    let wanted = wanted.map_err(|error| StoreError::of_build(CALL, &error))?;
    let answer = client.batch_get_item().request_items(table, wanted).send().await;
    let answer = answer.map_err(|error| StoreError::of(CALL, error))?;
    if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
        return Err(StoreError::Transient { call: CALL, cause: "some keys were left out".to_owned() });
    }
    let found: Vec<Item> = answer.responses.unwrap_or_default().into_values().flatten().collect();
    let item = |key: &str| {
        let is_it = |item: &&Item| ItemReader(*item).text("pk").is_ok_and(|pk| pk == key);
        found.iter().find(is_it).cloned().unwrap_or_default()
    };
    Ok(used_of(&item(&keys[0]), &item(&keys[1]), now))
}

fn used_of(day: &Item, month: &Item, now: Timestamp) -> SpentAmounts {
    let sum = |item, ceiling| sum_in(item, &attribute(ceiling, "", now));
    let of_type = |name: &String| Some((name.strip_prefix(TYPE)?.to_owned(), sum_in(day, name)));
    SpentAmounts {
        hour_micros: sum(day, Ceiling::Hour),
        day_micros: sum(day, Ceiling::Day),
        month_micros: sum(month, Ceiling::Month),
        sms_day_micros: sum(day, Ceiling::SmsDay),
        type_day_micros: day.keys().filter_map(of_type).collect(),
    }
}
