//! Items in the JSON of DynamoDB's protocol: `{"pk": {"S": "..."}, "devices": {"M": {...}}}`.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Item, ItemWriter};

/// An item that is written.
pub(super) struct ItemRef<'a>(pub(super) &'a Item);

impl Serialize for ItemRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Value(value))))
    }
}

impl Serialize for ItemWriter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries().map(|(name, value)| (name, Value(value))))
    }
}

/// Serialises an item.
pub(super) fn item<S: Serializer>(item: &Item, serializer: S) -> Result<S::Ok, S::Error> {
    ItemRef(item).serialize(serializer)
}

/// Serialises an item that may be absent.
pub(super) fn maybe_item<S: Serializer>(item: &Option<Item>, serializer: S) -> Result<S::Ok, S::Error> {
    item.as_ref().map(ItemRef).serialize(serializer)
}

/// Serialises the names that an expression uses.
pub(super) fn names<S: Serializer>(names: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().copied())
}

/// The value of an attribute that is written.
struct Value<'a>(&'a AttributeValue);

/// Forms of a value: an object with one member, whose name is the type.
#[derive(Serialize)]
enum Form<'a> {
    S(&'a str),
    N(&'a str),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    B(String),
    M(ItemRef<'a>),
    L(Vec<Value<'a>>),
    #[serde(rename = "SS")]
    Ss(&'a [String]),
    #[serde(rename = "NS")]
    Ns(&'a [String]),
    #[serde(rename = "BS")]
    Bs(Vec<String>),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.0 {
            AttributeValue::S(text) => Form::S(text),
            AttributeValue::N(digits) => Form::N(digits),
            AttributeValue::Bool(value) => Form::Bool(*value),
            AttributeValue::Null(value) => Form::Null(*value),
            AttributeValue::B(bytes) => Form::B(STANDARD.encode(bytes)),
            AttributeValue::M(members) => Form::M(ItemRef(members)),
            AttributeValue::L(values) => Form::L(values.iter().map(Value).collect()),
            AttributeValue::Ss(texts) => Form::Ss(texts),
            AttributeValue::Ns(numbers) => Form::Ns(numbers),
            AttributeValue::Bs(all) => Form::Bs(all.iter().map(|bytes| STANDARD.encode(bytes)).collect()),
            _ => return Err(S::Error::custom("a value of an unknown type")),
        };
        form.serialize(serializer)
    }
}

/// An item that was read.
pub(super) struct StoredItem(Item);

impl StoredItem {
    pub(super) fn into_item(self) -> Item {
        self.0
    }
}

impl<'de> Deserialize<'de> for StoredItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = StoredItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<StoredItem, A::Error> {
                let mut item = HashMap::with_capacity(members.size_hint().unwrap_or(16));
                while let Some((name, StoredValue(value))) = members.next_entry()? {
                    item.insert(name, value);
                }
                Ok(StoredItem(item))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The value of an attribute that was read.
struct StoredValue(AttributeValue);

#[derive(Deserialize)]
enum StoredForm {
    S(String),
    N(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    B(String),
    M(StoredItem),
    L(Vec<StoredValue>),
    #[serde(rename = "SS")]
    Ss(Vec<String>),
    #[serde(rename = "NS")]
    Ns(Vec<String>),
    #[serde(rename = "BS")]
    Bs(Vec<String>),
}

impl<'de> Deserialize<'de> for StoredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let blob = |text: String| {
            let bytes = STANDARD.decode(text).map_err(|_| D::Error::custom("bytes that are not base64"));
            bytes.map(Blob::new)
        };
        Ok(Self(match StoredForm::deserialize(deserializer)? {
            StoredForm::S(text) => AttributeValue::S(text),
            StoredForm::N(digits) => AttributeValue::N(digits),
            StoredForm::Bool(value) => AttributeValue::Bool(value),
            StoredForm::Null(value) => AttributeValue::Null(value),
            StoredForm::B(text) => AttributeValue::B(blob(text)?),
            StoredForm::M(StoredItem(members)) => AttributeValue::M(members),
            StoredForm::L(values) => AttributeValue::L(values.into_iter().map(|StoredValue(value)| value).collect()),
            StoredForm::Ss(texts) => AttributeValue::Ss(texts),
            StoredForm::Ns(numbers) => AttributeValue::Ns(numbers),
            StoredForm::Bs(all) => AttributeValue::Bs(all.into_iter().map(blob).collect::<Result<_, _>>()?),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = AttributeValue> {
        let bytes = || vec(any::<u8>(), 0..8).prop_map(Blob::new);
        let leaf = prop_oneof![
            any::<String>().prop_map(AttributeValue::S),
            any::<i128>().prop_map(|number| AttributeValue::N(number.to_string())),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::Null(true)),
            bytes().prop_map(AttributeValue::B),
            vec(any::<String>(), 0..4).prop_map(AttributeValue::Ss),
            vec(any::<i64>(), 0..4)
                .prop_map(|numbers| AttributeValue::Ns(numbers.iter().map(ToString::to_string).collect())),
            vec(bytes(), 0..4).prop_map(AttributeValue::Bs),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
                hash_map(any::<String>(), inner, 0..4).prop_map(AttributeValue::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_item_is_read_as_it_was_written(item in hash_map(any::<String>(), value(), 0..6)) {
            let text = serde_json::to_vec(&ItemRef(&item)).unwrap();
            prop_assert_eq!(serde_json::from_slice::<StoredItem>(&text).unwrap().into_item(), item);
        }
    }

    #[test]
    fn the_form_is_that_of_the_protocol() {
        let item = Item::from([
            ("a".to_owned(), AttributeValue::S("ü".to_owned())),
            ("b".to_owned(), AttributeValue::N("7".to_owned())),
            ("c".to_owned(), AttributeValue::L(vec![AttributeValue::Bool(true), AttributeValue::Null(true)])),
            (
                "d".to_owned(),
                AttributeValue::M(Item::from([("e".to_owned(), AttributeValue::Ss(vec!["x".to_owned()]))])),
            ),
            ("f".to_owned(), AttributeValue::B(Blob::new([255, 0]))),
        ]);
        let expected = json!({
            "a": {"S": "ü"}, "b": {"N": "7"}, "c": {"L": [{"BOOL": true}, {"NULL": true}]},
            "d": {"M": {"e": {"SS": ["x"]}}}, "f": {"B": "/wA="},
        });
        assert_eq!(serde_json::to_value(ItemRef(&item)).unwrap(), expected);
    }

    #[test]
    fn what_is_not_an_item_is_refused() {
        for text in ["[]", r#"{"a": "b"}"#, r#"{"a": {"S": 7}}"#, r#"{"a": {"X": "b"}}"#, r#"{"a": {"B": "%"}}"#] {
            assert!(serde_json::from_str::<StoredItem>(text).is_err(), "{text}");
        }
    }
}
