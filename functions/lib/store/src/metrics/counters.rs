//! Counters as one map attribute. The bins of a histogram are a nested map, so their common name is stored once.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{Item, MalformedItemError};
use metrics::Counters;

/// Name of the attribute.
pub(super) const COUNTERS: &str = "counters";

/// Suffix of a histogram's name, before the bin.
const HISTOGRAM: &str = "/lat";

/// Returns the value of the attribute.
pub(super) fn encode(counters: &Counters) -> AttributeValue {
    let mut map = HashMap::new();
    for (name, amount) in counters.iter() {
        let (name, number) = (name.to_string(), AttributeValue::N(amount.to_string()));
        match name.rsplit_once('/') {
            Some((histogram, bin)) if histogram.ends_with(HISTOGRAM) => {
                let bins = map.entry(histogram.to_owned()).or_insert_with(|| AttributeValue::M(HashMap::new()));
                if let AttributeValue::M(bins) = bins {
                    bins.insert(bin.to_owned(), number);
                }
            }
            _ => {
                map.insert(name, number);
            }
        }
    }
    AttributeValue::M(map)
}

/// Adds an item's counters to `sum`. A counter that this release does not define is left out.
pub(super) fn add_from(item: &Item, sum: &mut Counters) -> Result<(), MalformedItemError> {
    let Some(AttributeValue::M(map)) = item.get(COUNTERS) else {
        return Err(MalformedItemError(COUNTERS));
    };
    for (name, value) in map {
        match value {
            AttributeValue::M(bins) => {
                bins.iter().try_for_each(|(bin, value)| add(sum, &format!("{name}/{bin}"), value))?;
            }
            number => add(sum, name, number)?,
        }
    }
    Ok(())
}

fn add(sum: &mut Counters, name: &str, value: &AttributeValue) -> Result<(), MalformedItemError> {
    let amount = value.as_n().ok().and_then(|digits| digits.parse().ok()).ok_or(MalformedItemError(COUNTERS))?;
    match name.parse() {
        Ok(name) => sum.add(name, amount),
        Err(_) => tracing::warn!(counter = name, "ignored unknown counter"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn item(value: AttributeValue) -> Item {
        Item::from([(COUNTERS.to_owned(), value)])
    }

    #[test]
    fn counters_are_decoded_as_encoded_and_a_histogram_is_one_map() {
        let mut counters = Counters::default();
        for (name, amount) in [
            ("version/v2/lat/57", 3),
            ("version/v2/lat/-1", 1),
            ("version/v2/sent", 4),
            ("type/A/skipped/opted_out", -1),
        ] {
            counters.add(name.parse().unwrap(), amount);
        }
        let encoded = encode(&counters);
        let map = encoded.as_m().unwrap();
        assert_eq!((map.len(), map["version/v2/lat"].as_m().unwrap().len()), (3, 2));
        let mut sum = Counters::default();
        add_from(&item(encoded), &mut sum).unwrap();
        assert_eq!(sum, counters);
    }

    #[test]
    fn a_counter_of_a_later_release_is_ignored_and_a_value_that_is_no_number_is_an_error() {
        let mut sum = Counters::default();
        let later = HashMap::from([("version/v2/pondered".to_owned(), AttributeValue::N("1".into()))]);
        add_from(&item(AttributeValue::M(later)), &mut sum).unwrap();
        assert!(sum.is_empty());
        let broken = HashMap::from([("version/v2/sent".to_owned(), AttributeValue::S("1".into()))]);
        assert_eq!(add_from(&item(AttributeValue::M(broken)), &mut sum), Err(MalformedItemError(COUNTERS)));
        assert_eq!(add_from(&Item::new(), &mut sum), Err(MalformedItemError(COUNTERS)));
    }

    /// Size as DynamoDB computes it. A name or a text has its number of bytes. A number has half its digits plus one. A
    /// map has 3 bytes, plus 1 for each entry.
    fn bytes(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| name.len() + bytes(value) + 1).sum::<usize>(),
            number => number.as_n().unwrap().len() / 2 + 2,
        }
    }

    /// Minute with this number of notifications: a tenth in arm v1, latencies of 50 ms to some seconds, all outcomes.
    fn minute(notifications: usize) -> AttributeValue {
        let mut sum = Counters::default();
        for number in 0..notifications {
            let every = |nth: usize| usize::from(number % nth == 0);
            let latency_ms = 50 + number * 7_919 % 450 + (number % 20) * (number % 7) * 20;
            let push = ["accepted", "retry_later", "rejected", "gone"][every(9) * (number / 9 % 4)];
            let push =
                json!({"c": "push", "p": "fcm.googleapis.com", "o": push, "l": latency_ms, "t": 1_000, "v": "a"});
            let (channel, kind) = (["email", "sms"][every(5)], ["DEFAULT", "PAYMENT_DUE"][every(8)]);
            let paid = json!({"c": channel, "p": "ses", "o": "accepted", "l": latency_ms, "m": 92, "t": 2_000});
            let attempts = if push["o"] == "accepted" { json!([push]) } else { json!([push, paid]) };
            let image = json!({
                "status": (["delivered", "failed"][every(31)]), "type": kind, "version": (["v2", "v1"][every(10)]),
                "attempts": attempts.to_string(), "due_at": 900, "updated_at": 1_000, "opened_at": 1, "clicked_at": 1,
                "converted_at": 1, "conversion_value_micros": 19_900_000,
            });
            sum.merge(&metrics::contribution(&serde_json::from_value(image).unwrap()));
        }
        encode(&sum)
    }

    #[test]
    fn the_size_of_a_minutes_item_is_bounded_for_any_traffic() {
        // Size in KB, which are write units, as in docs/design/tables.md. Keys and sequence numbers add 200 bytes.
        let units =
            [1, 10, 100, 1_000, 10_000].map(|notifications| (bytes(&minute(notifications)) + 200).div_ceil(1_024));
        assert_eq!(units, [1, 2, 4, 7, 9]);
    }
}
