//! Values of a message's variables: checked against the schema, cleaned, with defaults.

use std::collections::{BTreeMap, BTreeSet};

use domain::channel::link::{Link, LinkError};
use domain::{resembling, text};
use jiff::civil::Date;
use minijinja::value::Value as EngineValue;
use platform::private::Private;
use platform::problem::FieldError;
use platform::rfc3339;
use serde_json::{Map, Value};

use super::schema::{TextFormat, VariableKind, VariableSchema, Variables};
use crate::format::MoneyAmount;

/// Maximum number of declared names that an error lists.
const MAX_NAMED: usize = 10;

/// Values of one message, ready for the engine. Texts are cleaned: no control characters, no noncharacters, NFC.
#[derive(Debug, Clone)]
pub struct VariableValues {
    values: Private<BTreeMap<String, EngineValue>>,
    /// Values that may be links, in their normal form.
    uris: Private<BTreeSet<String>>,
    /// Paths of optional values that the message does not have, without those inside arrays.
    absent: Vec<String>,
}

/// Errors of a message's variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueErrors {
    /// Names of all required variables that are missing, such as `days` or `user.name`.
    pub missing: Vec<String>,
    /// Errors of the values that are there.
    pub errors: Vec<FieldError>,
}

impl ValueErrors {
    /// Returns one error for each field.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        let missing = self.missing.iter().map(|name| {
            FieldError::new(format!("variables.{name}"), "is missing; the template requires this variable")
        });
        missing.chain(self.errors).collect()
    }
}

struct Reader<'a> {
    problems: ValueErrors,
    uris: BTreeSet<String>,
    absent: Vec<String>,
    root: &'a str,
    /// `true` inside a default or an example, which the template's author chose.
    is_of_template: bool,
}

impl VariableValues {
    /// Checks the values of a message.
    ///
    /// # Errors
    /// Returns all missing variables and all errors.
    pub fn new(schema: &Variables, given: &Value) -> Result<Self, ValueErrors> {
        let mut reader = Reader::new("variables", false);
        let empty = Map::new();
        let given = match given {
            Value::Object(given) => given,
            Value::Null => &empty,
            _ => {
                reader.error("", "must be an object: values by name");
                &empty
            }
        };
        let is_required = |name: &str| schema.is_required(name);
        let values = reader.object(schema.properties(), &is_required, given, "");
        let Reader { problems, uris, absent, .. } = reader;
        if problems != ValueErrors::default() {
            return Err(problems);
        }
        Ok(Self { values: values.into(), uris: uris.into(), absent })
    }

    /// Returns the values by name.
    pub(crate) const fn values(&self) -> &BTreeMap<String, EngineValue> {
        self.values.expose()
    }

    /// Returns `true` if a text is a value with the format `uri`.
    pub(crate) const fn uris(&self) -> &BTreeSet<String> {
        self.uris.expose()
    }

    /// Returns the paths of the optional values that the message does not have.
    pub(crate) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Returns the same values with examples for all absent ones but `path`.
    pub(crate) fn with_all_but(&self, schema: &Variables, path: &str) -> BTreeMap<String, EngineValue> {
        let mut values = self.values.expose().clone();
        for other in self.absent.iter().filter(|other| *other != path) {
            let names: Vec<&str> = other.split('.').collect();
            if let Some(example) = example_at(&schema.examples(true), &names) {
                insert_at(&mut values, &names, example);
            }
        }
        values
    }
}

fn example_at(examples: &Value, names: &[&str]) -> Option<EngineValue> {
    let found = names.iter().try_fold(examples, |value, name| value.get(name))?;
    Some(engine_value(found))
}

/// Converts an example.
fn engine_value(json: &Value) -> EngineValue {
    match json {
        Value::Null => EngineValue::UNDEFINED,
        Value::Bool(value) => EngineValue::from(*value),
        Value::Number(number) => engine_number(number),
        Value::String(text) => EngineValue::from(cleaned_text(text)),
        Value::Array(items) => items.iter().map(engine_value).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), engine_value(value)));
            EngineValue::from(fields.collect::<BTreeMap<_, _>>())
        }
    }
}

