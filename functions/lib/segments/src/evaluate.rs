//! Evaluation of a filter on one recipient.
//!
//! A condition on a value that is missing is false, except `missing`. So `ne` and `not_in` require a value; `not`
//! around a condition does not.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::condition::{BUCKETS, Condition, Operand, Test, parse_time};
use crate::exact_number::ExactNumber;
use crate::field::Field;
use crate::filter::Filter;
use crate::history::{CampaignFact, CampaignHistory};
use domain::channel::Channel;
use domain::recipient::{ChoiceScope, Recipient};

/// A recipient at a time.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// Recipient.
    pub recipient: &'a Recipient,
    /// Time of the evaluation, from which relative times count.
    pub now: Timestamp,
    /// Outcomes of the recipient's notifications of the campaigns that a filter names; `None` if they were not read.
    pub history: Option<&'a CampaignHistory>,
}

/// Value of a field.
enum FieldValue<'a> {
    Json(&'a Value),
    Text(String),
    Number(usize),
    Flag(bool),
    Time(Timestamp),
    Names(Vec<&'a str>),
    Facts(&'a [CampaignFact]),
}

/// Result of one condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionResult {
    /// Path of the condition in the filter.
    pub path: String,
    /// Condition.
    pub condition: Value,
    /// Value of the person; null if it is missing.
    pub value: Value,
    /// Result.
    pub matches: bool,
}

impl Filter {
    /// Returns `true` if the filter matches. A reference to a segment must be resolved before; one that is not never
    /// matches. If the result depends on a history that was not read, it does not match.
    #[must_use]
    pub fn matches(&self, person: Person<'_>) -> bool {
        self.decide(person) == Some(true)
    }

    /// Does the same, and returns `None` if the result depends on a history that was not read. So it is read only for
    /// people for whom nothing else decides.
    #[must_use]
    pub fn decide(&self, person: Person<'_>) -> Option<bool> {
        match self {
            Self::All(parts) => decide_group(parts, false, person),
            Self::Any(parts) => decide_group(parts, true, person),
            Self::Not(part) => part.decide(person).map(|matches| !matches),
            Self::Leaf(condition) => condition.decide(person),
        }
    }

    /// Returns the result of every condition, from left to right.
    #[must_use]
    pub fn explain(&self, person: Person<'_>) -> Vec<ConditionResult> {
        let result = |(path, condition): (String, &Condition)| ConditionResult {
            path,
            condition: condition.to_json(),
            value: condition.shown_value(person),
            matches: condition.decide(person) == Some(true),
        };
        self.conditions("filter").into_iter().map(result).collect()
    }
}

/// Decides a group in which one part with the result `decisive` decides alone.
fn decide_group(parts: &[Filter], decisive: bool, person: Person<'_>) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match part.decide(person) {
            Some(matches) if matches == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

impl Condition {
    fn decide(&self, person: Person<'_>) -> Option<bool> {
        if let Test::InBuckets { salt, from, to } = &self.test {
            return Some((*from..*to).contains(&bucket(salt, person.recipient)));
        }
        if matches!(self.field, Field::Campaign(_)) && person.history.is_none() {
            return None;
        }
        Some(match (value_of(&self.field, person), &self.test) {
            (None, test) => matches!(test, Test::Missing),
            (Some(value), test) => value.passes(test, self.field.as_of(value.time(), person.now)),
        })
    }

    fn shown_value(&self, person: Person<'_>) -> Value {
        if let Test::InBuckets { salt, .. } = &self.test {
            return json!(bucket(salt, person.recipient));
        }
        match value_of(&self.field, person) {
            None => Value::Null,
            Some(FieldValue::Json(value)) => value.clone(),
            Some(FieldValue::Text(text)) => json!(text),
            Some(FieldValue::Number(number)) => json!(number),
            Some(FieldValue::Flag(flag)) => json!(flag),
            Some(FieldValue::Time(time)) => json!(time),
            Some(FieldValue::Names(names)) => json!(names),
            Some(FieldValue::Facts(facts)) => facts.iter().map(|fact| fact.as_str()).collect(),
        }
    }
}

/// Returns the bucket of a recipient: the first 8 bytes of SHA-256 of salt, `:` and id as a big-endian integer, modulo
/// 10,000.
fn bucket(salt: &str, recipient: &Recipient) -> u64 {
    let hash = digest(&SHA256, format!("{salt}:{}", recipient.id.expose()).as_bytes());
    hash.as_ref().iter().take(8).fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % BUCKETS)
}

fn value_of<'a>(field: &Field, person: Person<'a>) -> Option<FieldValue<'a>> {
    let recipient = person.recipient;
    Some(match field {
        Field::Attribute(name) => FieldValue::Json(attribute(recipient, name)?),
        Field::Locale => FieldValue::Text(recipient.locale.clone()?),
        Field::Language => {
            let locale = recipient.locale.as_deref()?;
            FieldValue::Text(locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase())
        }
        Field::TimeZone => FieldValue::Text(recipient.time_zone.clone()?),
        Field::Has(channel) => FieldValue::Flag(is_usable(recipient, *channel, person.now)),
        Field::DeviceCount => FieldValue::Number(recipient.devices.len()),
        Field::CreatedAt => FieldValue::Time(recipient.created_at),
        Field::UpdatedAt => FieldValue::Time(recipient.updated_at),
        Field::LastEngagedAt => FieldValue::Time(recipient.last_engaged_at?),
        Field::OptedOutOf => {
            let names: Vec<_> = recipient.preferences.opted_out_types().collect();
            (!names.is_empty()).then_some(FieldValue::Names(names))?
        }
        Field::Campaign(campaign) => FieldValue::Facts(person.history?.facts(campaign)?),
        Field::Bucket | Field::Segment => return None,
    })
}

