//! Due time of a notification, read from a record of the table's stream.

use domain::notification::NotificationId;
use serde_dynamo::{AttributeValue, Item, from_attribute_value};

/// Due notification, as reported by the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueChange {
    /// Id of the notification.
    pub id: NotificationId,
    /// Time of the next step, in milliseconds since the epoch.
    pub next_action_at_ms: i64,
    /// Shard of the index `due`.
    pub due_shard: Option<String>,
}

impl DueChange {
    /// Reads the keys and the new image of a stream record. Returns `None` if the item is no notification with a next
    /// step.
    #[must_use]
    pub fn from_stream_record(keys: &Item, new_image: &Item) -> Option<Self> {
        let next_action_at_ms = from_attribute_value(new_image.get("next_action_at")?.clone()).ok()?;
        let id = NotificationId::from_stored(&text(keys.get("pk"))?, &text(keys.get("sk"))?)?;
        Some(Self { id, next_action_at_ms, due_shard: text(new_image.get("due_shard")) })
    }
}

fn text(value: Option<&AttributeValue>) -> Option<String> {
    from_attribute_value(value?.clone()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use super::*;

    const KEYS: [&str; 2] = ["6pky7j7h51wv93d4n5kek9dn48", "01m83xjg20mntt0n1pbzn9tb1m"];

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<HashMap<_, _>>().into()
    }

    fn keys() -> Item {
        item(&[("pk", AttributeValue::S(KEYS[0].to_owned())), ("sk", AttributeValue::S(KEYS[1].to_owned()))])
    }

    #[test]
    fn a_record_with_a_next_step_is_due_then() {
        let (at, shard) = (AttributeValue::N("7".to_owned()), AttributeValue::S("normal#3".to_owned()));
        let change =
            DueChange::from_stream_record(&keys(), &item(&[("next_action_at", at.clone()), ("due_shard", shard)]));
        let change = change.unwrap();
        assert_eq!((change.next_action_at_ms, change.due_shard.as_deref()), (7, Some("normal#3")));
        assert_eq!(Some(change.id), NotificationId::from_stored(KEYS[0], KEYS[1]));
        let without_shard = DueChange::from_stream_record(&keys(), &item(&[("next_action_at", at)])).unwrap();
        assert_eq!(without_shard.due_shard, None);
    }

    #[test]
    fn a_record_without_a_next_step_or_a_valid_id_is_not_due() {
        let at = item(&[("next_action_at", AttributeValue::N("7".to_owned()))]);
        let foreign = item(&[("pk", AttributeValue::S("x".to_owned())), ("sk", AttributeValue::S("y".to_owned()))]);
        for (keys, image) in [
            (&keys(), &item(&[])),
            (&keys(), &item(&[("next_action_at", AttributeValue::S("soon".to_owned()))])),
            (&foreign, &at),
            (&item(&[]), &at),
        ] {
            assert_eq!(DueChange::from_stream_record(keys, image), None);
        }
    }
}
