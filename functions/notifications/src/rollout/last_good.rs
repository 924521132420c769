//! The net under the rollout: the last good texts in the control table, for processes that start while SSM holds junk or does
//! not answer. `rollup` writes it, everyone may read it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::reading::Texts;
use crate::aws::cause;
use crate::private::Private;

const KEY: &str = "rollout#last-good";

/// The item `pk = "rollout#last-good"`: attributes `percentage`, `users` and `settings` (texts as they stand in SSM) and `at`
/// (milliseconds since the epoch, when one of them last changed).
#[derive(Debug, Clone)]
pub struct LastGood {
    dynamodb: Client,
    table: String,
}

/// The control table did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call} of the last good rollout failed: {cause}")]
pub struct LastGoodError {
    call: &'static str,
    cause: String,
}

impl LastGood {
    /// In this control table.
    pub fn new(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into() }
    }

    /// The record, or `None` when nothing was ever saved.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn load(&self) -> Result<Option<Texts>, LastGoodError> {
        Ok(self.read().await?.map(texts_of))
    }

    /// Since when nothing of the record has changed, if it holds the same rollout as `texts`; `None` if it does not, as
    /// within a minute of a change, or if nothing was ever saved.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn unchanged_since(&self, texts: &Texts) -> Result<Option<Timestamp>, LastGoodError> {
        let Some(item) = self.read().await? else { return Ok(None) };
        let at = item.get("at").and_then(|at| at.as_n().ok()?.parse().ok());
        let record = texts_of(item);
        let is_same =
            record.percentage.is_some() && record.percentage == texts.percentage && record.users == texts.users;
        Ok(at.filter(|_| is_same).and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    async fn read(&self) -> Result<Option<HashMap<String, AttributeValue>>, LastGoodError> {
        let call = self.dynamodb.get_item().table_name(&self.table).key("pk", string(KEY));
        let found = call.send().await.map_err(|error| LastGoodError { call: "GetItem", cause: cause(&error) })?;
        Ok(found.item)
    }

    /// Saves those of `texts` that are there and differ from the record, and says whether that was anything. One that is
    /// missing keeps what the record has.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn save(&self, texts: &Texts, now: Timestamp) -> Result<bool, LastGoodError> {
        // Read first: an unchanged record then costs half a read unit a minute, and a refused write would cost a write.
        let before = self.load().await?.unwrap_or_default();
        let changed = [
            ("percentage", &texts.percentage, before.percentage),
            ("users", &texts.users, before.users),
            ("settings", &texts.settings, before.settings),
        ]
        .into_iter()
        .filter_map(|(name, text, before)| Some((name, text.as_ref().filter(|text| before.as_ref() != Some(text))?)));
        let changed: Vec<_> = changed.collect();
        if changed.is_empty() {
            return Ok(false);
        }
        self.write(&changed, now).await?;
        Ok(true)
    }

    async fn write(&self, changed: &[(&str, &Private<String>)], now: Timestamp) -> Result<(), LastGoodError> {
        let at = AttributeValue::N(now.as_millisecond().to_string());
        let mut call = self.dynamodb.update_item().table_name(&self.table).key("pk", string(KEY));
        let mut sets = vec!["#at = :at".to_owned()];
        call = call.expression_attribute_names("#at", "at").expression_attribute_values(":at", at);
        for (name, text) in changed {
            sets.push(format!("#{name} = :{name}"));
            call = call.expression_attribute_names(format!("#{name}"), *name);
            call = call.expression_attribute_values(format!(":{name}"), string(text.expose()));
        }
        let call = call.update_expression(format!("SET {}", sets.join(", ")));
        call.send().await.map_err(|error| LastGoodError { call: "UpdateItem", cause: cause(&error) })?;
        Ok(())
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn texts_of(mut item: HashMap<String, AttributeValue>) -> Texts {
    let mut text = |name| match item.remove(name) {
        Some(AttributeValue::S(text)) => Some(Private::new(text)),
        _ => None,
    };
    Texts { percentage: text("percentage"), users: text("users"), settings: text("settings"), public_base_url: None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::fake_aws;

    /// A table that holds `item`, and the writes that come to it.
    fn table(item: Value) -> (LastGood, Arc<Mutex<Vec<Value>>>) {
        let writes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&writes);
        let config = fake_aws::config(move |target, body| {
            if target.ends_with("UpdateItem") {
                seen.lock().unwrap().push(body);
                return std::future::ready((200, json!({})));
            }
            std::future::ready((200, item.clone()))
        });
        (LastGood::new(Client::new(&config), "control"), writes)
    }

    fn text(text: &str) -> Option<Private<String>> {
        Some(Private::new(text.to_owned()))
    }

    fn now() -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000).unwrap()
    }

    #[tokio::test]
    async fn nothing_saved_loads_as_none_and_the_first_save_writes_all_that_is_there() {
        let (record, writes) = table(json!({}));
        assert_eq!(record.load().await, Ok(None));
        let texts = Texts { percentage: text("10"), users: text("[]"), ..Texts::default() };
        assert_eq!(record.save(&texts, now()).await, Ok(true));
        let write = writes.lock().unwrap()[0].clone();
        assert_eq!(write["UpdateExpression"], "SET #at = :at, #percentage = :percentage, #users = :users");
        assert_eq!(write["Key"], json!({"pk": {"S": "rollout#last-good"}}));
        let values = json!({":at": {"N": "1800000000000"}, ":percentage": {"S": "10"}, ":users": {"S": "[]"}});
        assert_eq!(write["ExpressionAttributeValues"], values);
    }

    #[tokio::test]
    async fn only_a_change_is_written_and_a_missing_text_erases_nothing() {
        let item = json!({"Item": {"percentage": {"S": "10"}, "users": {"S": "[]"}, "settings": {"S": "{}"}}});
        let (record, writes) = table(item);
        let same = record.load().await.unwrap().unwrap();
        assert_eq!(record.save(&same, now()).await, Ok(false));
        assert_eq!(record.save(&Texts::default(), now()).await, Ok(false));
        assert!(writes.lock().unwrap().is_empty());
        assert_eq!(record.save(&Texts { percentage: text("0"), ..same }, now()).await, Ok(true));
        assert_eq!(writes.lock().unwrap()[0]["UpdateExpression"], "SET #at = :at, #percentage = :percentage");
    }

    #[tokio::test]
    async fn since_when_it_is_unchanged_is_known_only_of_the_same_rollout() {
        let item = json!({"Item": {"percentage": {"S": "10"}, "users": {"S": "[]"}, "at": {"N": "1800000000000"}}});
        let (record, _) = table(item);
        let same = Texts { percentage: text("10"), users: text("[]"), settings: text("{}"), public_base_url: None };
        assert_eq!(record.unchanged_since(&same).await, Ok(Some(now())));
        let changed = Texts { percentage: text("20"), ..same };
        assert_eq!(record.unchanged_since(&changed).await, Ok(None));
        assert_eq!(table(json!({})).0.unchanged_since(&changed).await, Ok(None));
    }

    #[tokio::test]
    async fn a_table_that_does_not_answer_is_said_without_the_item() {
        let fail = |_, _| {
            std::future::ready((400, json!({"__type": "ResourceNotFoundException", "message": "[\"ada\"] is no list"})))
        };
        let record = LastGood::new(Client::new(&fake_aws::config(fail)), "control");
        let error = record.load().await.unwrap_err().to_string();
        assert_eq!(error, "GetItem of the last good rollout failed: ResourceNotFoundException");
    }
}