/// Returns an attribute by its name, or below objects by the names between the points. An attribute that is null is
/// missing.
fn attribute<'a>(recipient: &'a Recipient, name: &str) -> Option<&'a Value> {
    let attributes = recipient.attributes.expose();
    let below = || {
        let mut names = name.split('.');
        let first = attributes.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    };
    attributes.get(name).or_else(below).filter(|value| !value.is_null())
}

/// Returns `true` if the channel has an address that is not suppressed, and no choice refuses the channel for every
/// type.
#[must_use]
pub fn is_usable(recipient: &Recipient, channel: Channel, now: Timestamp) -> bool {
    let has_address = match channel {
        Channel::Push => recipient.devices.iter().any(|device| device.is_live(now)),
        Channel::Email => recipient.email.is_some(),
        Channel::Sms => recipient.phone.is_some(),
    };
    let is_wanted = recipient.preferences.choices.wants(&ChoiceScope::Channel(channel));
    has_address && is_wanted && !recipient.suppressed.contains(&channel)
}

impl FieldValue<'_> {
    fn passes(&self, test: &Test, now: Timestamp) -> bool {
        match test {
            Test::Equals(operand) => self.equals(operand),
            Test::Differs(operand) => !self.equals(operand),
            Test::OneOf(operands) => operands.iter().any(|operand| self.equals(operand)),
            Test::NoneOf(operands) => !operands.iter().any(|operand| self.equals(operand)),
            Test::Below(limit) => self.number().is_some_and(|number| number < *limit),
            Test::AtMost(limit) => self.number().is_some_and(|number| number <= *limit),
            Test::Above(limit) => self.number().is_some_and(|number| number > *limit),
            Test::AtLeast(limit) => self.number().is_some_and(|number| number >= *limit),
            Test::Exists => true,
            Test::Missing | Test::InBuckets { .. } | Test::InSegment(_) | Test::NotInSegment(_) => false,
            Test::Contains(operand) => self.contains(operand),
            Test::StartsWith(start) => self.text().is_some_and(|text| text.starts_with(start)),
            Test::Before(limit) => self.time().is_some_and(|time| time < *limit),
            Test::After(limit) => self.time().is_some_and(|time| time > *limit),
            Test::WithinLast(length) => {
                self.time().is_some_and(|time| time <= now && now.duration_since(time) <= *length)
            }
            Test::NotWithinLast(length) => {
                self.time().is_some_and(|time| time > now || now.duration_since(time) > *length)
            }
        }
    }

    fn equals(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Text(wanted) => match self {
                Self::Facts(facts) => facts.iter().any(|fact| fact.as_str() == wanted),
                value => value.text().is_some_and(|text| text == wanted),
            },
            Operand::Number(wanted) => self.number().is_some_and(|number| number == *wanted),
            Operand::Flag(wanted) => match self {
                Self::Flag(flag) | Self::Json(Value::Bool(flag)) => flag == wanted,
                _ => false,
            },
        }
    }

    fn contains(&self, operand: &Operand) -> bool {
        match (self, operand) {
            (Self::Json(Value::Array(items)), operand) => {
                items.iter().any(|item| FieldValue::Json(item).equals(operand))
            }
            (Self::Names(names), Operand::Text(wanted)) => names.contains(&wanted.as_str()),
            (value, Operand::Text(wanted)) => value.text().is_some_and(|text| text.contains(wanted.as_str())),
            _ => false,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
            _ => None,
        }
    }

    fn number(&self) -> Option<ExactNumber> {
        match self {
            Self::Number(number) => Some(ExactNumber::from(*number)),
            Self::Json(value) => ExactNumber::of(value),
            _ => None,
        }
    }

    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Json(value) => value.as_str().and_then(|text| parse_time(text).ok()),
            _ => None,
        }
    }
}
