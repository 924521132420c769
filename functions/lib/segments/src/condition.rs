//! Conditions: a field, an operator and a value.

use jiff::{SignedDuration, Span, Timestamp};
use serde_json::{Map, Value, json};

use crate::exact_number::ExactNumber;
use crate::field::{Field, FieldKind};
use crate::history::CampaignFact;
use crate::segment_id::SegmentId;
use platform::problem::FieldError;
use platform::rfc3339::{self, TimeError};

/// Maximum number of values of `in` and `not_in`.
pub const MAX_VALUES: usize = 1_000;
/// Number of buckets.
pub(crate) const BUCKETS: u64 = 10_000;
/// Maximum length of a text in a filter, in bytes.
const MAX_TEXT_BYTES: usize = 1_024;
const DURATION: &str = "must be a duration of weeks, days, hours or minutes, such as P7D or PT12H";

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Field.
    pub field: Field,
    /// Test of its value.
    pub test: Test,
    /// The condition as it was written.
    source: Value,
}

/// Value that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A number.
    Number(ExactNumber),
    /// `true` or `false`.
    Flag(bool),
}

/// Test of a field's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equals the value.
    Equals(Operand),
    /// Is there, and differs from the value.
    Differs(Operand),
    /// Equals one of the values.
    OneOf(Vec<Operand>),
    /// Is there, and equals none of the values.
    NoneOf(Vec<Operand>),
    /// Is a number below.
    Below(ExactNumber),
    /// Is a number below, or equal.
    AtMost(ExactNumber),
    /// Is a number above.
    Above(ExactNumber),
    /// Is a number above, or equal.
    AtLeast(ExactNumber),
    /// Is there.
    Exists,
    /// Is not there.
    Missing,
    /// Is a text that contains the text, or an array that contains the value.
    Contains(Operand),
    /// Is a text that begins so.
    StartsWith(String),
    /// Is an earlier time.
    Before(Timestamp),
    /// Is a later time.
    After(Timestamp),
    /// Is a time of the last while, up to now.
    WithinLast(SignedDuration),
    /// Is a time, but not of the last while.
    NotWithinLast(SignedDuration),
    /// The bucket of this salt is at least `from` and below `to`.
    InBuckets {
        /// Salt.
        salt: String,
        /// First bucket.
        from: u64,
        /// First bucket above.
        to: u64,
    },
    /// Belongs to the segment.
    InSegment(SegmentId),
    /// Does not belong to the segment.
    NotInSegment(SegmentId),
}

type Parsed<T> = Result<T, Vec<FieldError>>;

fn refused<T>(path: impl Into<String>, message: impl Into<String>) -> Parsed<T> {
    Err(vec![FieldError::new(path, message)])
}

impl Condition {
    /// Parses a condition at `path`.
    ///
    /// # Errors
    /// The first error.
    pub(crate) fn parse(object: &Map<String, Value>, path: &str) -> Parsed<Self> {
        if let Some(other) = object.keys().find(|name| !["field", "op", "value"].contains(&name.as_str())) {
            return refused(format!("{path}.{other}"), "is not known");
        }
        let name = object.get("field").and_then(Value::as_str);
        let Some(field) = name.and_then(Field::parse) else {
            return refused(format!("{path}.field"), format!("must be one of {}", Field::NAMES));
        };
        let operators = field.kind().operators();
        let Some(op) = object.get("op").and_then(Value::as_str).filter(|op| operators.contains(op)) else {
            return refused(format!("{path}.op"), format!("must be one of {}", operators.join(", ")));
        };
        let at = format!("{path}.value");
        let test = match (op, object.get("value")) {
            ("exists" | "missing", Some(_)) => return refused(at, "must be left out"),
            ("exists", None) => Test::Exists,
            ("missing", None) => Test::Missing,
            (_, None) => return refused(at, "must be given"),
            (op, Some(value)) => test(field.kind(), op, value, &at)?,
        };
        Ok(Self { field, test, source: Value::Object(object.clone()) })
    }

    /// Returns the condition as it was written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.source.clone()
    }
}

fn test(kind: FieldKind, op: &str, value: &Value, path: &str) -> Parsed<Test> {
    Ok(match (kind, op) {
        (FieldKind::Bucket, _) => buckets(value, path)?,
        (FieldKind::Segment, op) => {
            let Some(id) = value.as_str().and_then(SegmentId::parse) else { return refused(path, SegmentId::FORMAT) };
            if op == "eq" { Test::InSegment(id) } else { Test::NotInSegment(id) }
        }
        (kind, "eq") => Test::Equals(operand(kind, value, path)?),
        (kind, "ne") => Test::Differs(operand(kind, value, path)?),
        (kind, "in") => Test::OneOf(operands(kind, value, path)?),
        (kind, "not_in") => Test::NoneOf(operands(kind, value, path)?),
        (_, "lt") => Test::Below(number(value, path)?),
        (_, "lte") => Test::AtMost(number(value, path)?),
        (_, "gt") => Test::Above(number(value, path)?),
        (_, "gte") => Test::AtLeast(number(value, path)?),
        (FieldKind::Text | FieldKind::Names, "contains") => Test::Contains(Operand::Text(text(value, path)?)),
        (_, "contains") => Test::Contains(operand(FieldKind::Any, value, path)?),
        (_, "starts_with") => Test::StartsWith(text(value, path)?),
        (_, "before") => Test::Before(instant(value, path)?),
        (_, "after") => Test::After(instant(value, path)?),
        (_, "within_last") => Test::WithinLast(duration(value, path)?),
        _ => Test::NotWithinLast(duration(value, path)?),
    })
}

