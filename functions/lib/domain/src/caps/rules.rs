//! Rules of the frequency caps: the body of `PUT /v1/caps`, its response, and the stored row.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CapPeriod;
use crate::channel::Channel;
use crate::{CapMode, NotificationClass, NotificationTypes, TypeId};
use platform::json::shaped;
use platform::problem::{FieldError, Problem};

/// Maximum number of rules.
pub const MAX_CAP_RULES: usize = 10;
/// Maximum of `max`, and of the sum of all maxima: the largest number of claims that a recipient's item holds. With it,
/// the item stays within 1 KB, which one write unit pays for.
pub const MAX_CLAIMS: usize = 60;
/// Maximum length of an id. The recipient's item contains the ids.
const MAX_ID_BYTES: usize = 16;
/// Maximum number of types that a rule names.
const MAX_TYPES: usize = 50;

/// Rules in the order of their definition. The default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CapRules {
    rules: Vec<CapRule>,
}

/// One rule. It applies to a notification that meets every list. An absent list allows everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapRule {
    /// Id. The claims of a recipient refer to it.
    pub id: String,
    /// Maximum number of notifications in the period.
    pub max: u16,
    /// Period.
    pub per: CapPeriod,
    /// Classes that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<NotificationClass>>,
    /// Types that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<TypeId>>,
    /// Channels. A notification counts if one of its channels is listed and can reach the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
}

/// The notification that is checked, as the caps see it.
#[derive(Debug, Clone, Copy)]
pub struct CapSubject<'a> {
    /// Treatment of its type by the caps.
    pub mode: CapMode,
    /// Class of its type.
    pub class: NotificationClass,
    /// Its type.
    pub type_id: &'a TypeId,
    /// Its channels that can reach the recipient.
    pub channels: &'a [Channel],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    rules: Option<Vec<Option<RuleBody>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleBody {
    id: String,
    max: Option<u32>,
    per: CapPeriod,
    classes: Option<Vec<NotificationClass>>,
    types: Option<Vec<String>>,
    channels: Option<Vec<Channel>>,
}

/// Error for a stored text that is no id of a type.
#[derive(Debug, thiserror::Error)]
#[error("must be the id of a type")]
struct TypeIdError;

impl CapRules {
    /// Parses the rules from a request. `null` in the place of the list, of a rule or of `max` is no rule.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn parse(body: Value, types: &NotificationTypes) -> Result<Self, Problem> {
        Self::parse_with(body, |name| types.known(name).map(|kind| kind.id.clone()))
    }

    /// Parses stored rules. A type that was removed since stays in its rule.
    #[must_use]
    pub fn from_stored(definition: Value) -> Option<Self> {
        Self::parse_with(definition, |name| TypeId::parse(name).ok_or(TypeIdError)).ok()
    }

    fn parse_with<E: fmt::Display>(body: Value, type_id: impl Fn(&str) -> Result<TypeId, E>) -> Result<Self, Problem> {
        let body: Body = shaped(body, "")?;
        let (mut errors, mut rules) = (Vec::new(), Vec::<CapRule>::new());
        let given = body.rules.unwrap_or_default();
        if given.len() > MAX_CAP_RULES {
            errors.push(FieldError::new("rules", "must be at most 10 rules"));
        }
        for (index, rule) in given.into_iter().enumerate() {
            let Some(rule) = rule else { continue };
            let mut require = |holds: bool, field: &str, message: &str| {
                if !holds {
                    errors.push(FieldError::new(format!("rules[{index}].{field}"), message));
                }
            };
            rule.check(&mut require);
            require(rules.iter().all(|other| other.id != rule.id), "id", "must differ from the ids of the other rules");
            let named = rule.types.iter().flatten().enumerate().map(|(at, name)| (at, type_id(name)));
            named.for_each(|(at, id)| {
                id.err().into_iter().for_each(|why| require(false, &format!("types[{at}]"), &why.to_string()))
            });
            rules.extend(rule.into_rule(&type_id));
        }
        if rules.iter().map(|rule| usize::from(rule.max)).sum::<usize>() > MAX_CLAIMS && errors.is_empty() {
            errors.push(FieldError::new("rules", "must have values of max that add up to at most 60"));
        }
        if errors.is_empty() { Ok(Self { rules }) } else { Err(Problem::invalid(errors)) }
    }

    /// Returns the rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &CapRule> {
        self.rules.iter()
    }

    /// Returns the rules that apply to a notification, each with its index.
    pub fn applying<'a>(&'a self, subject: CapSubject<'a>) -> impl Iterator<Item = (usize, &'a CapRule)> {
        self.rules.iter().enumerate().filter(move |(_, rule)| rule.applies_to(subject))
    }

    /// Returns `true` if a rule names this type.
    #[must_use]
    pub fn names_type(&self, id: &TypeId) -> bool {
        self.rules.iter().any(|rule| rule.types.as_ref().is_some_and(|types| types.contains(id)))
    }
}

impl CapRule {
    fn applies_to(&self, subject: CapSubject<'_>) -> bool {
        let is_open = |channel: &Channel| subject.channels.contains(channel);
        self.classes.as_ref().is_none_or(|classes| classes.contains(&subject.class))
            && self.types.as_ref().is_none_or(|types| types.contains(subject.type_id))
            && self.channels.as_ref().is_none_or(|channels| channels.iter().any(is_open))
    }
}

