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
        let call = self.dynamodb.get_item().table_name(&self.table).key("pk", string(KEY));
        let found = call.send().await.map_err(|error| LastGoodError { call: "GetItem", cause: cause(&error) })?;
        Ok(found.item.map(texts_of))
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
    Texts { percentage: text("percentage"), users: text("users"), settings: text("settings") }
}