fn operands(kind: FieldKind, value: &Value, path: &str) -> Parsed<Vec<Operand>> {
    let Some(values) = value.as_array() else { return refused(path, "must be an array") };
    if values.is_empty() || values.len() > MAX_VALUES {
        return refused(path, format!("must have 1 to {MAX_VALUES} values"));
    }
    values.iter().enumerate().map(|(index, one)| operand(kind, one, &format!("{path}[{index}]"))).collect()
}

fn operand(kind: FieldKind, value: &Value, path: &str) -> Parsed<Operand> {
    match (kind, value) {
        (FieldKind::Campaign, _) => match value.as_str().and_then(CampaignFact::parse) {
            Some(fact) => Ok(Operand::Text(fact.as_str().to_owned())),
            None => refused(path, format!("must be one of {}", CampaignFact::NAMES.join(", "))),
        },
        (FieldKind::Text, _) => text(value, path).map(Operand::Text),
        (FieldKind::Number, _) => number(value, path).map(Operand::Number),
        (FieldKind::Flag, Value::Bool(flag)) => Ok(Operand::Flag(*flag)),
        (FieldKind::Flag, _) => refused(path, "must be true or false"),
        (_, Value::String(_)) => text(value, path).map(Operand::Text),
        (_, Value::Number(_)) => number(value, path).map(Operand::Number),
        (_, Value::Bool(flag)) => Ok(Operand::Flag(*flag)),
        _ => refused(path, "must be a text, a number, true or false"),
    }
}

fn text(value: &Value, path: &str) -> Parsed<String> {
    match value.as_str() {
        Some(text) if text.len() <= MAX_TEXT_BYTES => Ok(text.to_owned()),
        Some(_) => refused(path, format!("must be at most {MAX_TEXT_BYTES} bytes long")),
        None => refused(path, "must be a text"),
    }
}

fn number(value: &Value, path: &str) -> Parsed<ExactNumber> {
    match ExactNumber::of(value) {
        Some(number) => Ok(number),
        None => refused(path, "must be a number"),
    }
}

fn instant(value: &Value, path: &str) -> Parsed<Timestamp> {
    let Some(text) = value.as_str() else { return refused(path, TIME_OR_DATE) };
    match parse_time(text) {
        Ok(time) => Ok(time),
        Err(TimeError::Malformed) => refused(path, TIME_OR_DATE),
        Err(other) => refused(path, format!("{other}, or a date such as 2026-11-23")),
    }
}

const TIME_OR_DATE: &str = "must be a time such as 2026-11-23T10:00:00Z, or a date such as 2026-11-23";

/// Parses a time (RFC 3339), or a date, which is its beginning in UTC.
///
/// # Errors
/// Returns the part that is missing or wrong.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, TimeError> {
    match rfc3339::parse(text) {
        Err(TimeError::NoTime) => rfc3339::parse(&format!("{text}T00:00:00Z")),
        parsed => parsed,
    }
}

fn duration(value: &Value, path: &str) -> Parsed<SignedDuration> {
    match value.as_str().and_then(parse_duration) {
        Some(duration) => Ok(duration),
        None => refused(path, DURATION),
    }
}

/// Parses a duration (ISO 8601) whose length does not depend on the calendar. A day has 24 hours.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.strip_prefix('P').and_then(|_| text.parse().ok())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let hours = days.checked_mul(24)?.checked_add(i64::from(span.get_hours()))?;
    let seconds = hours.checked_mul(3_600)?.checked_add(span.get_minutes().checked_mul(60)?)?;
    let duration = SignedDuration::from_secs(seconds.checked_add(span.get_seconds())?);
    (duration > SignedDuration::ZERO && hours <= 24 * 36_500).then_some(duration)
}

fn buckets(value: &Value, path: &str) -> Parsed<Test> {
    let Some(object) = value.as_object() else { return refused(path, "must be an object with salt, from and to") };
    if let Some(other) = object.keys().find(|name| !["salt", "from", "to"].contains(&name.as_str())) {
        return refused(format!("{path}.{other}"), "is not known");
    }
    let salt = text(object.get("salt").unwrap_or(&json!(null)), &format!("{path}.salt"))?;
    let bound = |name: &str| object.get(name).and_then(Value::as_u64);
    let Some(from) = bound("from").filter(|from| *from < BUCKETS) else {
        return refused(format!("{path}.from"), "must be a whole number from 0 to 9999");
    };
    let Some(to) = bound("to").filter(|to| *to > from && *to <= BUCKETS) else {
        return refused(format!("{path}.to"), "must be a whole number above from, at most 10000");
    };
    Ok(Test::InBuckets { salt, from, to })
}