fn insert_at(values: &mut BTreeMap<String, EngineValue>, names: &[&str], value: EngineValue) {
    match names {
        [] => {}
        [name] => {
            values.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let Some(object) = values.get(*name) else { return };
            let keys = object.try_iter().into_iter().flatten();
            let mut inner: BTreeMap<String, EngineValue> =
                keys.filter_map(|key| Some((key.as_str()?.to_owned(), object.get_item(&key).ok()?))).collect();
            insert_at(&mut inner, rest, value);
            values.insert((*name).to_owned(), EngineValue::from(inner));
        }
    }
}

impl<'a> Reader<'a> {
    fn new(root: &'a str, is_of_template: bool) -> Self {
        Self { problems: ValueErrors::default(), uris: BTreeSet::new(), absent: Vec::new(), root, is_of_template }
    }

    fn error(&mut self, path: &str, message: &str) {
        let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        self.problems.errors.push(FieldError::new(format!("{}{separator}{path}", self.root), message));
    }

    fn object(
        &mut self,
        properties: &BTreeMap<String, VariableSchema>,
        is_required: &dyn Fn(&str) -> bool,
        given: &Map<String, Value>,
        path: &str,
    ) -> BTreeMap<String, EngineValue> {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let unknown: Vec<&String> = given.keys().filter(|name| !properties.contains_key(*name)).collect();
        if !unknown.is_empty() {
            self.error(path, &undeclared(&unknown, properties));
        }
        let mut values = BTreeMap::new();
        for (name, field) in properties {
            let stated = given.get(name);
            match stated.or(field.default.as_ref()) {
                Some(value) => {
                    let is_inside = self.is_of_template;
                    self.is_of_template |= stated.is_none();
                    if let Some(value) = self.value(field, value, &at(name)) {
                        values.insert(name.clone(), value);
                    }
                    self.is_of_template = is_inside;
                }
                None if is_required(name) => self.problems.missing.push(at(name)),
                None if !path.contains('[') => self.absent.push(at(name)),
                None => {}
            }
        }
        values
    }

    fn value(&mut self, field: &VariableSchema, value: &Value, path: &str) -> Option<EngineValue> {
        match (&field.kind, value) {
            (VariableKind::Object { properties, required }, Value::Object(given)) => {
                let is_required =
                    |name: &str| required.contains(name) && properties.get(name).is_none_or(|f| f.default.is_none());
                Some(EngineValue::from(self.object(properties, &is_required, given, path)))
            }
            (VariableKind::Array(items), Value::Array(given)) => {
                let values = given
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.value(items, item, &format!("{path}[{index}]")));
                Some(values.collect::<Vec<_>>().into())
            }
            (VariableKind::Text(format), Value::String(text)) => self.text(*format, text, path),
            (VariableKind::Number, Value::Number(number)) => Some(engine_number(number)),
            (VariableKind::Boolean, Value::Bool(value)) => Some(EngineValue::from(*value)),
            (kind, _) => {
                self.error(path, expected(kind));
                None
            }
        }
    }

    fn text(&mut self, format: Option<TextFormat>, text: &str, path: &str) -> Option<EngineValue> {
        let cleaned = cleaned_text(text);
        let message = match format {
            // An empty text is a statement of the caller. One that only looks empty is an accident.
            None if text.is_empty() || self.is_of_template || !text::is_blank(&cleaned) => None,
            None => {
                Some("must not consist of white space and invisible characters; an empty text is allowed".to_owned())
            }
            Some(TextFormat::Date) => {
                let is_wrong = cleaned.len() != 10 || cleaned.parse::<Date>().is_err();
                is_wrong.then(|| "must be a date such as 2026-11-30".to_owned())
            }
            Some(TextFormat::DateTime) => rfc3339::parse(&cleaned).err().map(|error| error.to_string()),
            Some(TextFormat::Money) => {
                let is_wrong = MoneyAmount::parse(&cleaned).is_none();
                is_wrong.then(|| "must be an amount and a currency such as 1234.50 EUR".to_owned())
            }
            Some(TextFormat::Uri) => match cleaned_uri(&cleaned) {
                Ok(uri) => {
                    self.uris.insert(uri.clone());
                    return Some(EngineValue::from(uri));
                }
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(message) = message {
            self.error(path, &message);
            return None;
        }
        Some(EngineValue::from(cleaned))
    }
}

/// Returns the errors of a default or an example, with the path below it.
pub(super) fn checked(field: &VariableSchema, value: &Value) -> Vec<(String, String)> {
    let mut reader = Reader::new("", true);
    reader.value(field, value, "");
    reader.problems.into_errors().into_iter().map(|e| (e.field.replacen("variables", "", 1), e.message)).collect()
}

/// Reason for which a text is no URI that may stand in a URL attribute. It never contains a part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// The address of a `mailto:` URI is missing, or has characters that would have to be encoded.
    #[error("must be an http, https or mailto URI: the address after mailto: is missing or not plain")]
    MailAddress,
    /// The text has no scheme, or another one.
    #[error("must be an absolute http, https or mailto URI")]
    Scheme,
    /// The text is no link.
    #[error(transparent)]
    Link(LinkError),
}

