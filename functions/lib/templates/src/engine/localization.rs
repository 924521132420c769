//! Language, formats and time zone of one rendering, which the filters read.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::value::Object;
use minijinja::{Error, ErrorKind, State};
use platform::rfc3339;

/// Name under which the engine holds the [`Localization`]. No template can write it.
pub const CONTEXT_NAME: &str = "\u{0}localization";

/// Language of a part, and formats and zone of its recipient.
#[derive(Debug, Clone)]
pub struct Localization {
    /// Locale of the part: decides plural forms.
    pub part_locale: String,
    /// Locale of numbers, money and times: the recipient's if its language is that of the part.
    pub format_locale: String,
    /// Recipient's time zone.
    pub zone: TimeZone,
    /// Values that may be links.
    pub uris: BTreeSet<String>,
}

impl Object for Localization {}

impl Localization {
    /// Returns the localization of a rendering.
    pub fn of(state: &State) -> Result<Arc<Self>, Error> {
        let value = state.lookup(CONTEXT_NAME).and_then(|value| value.downcast_object::<Self>());
        value.ok_or_else(|| Error::from(ErrorKind::InvalidOperation))
    }
}

/// Value of a date or time variable.
pub enum DateOrTime {
    /// Calendar date, the same in every zone.
    Day(Date),
    /// Point in time.
    Instant(Timestamp),
}

impl DateOrTime {
    /// Parses `2026-11-30` or an RFC 3339 time.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() == 10 {
            return text.parse().ok().map(Self::Day);
        }
        rfc3339::parse(text).ok().map(Self::Instant)
    }
}
