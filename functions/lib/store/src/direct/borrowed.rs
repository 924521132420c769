//! Items that borrow their texts from the answer of a direct call, such as a page of recipients. A map with owned names
//! for each recipient took a sixth of the CPU time of a campaign.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::item::{ReadItem, ReadValue};

/// An item, with its attributes in the order of the answer.
#[derive(Default)]
pub(crate) struct BorrowedItem<'a>(Vec<(Text<'a>, BorrowedValue<'a>)>);

/// The value of an attribute. Types that no recipient has are left out.
pub(crate) enum BorrowedValue<'a> {
    S(Text<'a>),
    N(Text<'a>),
    M(BorrowedItem<'a>),
    Ss(Vec<Text<'a>>),
    Other,
}

/// A text without a copy, unless it has escapes.
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> ReadItem for BorrowedItem<'a> {
    type Value = BorrowedValue<'a>;

    fn value(&self, name: &str) -> Option<&BorrowedValue<'a>> {
        self.0.iter().find(|(known, _)| known.0 == name).map(|(_, value)| value)
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &BorrowedValue<'a>)> {
        self.0.iter().map(|(name, value)| (&*name.0, value))
    }
}

impl<'a> ReadValue for BorrowedValue<'a> {
    type Item = BorrowedItem<'a>;

    fn as_text(&self) -> Option<&str> {
        if let Self::S(text) = self { Some(&text.0) } else { None }
    }

    fn as_digits(&self) -> Option<&str> {
        if let Self::N(digits) = self { Some(&digits.0) } else { None }
    }

    fn as_item(&self) -> Option<&BorrowedItem<'a>> {
        if let Self::M(item) = self { Some(item) } else { None }
    }

    fn as_texts(&self) -> Option<Vec<&str>> {
        if let Self::Ss(texts) = self { Some(texts.iter().map(|text| &*text.0).collect()) } else { None }
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

impl<'de> Deserialize<'de> for BorrowedItem<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = BorrowedItem<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<BorrowedItem<'de>, A::Error> {
                let mut item = Vec::with_capacity(16);
                while let Some(member) = members.next_entry()? {
                    item.push(member);
                }
                Ok(BorrowedItem(item))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for BorrowedValue<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneMember;
        impl<'de> Visitor<'de> for OneMember {
            type Value = BorrowedValue<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<BorrowedValue<'de>, A::Error> {
                let mut value = BorrowedValue::Other;
                while let Some(kind) = members.next_key::<Text<'de>>()? {
                    value = match &*kind.0 {
                        "S" => BorrowedValue::S(members.next_value()?),
                        "N" => BorrowedValue::N(members.next_value()?),
                        "M" => BorrowedValue::M(members.next_value()?),
                        "SS" => BorrowedValue::Ss(members.next_value()?),
                        _ => members.next_value::<IgnoredAny>().map(|_| BorrowedValue::Other)?,
                    };
                }
                Ok(value)
            }
        }
        deserializer.deserialize_map(OneMember)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_item_is_read_with_and_without_escapes() {
        let text = r#"{"a": {"S": "x"}, "b": {"S": "\"\u00fc\""}, "c": {"N": "7"}, "d": {"SS": ["x", "\n"]},
            "e": {"M": {"f": {"BOOL": true}}}, "g": {"L": [{"S": "x"}]}}"#;
        let item: BorrowedItem<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(item.value("a").unwrap().as_text(), Some("x"));
        assert_eq!(item.value("b").unwrap().as_text(), Some("\"ü\""));
        assert_eq!(item.value("c").unwrap().as_digits(), Some("7"));
        assert_eq!(item.value("c").unwrap().as_text(), None);
        assert_eq!(item.value("d").unwrap().as_texts(), Some(vec!["x", "\n"]));
        let inner = item.value("e").unwrap().as_item().unwrap();
        assert_eq!(inner.entries().map(|(name, value)| (name, value.as_text())).collect::<Vec<_>>(), [("f", None)]);
        assert!(item.value("g").unwrap().as_texts().is_none() && item.value("h").is_none());
    }

    #[test]
    fn what_is_not_an_item_is_refused() {
        for text in ["[]", r#"{"a": "b"}"#, r#"{"a": {"S": 7}}"#, r#"{"a": {"N": {}}}"#] {
            assert!(serde_json::from_str::<BorrowedItem<'_>>(text).is_err(), "{text}");
        }
    }
}
