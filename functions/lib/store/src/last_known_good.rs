//! Record of the newest valid parameter versions in the control table.
//!
//! A process reads the record if a parameter is invalid or missing, or if SSM does not answer. The process may just
//! have started, or have been idle while a newer version existed. `rollup` writes the record each minute. A process
//! that reads a parameter's history writes the result too, if it may.

use std::collections::{BTreeMap, HashMap};

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use domain::rollout::{ParameterVersion, VersionKey};
use platform::private::Private;

/// Last part of each parameter's name, and the attribute that holds its text.
const ATTRIBUTES: [(&str, &str); 4] = [
    ("rollout-percentage", "percentage"),
    ("rollout-users", "users"),
    ("settings", "settings"),
    ("public-base-url", "public_base_url"),
];
/// Condition of a write: the record of the newer version remains.
const IS_NOT_OLDER: &str = "attribute_not_exists(#modified) OR #modified < :modified \
    OR (#modified = :modified AND #version <= :version)";

const KEY: &str = "rollout#last-good";

/// Item `pk = "rollout#last-good"` of the control table.
///
/// For each parameter it holds:
///
/// * the text (`percentage`),
/// * the version of the text (`percentage_version`, `percentage_modified`),
/// * the version up to which that text is the newest valid one (`percentage_up_to_version`,
///   `percentage_up_to_modified`).
///
/// `at` is the time when one of the texts last changed, in milliseconds since the epoch.
#[derive(Debug, Clone)]
pub struct LastKnownGood {
    dynamodb: DynamoClient,
    table: String,
}

/// Text of one version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterText {
    /// Position of the version in the order of versions.
    pub key: VersionKey,
    /// The text.
    pub text: Private<String>,
}

impl From<ParameterVersion> for ParameterText {
    fn from(version: ParameterVersion) -> Self {
        Self { key: version.key(), text: version.value }
    }
}

/// Entry of the record for one parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordEntry {
    /// Newest valid version that any process stored.
    pub valid: Option<ParameterText>,
    /// Version up to which `valid` is certainly the newest valid one: its own, or that of a later invalid value.
    pub newest_up_to: Option<VersionKey>,
}

/// The record, by the last part of each parameter's name.
pub type ParameterRecord = BTreeMap<&'static str, RecordEntry>;