impl RuleBody {
    /// Reports the fields that are wrong by themselves.
    fn check(&self, require: &mut impl FnMut(bool, &str, &str)) {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let begins = self.id.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        let is_id = begins && self.id.len() <= MAX_ID_BYTES && self.id.bytes().all(is_allowed);
        require(is_id, "id", "must be 1 to 16 of a-z, 0-9, _ and -, and begin with a letter");
        let is_in_range = self.max.is_none_or(|max| (1..=60).contains(&max));
        require(is_in_range, "max", "must be from 1 to 60; null is no rule");
        let sizes = [
            ("classes", self.classes.as_ref().map(|list| (list.len(), is_distinct(list)))),
            ("types", self.types.as_ref().map(|list| (list.len(), is_distinct(list)))),
            ("channels", self.channels.as_ref().map(|list| (list.len(), is_distinct(list)))),
        ];
        for (field, list) in sizes {
            let Some((len, is_distinct)) = list else { continue };
            require(len > 0, field, "must name at least one; without it, the rule applies to all");
            require(len <= MAX_TYPES, field, "must name at most 50");
            require(is_distinct, field, "must name each once");
        }
    }

    fn into_rule<E>(self, type_id: &impl Fn(&str) -> Result<TypeId, E>) -> Option<CapRule> {
        let known = |names: Vec<String>| names.iter().filter_map(|name| type_id(name).ok()).collect();
        Some(CapRule {
            id: self.id,
            max: u16::try_from(self.max?).unwrap_or(u16::MAX),
            per: self.per,
            classes: self.classes,
            types: self.types.map(known),
            channels: self.channels,
        })
    }
}

fn is_distinct<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().all(|(at, one)| !list[..at].contains(one))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<CapRules, Problem> {
        CapRules::parse(body, &NotificationTypes::default())
    }

    fn with(field: &str, value: Value) -> Value {
        let mut rule = json!({"id": "daily", "max": 3, "per": "day"});
        rule[field] = value;
        json!({"rules": [rule]})
    }

    #[test]
    fn null_is_no_rule() {
        for body in [
            json!({}),
            json!({"rules": null}),
            json!({"rules": []}),
            json!({"rules": [null]}),
            with("max", Value::Null),
        ] {
            assert_eq!(parse(body).unwrap(), CapRules::default());
        }
    }

    #[test]
    fn a_rule_reads_back_as_it_is_shown() {
        let body = json!({"rules": [
            {"id": "daily", "max": 3, "per": "day", "classes": ["marketing"]},
            {"id": "sms-week", "max": 2, "per": "P7D", "types": ["DEFAULT", "PAYMENT_DUE"], "channels": ["sms", "email"]},
        ]});
        let rules = parse(body.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rules).unwrap(), body);
        assert_eq!(CapRules::from_stored(body), Some(rules.clone()));
        assert!(rules.names_type(&TypeId::parse("DEFAULT").unwrap()));
        assert!(!rules.names_type(&TypeId::parse("CERTIFICATE_EXPIRING").unwrap()));
        let removed = with("types", json!(["REMOVED"]));
        assert!(CapRules::from_stored(removed.clone()).is_some() && parse(removed).is_err());
    }

    #[test]
    fn each_wrong_field_is_named_and_its_value_is_not_repeated() {
        for (field, value, named) in [
            ("max", json!(0), "rules[0].max"),
            ("max", json!(61), "rules[0].max"),
            ("max", json!(-1), "rules[0].max"),
            ("max", json!("3"), "rules[0].max"),
            ("per", json!("PT0H"), "rules[0].per"),
            ("per", json!("P32D"), "rules[0].per"),
            ("per", json!("month"), "rules[0].per"),
            ("per", json!(null), "rules[0].per"),
            ("id", json!(""), "rules[0].id"),
            ("id", json!("Secret"), "rules[0].id"),
            ("id", json!("a".repeat(17)), "rules[0].id"),
            ("classes", json!([]), "rules[0].classes"),
            ("classes", json!(["secret"]), "rules[0].classes[0]"),
            ("types", json!(["DEFAULT", "SECRET"]), "rules[0].types[1]"),
            ("types", json!(["DEFAULT", "DEFAULT"]), "rules[0].types"),
            ("channels", json!("push"), "rules[0].channels"),
            ("channels", json!(["fax"]), "rules[0].channels[0]"),
            ("secret", json!(1), "rules[0].secret"),
        ] {
            let problem = parse(with(field, value)).unwrap_err();
            let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, [named], "{problem:?}");
            assert!(!problem.errors[0].message.to_lowercase().contains("secret"), "{problem:?}");
        }
        for (body, named) in [(json!([]), "body"), (json!({"rule": []}), "rule"), (json!({"rules": {}}), "rules")] {
            assert_eq!(parse(body).unwrap_err().errors[0].field, named);
        }
    }

    #[test]
    fn ids_are_distinct_and_the_maxima_fit_the_recipients_item() {
        let rules = |rules: &[(String, u32)]| {
            let rules: Vec<_> = rules.iter().map(|(id, max)| json!({"id": id, "max": max, "per": "P1D"})).collect();
            parse(json!({"rules": rules})).map_err(|problem| problem.errors[0].field.clone())
        };
        let numbered =
            |count: usize, max: u32| (0..count).map(|number| (format!("r{number}"), max)).collect::<Vec<_>>();
        assert_eq!(rules(&[("a".to_owned(), 1), ("a".to_owned(), 2)]), Err("rules[1].id".to_owned()));
        assert!(rules(&numbered(10, 6)).is_ok() && rules(&numbered(1, 60)).is_ok());
        assert_eq!(rules(&numbered(11, 1)), Err("rules".to_owned()));
        assert_eq!(rules(&numbered(2, 31)), Err("rules".to_owned()));
    }
}