/// Returns the normal form of a URI that may stand in a URL attribute.
///
/// # Errors
/// Returns the reason why the text is none.
pub fn cleaned_uri(text: &str) -> Result<String, UriError> {
    if let Some(address) = text.strip_prefix("mailto:") {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$'*+@%?=&,".contains(&byte);
        let is_address = !address.is_empty() && address.bytes().all(is_plain);
        return if is_address { Ok(text.to_owned()) } else { Err(UriError::MailAddress) };
    }
    match Link::parse(text) {
        Ok(link) => Ok(link.as_str().to_owned()),
        Err(LinkError::NoScheme | LinkError::OtherScheme) => Err(UriError::Scheme),
        Err(error) => Err(UriError::Link(error)),
    }
}

fn cleaned_text(value: &str) -> String {
    let without_marks = value.replace(|c: char| ('\u{fdd0}'..='\u{fdef}').contains(&c), "");
    text::lines(&without_marks)
}

fn engine_number(number: &serde_json::Number) -> EngineValue {
    let whole = number.as_i64().map(EngineValue::from).or_else(|| number.as_u64().map(EngineValue::from));
    whole.or_else(|| number.as_f64().map(EngineValue::from)).unwrap_or(EngineValue::UNDEFINED)
}

/// Returns the error of names that a template does not declare. It has declared names alone, because the given ones are
/// values of the request.
fn undeclared(unknown: &[&String], properties: &BTreeMap<String, VariableSchema>) -> String {
    let declared = || properties.keys().map(String::as_str);
    let meant: BTreeSet<&str> = unknown.iter().filter_map(|name| resembling(name, declared())).collect();
    let hint = if !meant.is_empty() {
        format!("did you mean {}?", listed(meant.into_iter()))
    } else if properties.is_empty() {
        "it declares none".to_owned()
    } else {
        let more = if properties.len() > MAX_NAMED { " and others" } else { "" };
        format!("it declares {}{more}", listed(declared()))
    };
    format!("has a name that the template does not declare; {hint}")
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.take(MAX_NAMED).collect::<Vec<_>>().join(", ")
}

const fn expected(kind: &VariableKind) -> &'static str {
    match kind {
        VariableKind::Object { .. } => "must be an object",
        VariableKind::Array(_) => "must be an array",
        VariableKind::Text(_) => "must be a string",
        VariableKind::Number => "must be a number",
        VariableKind::Boolean => "must be true or false",
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
