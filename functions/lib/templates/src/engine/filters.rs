//! Filters and tests that a template can use. None of them creates more than its inputs, and none marks a text as safe.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::localization::{DateOrTime, Localization};
use crate::format;
use crate::locale::language;

/// Categories of CLDR, as arguments of `plural`.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];
/// Bytes of text that one unit of fuel pays for.
const BYTES_PER_FUEL: usize = 64;
/// Items of a list that one unit of fuel pays for, where they are only passed over.
const ITEMS_PER_FUEL: usize = 2;

/// Registers all filters, tests and functions.
pub fn register(environment: &mut Environment<'static>) {
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("upper", |value: &Value| Ok::<_, Error>(textual(value)?.to_uppercase()));
    environment.add_filter("lower", |value: &Value| Ok::<_, Error>(textual(value)?.to_lowercase()));
    environment.add_filter("trim", |value: &Value| Ok::<_, Error>(textual(value)?.trim().to_owned()));
    environment.add_filter("length", length);
    environment.add_filter("first", |state: &State, list: &Value| item(state, list, false));
    environment.add_filter("last", |state: &State, list: &Value| item(state, list, true));
    environment.add_filter("join", join);
    environment.add_filter("plural", plural);
    environment.add_filter("number", number);
    environment.add_filter("money", money);
    environment.add_filter("date", date);
    environment.add_filter("time", time);
    environment.add_filter("datetime", datetime);
    environment.add_function("plural", plural);
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment.add_test("undefined", |value: &Value| value.is_undefined());
}

/// Message of a filter for the editor. It never repeats a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct FilterError(pub(super) String);

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::from(ErrorKind::InvalidOperation).with_source(FilterError(message.into()))
}

/// Refuses a value that is not there.
fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(()) }
}

fn default(value: &Value, fallback: &Value) -> Value {
    if value.is_undefined() { fallback.clone() } else { value.clone() }
}

fn length(value: &Value) -> Result<usize, Error> {
    defined(value)?;
    value.len().ok_or_else(|| invalid("length needs a text, a list or an object"))
}

fn item(state: &State, list: &Value, is_last: bool) -> Result<Value, Error> {
    defined(list)?;
    // A part of a list is an iterable.
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(invalid("first and last need a list"));
    }
    let index = if is_last { list.len().unwrap_or(0).saturating_sub(1) } else { 0 };
    if list.kind() == ValueKind::Iterable {
        // It is searched from its beginning.
        state.consume_fuel((index / ITEMS_PER_FUEL) as u64)?;
    }
    // An item of an empty list is undefined, which cannot be printed.
    list.get_item(&Value::from(index))
}

/// Joins the texts of a list. The result is paid for before it exists.
fn join(state: &State, list: &Value, separator: Option<&str>) -> Result<String, Error> {
    defined(list)?;
    // A part of a list is an iterable.
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(invalid("join needs a list"));
    }
    let separator = separator.unwrap_or_default();
    let mut joined = String::new();
    for (index, value) in list.try_iter()?.enumerate() {
        defined(&value)?;
        if !matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            return Err(invalid("join needs a list of texts and numbers"));
        }
        let text = value.to_string();
        state.consume_fuel(((separator.len() + text.len()) / BYTES_PER_FUEL + 1) as u64)?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text);
    }
    Ok(joined)
}

/// Returns the text of a value.
fn textual(value: &Value) -> Result<&str, Error> {
    defined(value)?;
    value.as_str().ok_or_else(|| invalid("the filter needs a text"))
}

/// Returns the number of a value.
fn numeric(value: &Value) -> Result<f64, Error> {
    defined(value)?;
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).map_err(|_| invalid("the number is out of range")),
        _ => Err(invalid("the filter needs a number")),
    }
}

/// Returns the form of a number's plural category. `#` in the form is the number.
fn plural(state: &State, value: &Value, forms: Kwargs) -> Result<String, Error> {
    let (value, local) = (numeric(value)?, Localization::of(state)?);
    let language = language(&local.part_locale);
    let category = format::plural_category(language, value).unwrap_or("other");
    let (mut chosen, mut other) = (None, None);
    // A form that is not used is checked, and never copied.
    for known in CATEGORIES.into_iter().filter(|known| forms.has(known)) {
        let form = forms.get::<Value>(known)?;
        textual(&form)?;
        if known == "other" {
            other = Some(form.clone());
        }
        if known == category {
            chosen = Some(form);
        }
    }
    forms.assert_all_used()?;
    let form = chosen.or(other).ok_or_else(|| invalid("plural needs other"))?;
    let form = textual(&form)?;
    // The result is paid for before it exists.
    state.consume_fuel((form.len() / BYTES_PER_FUEL) as u64)?;
    if !form.contains('#') {
        return Ok(form.to_owned());
    }
    let shown =
        format::number(&local.format_locale, value, None).ok_or_else(|| invalid("the number is out of range"))?;
    let marks = form.matches('#').count();
    state.consume_fuel((marks * shown.len() / BYTES_PER_FUEL) as u64)?;
    Ok(form.replace('#', &shown))
}

fn number(state: &State, value: &Value, options: Kwargs) -> Result<String, Error> {
    let digits: Option<usize> = options.get("digits")?;
    options.assert_all_used()?;
    let local = Localization::of(state)?;
    format::number(&local.format_locale, numeric(value)?, digits).ok_or_else(|| invalid("the number is out of range"))
}

/// Writes an amount: a text such as `12.50 EUR`, or a number with the currency as the argument.
fn money(state: &State, value: &Value, currency: Option<&str>) -> Result<String, Error> {
    defined(value)?;
    let amount = match (value.as_str(), currency) {
        (Some(text), None) => format::MoneyAmount::parse(text),
        (None, Some(currency)) => format::MoneyAmount::rounded(numeric(value)?, currency),
        _ => None,
    };
    let amount = amount.ok_or_else(|| invalid("money needs a text such as 12.50 EUR, or a number and a currency"))?;
    let local = Localization::of(state)?;
    format::money(&local.format_locale, &amount).ok_or_else(|| invalid("the amount is out of range"))
}

fn moment(value: &Value) -> Result<DateOrTime, Error> {
    defined(value)?;
    let moment = value.as_str().and_then(DateOrTime::parse);
    moment.ok_or_else(|| invalid("the filter needs a date such as 2026-11-30 or an RFC 3339 time"))
}

fn date(state: &State, value: &Value, options: Kwargs) -> Result<String, Error> {
    let length: Option<&str> = options.get("length")?;
    options.assert_all_used()?;
    let length = length.unwrap_or("long").parse().map_err(|_| invalid("length must be short, medium or long"))?;
    let local = Localization::of(state)?;
    let day = match moment(value)? {
        DateOrTime::Day(day) => day,
        DateOrTime::Instant(instant) => local.zone.to_datetime(instant).date(),
    };
    Ok(format::date(&local.format_locale, day, length))
}

fn time(state: &State, value: &Value) -> Result<String, Error> {
    let local = Localization::of(state)?;
    match moment(value)? {
        DateOrTime::Day(_) => Err(invalid("time needs a time, not only a date")),
        DateOrTime::Instant(instant) => {
            Ok(format::time_of_day(&local.format_locale, local.zone.to_datetime(instant).time()))
        }
    }
}

fn datetime(state: &State, value: &Value) -> Result<String, Error> {
    let local = Localization::of(state)?;
    match moment(value)? {
        DateOrTime::Day(_) => Err(invalid("datetime needs a time, not only a date")),
        DateOrTime::Instant(instant) => {
            Ok(format::date_and_time(&local.format_locale, local.zone.to_datetime(instant)))
        }
    }
}