impl LastKnownGood {
    /// Creates the record of this control table.
    pub fn new(dynamodb: DynamoClient, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into() }
    }

    /// Returns the record, or `None` if none was ever saved. The read is consistent, so it includes the latest write.
    ///
    /// # Errors
    /// If the table did not answer.
    pub async fn load(&self) -> Result<Option<ParameterRecord>, StoreError> {
        Ok(self.read(true).await?.as_ref().map(record_of))
    }

    /// Returns the time since which the record has not changed, if it holds the same rollout as these texts.
    ///
    /// Returns `None` if the rollout differs, as within a minute of a change, or if no record was ever saved.
    ///
    /// # Errors
    /// If the table did not answer.
    pub async fn unchanged_since(
        &self,
        percentage: Option<&ParameterText>,
        users: Option<&ParameterText>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(item) = self.read(false).await? else { return Ok(None) };
        let at = number(&item, "at");
        let text = |stored: Option<&ParameterText>| stored.map(|stored| stored.text.clone());
        let is_same = item.contains_key("percentage")
            && text_of(&item, "percentage") == text(percentage)
            && text_of(&item, "users") == text(users);
        Ok(at.filter(|_| is_same).and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    async fn read(&self, is_consistent: bool) -> Result<Option<HashMap<String, AttributeValue>>, StoreError> {
        let call = self.dynamodb.get_item().table_name(&self.table).key("pk", string(KEY));
        let call = call.consistent_read(is_consistent).send();
        let found = call.await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(found.item)
    }

    /// Saves those entries of `known` that are newer than the record's. Returns `true` if an entry was written.
    ///
    /// A parameter that is missing in `known` keeps its entry in the record.
    ///
    /// # Errors
    /// If the table did not answer.
    pub async fn save(&self, known: &ParameterRecord, now: Timestamp) -> Result<bool, StoreError> {
        // Read first: an unchanged record then costs one read unit a minute; a refused write would cost a write unit.
        let before = self.load().await?.unwrap_or_default();
        self.save_over(&before, known, now).await
    }

    /// Saves as [`Self::save`] does, compared with the record `before` as it was just read.
    ///
    /// # Errors
    /// If the table did not answer.
    pub async fn save_over(
        &self,
        before: &ParameterRecord,
        known: &ParameterRecord,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut is_saved = false;
        for (parameter, attribute) in ATTRIBUTES {
            let before = before.get(parameter).cloned().unwrap_or_default();
            let Some(entry) = known.get(parameter) else { continue };
            let Some(valid) = entry.valid.as_ref().filter(|_| entry.is_newer_than(&before)) else { continue };
            let is_changed = before.valid.is_none_or(|before| before.text != valid.text);
            is_saved |= self.write(attribute, valid, entry.newest_up_to, is_changed.then_some(now)).await?;
        }
        Ok(is_saved)
    }

    /// Writes one entry. Returns `true` if the condition held, that is, if no newer version was stored meanwhile.
    async fn write(
        &self,
        attribute: &str,
        valid: &ParameterText,
        newest_up_to: Option<VersionKey>,
        changed_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let mut call = self.dynamodb.update_item().table_name(&self.table).key("pk", string(KEY));
        let up_to = newest_up_to.unwrap_or(valid.key);
        let numbers = [
            ("version", format!("{attribute}_version"), valid.key.version),
            ("modified", format!("{attribute}_modified"), valid.key.modified_ms),
            ("up_to_version", format!("{attribute}_up_to_version"), up_to.version),
            ("up_to_modified", format!("{attribute}_up_to_modified"), up_to.modified_ms),
        ];
        let changed_at = changed_at.map(|at| ("at", "at".to_owned(), at.as_millisecond()));
        let mut sets = vec!["#text = :text".to_owned()];
        call = call.expression_attribute_names("#text", attribute);
        call = call.expression_attribute_values(":text", string(valid.text.expose()));
        for (name, attribute, value) in numbers.into_iter().chain(changed_at) {
            sets.push(format!("#{name} = :{name}"));
            call = call.expression_attribute_names(format!("#{name}"), attribute);
            call = call.expression_attribute_values(format!(":{name}"), AttributeValue::N(value.to_string()));
        }
        let call = call.update_expression(format!("SET {}", sets.join(", "))).condition_expression(IS_NOT_OLDER);
        match call.send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl RecordEntry {
    /// Returns `true` if this entry is newer than `other`.
    fn is_newer_than(&self, other: &Self) -> bool {
        let key = |entry: &Self| entry.valid.as_ref().map(|valid| valid.key);
        (key(self), self.newest_up_to) > (key(other), other.newest_up_to)
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn record_of(item: &HashMap<String, AttributeValue>) -> ParameterRecord {
    let key_of = |attribute: &str| {
        let (version, modified_ms) = (format!("{attribute}version"), format!("{attribute}modified"));
        number(item, &version).zip(number(item, &modified_ms))
    };
    let key_of = |attribute: &str| key_of(attribute).map(|(version, modified_ms)| VersionKey { modified_ms, version });
    let entry = |attribute: &str| {
        // A text that an older release wrote without a version counts as the oldest.
        let key = key_of(&format!("{attribute}_")).unwrap_or_default();
        let valid = text_of(item, attribute).map(|text| ParameterText { key, text });
        RecordEntry { valid, newest_up_to: key_of(&format!("{attribute}_up_to_")) }
    };
    ATTRIBUTES.into_iter().map(|(parameter, attribute)| (parameter, entry(attribute))).collect()
}

fn text_of(item: &HashMap<String, AttributeValue>, attribute: &str) -> Option<Private<String>> {
    item.get(attribute)?.as_s().ok().cloned().map(Private::new)
}

fn number(item: &HashMap<String, AttributeValue>, attribute: &str) -> Option<i64> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use aws::fake_aws;

    /// Creates a table that holds `item`, and the list of writes that it receives.
    fn table(item: Value) -> (LastKnownGood, Arc<Mutex<Vec<Value>>>) {
        let writes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&writes);
        let config = fake_aws::config(move |target, body| {
            if target.ends_with("UpdateItem") {
                seen.lock().unwrap().push(body);
                return std::future::ready((200, json!({})));
            }
            std::future::ready((200, item.clone()))
        });
        (LastKnownGood::new(aws::dynamodb(&config), "control"), writes)
    }

    fn now() -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000).unwrap()
    }

    fn stored(version: i64, text: &str) -> Option<ParameterText> {
        let key = VersionKey { modified_ms: 1_000 * version, version };
        Some(ParameterText { key, text: Private::new(text.to_owned()) })
    }

    fn entry(version: i64, text: &str) -> RecordEntry {
        let valid = stored(version, text);
        RecordEntry { newest_up_to: valid.as_ref().map(|valid| valid.key), valid }
    }

    fn number(number: i64) -> Value {
        json!({"N": number.to_string()})
    }

    #[tokio::test]
    async fn nothing_saved_loads_as_none_and_the_first_save_writes_all_that_is_there() {
        let (record, writes) = table(json!({}));
        assert_eq!(record.load().await, Ok(None));
        let known = ParameterRecord::from([("rollout-percentage", entry(3, "10")), ("rollout-users", entry(1, "[]"))]);
        assert_eq!(record.save(&known, now()).await, Ok(true));
        let writes = writes.lock().unwrap();
        assert_eq!((writes.len(), &writes[0]["Key"]), (2, &json!({"pk": {"S": "rollout#last-good"}})));
        let names = json!({"#text": "percentage", "#version": "percentage_version", "#modified": "percentage_modified",
            "#up_to_version": "percentage_up_to_version", "#up_to_modified": "percentage_up_to_modified", "#at": "at"});
        assert_eq!(writes[0]["ExpressionAttributeNames"], names);
        let values = json!({":text": {"S": "10"}, ":version": number(3), ":modified": number(3_000),
            ":up_to_version": number(3), ":up_to_modified": number(3_000), ":at": number(1_800_000_000_000)});
        assert_eq!(writes[0]["ExpressionAttributeValues"], values);
        assert_eq!(writes[0]["ConditionExpression"], IS_NOT_OLDER);
    }

    #[tokio::test]
    async fn only_what_is_newer_is_written_and_a_missing_text_erases_nothing() {
        let item = json!({"percentage": {"S": "10"}, "percentage_version": number(3), "percentage_modified": number(3_000),
            "percentage_up_to_version": number(3), "percentage_up_to_modified": number(3_000)});
        let (record, writes) = table(json!({"Item": item}));
        let loaded = record.load().await.unwrap().unwrap();
        assert_eq!(loaded["rollout-percentage"], entry(3, "10"));
        for older in [entry(3, "10"), entry(2, "100"), RecordEntry::default()] {
            assert_eq!(record.save(&ParameterRecord::from([("rollout-percentage", older)]), now()).await, Ok(false));
        }
        assert_eq!(record.save(&ParameterRecord::default(), now()).await, Ok(false));
        assert!(writes.lock().unwrap().is_empty());
        let up_to = Some(VersionKey { modified_ms: 4_000, version: 4 });
        let junk_follows = RecordEntry { newest_up_to: up_to, ..entry(3, "10") };
        assert_eq!(record.save(&ParameterRecord::from([("rollout-percentage", junk_follows)]), now()).await, Ok(true));
        // The text is the same, so `at` does not change.
        assert!(writes.lock().unwrap()[0]["ExpressionAttributeValues"].get(":at").is_none());
        assert_eq!(record.save(&ParameterRecord::from([("rollout-percentage", entry(4, "0"))]), now()).await, Ok(true));
        assert_eq!(writes.lock().unwrap()[1]["ExpressionAttributeValues"][":at"], number(1_800_000_000_000));
    }

    #[tokio::test]
    async fn a_text_that_an_older_release_wrote_is_older_than_every_version() {
        let (record, _) = table(json!({"Item": {"percentage": {"S": "10"}, "users": {"N": "1"}}}));
        let loaded = record.load().await.unwrap().unwrap();
        assert_eq!(loaded["rollout-percentage"].valid.as_ref().unwrap().key, VersionKey::default());
        assert_eq!(loaded["rollout-users"], RecordEntry::default());
        assert_eq!(record.save(&ParameterRecord::from([("rollout-percentage", entry(1, "0"))]), now()).await, Ok(true));
    }

    #[tokio::test]
    async fn since_when_it_is_unchanged_is_known_only_of_the_same_rollout() {
        let item = json!({"Item": {"percentage": {"S": "10"}, "users": {"S": "[]"}, "at": {"N": "1800000000000"}}});
        let (record, _) = table(item);
        let (same, changed, users) = (stored(7, "10"), stored(8, "20"), stored(1, "[]"));
        assert_eq!(record.unchanged_since(same.as_ref(), users.as_ref()).await, Ok(Some(now())));
        assert_eq!(record.unchanged_since(changed.as_ref(), users.as_ref()).await, Ok(None));
        assert_eq!(table(json!({})).0.unchanged_since(changed.as_ref(), users.as_ref()).await, Ok(None));
    }

    #[tokio::test]
    async fn a_table_that_does_not_respond_is_reported_without_the_item() {
        let fail = |_, _| {
            std::future::ready((400, json!({"__type": "ResourceNotFoundException", "message": "[\"ada\"] is no list"})))
        };
        let record = LastKnownGood::new(aws::dynamodb(&fake_aws::config(fail)), "control");
        let error = record.load().await.unwrap_err().to_string();
        assert_eq!(error, "GetItem: ResourceNotFoundException");
    }
}
